"""``mlgitops rollback``: the pull request back to a version that ran before, with a hold."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops rollback bike-demand --env prod --reason "wrong in the rain"
  mlgitops rollback bike-demand --env prod --to 1.0.0 --reason "as it was in May"

It skips the gates on quality, checks that the release ran there before and that its bytes are
there, and holds the model until `mlgitops unhold`, so that the next promotion does not undo it.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--env", metavar="ENV", required=True, help="the environment")
    parser.add_argument("--to", metavar="VERSION", help="default: what ran there before")
    parser.add_argument("--reason", default="rolled back", help="why; it stands in the hold")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Open the rollback."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.rollback import rollback
    from mlgitops.report.promoting import exit_code, text, to_json
    from mlgitops.wiring import open_project

    seams = open_project(args)
    outcome = rollback(seams, args.model, args.env, to=args.to, reason=args.reason)
    write_json(to_json(outcome)) if args.json else write(text(outcome))
    return exit_code(outcome)
