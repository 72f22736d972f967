"""``mlgitops release``: export, prove, evaluate, describe and tag a model."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops release bike-demand             from a clean checkout of the shared branch
  mlgitops release bike-demand --bump major --reason "rentals now include scooters"
  mlgitops release bike-demand --dry-run   what it would be, from any commit; nothing is tagged

The version follows from what changed: signature → major, code or parameters → minor, data or lock
→ patch. --bump overrides that, and the document says so. What callers of the version before should
know is said as well. Releasing the same thing twice does nothing.

Refused, with the way out: a dirty work tree, a commit that is not pushed or not on the shared
branch, a shallow clone that cannot tell, nobody's name in git, an export that answers otherwise
than the estimator, and a tag of the next version that somebody made by hand.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "--bump",
        choices=("major", "minor", "patch"),
        help="the weight of the change, when you know better; needs --reason",
    )
    parser.add_argument("--reason", metavar="TEXT", help="why, for the release document")
    parser.add_argument("--dry-run", action="store_true", help="tag nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Release."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.release import Chosen, release
    from mlgitops.report.release import text, to_json
    from mlgitops.wiring import open_project

    reason = (args.reason or "").strip()
    if bool(args.bump) != bool(reason):
        raise UsageError(
            "--bump and --reason go together", hint='--bump major --reason "what callers must know"'
        )
    chosen = Chosen(bump=args.bump, reason=reason) if reason else None
    outcome = release(open_project(args), args.model, chosen=chosen, dry_run=args.dry_run)
    write_json(to_json(outcome)) if args.json else write(text(outcome))
    return 0
