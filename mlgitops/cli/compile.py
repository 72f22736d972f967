"""``mlgitops compile``: write a pipeline for another engine."""

from __future__ import annotations

import argparse

NAME = "compile"
HELP = "write a pipeline as a manifest for another engine (Argo Workflows)"
EXAMPLES = """examples:
  mlgitops compile churn --to argo --image ghcr.io/acme/steps:1 > churn.yaml
  mlgitops compile churn --to argo --image ghcr.io/acme/steps:1 --revision v1.2.0
  mlgitops compile churn --to argo --image ghcr.io/acme/steps:1 --json

One task a step, each a pod that runs `mlgitops run churn --only STEP --push` on that commit: push
the commit first, pins of sources included. The image holds what steps import, and this program; it
runs as any user. The remote store is all that pods share; what it knows is not done again.
Secrets of the namespace: mlgitops-registry (a Docker config) or mlgitops-store (variables, for a
bucket), and churn-env with the variables that steps name in `env`.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("pipeline", metavar="PIPELINE")
    parser.add_argument("--to", choices=("argo",), required=True, help="the engine")
    parser.add_argument("--image", required=True, help="the image that steps run in")
    parser.add_argument(
        "--repository", metavar="URL", help="where the code is; default: the remote"
    )
    parser.add_argument("--revision", metavar="REV", help="a commit, tag or branch; default: HEAD")
    parser.add_argument("--json", action="store_true", help="print JSON instead of YAML")


def run(args: argparse.Namespace) -> int:
    """Compile."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.compile import compile_pipeline
    from mlgitops.flow.workspaces import require
    from mlgitops.wiring import open_project

    seams = open_project(args)
    made = compile_pipeline(
        seams,
        require(WorkTree(seams.repository.root)),
        args.pipeline,
        image=args.image,
        repository=args.repository,
        revision=args.revision,
    )
    if args.json:
        write_json(made)
        return 0
    import yaml

    write(yaml.safe_dump(made, sort_keys=False, width=10_000).rstrip("\n"))
    return 0
