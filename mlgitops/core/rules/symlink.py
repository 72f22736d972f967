"""A spec is a file of its own, not a link to somewhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import PROJECT_FILE, Draft, kinds_of
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

RULE: Final = "symlink"

_FOLDERS: Final = frozenset({"pins", "holds", "snapshots", "contracts", "templates"})


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find links where specs and code are read: they could lead out of the repository."""
    for top in (PROJECT_FILE, "pipelines", "environments"):
        for path in draft.tree.links(top):
            yield Finding(
                rule=RULE,
                message=f"{path} is a link, and links are not followed",
                hint="put the file or folder itself there",
                at=Mark(path=path),
                severity="error" if _is_read(path) else "warning",
            )


def _is_read(path: str) -> bool:
    """Return whether mlgitops itself would read what stands at ``path``, or below it."""
    depth, last = path.count("/"), path.rpartition("/")[2]
    return depth < 2 or last in _FOLDERS or path.endswith(".py") or bool(kinds_of(path))
