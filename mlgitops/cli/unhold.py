"""``mlgitops unhold``: the pull request that allows promotions of a model again."""

from __future__ import annotations

import argparse

from mlgitops.cli.holding import show

EXAMPLES = """examples:
  mlgitops unhold bike-demand --env prod
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--env", metavar="ENV", required=True, help="the environment")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Open the pull request that lifts the hold."""
    from mlgitops.flow.hold import unhold
    from mlgitops.wiring import open_project

    outcome = unhold(open_project(args), args.model, args.env)
    return show(outcome, f"nobody holds {args.model} in {args.env}", as_json=args.json)
