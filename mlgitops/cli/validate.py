"""``mlgitops validate``: everything that is wrong in the specs, at once."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops validate                      the files as they are here, committed or not
  mlgitops validate --format json        for a program
  mlgitops validate --format github      as annotations of a pull request's files

Exit code 1 when there are errors. A warning, or what cannot be known here (a pin whose tag was not
fetched), is shown and exits 0.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "--format", choices=("text", "json", "github"), default="text", help="default: text"
    )


def run(args: argparse.Namespace) -> int:
    """Validate, and show the findings."""
    from pathlib import Path

    from mlgitops.cli.terminal import paint, write, write_json
    from mlgitops.files import WorkTree
    from mlgitops.flow.facts import gather
    from mlgitops.flow.validate import validate
    from mlgitops.git import Repository
    from mlgitops.report import findings as report

    # Not by way of the settings: a broken mlgitops.yaml is a finding here, and not the only one.
    repository = Repository.open(Path(args.directory))
    tree = WorkTree(repository.root)
    found = validate(tree, gather(repository))
    match args.format:
        case "json":
            write_json(report.to_json(found))
        case "github":
            write(report.github(found))
        case _:
            write(report.text(found, tree.read, paint()))
    return 1 if any(finding.severity == "error" for finding in found) else 0
