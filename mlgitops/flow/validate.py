"""Find everything that is wrong in the specs of a tree, or all that a change makes wrong."""

from __future__ import annotations

from collections.abc import Callable

from mlgitops.core.errors import UsageError
from mlgitops.core.facts import NO_FACTS, Facts
from mlgitops.core.findings import Finding
from mlgitops.core.reach import Reach, reach
from mlgitops.core.trees import Tree
from mlgitops.core.workspaces import check_part, load
from mlgitops.git import Repository


def validate(tree: Tree, facts: Facts = NO_FACTS) -> tuple[Finding, ...]:
    """Return every finding about ``tree``, in order of place. Only errors make it wrong."""
    return load(tree, facts).findings


def validate_reached(
    tree: Tree, reached: Reach, facts: Facts, every: Callable[[], tuple[Finding, ...]]
) -> tuple[Finding, ...]:
    """Return those of ``every`` finding that are about what a change reaches.

    As a rule a change is right, and then it is enough to read what it reaches. If not, every spec
    is read, so that the findings are the same with all their hints.
    """
    if reached.needed is not None:
        part = check_part(tree, facts, reached.needed)
        found = tuple(finding for finding in part if reached.covers(finding))
        # What cannot be known here (a tag that was not fetched) is in no other spec either.
        if all(finding.severity == "unknown" for finding in found):
            return found
    return tuple(finding for finding in every() if reached.covers(finding))


def reach_since(repository: Repository, tree: Tree, revision: str) -> Reach:
    """Return what was changed since ``revision`` was left, committed or not, and what it reaches.

    Raises UsageError when there is no such revision.
    """
    known = repository.resolve(revision)
    if known is None:
        raise UsageError(
            f"there is no revision {revision!r}",
            hint="name a branch, a tag or a commit, or fetch it first",
        )
    head = repository.resolve("HEAD")
    # What others did meanwhile on the branch of the revision is no change of this one.
    base = (repository.merge_base(known, head) if head else None) or known
    return reach(tree, lambda path: repository.file(base, path), repository.touched(base))
