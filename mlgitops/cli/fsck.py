"""``mlgitops fsck``: check the store."""

from __future__ import annotations

import argparse

NAME = "fsck"
HELP = "check the store: every blob against its digest, every record"
EXAMPLES = """examples:
  mlgitops fsck            exit 0 when the store is clean, 1 with what is wrong and what helps
  mlgitops fsck --repair   move damaged blobs aside, so that `mlgitops run` makes them again
  mlgitops fsck --remote   the remote store: whether all that is named there is there
  mlgitops fsck --remote --read   fetch and compare every byte of it
  mlgitops fsck --json     {"defects": [{"kind", "path", "message", "of", "then", "repaired", …}]}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--repair",
        action="store_true",
        help="take what is damaged out of use, so that it is made again",
    )
    parser.add_argument("--remote", action="store_true", help="the remote store, not this one")
    parser.add_argument("--read", action="store_true", help="with --remote: compare every byte")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Check."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.fsck import fsck
    from mlgitops.report.store import fsck_json, fsck_page
    from mlgitops.wiring import open_project

    if args.remote:
        return _remote(args)
    found = fsck(open_project(args), repair=args.repair)
    if args.json:
        write_json(fsck_json(found))
    else:
        write(fsck_page(found))
    return 0 if all(one.repaired and one.rebuilt for one in found) else 1


def _remote(args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.gc_remote import fsck_remote
    from mlgitops.report.store import fsck_remote_json, fsck_remote_page
    from mlgitops.wiring import open_project

    if args.repair:
        raise UsageError(
            "--repair is for the store of this machine",
            hint="`mlgitops push --all` from a store that has it sends what is gone again",
        )
    found = fsck_remote(open_project(args), read=args.read)
    write_json(fsck_remote_json(found)) if args.json else write(fsck_remote_page(found))
    return 1 if found else 0
