"""``mlgitops serve``: one released model over HTTP, in this process."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlgitops.core.errors import UsageError

EXAMPLES = """examples:
  mlgitops serve bike-demand --env prod        what prod pins on the shared branch
  mlgitops serve bike-demand@1.2.0             one release
  mlgitops serve bike-demand@sha256:…          those bytes, of the store alone: for containers
  mlgitops serve bike-demand --port 0          on a free port, named on stderr

Speaks the Open Inference Protocol v2: GET /v2/health/ready, /v2/models/MODEL and /metrics;
POST /v2/models/MODEL/infer. Needs the extra `serve`, and neither scikit-learn nor pandas.
SIGTERM and Ctrl-C stop it once every request in its hands is answered.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "model", metavar="MODEL[@VERSION][@DIGEST]", help="default: the newest version"
    )
    parser.add_argument("--env", metavar="ENV", help="serve what this environment pins")
    parser.add_argument("--host", default="127.0.0.1", help="address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="0: a free one (default: 8080)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--journal",
        type=Path,
        metavar="DIR",
        help="where requests and answers are kept (default: .mlgitops/journal/ENV/MODEL,"
        " with 'local' for ENV without --env)",
    )
    where.add_argument("--no-journal", action="store_true", help="keep nothing")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from mlgitops.flow.serve import journal_of, serve
    from mlgitops.flow.standalone import exact, serve_exact
    from mlgitops.wiring import open_project, open_store

    wanted = exact(args.model)
    if wanted is not None:
        # The bytes are named already: no repository is needed, and none is there in a container.
        if args.env is not None:
            raise UsageError("--env and a digest name a release twice", hint="leave out --env")
        where = {"host": args.host, "port": args.port, "journal": args.journal}
        serve_exact(open_store(args), wanted, **where, say=args.say)
        return 0
    seams = open_project(args)
    journal = args.journal or journal_of(seams, args.model, args.env)
    serve(
        seams,
        args.model,
        environment=args.env,
        host=args.host,
        port=args.port,
        journal=None if args.no_journal else journal,
    )
    return 0
