"""``mlgitops run``: run what the plan says."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from mlgitops.cli import progress
from mlgitops.cli.plan import choose

if TYPE_CHECKING:
    from mlgitops.core.workspaces import Workspace
    from mlgitops.flow.choosing import Choice
    from mlgitops.flow.seams import Seams

NAME = "run"
HELP = "run what `plan` says; reuse what nothing changed"
EXAMPLES = """examples:
  mlgitops run                          what has to run, of every pipeline
  mlgitops run churn --until features   one step and those that it needs
  mlgitops run churn --only train       this step alone; what it reads must be known
  mlgitops run churn --from features    this step and all behind it anew
  mlgitops run churn --force            everything but its sources, whatever is known
  mlgitops run churn --param seed=8     another value than in the spec, which stays as it is
  mlgitops run churn --backfill month=2024-01..2024-06
                                        once for each month; also 1..6, days, and a,b,c
  mlgitops run --keep-going             after a failure, all that does not need what failed
  mlgitops run --jobs 1                 one step at a time
  mlgitops run --json                   {"steps": [{"pipeline", "step", "action", "because", ...}]}

Progress goes to standard error: live on a terminal, in lines elsewhere, in groups in a GitHub job.
What ran is remembered in the ledger of this clone (`mlgitops runs`); --push shares it. A first
run of a source pins what it brought in: commit that file.
^C ends the steps that run; what is done is kept, and the same command goes on from there.
Steps share the cores, the memory (also of a container) and the graphics processors that
CUDA_VISIBLE_DEVICES names or MLGITOPS_GPUS counts, as their `resources` ask.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    choose(parser)
    parser.add_argument("--only", metavar="STEP", help="this step alone")
    parser.add_argument(
        "--from", dest="start", metavar="STEP", help="this step and all behind it anew"
    )
    parser.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another value of a param; JSON, or text",
    )
    parser.add_argument(
        "--backfill", metavar="NAME=FROM..TO", help="once for each value of a param"
    )
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("--jobs", type=_count, metavar="N", help="steps at once; default: cores")
    parser.add_argument(
        "--push",
        action="store_true",
        help="share the record of this run, and with a remote each result as it comes",
    )
    parser.add_argument(
        "--previews", action="store_true", help="with --push: to the place that nobody vouches for"
    )
    parser.add_argument("--offline", action="store_true", help="ask no remote store")
    progress.configure(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of steps: 1 or more")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Run, and show how it goes on."""
    with progress.showing(args):
        return _run(args)


def _run(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from mlgitops.core.ranges import assignment, value
    from mlgitops.files import WorkTree
    from mlgitops.flow.choosing import Choice
    from mlgitops.flow.workspaces import require
    from mlgitops.report.store import sent_line
    from mlgitops.wiring import open_project

    args.reused = ()
    params = {name: value(text) for name, text in map(assignment, args.param)}
    choice = Choice(
        pipeline=args.pipeline,
        until=args.until,
        only=args.only,
        start=args.start,
        force=args.force,
        params=params,
    )
    seams = open_project(args)
    args.read = seams.store.read
    workspace = require(WorkTree(seams.repository.root))
    work = _once if args.backfill is None else _backfill
    uploads = None
    if args.push and (seams.previews if args.previews else seams.remote) is not None:
        from mlgitops.flow.push import Uploads

        uploads = Uploads(seams, previews=args.previews)
        seams = replace(seams, share=uploads.put)
    try:
        return work(args, seams, workspace, choice)
    finally:
        if args.push:
            _push(seams)
        if uploads is not None:
            # Also after a failure: what is done, nobody else has to do.
            seams.say(sent_line(uploads.finish(args.reused), "shared"))


def _push(seams: Seams) -> None:
    from mlgitops.core.errors import MlgitopsError
    from mlgitops.flow.experiments import push

    try:
        push(seams)
    except MlgitopsError as error:
        # The result is here; the record is too, for the next time.
        seams.say(f"note: the record of this run is not shared: {error.message}")


def _once(args: argparse.Namespace, seams: Seams, workspace: Workspace, choice: Choice) -> int:
    from mlgitops.flow.run import run_choice

    root = seams.repository.root
    result = run_choice(seams, workspace, root, choice, jobs=args.jobs, keep_going=args.keep_going)
    args.reused = tuple(result.records.values())
    if args.json:
        from mlgitops.cli.terminal import write_json
        from mlgitops.report.plan import run_json

        write_json(run_json([(ran.decision, ran.record, ran.seconds) for ran in result.steps]))
    return 0


def _backfill(args: argparse.Namespace, seams: Seams, workspace: Workspace, choice: Choice) -> int:
    from mlgitops.cli.calling import show
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.ranges import assignment, values
    from mlgitops.flow.backfill import backfill
    from mlgitops.report.backfill import backfill_json, page

    param, text = assignment(args.backfill)
    done = backfill(
        seams,
        workspace,
        seams.repository.root,
        choice=choice,
        param=param,
        values=values(text),
        jobs=args.jobs,
        keep_going=args.keep_going,
    )
    if args.json:
        write_json(backfill_json(done))
    else:
        write(page(done, paint()))
    if done.error is None:
        return 0
    show(done.error)
    return done.error.exit_code
