"""Releases: the document in an annotated tag ``<model>@v<semver>``, and the next version."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, cast

from mlgitops.core.digests import JSON, Digest, of_value, parse_digest
from mlgitops.core.errors import MlgitopsError

Bump = Literal["first", "major", "minor", "patch"]
Object: TypeAlias = "dict[str, JSON]"

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_SIGNATURE = re.compile(r"^-----BEGIN (?:SSH|PGP|SIGNED) ", re.MULTILINE)
_MAYBE_ALIAS = re.compile(r"(?:^|[\s\[{,])\*\w")
# Characters; a document of a model with many features and steps has some ten thousand.
_LARGEST = 1_000_000
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
    ``attestations``: signed statements about the manifest, by name; blobs beside it, since they
    name its digest.
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
    reason: str | None = None
    attestations: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def identity(self) -> Digest:
        """The digest of what makes this release this release: no time, no version, no timing."""
        return identity(self.files, self.lineage)

    @property
    def metrics(self) -> Mapping[str, float]:
        """The metric values by name."""
        metrics = cast("Mapping[str, Mapping[str, float]]", self.evaluation["metrics"])
        return {name: one["value"] for name, one in metrics.items()}


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


def message(doc: ReleaseDocument) -> str:
    """Return the tag's message: a subject for people, then the document in YAML."""
    return f"{doc.model} {doc.version}\n\n{_yaml(to_json(doc))}"


def _yaml(value: JSON) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a value again where it comes again: people read tags, and anchors hide things."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text = yaml.dump(
        value,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1000,
        default_flow_style=None,
    )
    return str(text)


def to_json(doc: ReleaseDocument) -> Object:
    """Return the JSON form of a release document."""
    lineage = doc.lineage
    steps: Object = {
        name: {
            "key": step.key,
            "code": step.code,
            "params": step.params,
            "inputs": dict(step.inputs),
            "lock": step.lock,
        }
        for name, step in lineage.steps.items()
    }
    return {
        "apiVersion": "mlgitops/v1",
        "kind": "Release",
        "model": doc.model,
        "version": str(doc.version),
        "digest": doc.digest,
        "identity": doc.identity,
        "size": doc.size,
        "task": doc.task,
        "files": dict(doc.files),
        "features": list(doc.features),
        "evaluation": doc.evaluation,
        "parity": doc.parity,
        "lineage": {
            "commit": lineage.commit,
            "pipeline": lineage.pipeline,
            "steps": steps,
            "snapshots": dict(lineage.snapshots),
            "training": list(lineage.training),
            "evaluation_steps": list(lineage.evaluation_steps),
        },
        "bump": doc.bump,
        "because": list(doc.because),
        "measured": doc.measured,
        "reason": doc.reason,
        "attestations": dict(doc.attestations),
    }


def from_message(text: str) -> ReleaseDocument:
    """Read a tag's message; MlgitopsError when it carries no release document."""
    try:
        return _from_json(written(text))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MlgitopsError(f"the tag carries no release document: {error!r}") from error


def written(text: str) -> Object:
    """Return what stands in a tag's message, as it stands there; MlgitopsError when unreadable.

    A signature at its end is no part of it. Anchors are refused: a release has none, and with them
    a small message grows into a large one.
    """
    import yaml

    body = _SIGNATURE.split(text.partition("\n\n")[2], maxsplit=1)[0]
    if len(body) > _LARGEST:
        raise MlgitopsError(f"the tag carries {len(body):,} characters, which is no release")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if _MAYBE_ALIAS.search(body):
            for event in yaml.parse(body, Loader=loader):
                if isinstance(event, yaml.AliasEvent):
                    raise MlgitopsError("the tag carries no release document: it has an alias")
        data = yaml.load(body, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise MlgitopsError(f"the tag carries no release document: {first}") from error
    if not isinstance(data, dict):
        raise MlgitopsError("the tag carries no release document")
    return data


def _from_json(data: Object) -> ReleaseDocument:
    lineage = cast("dict[str, Object]", data["lineage"])
    steps = {
        name: StepLineage(
            key=parse_digest(str(step["key"])),
            code=_optional(step["code"]),
            params=step["params"],
            inputs=_digests(step["inputs"]),
            lock=_optional(step["lock"]),
        )
        for name, step in cast("dict[str, Object]", lineage["steps"]).items()
    }
    return ReleaseDocument(
        model=str(data["model"]),
        version=Version.parse(str(data["version"])),
        digest=parse_digest(str(data["digest"])),
        size=int(cast(int, data["size"])),
        task=str(data["task"]),
        files=_digests(data["files"]),
        features=tuple(str(name) for name in cast("list[JSON]", data["features"])),
        evaluation=cast("Object", data["evaluation"]),
        parity=cast("Object", data["parity"]),
        lineage=Lineage(
            commit=str(lineage["commit"]),
            pipeline=str(lineage["pipeline"]),
            steps=steps,
            snapshots=cast("dict[str, Object]", lineage["snapshots"]),
            training=tuple(parse_digest(str(d)) for d in cast("list[JSON]", lineage["training"])),
            evaluation_steps=tuple(
                str(name) for name in cast("list[JSON]", lineage["evaluation_steps"])
            ),
        ),
        bump=cast(Bump, data["bump"]),
        because=tuple(str(reason) for reason in cast("list[JSON]", data["because"])),
        measured=cast("Object", data["measured"]),
        reason=None if data["reason"] is None else str(data["reason"]),
        attestations=_digests(data["attestations"]),
    )


def _optional(value: JSON) -> Digest | None:
    return None if value is None else parse_digest(str(value))


def _digests(value: JSON) -> dict[str, Digest]:
    pairs = cast("dict[str, JSON]", value).items()
    return {name: parse_digest(str(digest)) for name, digest in pairs}


def newest(releases: Iterable[Release]) -> Release | None:
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
