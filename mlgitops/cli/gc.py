"""``mlgitops gc``: remove from the store what nobody needs."""

from __future__ import annotations

import argparse

NAME = "gc"
HELP = "remove from the store what no branch, tag, pull request or recent work needs"
EXAMPLES = """examples:
  mlgitops gc --dry-run    what would go and what stays, in bytes by reason
  mlgitops gc              remove it; runs may go on at the same time
  mlgitops gc --days 7     keep the work of a week instead of 90 days
  mlgitops gc --remote     of the remote store, also with --dry-run and --days; waits for pushes
  mlgitops gc --json       {"kept": [{"reason", "blobs", "bytes"}], "removed": […], "keys": …}
"""
_DAYS = 90


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--days",
        type=int,
        default=_DAYS,
        metavar="N",
        help=f"keep what the ledger's last N days and work used in them need (default {_DAYS})",
    )
    parser.add_argument(
        "--remote", action="store_true", help="of the remote store, not of this one"
    )
    parser.add_argument("--dry-run", action="store_true", help="show it, and remove nothing")
    parser.add_argument(
        "--offline", action="store_true", help="do not fetch first; what others pin is not known"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Collect."""
    import time

    from mlgitops.cli.terminal import say, write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.gc import gc
    from mlgitops.report.store import gc_json, gc_page
    from mlgitops.wiring import open_project

    if not 0 <= args.days < 36_500:
        raise UsageError(f"--days {args.days} is no number of days", hint="a number from 0 on")
    if args.remote:
        return _remote(args)
    told = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > 1:
            told = time.monotonic()
            say(f"{done:,} of {total:,} blobs looked at")

    result = gc(
        open_project(args),
        days=args.days,
        dry_run=args.dry_run,
        offline=args.offline,
        progress=progress,
    )
    if args.json:
        write_json(gc_json(result))
    else:
        write(gc_page(result))
    return 0


def _remote(args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.gc_remote import gc_remote
    from mlgitops.report.store import gc_remote_json, gc_remote_page
    from mlgitops.wiring import open_project

    if args.offline:
        raise UsageError("--remote asks the remote, and --offline forbids it")
    result = gc_remote(open_project(args), days=args.days, dry_run=args.dry_run)
    write_json(gc_remote_json(result)) if args.json else write(gc_remote_page(result))
    return 0
