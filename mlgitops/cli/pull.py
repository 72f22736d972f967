"""``mlgitops pull``: fetch bytes before they are needed."""

from __future__ import annotations

import argparse

NAME = "pull"
HELP = "fetch now what would be fetched when it is needed"
EXAMPLES = """examples:
  mlgitops pull                       all that the steps of this checkout made
  mlgitops pull churn                 of one pipeline
  mlgitops pull --model churn         all bytes of its newest release
  mlgitops pull --model churn@v1.2.0  of this one
  mlgitops pull --json                {"blobs", "bytes", "here", "seconds"}

`run`, `release`, `serve` and the others fetch by themselves what they need, and no more: this is
for a machine that will be without a network.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pipeline", nargs="?", metavar="PIPELINE", help="default: all pipelines")
    parser.add_argument("--model", metavar="MODEL[@VERSION]", help="a release instead of results")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Pull."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.pull import pull
    from mlgitops.flow.workspaces import require
    from mlgitops.report.store import pulled_json, pulled_line
    from mlgitops.wiring import open_project

    seams = open_project(args)
    root = seams.repository.root
    model, _, version = (args.model or "").partition("@")
    pulled = pull(
        seams,
        require(WorkTree(root)),
        root,
        pipeline=args.pipeline,
        model=model or None,
        version=version.removeprefix("v") or None,
    )
    write_json(pulled_json(pulled)) if args.json else write(pulled_line(pulled))
    return 0
