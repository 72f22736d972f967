"""``mlgitops diff``: what differs between two runs, or two releases."""

from __future__ import annotations

import argparse
import re

EXAMPLES = """examples:
  mlgitops diff                            the last run against the one before it
  mlgitops diff 3f9c2a latest              a run by the beginning of its id, and the newest
  mlgitops diff main my-branch             the newest run at the tip of each
  mlgitops diff HEAD~1 HEAD --format markdown
  mlgitops diff churn@1.0.0 churn@1.1.0    two releases, compared row by row on the newer one's data

Of runs: parameters, metrics with their intervals, code by file, data by digest, versions of the
environment and seconds. Intervals that overlap do not tell which run is better. A step that was
reused is compared by what the run that did its work recorded.

Of releases: why the newer one has its version, whether it breaks callers and what they should know
where it does not, data, code with the commits between, parameters, libraries, size, speed, and the
metrics compared row by row on the newer one's data, so that the interval is that of the difference.
"""


# No branch or commit looks like it by chance: `@` with a version behind it.
_RELEASE = re.compile(r"[a-z0-9][a-z0-9-]*@v?\d+\.\d+\.\d+")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    what = "run, commit, or MODEL@VERSION"
    add("old", nargs="?", metavar="OLD", default="latest~1", help=f"{what}; default: latest~1")
    add("new", nargs="?", metavar="NEW", default="latest", help=f"{what}; default: latest")
    add("--all", action="store_true", help="also the metrics that are the same")
    add("--format", choices=("text", "json", "markdown"), default="text")


def run(args: argparse.Namespace) -> int:
    """Show what differs."""
    if _RELEASE.fullmatch(args.old) and _RELEASE.fullmatch(args.new):
        return _releases(args)
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.core.differences import to_json
    from mlgitops.flow.experiments import open_experiments
    from mlgitops.report.differences import markdown, page
    from mlgitops.wiring import open_project

    known = open_experiments(open_project(args))
    for path in known.damaged:
        args.say(f"note: not a record of a run, or somebody edited it: {path}")
    found = known.compare(args.old, args.new)
    if args.format == "json":
        write_json(to_json(found))
    elif args.format == "markdown":
        write(markdown(found, everything=args.all))
    else:
        write(page(found, paint(), everything=args.all))
    return 0


def _releases(args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.core.release_differences import to_json
    from mlgitops.flow.release_diff import release_difference
    from mlgitops.report.release_differences import markdown, text
    from mlgitops.wiring import open_project

    found = release_difference(open_project(args), args.old, args.new)
    if args.format == "json":
        write_json(to_json(found))
    else:
        write(markdown(found) if args.format == "markdown" else text(found))
    return 0
