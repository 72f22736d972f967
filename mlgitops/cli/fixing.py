"""``validate --fix`` and ``--diff``: write what is certain, or show what would be written."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.core.findings import Finding
    from mlgitops.core.trees import Tree
    from mlgitops.files import WorkTree
    from mlgitops.flow.fixing import Fixing
    from mlgitops.git import Repository


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--fix", action="store_true", help="write every fix that is certain")
    group.add_argument("--diff", action="store_true", help="show what --fix would write")


def preview(
    args: argparse.Namespace,
    repository: Repository,
    tree: WorkTree,
    every: tuple[Finding, ...],
    asked: Sequence[str],
) -> int:
    """Print the diff that ``--fix`` would make; exit code 1 when there is one."""
    from mlgitops.cli.terminal import put
    from mlgitops.core.errors import UsageError
    from mlgitops.report import fixes as report

    if args.format != "text" or args.output is not None:
        raise UsageError("--diff has a format of its own", hint="leave out --format and --output")
    planned, _ = _planned(args, repository, tree, every, asked)
    for kept in planned.kept:
        args.say(f"{kept.path}: {kept.why}")
    if not planned.changes:
        args.say("nothing to fix")
        return 0
    put(report.diffs(planned))
    args.say(f"{report.count(planned).replace(' fixed in', ' would be fixed in')}")
    return 1


def fix(
    args: argparse.Namespace,
    repository: Repository,
    tree: WorkTree,
    every: tuple[Finding, ...],
    asked: Sequence[str],
) -> tuple[tuple[Finding, ...], dict[str, JSON]]:
    """Write the fixes and say which; return all findings that are left, and more for JSON."""
    from mlgitops.cli.terminal import paint, write
    from mlgitops.flow import fixing
    from mlgitops.report import fixes as report

    planned, look = _planned(args, repository, tree, every, asked)
    done = fixing.write(repository.root, tree, planned, look)
    if done.changes or done.kept:
        if args.format == "text" and args.output is None:
            write(f"{report.text(done, paint())}\n{report.count(done)}\n")
        else:
            args.say(f"{report.text(done)}\n{report.count(done)}")
    return done.left, report.to_json(done)


def _planned(
    args: argparse.Namespace,
    repository: Repository,
    tree: WorkTree,
    every: tuple[Finding, ...],
    asked: Sequence[str],
) -> tuple[Fixing, _Look]:
    from mlgitops.flow import fixing, scopes

    look = _Look(repository, tree, args.since)
    return (
        fixing.plan(
            tree, every, look, lambda finding: not asked or bool(scopes.within([finding], asked))
        ),
        look,
    )


class _Look:
    """All findings about a tree, or those that a change since a revision can have to do with."""

    def __init__(self, repository: Repository, tree: WorkTree, since: str | None) -> None:
        from mlgitops.flow.facts import gather
        from mlgitops.flow.validate import reach_since

        self._facts = gather(repository)
        self._reached = None if since is None else reach_since(repository, tree, since)

    def __call__(self, tree: Tree) -> tuple[Finding, ...]:
        from mlgitops.flow.validate import validate

        found, reached = validate(tree, self._facts), self._reached
        return found if reached is None else tuple(one for one in found if reached.covers(one))
