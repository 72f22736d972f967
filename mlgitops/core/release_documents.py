"""The document in a release's tag: YAML that people read and that is read back strictly."""

from __future__ import annotations

import re
from typing import Final, cast

from mlgitops.core.digests import JSON, Digest, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.releases import (
    Bump,
    Head,
    Lineage,
    Object,
    ReleaseDocument,
    StepLineage,
    Version,
)

_SIGNATURE = re.compile(r"^-----BEGIN (?:SSH|PGP|SIGNED) ", re.MULTILINE)
_MAYBE_ALIAS = re.compile(r"(?:^|[\s\[{,])\*\w")
# Entries of a mapping, at most.
_ON_A_LINE: Final = 3
_SHA: Final = r"'?(sha256:[0-9a-f]{64})'?"
# Git indents the lines after the first where it gives some of a message.
_HEAD: Final = re.compile(
    r"[^\n]*\n *\n *apiVersion: mlgitops/v1\n *kind: Release\n"
    r" *model: '?([a-z0-9][a-z0-9-]*)'?\n"
    r" *version: '?((?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2})'?\n"
    rf" *digest: {_SHA}\n *identity: {_SHA}\n *recipe: (?:null|{_SHA})(?:\n|$)",
    re.ASCII,
)
# Subject, blank line, apiVersion, kind, model, version, digest, identity, recipe.
HEAD_LINES: Final = 9
# Characters; a document of a model with many features and steps has some ten thousand.
_LARGEST = 1_000_000


def message(doc: ReleaseDocument) -> str:
    """Return the tag's message: a subject for people, then the document in YAML."""
    return f"{doc.model} {doc.version}\n\n{_yaml(to_json(doc))}"


def _yaml(value: JSON) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes a value again where it comes again: people read tags, and anchors hide things."""

        def ignore_aliases(self, data: object) -> bool:
            return True

        def represent_mapping(
            self, tag: str, mapping: object, flow_style: bool | None = None
        ) -> yaml.MappingNode:
            node = super().represent_mapping(tag, mapping, flow_style)  # type: ignore[arg-type]
            # A few numbers read well on one line, twenty digests do not.
            if len(node.value) > _ON_A_LINE:
                node.flow_style = False
            return node

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
        "recipe": doc.recipe,
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


def head(name: str, text: str) -> Head | None:
    """Read the tag ``name`` by the first ``HEAD_LINES`` of its message; None for no release."""
    told = _HEAD.match(text)
    if told is None or name != f"{told[1]}@v{told[2]}":
        return None
    digest, identity, recipe = (None if one is None else Digest(one) for one in told.groups()[2:])
    assert digest is not None and identity is not None
    return Head(
        model=told[1],
        version=Version.parse(told[2]),
        digest=digest,
        identity=identity,
        recipe=recipe,
        tag=name,
    )


def from_message(text: str) -> ReleaseDocument:
    """Read a tag's message; MlgitopsError when it carries no release document."""
    try:
        return _from_json(written(text))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MlgitopsError(f"the tag carries no release document: {error!r}") from error


def unsigned(text: str) -> str:
    """Return a tag's message without the signature that git writes at its end."""
    return _SIGNATURE.split(text, maxsplit=1)[0]


def written(text: str) -> Object:
    """Return what stands in a tag's message, as it stands there; MlgitopsError when unreadable.

    A signature at its end is no part of it. Anchors are refused: a release has none, and with them
    a small message grows into a large one.
    """
    import yaml

    body = unsigned(text.partition("\n\n")[2])
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
        recipe=_optional(data["recipe"]),
        reason=None if data["reason"] is None else str(data["reason"]),
        attestations=_digests(data["attestations"]),
    )


def _optional(value: JSON) -> Digest | None:
    return None if value is None else parse_digest(str(value))


def _digests(value: JSON) -> dict[str, Digest]:
    pairs = cast("dict[str, JSON]", value).items()
    return {name: parse_digest(str(digest)) for name, digest in pairs}
