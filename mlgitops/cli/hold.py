"""``mlgitops hold``: the pull request that stops promotions of a model."""

from __future__ import annotations

import argparse

from mlgitops.cli.holding import show

EXAMPLES = """examples:
  mlgitops hold bike-demand --env prod --reason "audit until Friday"

`mlgitops unhold` opens the pull request that lifts it.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--env", metavar="ENV", required=True, help="the environment")
    parser.add_argument("--reason", required=True, help="why; it stands in the file")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Open the hold."""
    from mlgitops.flow.hold import hold
    from mlgitops.wiring import open_project

    outcome = hold(open_project(args), args.model, args.env, args.reason)
    return show(outcome, f"{args.model} is held in {args.env} already", as_json=args.json)
