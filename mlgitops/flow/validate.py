"""Find everything that is wrong in the specs of a tree."""

from __future__ import annotations

from mlgitops.core.facts import NO_FACTS, Facts
from mlgitops.core.findings import Finding
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import load
from mlgitops.flow.releases import releases
from mlgitops.git import Repository


def validate(tree: Tree, facts: Facts = NO_FACTS) -> tuple[Finding, ...]:
    """Return every finding about ``tree``, in order of place. Only errors make it wrong."""
    return load(tree, facts).findings


def gather(repository: Repository) -> Facts:
    """Return what the repository knows beyond its files: the releases that its tags describe."""
    known: dict[str, dict[str, str]] = {}
    for release in releases(repository):
        known.setdefault(release.model, {})[str(release.version)] = release.document.digest
    return Facts(releases=known)
