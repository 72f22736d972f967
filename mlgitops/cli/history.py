"""``mlgitops history``: who moved which version where, when, and on what evidence."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops history churn               everything that happened to one model, newest first
  mlgitops history churn --env prod    in one environment
  mlgitops history churn --json

Git alone answers: tags tell releases, the first-parent line of the shared branch tells who merged
which pin when, the record in the same commit tells on what evidence. A tag that was moved, or that
is no release although it has the name of one, is named in a note.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--env", metavar="ENV", help="only what happened in this environment")
    parser.add_argument("--offline", action="store_true", help="do not fetch")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Show the history."""
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.histories import to_json
    from mlgitops.flow.history import history
    from mlgitops.report.history import page
    from mlgitops.wiring import open_project

    told = history(open_project(args), args.model, args.env, offline=args.offline)
    if args.json:
        write_json(to_json(told))
    else:
        write(page(told, paint()))
    return 0
