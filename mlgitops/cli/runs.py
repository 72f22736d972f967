"""``mlgitops runs``: the runs that the ledger remembers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgitops.flow.experiments import Experiments

EXAMPLES = """examples:
  mlgitops runs                                   the newest 20 runs
  mlgitops runs churn --since 7d --last 100       of one pipeline, of the last week
  mlgitops runs --where 'train.metrics.auc>0.8' --where branch=main --sort train.metrics.auc
  mlgitops runs --columns at,params.seed,auc      what each run is shown by
  mlgitops runs show 3f9c2a                       one run: steps, parameters, metrics, plots
  mlgitops runs show latest --save plots          write its plots into a folder
  mlgitops runs --push                            share the runs of this clone with everybody
  mlgitops runs --json

A name is a field (id, at, status, pipeline, ran, seconds, commit, dirty, branch, who, ci, platform)
or the end of a full name: `churn.train.metrics.auc` is `train.metrics.auc` and, where nothing else
is called so, `auc`; `churn.params.seed` is `params.seed`. `~` means: contains. Every condition has
to hold. A run is named by the beginning of its id, `latest`, `latest~1`, or a commit, branch or tag
that it ran at. A run that had nothing to do leaves no record.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    add("words", nargs="*", metavar="PIPELINE | show ID", help="default: every pipeline")
    add("--where", action="append", default=[], metavar="CONDITION", help="see below; repeatable")
    add("--sort", metavar="NAME", help="the largest first; default: the newest first")
    add("--ascending", action="store_true", help="with --sort: the smallest first")
    add("--last", type=int, default=20, metavar="N", help="at most so many; default: 20")
    add("--since", metavar="MOMENT", help="7d, 12h, 2026-01-31 or 2026-01-31T12:00")
    add("--columns", metavar="NAMES", help="what to show, with commas between")
    add("--save", metavar="DIR", help="with show: write the plots of the run there")
    add("--fetch", action="store_true", help="fetch what others shared first")
    add("--push", action="store_true", help="share what only this clone has")
    add("--markdown", action="store_true", help="print Markdown")
    add("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Show runs."""
    from mlgitops.core.errors import UsageError
    from mlgitops.flow.experiments import open_experiments, push
    from mlgitops.wiring import open_project

    show = args.words[:1] == ["show"] and len(args.words) == 2
    if len(args.words) > 1 and not show:
        raise UsageError("too many words", hint="mlgitops runs PIPELINE, or mlgitops runs show ID")
    if args.save is not None and not show:
        raise UsageError("--save needs one run", hint="mlgitops runs show ID --save DIR")
    if args.last < 1:
        raise UsageError(f"{args.last} is no number of runs: 1 or more")
    seams = open_project(args)
    if args.push:
        count = push(seams)
        args.say(f"shared {count} {'run' if count == 1 else 'runs'}")
    elif args.fetch:
        seams.repository.fetch()
    known = open_experiments(seams)
    for path in known.damaged:
        args.say(f"note: not a record of a run, or somebody edited it: {path}")
    return _show(args, known) if show else _list(args, known)


def _list(args: argparse.Namespace, known: Experiments) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.filters import condition, require_name, since
    from mlgitops.report.experiments import columns_of, markdown, page, runs_json

    chosen = known.chosen(
        pipeline=args.words[0] if args.words else None,
        conditions=[condition(text) for text in args.where],
        since=None if args.since is None else since(args.since, known.seams.clock()),
        sort=args.sort,
        ascending=args.ascending,
        last=args.last,
    )
    asked = [name.strip() for name in (args.columns or "").split(",") if name.strip()]
    for name in asked:
        require_name(name, (values for _, values in chosen))
    if args.json:
        write_json(runs_json(chosen, known.damaged))
    elif args.markdown:
        write(markdown(chosen, columns_of(chosen, asked)))
    else:
        write(page(chosen, columns_of(chosen, asked), paint()))
    return 0


def _show(args: argparse.Namespace, known: Experiments) -> int:
    from pathlib import Path

    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.report.experiments import run_json, run_page

    found = known.find(args.words[1])
    steps = known.steps_of(found)
    if args.json:
        write_json(run_json(found, steps))
    else:
        write(run_page(found, steps, paint()))
    if args.save is not None:
        for path in known.save_figures(found, Path(args.save)):
            args.say(f"wrote {path}")
    return 0
