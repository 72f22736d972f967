"""``mlgitops fsck``: check the store."""

from __future__ import annotations

import argparse

NAME = "fsck"
HELP = "check the store: every blob against its digest, every record"
EXAMPLES = """examples:
  mlgitops fsck          exit 0 when the store is clean, 1 with one line a defect
  mlgitops fsck --json   {"defects": [...]}
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Check."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.fsck import fsck
    from mlgitops.wiring import open_project

    defects = fsck(open_project(args))
    if args.json:
        write_json({"defects": list(defects)})
    else:
        write("\n".join(defects) if defects else "the store is clean")
    return 1 if defects else 0
