"""Hold two releases of a model against each other: what changed, and what it did to the numbers."""

from __future__ import annotations

from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.gates import Compared
from mlgitops.core.release_differences import ReleaseDifference, differences
from mlgitops.core.releases import Release
from mlgitops.core.signatures import Signature
from mlgitops.core.specs.gates import Gate
from mlgitops.flow.compare import compare
from mlgitops.flow.evaluation import signature
from mlgitops.flow.releases import release, split_reference
from mlgitops.flow.seams import Seams


def release_difference(seams: Seams, old: str, new: str) -> ReleaseDifference:
    """Return what differs between ``churn@1.0.0`` and ``churn@1.1.0``.

    The old model is scored again on the new one's rows, and compared row by row. What lies in bytes
    that are not here is left out, and a note says so. Raises UsageError for releases of different
    models and for one that does not exist.
    """
    (model, before), (other, after) = split_reference(old), split_reference(new)
    if model != other:
        raise UsageError(
            f"{old} and {new} are releases of different models",
            hint=f"`mlgitops history {model}` lists what can be compared",
        )
    left, right = (release(seams.repository, model, version) for version in (before, after))
    notes: list[str] = []
    return differences(
        left,
        right,
        signatures=_signatures(seams, left, right, notes),
        compared=_compared(seams, left, right, notes),
        commits=_commits(seams, left, right, notes),
        notes=tuple(notes),
    )


def _signatures(
    seams: Seams, old: Release, new: Release, notes: list[str]
) -> tuple[Signature, Signature] | None:
    try:
        return signature(seams, old.document), signature(seams, new.document)
    except MlgitopsError as error:
        notes.append(f"signatures are not compared: {error.message}")
        return None


def _compared(seams: Seams, old: Release, new: Release, notes: list[str]) -> tuple[Compared, ...]:
    shared = [name for name in new.document.metrics if name in old.document.metrics]
    gates = [Gate(metric=name, no_worse_than="live", margin=0.0) for name in shared]
    if not gates or old.document.identity == new.document.identity:
        return ()
    found = compare(seams, new.document, old.document, gates)
    if found is None or found.problem is not None:
        notes.append(f"no paired comparison: {found.problem if found else 'nothing to compare'}")
        return ()
    for reason, count in found.excluded.items():
        notes.append(f"{count:,} rows left out of the paired comparison: {reason}")
    return found.compared


def _commits(seams: Seams, old: Release, new: Release, notes: list[str]) -> tuple[str, ...]:
    repository = seams.repository
    before, after = old.document.lineage.commit, new.document.lineage.commit
    if repository.resolve(before) is None or repository.resolve(after) is None:
        notes.append("commits are not shown: not all of them are in this clone")
        return ()
    folder = f"pipelines/{new.document.lineage.pipeline}"
    entries = repository.log(f"{before}..{after}", folder)
    return tuple(f"{one.commit[:12]} {one.subject}" for one in reversed(entries))
