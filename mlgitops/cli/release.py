"""``mlgitops release``: export, prove, evaluate, describe and tag a model."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops release bike-demand             from a clean checkout of the shared branch
  mlgitops release bike-demand --dry-run   what it would be, from any commit; nothing is tagged

The version follows from what changed: signature → major, code or parameters → minor, data or lock
→ patch. Releasing the same thing twice does nothing.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--dry-run", action="store_true", help="tag nothing")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Release."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.release import release
    from mlgitops.report.release import text, to_json
    from mlgitops.wiring import open_project

    outcome = release(open_project(args), args.model, dry_run=args.dry_run)
    write_json(to_json(outcome)) if args.json else write(text(outcome))
    return 0
