"""The record of one step's work: what it was, what came out, and what it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from mlgitops.core import keys, measures
from mlgitops.core.digests import JSON, Digest, canonical, parse_digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.keys import Parts
from mlgitops.core.measures import Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output. ``size`` in bytes; ``rows``, ``columns`` and ``content`` of tables only.

    ``content``: digest of the rows, whatever wrote the file. ``types``: of an estimator, the types
    beyond the usual libraries that loading it makes instances of; nothing else is trusted.
    """

    digest: Digest
    format: str
    size: int
    rows: int | None = None
    columns: tuple[str, ...] | None = None
    content: Digest | None = None
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one step did. ``wall`` and ``cpu`` in seconds, ``peak_memory`` in bytes.

    ``element``: which one it ran for, of a step with ``foreach``.
    ``attempts``: how many it took. ``network``: whom it talked to, and the line that did it.
    ``metrics``: the numbers of its JSON outputs, as ``output.name`` (``core.measures``).
    ``undeclared``: files of the repository that it read, and variables that it looked for, although
    it does not declare them. ``programs``: started by it, and not observed.
    ``unseen``: imports that could not be followed by reading its code. ``log``: what it printed.
    """

    pipeline: str
    step: str
    key: Digest
    parts: Parts
    outputs: Mapping[str, Output]
    metrics: Mapping[str, Measure] = field(default_factory=dict)
    started_at: str
    wall: float = 0.0
    cpu: float = 0.0
    peak_memory: int = 0
    log: Digest | None = None
    undeclared: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    attempts: int = 1
    element: str = ""

    @property
    def label(self) -> str:
        """The step's name, with its element: ``train[month=3]``."""
        return f"{self.step}[{self.element}]" if self.element else self.step


def to_bytes(record: Record) -> bytes:
    """Return the record as it is stored."""
    return canonical(
        {
            "record": 1,
            "pipeline": record.pipeline,
            "step": record.step,
            **({"element": record.element} if record.element else {}),
            "kind": record.parts.kind,
            "key": record.key,
            "parts": keys.to_json(record.parts),
            "outputs": {name: _output_json(one) for name, one in record.outputs.items()},
            "metrics": {name: measures.to_json(one) for name, one in record.metrics.items()},
            "started_at": record.started_at,
            "wall": record.wall,
            "cpu": record.cpu,
            "peak_memory": record.peak_memory,
            "log": record.log,
            "undeclared": list(record.undeclared),
            "unseen": list(record.unseen),
            "network": list(record.network),
            "programs": list(record.programs),
            "attempts": record.attempts,
        }
    )


def _output_json(output: Output) -> JSON:
    return {
        "digest": output.digest,
        "format": output.format,
        "size": output.size,
        "rows": output.rows,
        "columns": None if output.columns is None else list(output.columns),
        "content": output.content,
        "types": list(output.types),
    }


def from_bytes(data: bytes, known: tuple[Digest, Parts] | None = None) -> Record:
    """Read what ``to_bytes`` wrote; MlgitopsError when it is something else.

    ``known``: a key and the parts that it is the digest of; a record of that key has the same ones.
    """
    try:
        value = json.loads(data)
        if value["record"] != 1:
            raise ValueError(f"record format {value['record']!r}")
        return Record(
            pipeline=str(value["pipeline"]),
            step=str(value["step"]),
            element=str(value.get("element", "")),
            key=parse_digest(value["key"]),
            parts=(
                known[1]
                if known is not None and value["key"] == known[0]
                else keys.from_json(value["parts"])
            ),
            outputs={name: _output(one) for name, one in value["outputs"].items()},
            metrics={
                name: measures.from_json(one) for name, one in value.get("metrics", {}).items()
            },
            started_at=str(value["started_at"]),
            wall=float(value["wall"]),
            cpu=float(value["cpu"]),
            peak_memory=int(value["peak_memory"]),
            log=_digest(value["log"]),
            undeclared=tuple(str(path) for path in value["undeclared"]),
            unseen=tuple(str(line) for line in value["unseen"]),
            network=tuple(str(line) for line in value.get("network", ())),
            programs=tuple(str(line) for line in value.get("programs", ())),
            attempts=int(value.get("attempts", 1)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(f"not a step record: {error!r}") from error


def _output(data: Mapping[str, JSON]) -> Output:
    rows = cast("int | None", data["rows"])
    columns = cast("list[JSON] | None", data["columns"])
    return Output(
        digest=parse_digest(str(data["digest"])),
        format=str(data["format"]),
        size=int(cast(int, data["size"])),
        rows=rows,
        columns=None if columns is None else tuple(str(name) for name in columns),
        content=_digest(data["content"]),
        types=tuple(str(name) for name in cast("list[JSON]", data["types"])),
    )


def _digest(value: JSON) -> Digest | None:
    return None if value is None else parse_digest(str(value))
