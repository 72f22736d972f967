"""``mlgitops plan``: which steps would run, and why."""

from __future__ import annotations

import argparse

NAME = "plan"
HELP = "show which steps would run, and why"
EXAMPLES = """examples:
  mlgitops plan                          every step of every pipeline
  mlgitops plan churn                    one pipeline
  mlgitops plan churn --until features   one step and those that it needs
  mlgitops plan --explain churn.train    every part of what identifies its work, and what moved
  mlgitops plan --json                   {"steps": [{"pipeline", "step", "action", "because", ...}],
                                          "matrix": {"include": [{"name", "pipelines", "steps"}]}}

`action` is reuse or execute; `because` names the line of code, parameter, input or version that
moved. A step behind one that runs "waits": when that makes the same bytes as before, it is reused.
The matrix has what would run as jobs of a workflow: pipelines that share no work, at most 256.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    choose(parser)
    parser.add_argument(
        "--explain",
        metavar="STEP",
        help="show every part of the step's identity, and its old and new value where it moved",
    )
    parser.add_argument("--offline", action="store_true", help="ask no remote store")
    parser.add_argument("--json", action="store_true", help="print JSON")


def choose(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say which steps are meant; `run` has the same."""
    parser.add_argument("pipeline", nargs="?", metavar="PIPELINE", help="default: all pipelines")
    parser.add_argument("--until", metavar="STEP", help="this step and those that it needs")
    parser.add_argument("--force", action="store_true", help="as if nothing were known of them")


def run(args: argparse.Namespace) -> int:
    """Show the plan."""
    if args.explain is not None:
        return _explain(args)
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.plan import plan
    from mlgitops.flow.workspaces import require
    from mlgitops.report.plan import page, plan_json
    from mlgitops.wiring import open_project

    seams = open_project(args)
    root = seams.repository.root
    workspace = require(WorkTree(root))
    found = plan(seams, workspace, root, pipeline=args.pipeline, until=args.until, force=args.force)
    if args.json:
        write_json(plan_json(found))
    else:
        write(page(found, paint()))
    return 0


def _explain(args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.errors import UsageError
    from mlgitops.files import WorkTree
    from mlgitops.flow.explain import explain
    from mlgitops.flow.workspaces import require
    from mlgitops.report.explain import explain_json, page
    from mlgitops.wiring import open_project

    if args.until or args.force:
        raise UsageError("--explain is about one step as it is: leave out --until and --force")
    seams = open_project(args)
    root = seams.repository.root
    found = explain(seams, require(WorkTree(root)), root, args.explain, pipeline=args.pipeline)
    if args.json:
        write_json(explain_json(found))
    else:
        write(page(found, paint()))
    return 0
