"""``mlgitops monitor``: a verdict on what a model sees and answers now, kept in the ledger."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from mlgitops.cli.moments import moment

EXAMPLES = """examples:
  mlgitops monitor bike-demand --env prod
  mlgitops monitor bike-demand --env prod --since 2026-11-01 --until 2026-11-08
  mlgitops monitor bike-demand --env prod --as-of 2013-02-01T00:00:00Z   true values known by then
  mlgitops monitor bike-demand --env prod --json

Reads the prediction journal of the release that ENV pins, and compares it with the profile in that
release: inputs and predictions by two-sample tests, performance where true values have arrived
(monitoring.labels in model.yaml). The verdict goes to the ledger.

exit codes: 0 healthy, 1 degraded or unhealthy, 4 not enough data
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("--env", metavar="ENV", required=True, help="whose release is watched")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="DIR",
        help="where the server writes it (default: .mlgitops/journal/ENV/MODEL)",
    )
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="ISO 8601 (default: 30 days before the end)"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="default: now")
    parser.add_argument(
        "--as-of", type=moment, metavar="TIME", help="true values known by then (default: now)"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say the verdict, keep nothing in the ledger"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Look, say, keep."""
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.watches import to_json
    from mlgitops.flow.monitor import keep, monitor
    from mlgitops.report.monitor import page
    from mlgitops.wiring import open_project

    seams = open_project(args)
    watch = monitor(
        seams,
        args.model,
        args.env,
        journal=args.journal,
        since=args.since,
        until=args.until,
        as_of=args.as_of,
    )
    if args.json:
        write_json(to_json(watch))
    else:
        write(page(watch, paint()))
    if not args.dry_run:
        keep(seams, watch)
    return _EXITS[watch.verdict.state]


_EXITS: Final = {"healthy": 0, "degraded": 1, "unhealthy": 1, "not enough data": 4}
