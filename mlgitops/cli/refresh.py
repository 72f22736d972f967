"""``mlgitops refresh``: take new snapshots of a pipeline's sources."""

from __future__ import annotations

import argparse
import re

NAME = "refresh"
HELP = "take a new snapshot of a pipeline's sources"
EXAMPLES = """examples:
  mlgitops refresh churn                             every source, as of now
  mlgitops refresh churn --source orders             one of them
  mlgitops refresh churn --as-of 2026-01-31          as it was known then (UTC)

The pins in pipelines/<name>/snapshots/ move when the rows are others; commit them. `mlgitops
retrain` does the same on a branch and opens a pull request.
"""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pipeline", metavar="PIPELINE")
    parser.add_argument("--source", metavar="STEP", help="default: all of its sources")
    parser.add_argument("--as-of", metavar="TIME", type=_moment, help="default: now")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _moment(text: str) -> str:
    from datetime import datetime

    try:
        datetime.fromisoformat(text)
        known = _MOMENT.fullmatch(text) is not None
    except ValueError:
        known = False
    if not known:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no moment: write 2026-01-31 or 2026-01-31T05:00Z"
        )
    return text


def run(args: argparse.Namespace) -> int:
    """Refresh, and say which pins moved."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.refresh import refresh
    from mlgitops.flow.workspaces import require
    from mlgitops.report.refresh import page, to_json
    from mlgitops.wiring import open_project

    seams = open_project(args)
    root = seams.repository.root
    done = refresh(seams, require(WorkTree(root)), root, args.pipeline, args.source, args.as_of)
    if args.json:
        write_json(to_json([(one.path, one.old, one.new, one.wrote) for one in done]))
    else:
        write(page([(one.path, one.old, one.new, one.wrote) for one in done]))
    return 0
