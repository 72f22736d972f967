"""``mlgitops verify``: recompute what a tree or a pull request claims."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.flow.seams import Seams

EXAMPLES = """examples:
  mlgitops verify              the work tree: manifests, pins, releases, promotion records
  mlgitops verify --pull 7     a pull request, by the rules of its base; publishes its checks

Metrics are computed again from the recorded predictions, and those from the ONNX. Exit code 1 when
something is not what it must be; what cannot be known in this clone is said and fails nothing.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--pull", type=int, metavar="N", help="a pull request instead of the tree")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Verify."""
    from mlgitops.wiring import open_project

    seams = open_project(args)
    return _pull(seams, args) if args.pull is not None else _tree(seams, args)


def _tree(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.flow.verify import verify

    findings = verify(seams)
    errors = [finding for finding in findings if finding.severity == "error"]
    if args.json:
        write_json({"findings": [finding.to_json() for finding in findings]})
        return int(bool(errors))
    colour = paint()
    for finding in findings:
        word = colour(finding.severity, "bad" if finding.severity == "error" else "dim")
        write(f"{finding.at}: {word}[{finding.rule}]: {finding.message}")
        if finding.hint:
            write(f"  hint: {finding.hint}")
    unknown = len(findings) - len(errors)
    if not errors:
        write("verified: nothing differs" + (f", {unknown} not known here" if unknown else ""))
    return int(bool(errors))


def _pull(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.verify import verify_pull

    pull = verify_pull(seams, args.pull)
    states = {check.state for check in pull.checks}
    if args.json:
        checks: list[JSON] = [
            {"name": c.name, "state": c.state, "detail": c.detail} for c in pull.checks
        ]
        write_json({"pull": pull.number, "head": pull.head_commit, "checks": checks})
    else:
        write("\n".join(f"{c.name}: {c.state} ({c.detail})" for c in pull.checks))
    return 1 if "failure" in states else 4 if "pending" in states else 0
