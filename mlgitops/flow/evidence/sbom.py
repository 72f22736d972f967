"""The bill of materials, CycloneDX 1.6: the model, its data, every distribution behind it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final, cast

from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, Digest, document, hex_of, of_bytes
from mlgitops.core.locks import normalise
from mlgitops.core.releases import Lineage, Object, identity
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

NAME: Final = "sbom.cdx.json"


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``sbom.cdx.json``. Its serial number follows from the release's identity, and no time
    is in it."""
    environment = cast("Object", json.loads(files["environment.json"]))
    card = cast("Object", json.loads(files["card.json"]))
    digests = {name: of_bytes(files[name]) for name in ("model.onnx", "signature.json")}
    digests["evaluation.parquet"] = made.data
    return {NAME: document(_bom(digests, made.lineage, environment, card, facts=_facts))}


def problems(held: Held) -> Iterator[str]:
    """Make it again from what the release says; licences and files are what was installed."""
    said = held.json(NAME)
    known = {str(one.get("purl")): one for one in cast("list[Object]", said.get("components", []))}

    def recorded(name: str, version: str) -> Object:
        kept = known.get(_purl(name, version), {})
        return {key: kept[key] for key in ("licenses", "properties") if key in kept}

    again = _bom(
        held.document.files,
        held.document.lineage,
        held.json("environment.json"),
        held.json("card.json"),
        facts=recorded,
    )
    where = first_difference(cast(JSON, again), cast(JSON, said))
    if where is not None:
        yield f"{NAME}: {where}"


def _bom(
    digests: Mapping[str, Digest],
    lineage: Lineage,
    environment: Object,
    card: Object,
    *,
    facts: Any,
) -> Object:
    """Return the document; ``facts(name, version)`` gives licences and properties as JSON."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    name = str(cast("Object", card["model_details"])["name"])
    model = Component(
        name=name,
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[_hash(digests["model.onnx"])],
    )
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"mlgitops:{identity(digests, lineage)}")
    )
    bom.metadata.component = model
    libraries = [_library(one, version) for one, version in _distributions(environment)]
    data = [_data("evaluation", digests["evaluation.parquet"])]
    data += [_data(f"training-{n}", digest) for n, digest in enumerate(lineage.training)]
    bom.components.update([*libraries, *data])
    bom.register_dependency(model, [*libraries, *data])
    told = cast("Object", json.loads(JsonV1Dot6(bom).output_as_string()))
    head = cast("Object", told["metadata"])
    head.pop("timestamp", None)
    cast("Object", head["component"])["modelCard"] = _model_card(card)
    for one in cast("list[Object]", told["components"]):
        if one["type"] == "library":
            one.update(facts(str(one["name"]), str(one["version"])))
    return told


def _distributions(environment: Object) -> list[tuple[str, str]]:
    """Return each (name, version) that a step or the export reaches, once."""
    steps = cast("Mapping[str, Mapping[str, Object]]", environment["steps"])
    places = [cast("Object", environment["export"])]
    places += [one["distributions"] for one in steps.values()]
    return sorted({(name, str(version)) for place in places for name, version in place.items()})


def _library(name: str, version: str) -> Component:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=_purl(name, version),
        purl=PackageURL("pypi", None, normalise(name), version),
    )


def _purl(name: str, version: str) -> str:
    from packageurl import PackageURL

    return PackageURL("pypi", None, normalise(name), version).to_string()


def _data(name: str, digest: Digest) -> Component:
    from cyclonedx.model.component import Component, ComponentType

    return Component(
        name=f"{name}.parquet",
        type=ComponentType.DATA,
        bom_ref=f"data-{name}",
        hashes=[_hash(digest)],
    )


def _hash(digest: Digest) -> Any:
    from cyclonedx.model import HashAlgorithm, HashType

    return HashType(alg=HashAlgorithm.SHA_256, content=hex_of(digest))


def _facts(name: str, version: str) -> Object:
    """Return the licence of what is installed here, and the digest of its list of files.

    That list (RECORD) holds a hash of every file; the archive that it came in is not here to be
    hashed, so that this is no hash of the component.
    """
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {}
    if found.version != version:
        return {}
    told: Object = {}
    license_ = _license(found)
    if license_ is not None:
        told["licenses"] = [license_]
    record = found.read_text("RECORD")
    if record:
        digest = of_bytes(record.encode())
        told["properties"] = [{"name": "mlgitops:installed:record", "value": digest}]
    return told


def _license(found: metadata.Distribution) -> Object | None:
    """Return a licence as CycloneDX has it: an SPDX expression, or the words of its authors."""
    from cyclonedx.spdx import is_expression

    head = found.metadata
    written = next(iter(head.get_all("License-Expression") or []), None)
    if written and is_expression(written):
        return {"expression": written}
    plain = next(iter(head.get_all("License") or []), "").strip()
    if plain and "\n" not in plain and len(plain) <= 100:
        return {"license": {"name": plain}}
    listed = [
        one.rpartition(" :: ")[2]
        for one in head.get_all("Classifier") or []
        if one.startswith("License :: ")
    ]
    return {"license": {"name": " or ".join(sorted(listed))}} if listed else None


def _model_card(card: Object) -> Object:
    """Return CycloneDX's own section on models."""
    details = cast("Object", card["model_details"])
    analysis = cast("Object", card["quantitative_analysis"])
    signature = cast("Mapping[str, Any]", card["signature"])
    measured: list[JSON] = []
    for name, one in sorted(cast("Mapping[str, Any]", analysis["metrics"]).items()):
        told: Object = {"type": name, "value": str(one["value"])}
        if one.get("low") is not None and one.get("high") is not None:
            told["confidenceInterval"] = {
                "lowerBound": str(one["low"]),
                "upperBound": str(one["high"]),
            }
        measured.append(told)
    return {
        "modelParameters": {
            "task": details["task"],
            "datasets": [{"ref": "data-evaluation"}],
            "inputs": [{"format": f"{one['name']}: {one['kind']}"} for one in signature["inputs"]],
            "outputs": [
                {"format": str(one["name"] if isinstance(one, dict) else one)}
                for one in signature["outputs"]
            ],
        },
        "quantitativeAnalysis": {"performanceMetrics": measured},
    }
