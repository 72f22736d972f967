"""``mlgitops lineage``: a release down to its data, code and parameters."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops lineage churn                       the newest release, as a tree
  mlgitops lineage churn@1.4.0 --json
  mlgitops lineage churn --format mermaid      a picture, for a Markdown page
  mlgitops lineage churn --format svg > lineage.svg

From the release down: who released it and why this version, where it runs, what it was judged on,
its commit, and each step with its data, code, parameters, libraries and, where the ledger knows it,
the run that did the work. The bytes are not fetched.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("release", metavar="MODEL[@VERSION]", help="default: the newest version")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=("text", "json", "mermaid", "svg"), default="text")
    form.add_argument("--json", dest="format", action="store_const", const="json")
    parser.add_argument("--offline", action="store_true", help="do not fetch")


def run(args: argparse.Namespace) -> int:
    """Show the lineage."""
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.lineages import to_json
    from mlgitops.flow.lineage import lineage
    from mlgitops.report.lineage import mermaid, page
    from mlgitops.report.lineage_svg import svg
    from mlgitops.wiring import open_project

    trace = lineage(open_project(args), args.release, offline=args.offline)
    match args.format:
        case "json":
            write_json(to_json(trace))
        case "mermaid":
            write(mermaid(trace))
        case "svg":
            write(svg(trace).rstrip())
        case _:
            write(page(trace, paint()))
    return 0
