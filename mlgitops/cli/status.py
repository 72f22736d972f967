"""``mlgitops status``: which version of each model runs where."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops status                 all models, as the shared branch has them now
  mlgitops status churn --json    one model, for a program
  mlgitops status --offline       as last fetched
  mlgitops status --local         of the files here, committed or not

In JSON each environment has a state: none, pinned, promoting, rolling-back, held, or mismatch (the
pin names another digest than the release's tag); `because` says in words why.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="default: all models")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--offline", action="store_true", help="do not fetch")
    where.add_argument("--local", action="store_true", help="read the work tree, not the branch")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Show the matrix."""
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.statuses import to_json
    from mlgitops.flow.status import status
    from mlgitops.report.status import page
    from mlgitops.wiring import open_project

    matrix = status(open_project(args), args.model, offline=args.offline, local=args.local)
    if args.json:
        write_json(to_json(matrix))
    else:
        write(page(matrix, paint()))
    return 0
