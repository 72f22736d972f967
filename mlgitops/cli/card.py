"""``mlgitops card``: the model card of a release."""

from __future__ import annotations

import argparse

EXAMPLES = """examples:
  mlgitops card churn                            the newest release, in Markdown
  mlgitops card churn@1.4.0 --format json
  mlgitops card churn --format html > churn.html   one page, its pictures in it

The card is part of the release: `mlgitops verify` makes it again from the release's other files.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("release", metavar="MODEL[@VERSION]", help="default: the newest version")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", choices=("markdown", "json", "html"), default="markdown")
    form.add_argument("--json", dest="format", action="store_const", const="json")
    parser.add_argument("--offline", action="store_true", help="do not fetch")


def run(args: argparse.Namespace) -> int:
    """Print the card."""
    from mlgitops.cli.terminal import put, write
    from mlgitops.flow.card import card
    from mlgitops.wiring import open_project

    found = card(open_project(args), args.release, offline=args.offline)
    if args.format == "json":
        put(found.document)
    elif args.format == "html":
        from mlgitops.report.card import html

        put(html(found.markdown.decode(), found.pictures, title=found.release.tag).encode())
    else:
        write(found.markdown.decode())
    return 0
