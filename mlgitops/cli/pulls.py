"""``mlgitops pulls``: the pull requests of the embedded forge."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.flow.pulls import Recheck
    from mlgitops.flow.seams import Seams
    from mlgitops.forge import PullRequest

EXAMPLES = """examples:
  mlgitops pulls list --state open
  mlgitops pulls show 7
  mlgitops pulls open --head clock-hour --title "Write the hour as clocks show it"
  mlgitops pulls approve 7 --as Rui
  mlgitops pulls merge 7
  mlgitops pulls close 7          reject it: the same is not proposed again

Who is named with --as is believed: this forge keeps careful people in order, and nobody out. Before
a merge the gates are evaluated again. Exit code of merge: 1 refused, 4 an approval or a check is
missing.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=text, description=text)
        one.add_argument("--json", action="store_true", help="print JSON")
        return one

    listed = action("list", "list pull requests, newest first")
    listed.add_argument("--state", choices=["open", "merged", "closed"], help="default: all")
    opened = action("open", "open the pull request of a pushed branch")
    opened.add_argument("--head", metavar="BRANCH", help="default: the one that is checked out")
    opened.add_argument("--title", metavar="TEXT", help="default: of the branch's last commit")
    opened.add_argument("--body", metavar="TEXT", default="", help="Markdown")
    acts = [
        action("show", "show one: who, what, checks, reviews, body, changed files"),
        action("approve", "approve what is proposed now, never for the author"),
        action("merge", "evaluate the gates again and merge"),
        action("close", "close without merging"),
    ]
    for one in acts:
        one.add_argument("number", type=int, metavar="N")
    acts[1].add_argument("--head", metavar="COMMIT", help="the commit that was looked at")
    acts[1].add_argument("--as", dest="by", metavar="NAME", required=True, help="who approves")
    for one in (opened, acts[2], acts[3]):
        one.add_argument("--as", dest="by", metavar="NAME", help="default: git's user.name")


def run(args: argparse.Namespace) -> int:
    """Do one action."""
    from mlgitops.flow.checks import checks_for
    from mlgitops.wiring import open_project

    seams = open_project(args)
    if args.action == "list":
        return _list(seams, args)
    if args.action == "show":
        return _show(seams, args)
    args.by = args.by or seams.repository.person()
    recheck = partial(checks_for, seams)
    return _merge(seams, args, recheck) if args.action == "merge" else _act(seams, args, recheck)


def _list(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.flow.pulls import listed
    from mlgitops.report.pulls import listing, to_json

    pulls = listed(seams, args.state)
    if args.json:
        found: list[JSON] = [to_json(pull) for pull in pulls]
        write_json({"pulls": found})
    else:
        write(listing(pulls, paint()))
    return 0


def _show(seams: Seams, args: argparse.Namespace) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.flow.pulls import show
    from mlgitops.report.pulls import page, shown_json

    shown = show(seams, args.number)
    write_json(shown_json(shown)) if args.json else write(page(shown, paint()))
    return 0


def _act(seams: Seams, args: argparse.Namespace, recheck: Recheck) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.report.pulls import listing, to_json

    pull = _changed(seams, args, recheck)
    write_json(to_json(pull)) if args.json else write(listing((pull,), paint()))
    return 0


def _changed(seams: Seams, args: argparse.Namespace, recheck: Recheck) -> PullRequest:
    from mlgitops.flow import pulls

    if args.action == "approve":
        return pulls.approve(seams, args.number, by=args.by, seen=args.head, recheck=recheck)
    if args.action == "close":
        return pulls.close(seams, args.number, by=args.by)
    return pulls.propose(
        seams, head=args.head, title=args.title, body=args.body, author=args.by, recheck=recheck
    )


def _merge(seams: Seams, args: argparse.Namespace, recheck: Recheck) -> int:
    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.flow.pulls import merge
    from mlgitops.report.pulls import exit_code, merging, merging_json

    answer = merge(seams, args.number, by=args.by, recheck=recheck)
    pull = seams.forge.get(args.number)
    if args.json:
        write_json(merging_json(pull, answer))
    else:
        write(merging(pull, answer, paint()))
    return exit_code(answer)
