"""``mlgitops retrain``: the pull request that moves a pipeline to new data."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, assert_never

from mlgitops.cli.moments import moment

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.core.retrainings import Moved
    from mlgitops.flow.retrain import Retrained

EXAMPLES = """examples:
  mlgitops retrain bike-demand
  mlgitops retrain bike-demand --reason "new stations opened in May"
  mlgitops retrain bike-demand --as-of 2013-02-01     the data known then

Asks the sources of the model's pipeline anew, stores the rows, and proposes their snapshots in one
pull request. CI runs the pipeline on it; the merge makes it the data that is trained on. Run it
again: nothing happens until there is other data.

exit codes: 0 the pull request is open, or there is nothing new; 4 a person has to act first
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "--as-of", type=moment, metavar="TIME", help="take what was known then (default: now)"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why, for those who review it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Open or update the pull request."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.retrain import Waits, retrain
    from mlgitops.report.retraining import body
    from mlgitops.wiring import open_project

    done = retrain(open_project(args), args.model, page=body, as_of=args.as_of, reason=args.reason)
    if args.json:
        write_json(_json(done))
    else:
        write(_words(done))
    return 4 if isinstance(done, Waits) else 0


def _words(done: Retrained) -> str:
    from mlgitops.flow.retrain import NothingNew, Opened, Waits

    match done:
        case Opened(retraining=retraining, pull=pull, wrote=wrote):
            said = "open" if wrote else "open already, nothing to do"
            lines = [f"#{pull.number} {retraining.title}: {said}"]
            for one in retraining.moved:
                before = f"{one.before.rows:,}" if one.before else "no"
                lines.append(f"  {one.source}: {before} → {one.after.rows:,} rows")
            return "\n".join([*lines, pull.url])
        case NothingNew(as_of=as_of, sources=sources):
            told = f"{', '.join(sources)} as of {as_of}: what is pinned already"
            return f"{told}; nothing to do"
        case Waits(retraining=retraining, reason=reason):
            return f"{retraining.title}: waits\n  {reason}"
        case _:
            assert_never(done)


def _json(done: Retrained) -> dict[str, JSON]:
    from mlgitops.flow.retrain import NothingNew, Opened, Waits

    match done:
        case Opened(retraining=retraining, pull=pull, wrote=wrote):
            return {
                "outcome": "opened" if wrote else "unchanged",
                "pull": pull.number,
                "url": pull.url,
                "moved": [_moved(one) for one in retraining.moved],
            }
        case NothingNew(as_of=as_of, sources=sources):
            return {"outcome": "nothing-new", "as_of": as_of, "sources": list(sources)}
        case Waits(retraining=retraining, pull=pull, reason=reason):
            return {
                "outcome": "waits",
                "because": reason,
                "pull": pull.number if pull else None,
                "moved": [_moved(one) for one in retraining.moved],
            }
        case _:
            assert_never(done)


def _moved(one: Moved) -> JSON:
    return {
        "source": one.source,
        "from": one.before.model_dump(mode="json") if one.before else None,
        "to": one.after.model_dump(mode="json"),
    }
