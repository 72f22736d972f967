"""Releases: the document in an annotated tag ``<model>@v<semver>``, and the next version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar, cast

from mlgitops.core.digests import JSON, Digest, of_value
from mlgitops.core.errors import MlgitopsError

Bump = Literal["first", "major", "minor", "patch"]
Object: TypeAlias = "dict[str, JSON]"

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_TAG = re.compile(r"([a-z0-9][a-z0-9-]*)@v(\d+\.\d+\.\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A semantic version without pre-releases: what is not ready to be pinned is not released."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``1.4.0`` (or ``v1.4.0``); MlgitopsError for anything else."""
        match = _VERSION.fullmatch(text.removeprefix("v"))
        if match is None:
            raise MlgitopsError(f"{text!r} is not a version", hint="write it as 1.4.0")
        return cls(int(match[1]), int(match[2]), int(match[3]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def bumped(self, bump: Bump) -> Version:
        """Return the next version for a change of this weight."""
        match bump:
            case "first":
                return Version(1, 0, 0)
            case "major":
                return Version(self.major + 1, 0, 0)
            case "minor":
                return Version(self.major, self.minor + 1, 0)
            case "patch":
                return Version(self.major, self.minor, self.patch + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLineage:
    """One step that a release came from: its key, and the digests of what the key was made of."""

    key: Digest
    code: Digest | None
    params: JSON
    inputs: Mapping[str, Digest]
    lock: Digest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a release came from.

    ``snapshots``: source step to {digest, as_of, rows}. ``training``: digests of the parquet inputs
    of the step that made the model, so that a comparison can leave out rows either model has seen.
    ``evaluation_steps``: the steps that the evaluation data came from.
    """

    commit: str
    pipeline: str
    steps: Mapping[str, StepLineage]
    snapshots: Mapping[str, Object]
    training: tuple[Digest, ...]
    evaluation_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDocument:
    """What a tag says of a release. Every number but ``measured`` can be recomputed from ``files``.

    ``digest`` names the OCI manifest of ``files``, name to digest (see ``flow.evidence``).
    ``evaluation``: {rows, target, id, metrics: {name: {value, low, high}}, slices: [column]}; the
    rest of the numbers is in ``evaluation.json``. ``parity``: {rows, max_abs_diff, rows_over,
    label_mismatches, atol, rtol}. ``measured`` (latency_p99_ms, latency_p50_ms, machine) belongs to
    the machine that measured it and to no identity. ``reason``: why a person chose another bump.
    ``recipe``: the digest of everything that the release follows from, so that the same work is
    known before it is done (None: not known). ``attestations``: signed statements about the
    manifest, by name; blobs beside it, since they name its digest.
    """

    model: str
    version: Version
    digest: Digest
    size: int
    task: str
    files: Mapping[str, Digest]
    features: tuple[str, ...]
    evaluation: Object
    parity: Object
    lineage: Lineage
    bump: Bump
    because: tuple[str, ...]
    measured: Object
    recipe: Digest | None = None
    reason: str | None = None
    attestations: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def identity(self) -> Digest:
        """The digest of what makes this release this release: no time, no version, no timing."""
        return identity(self.files, self.lineage)

    @property
    def blobs(self) -> Mapping[str, Digest]:
        """Every blob that must be there for the release to be used and checked, by its name."""
        return {"the manifest": self.digest, **self.files, **self.attestations}

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metric values by name."""
        metrics = cast("Mapping[str, Mapping[str, float]]", self.evaluation["metrics"])
        return {name: one["value"] for name, one in metrics.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the first lines of a release document say, for who looks through thousands of them."""

    model: str
    version: Version
    digest: Digest
    identity: Digest
    recipe: Digest | None
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as git knows it: its document, and the tag that carries it."""

    document: ReleaseDocument
    tag: str
    tag_object: str
    commit: str
    released_at: str
    released_by: str

    @property
    def model(self) -> str:
        """The model's name."""
        return self.document.model

    @property
    def version(self) -> Version:
        """The version."""
        return self.document.version

    @property
    def digest(self) -> Digest:
        """The digest of the release's OCI manifest."""
        return self.document.digest


# What is known of a release either way: its model, version and digest.
_Known = TypeVar("_Known", Head, Release)


def identity(files: Mapping[str, Digest], lineage: Lineage) -> Digest:
    """Return what two releases share exactly when they are the same release.

    The step keys stand for code, parameters, data and lock; the commit does not count, since a
    commit that changes the README makes no other model.
    """
    made_of: dict[str, JSON] = {
        name: files[name] for name in ("model.onnx", "signature.json", "evaluation.parquet")
    }
    made_of["steps"] = {name: step.key for name, step in lineage.steps.items()}
    return of_value(made_of)


def tag_name(model: str, version: Version) -> str:
    """Return the tag of a release: ``churn@v1.4.0`` (the form that GTO reads)."""
    return f"{model}@v{version}"


def parse_tag(name: str) -> tuple[str, Version] | None:
    """Return (model, version) of a release tag's name, or None for any other tag."""
    match = _TAG.fullmatch(name)
    return None if match is None else (match[1], Version.parse(match[2]))


def newest(releases: Iterable[_Known]) -> _Known | None:
    """Return the release with the highest version, or None."""
    return max(releases, key=lambda release: release.version, default=None)


def bump_for(
    old: ReleaseDocument | None, new_lineage: Lineage, signature_breaks: tuple[str, ...]
) -> tuple[Bump, tuple[str, ...]]:
    """Return how heavy the change since ``old`` is, and why.

    A signature that callers must follow is major; other code or parameters is minor; only other
    data or only another environment lock is patch.
    """
    if old is None:
        return "first", ("the first release",)
    if signature_breaks:
        return "major", signature_breaks
    before, after = old.lineage.steps, new_lineage.steps
    reasons: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before or name not in after:
            reasons.append(f"step {name} is {'new' if name in after else 'gone'}")
        elif before[name].code != after[name].code:
            reasons.append(f"the code of {name} changed")
        elif before[name].params != after[name].params:
            reasons.append(f"the parameters of {name} changed")
    if reasons:
        return "minor", tuple(reasons)
    for name, snapshot in new_lineage.snapshots.items():
        if old.lineage.snapshots.get(name) != snapshot:
            reasons.append(f"the data of {name} changed")
    return "patch", tuple(reasons) or _small(before, after)


def _small(before: Mapping[str, StepLineage], after: Mapping[str, StepLineage]) -> tuple[str, ...]:
    """Return what differs where code, parameters and snapshots are the same."""
    locks = [name for name in after if before[name].lock != after[name].lock]
    if locks:
        return tuple(f"the environment lock of {name} changed" for name in locks)
    inputs = [name for name in after if before[name].inputs != after[name].inputs]
    if inputs:
        return tuple(f"the inputs of {name} changed" for name in inputs)
    return ("what the model is judged on or answers changed, and no step did",)
