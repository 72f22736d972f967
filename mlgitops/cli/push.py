"""``mlgitops push``: bring results and releases to the remote store."""

from __future__ import annotations

import argparse

NAME = "push"
HELP = "bring results and releases to the remote store, what it lacks of them"
EXAMPLES = """examples:
  mlgitops push              what is known of this checkout's steps, and its releases
  mlgitops push churn        of one pipeline
  mlgitops push --all        everything that this store remembers
  mlgitops push --previews   to the place of runs that nobody vouches for (`store: {previews: …}`)
  mlgitops push --json       {"new", "known", "blobs", "bytes", "seconds", "left_out"}

Only what is missing is sent; after an interrupt the same command goes on. Nothing here is changed.
Credentials: `docker login`, or MLGITOPS_REGISTRY_USER and MLGITOPS_REGISTRY_PASSWORD; in a workflow
its own token for its forge's registry; of a bucket, what its cloud reads from the environment.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pipeline", nargs="?", metavar="PIPELINE", help="default: all pipelines")
    parser.add_argument("--all", action="store_true", help="all that is remembered here")
    parser.add_argument(
        "--previews", action="store_true", help="to the place that nobody vouches for"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Push."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.push import push
    from mlgitops.flow.workspaces import require
    from mlgitops.report.store import sent_json, sent_line
    from mlgitops.wiring import open_project

    seams = open_project(args)
    root = seams.repository.root
    sent = push(
        seams,
        require(WorkTree(root)),
        root,
        pipeline=args.pipeline,
        everything=args.all,
        previews=args.previews,
    )
    write_json(sent_json(sent)) if args.json else write(sent_line(sent, "sent"))
    return 1 if sent.left_out else 0
