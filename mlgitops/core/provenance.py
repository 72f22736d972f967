"""The in-toto statement on a release: what was built, from what, by whom (SLSA provenance v1).

It follows from the release document and from who built it, so that ``verify`` derives it again and
compares. The document's digest is in it: who signs the statement signs every word of the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

from mlgitops.core.digests import JSON, Digest, hex_of, of_value
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.release_documents import to_json
from mlgitops.core.releases import Object, ReleaseDocument, tag_name

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:mlgitops:release:v1"
# Where no CI says who it is.
PERSON: Final = "urn:mlgitops:builder:person"
_DOCUMENT: Final = "release document"


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Who built: ``id`` is the workflow with its ref, ``invocation`` the page of the job.

    ``repository``: the address of the code, when it has a public one.
    """

    id: str
    version: str
    invocation: str | None
    repository: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What a release's attestations are worth: ``signer`` is a trusted one's name, or None.

    ``problem``: why nobody can rely on them, None when somebody can.
    """

    signer: str | None
    builder: str
    commit: str
    problem: str | None = None


def statement(document: ReleaseDocument, builder: Builder) -> Object:
    """Return the statement: the manifest and each file as subjects, and what they came from."""
    told: Object = {"model": document.model, "version": str(document.version)}
    told |= {"pipeline": document.lineage.pipeline, "bump": document.bump}
    if document.reason is not None:
        told["reason"] = document.reason
    details: Object = {
        "builder": {"id": builder.id, "version": {"mlgitops": builder.version}},
        "byproducts": [{"name": _DOCUMENT, "digest": {"sha256": hex_of(described(document))}}],
    }
    if builder.invocation is not None:
        details["metadata"] = {"invocationId": builder.invocation}
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            _named(tag_name(document.model, document.version), document.digest),
            *(_named(name, digest) for name, digest in sorted(document.files.items())),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": told,
                "internalParameters": {"recipe": document.recipe, "identity": document.identity},
                "resolvedDependencies": _dependencies(document, builder),
            },
            "runDetails": details,
        },
    }


def _dependencies(document: ReleaseDocument, builder: Builder) -> list[JSON]:
    lineage = document.lineage
    code: Object = {"name": "code", "digest": {"gitCommit": lineage.commit}}
    if builder.repository is not None:
        code["uri"] = f"git+{builder.repository}@{lineage.commit}"
    found: list[JSON] = [code]
    for step, snapshot in sorted(lineage.snapshots.items()):
        kept = {"as_of": snapshot.get("as_of"), "rows": snapshot.get("rows")}
        found.append(
            {
                **_named(f"snapshot of {step}", cast(Digest, snapshot["digest"])),
                "annotations": {key: value for key, value in kept.items() if value is not None},
            }
        )
    found += [_named("training data", digest) for digest in lineage.training]
    for name, step_ in sorted(lineage.steps.items()):
        if step_.lock is not None:
            found.append(_named(f"environment lock of {name}", step_.lock))
    return found


def _named(name: str, digest: Digest) -> Object:
    return {"name": name, "digest": {"sha256": hex_of(digest)}}


def described(document: ReleaseDocument) -> Digest:
    """Return the digest of the document without its attestations, which name this in turn."""
    told = {key: value for key, value in to_json(document).items() if key != "attestations"}
    return of_value(told)


def builder_of(found: Mapping[str, JSON]) -> Builder:
    """Return who built, as a statement says; MlgitopsError when it does not say."""
    try:
        predicate = cast("dict[str, dict[str, Object]]", found["predicate"])
        details, definition = predicate["runDetails"], predicate["buildDefinition"]
        made = details["builder"]
        versions = cast("Object", made["version"])
        invocation = details.get("metadata", {}).get("invocationId")
        uri = cast("list[Object]", definition["resolvedDependencies"])[0].get("uri")
        return Builder(
            id=str(made["id"]),
            version=str(versions["mlgitops"]),
            invocation=None if invocation is None else str(invocation),
            repository=None if uri is None else str(uri).removeprefix("git+").rpartition("@")[0],
        )
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise MlgitopsError(f"is no statement on a release: {error!r}") from error
