"""``mlgitops promote``: the pull request that moves a model into an environment."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops promote bike-demand --to dev               the newest release into the first environment
  mlgitops promote bike-demand --to prod              what runs in the environment before
  mlgitops promote bike-demand --to dev --version 1.2.0
  mlgitops promote --all                              every environment with promotion.auto

Running it twice writes nothing the second time. Your checkout is not touched. Exit code 1: a gate
failed; 4: a person has to decide (inconclusive, rejected, held back by an approved one).
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", nargs="?", metavar="MODEL")
    parser.add_argument("--to", metavar="ENV", help="the environment")
    parser.add_argument("--version", metavar="VERSION", help="default: see the examples")
    parser.add_argument("--all", action="store_true", help="reconcile all models and environments")
    parser.add_argument(
        "--exit-code", action="store_true", help="with --all: exit 4 when something waits"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Promote one model, or reconcile all."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.promote import promote, promote_all
    from mlgitops.report.promoting import exit_code, text, to_json
    from mlgitops.wiring import open_project

    if args.all == bool(args.model) or bool(args.model) != bool(args.to):
        raise UsageError("give MODEL and --to ENV, or --all", hint="mlgitops promote --help")
    seams = open_project(args)
    if not args.all:
        outcome = promote(seams, args.model, args.to, args.version)
        write_json(to_json(outcome)) if args.json else write(text(outcome))
        return exit_code(outcome)
    outcomes = promote_all(seams)
    if args.json:
        write_json({"promotions": [to_json(outcome) for outcome in outcomes]})
    else:
        write(
            "\n".join(text(outcome) for outcome in outcomes) or "no environment promotes by itself"
        )
    codes = [exit_code(outcome) for outcome in outcomes]
    # Waiting is the normal state of a reconciliation: a schedule must not turn red for it.
    return max(codes, default=0) if args.exit_code else int(1 in codes)
