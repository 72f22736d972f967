"""The formats of ``validate``; what makes one is imported when it is asked for, and not before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlgitops.core.digests import JSON
    from mlgitops.core.findings import Finding
    from mlgitops.core.trees import Tree

FORMATS: Final = ("text", "json", "github", "sarif", "junit")


def formatted(
    format: str,
    found: Sequence[Finding],
    tree: Tree,
    asked: Sequence[str],
    done: Mapping[str, JSON],
) -> bytes:
    """Return the findings in one of ``FORMATS``, in UTF-8.

    ``asked``: the files and folders that were asked for, or none. ``done``: what was fixed.
    """
    from mlgitops.core.sources import MAX_BYTES
    from mlgitops.core.trees import excerpts

    read = excerpts(tree, MAX_BYTES)
    match format:
        case "json":
            from mlgitops.core.digests import document
            from mlgitops.report.findings import to_json

            return document({**done, **to_json(found)})
        case "github":
            from mlgitops.report.github import commands

            return commands(found).encode()
        case "sarif":
            from mlgitops.core.digests import document
            from mlgitops.report.sarif import sarif

            return document(sarif(found, read))
        case "junit":
            from mlgitops.flow.scopes import specs
            from mlgitops.report.junit import junit

            return junit(found, specs(tree, asked), read).encode()
        case _:
            from mlgitops.report.findings import text
            from mlgitops.report.tables import clean

            return (clean(text(found, read)) + "\n").encode()
