"""``mlgitops run``: run what the plan says."""

from __future__ import annotations

import argparse

from mlgitops.cli.plan import choose

NAME = "run"
HELP = "run what `plan` says; reuse what nothing changed"
EXAMPLES = """examples:
  mlgitops run                          what has to run, of every pipeline
  mlgitops run churn --until features   one step and those that it needs
  mlgitops run churn --force            everything but its sources, whatever is known
  mlgitops run --jobs 1                 one step at a time
  mlgitops run --json                   {"steps": [{"pipeline", "step", "action", "because", ...}]}

Progress goes to standard error. A first run of a source pins what it brought in: commit that file.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    choose(parser)
    parser.add_argument("--jobs", type=_count, metavar="N", help="steps at once; default: cores")
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps: 1 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run."""
    from mlgitops.files import WorkTree
    from mlgitops.flow.run import run as run_steps
    from mlgitops.flow.workspaces import require
    from mlgitops.wiring import open_project

    seams = open_project(args)
    root = seams.repository.root
    result = run_steps(
        seams,
        require(WorkTree(root)),
        root,
        pipeline=args.pipeline,
        until=args.until,
        jobs=args.jobs,
        force=args.force,
    )
    if args.json:
        from mlgitops.cli.terminal import write_json
        from mlgitops.report.plan import run_json

        write_json(run_json([(ran.decision, ran.record, ran.seconds) for ran in result.steps]))
    return 0
