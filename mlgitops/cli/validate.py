"""``mlgitops validate``: everything that is wrong in the specs, at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mlgitops.cli import fixing
from mlgitops.report.formats import FORMATS, formatted

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.core.facts import Facts
    from mlgitops.core.findings import Finding
    from mlgitops.core.trees import Tree
    from mlgitops.files import WorkTree
    from mlgitops.flow.remembering import Observed
    from mlgitops.git import Repository

EXAMPLES = """examples:
  mlgitops validate                      the files as they are here, committed or not
  mlgitops validate pipelines/churn      only what is wrong there; everything is read all the same
  mlgitops validate --since origin/main  only what a branch changed, and what depends on that
  mlgitops validate --fix                write what is certain; --diff shows it and writes nothing
  mlgitops validate --quiet              one line for each finding
  mlgitops validate --explain value      the page of a rule: what it finds, why, before and after
  mlgitops validate --format json        for a program
  mlgitops validate --format github      as annotations of a pull request's files
  mlgitops validate --format sarif --output mlgitops.sarif      for code scanning
  mlgitops validate --format junit --output mlgitops.xml        for a CI server

Exit code 1 when there are errors. A warning, or what cannot be known here (a pin whose tag was not
fetched), is shown and exits 0.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="show only what is wrong in these files, folders"
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument(
        "--output", metavar="FILE", help="write the format into FILE, and print text all the same"
    )
    parser.add_argument(
        "--since",
        metavar="REV",
        help="look only at what was changed since REV, and at what depends on it",
    )
    fixing.configure(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="one line for each finding")
    parser.add_argument("--explain", metavar="RULE", help="print the page of a rule")


def run(args: argparse.Namespace) -> int:
    """Validate, and show the findings."""
    if args.explain is not None:
        return _explain(args.explain)
    import gc

    # Over in a moment, and an eighth of that would go into looking for garbage while importing.
    gc.disable()
    try:
        return _validate(args)
    finally:
        gc.enable()


def _validate(args: argparse.Namespace) -> int:
    from pathlib import Path

    from mlgitops.files import WorkTree
    from mlgitops.flow import scopes
    from mlgitops.flow.schemas import refresh
    from mlgitops.git import Repository

    # Not by way of the settings: a broken mlgitops.yaml is a finding here, and not the only one.
    start = Path(args.directory).absolute()
    repository = Repository.open(start)
    tree = WorkTree(repository.root)
    asked = scopes.places(repository.root, start, args.paths)
    every = _looked(args, repository, tree)
    refresh(repository.root)
    done: dict[str, JSON] = {}
    if args.diff:
        return fixing.preview(args, repository, tree, every, asked)
    if args.fix:
        every, done = fixing.fix(args, repository, tree, every, asked)
    found = scopes.within(every, asked) if asked else every
    if args.format != "text" or args.output is not None:
        _hand_over(args, formatted(args.format, found, tree, asked, done))
    if args.format == "github":
        _add_to_the_page_of_the_step(found)
    if args.format == "text" or args.output is not None:
        _show(found, tree, quiet=args.quiet, elsewhere=len(every) - len(found))
    return 1 if any(finding.severity == "error" for finding in found) else 0


def _looked(
    args: argparse.Namespace, repository: Repository, tree: WorkTree
) -> tuple[Finding, ...]:
    """Return all findings, or those that a change since a revision can have to do with."""
    from mlgitops.flow.remembering import remembered

    def look(seen: Observed, facts: Facts) -> tuple[Finding, ...]:
        # Reading specs costs more to import than all that a look into memory takes.
        from mlgitops.flow.validate import validate

        return validate(seen, facts)

    if args.since is None:
        return remembered(repository, tree, look)
    from mlgitops.flow.facts import gather
    from mlgitops.flow.validate import reach_since, validate_reached

    reached = reach_since(repository, tree, args.since)
    if not args.quiet:
        args.say(f"since {args.since}: {reached}")
    return validate_reached(
        tree,
        reached,
        gather(repository),
        lambda: remembered(repository, tree, look),
    )


def _hand_over(args: argparse.Namespace, data: bytes) -> None:
    """Print what a program reads, or write it into the file that was named."""
    if args.output is None:
        from mlgitops.cli.terminal import put

        put(data)
    else:
        from pathlib import Path

        from mlgitops.files import write_out

        write_out(Path(args.directory, args.output), data)


def _show(found: Sequence[Finding], tree: Tree, *, quiet: bool, elsewhere: int) -> None:
    from mlgitops.cli.terminal import paint, write
    from mlgitops.core.sources import MAX_BYTES
    from mlgitops.core.trees import excerpts
    from mlgitops.report.findings import short, text

    colour, read = paint(), excerpts(tree, MAX_BYTES)
    write(short(found, colour) if quiet else text(found, read, colour, elsewhere=elsewhere))


def _add_to_the_page_of_the_step(found: Sequence[Finding]) -> None:
    """Write all findings where GitHub shows them: of annotations it shows ten of a level."""
    import os
    from pathlib import Path

    from mlgitops.report.github import page

    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and found:
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(page(found))


def _explain(rule: str) -> int:
    from mlgitops.cli.terminal import paint, write
    from mlgitops.report.rules import page

    colour = paint()
    lines = page(rule).markdown.splitlines()
    write("\n".join(colour(line, "bold") if line.startswith("#") else line for line in lines))
    return 0
