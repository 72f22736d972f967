"""JSON Schema of the document in a release's tag, which the tool writes and others read."""

from __future__ import annotations

from typing import Any, Final, get_args

from mlgitops.core.releases import Bump
from mlgitops.core.specs.base import API_VERSION
from mlgitops.core.tasks import Task

Schema = dict[str, Any]

_DIGEST: Final = r"^sha256:[0-9a-f]{64}$"
_VERSION: Final = r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$"


def release_properties() -> Schema:
    """Return the keys of the document: all are always there, and no other."""
    return _whole(
        apiVersion=_text("The version of the language of this document.", const=API_VERSION),
        kind=_text("What this document is.", const="Release"),
        model=_text("The model's name, as in the tag.", pattern="^[a-z0-9][a-z0-9-]*$"),
        version=_text("The version, as in the tag.", pattern=_VERSION),
        digest=_digest("The OCI manifest of `files`."),
        identity=_digest("What makes this release this release: no time, version or timing."),
        recipe=_or_null(_digest("All that it follows from, known before the work is done.")),
        size=_count("Bytes of the ONNX."),
        task=_text("What the model does.", enum=list(get_args(Task))),
        files=_map("The layers of the manifest, by name.", _digest("Its bytes.")),
        features=_texts("The columns that go in."),
        evaluation=_evaluation(),
        parity=_open(
            "How the ONNX and what it was made from agree.",
            rows=_count("Rows that were compared."),
            max_abs_diff=_number("The largest difference of a score."),
            rows_over=_count("Rows that differ by more than allowed."),
            label_mismatches=_count("Rows with another label."),
            atol=_number("Allowed: a difference of scores."),
            rtol=_number("Allowed: the same, as a part of the score."),
            ok={"type": "boolean", "description": "Whether it is within what is allowed."},
        ),
        lineage=_lineage(),
        bump=_text("How heavy the change is.", enum=list(get_args(Bump))),
        because=_texts("Why: what changed since the version before."),
        measured=_open(
            "Of the machine that released; of no identity.",
            latency_p50_ms=_number("Milliseconds for one row, the median."),
            latency_p99_ms=_number("Milliseconds for one row, the 99th percentile."),
            machine=_text("Which machine that was."),
        ),
        reason=_or_null(_text("Why a person chose another bump.")),
        attestations=_map("Signed statements about the manifest, by name.", _digest("Its bytes.")),
    )


def _evaluation() -> Schema:
    interval = _whole(
        "A metric with its 95 % interval.",
        value=_or_null(_number("On all rows.")),
        low=_or_null(_number("The lower end.")),
        high=_or_null(_number("The upper end.")),
    )
    shape = _whole(
        "The headline: all numbers are in `evaluation.json`.",
        rows=_count("Rows that it was judged on."),
        id=_text("The column that names a row."),
        leads=_text("The metric that counts where one has to be chosen: the spec's first."),
        metrics=_map("The metrics by name.", interval),
        slices=_texts("The columns that the rows were sliced by."),
    )
    shape["anyOf"] = [{"required": ["target"]}, {"required": ["targets"]}]
    for key, what in (
        ("target", "The column that holds the truth."),
        ("cluster", "The column that says which rows belong together."),
        ("group", "The column that says which rows are ranked together."),
        ("baseline", "The column with a naive forecast."),
        ("scale", "The column with the error of a naive forecast in training."),
    ):
        shape["properties"][key] = _text(what)
    better = {"type": "string", "enum": ["higher", "lower"], "description": "Which way is better."}
    shape["properties"]["targets"] = _texts("The columns that hold the truth, one a label.")
    shape["properties"]["custom"] = _map("Metrics of the users' own.", better)
    shape["properties"]["search"] = _texts("The columns in which weak slices were looked for.")
    return shape


def _lineage() -> Schema:
    step = _whole(
        "A step that it came from.",
        key=_digest("The step's identity."),
        code=_or_null(_digest("Its code.")),
        params={"type": "object", "description": "The parameters that it used."},
        inputs=_map("What it read, by name.", _digest("Its bytes.")),
        lock=_or_null(_digest("The versions of the libraries that it reaches.")),
    )
    snapshot = _whole(
        "What a source brought in.",
        digest=_digest("Its bytes."),
        as_of=_or_null(_text("When it was so.")),
        rows=_or_null(_count("How many rows.")),
    )
    return _whole(
        "Where it came from.",
        commit=_text("The commit.", pattern="^([0-9a-f]{40}|[0-9a-f]{64})$"),
        pipeline=_text("The pipeline that made it."),
        steps=_map("The steps by name.", step),
        snapshots=_map("The snapshots by source step.", snapshot),
        training={
            "type": "array",
            "description": "The tables that the model was trained on.",
            "items": _digest("Its bytes."),
        },
        evaluation_steps=_texts("The steps that the evaluation data came from."),
    )


def _whole(description: str = "The document of a release.", **keys: Schema) -> Schema:
    return _open(description, **keys) | {"additionalProperties": False}


def _open(description: str, **keys: Schema) -> Schema:
    properties = {name: {"title": name, **shown} for name, shown in keys.items()}
    return {
        "type": "object",
        "description": description,
        "required": list(keys),
        "properties": properties,
    }


def _map(description: str, values: Schema) -> Schema:
    return {"type": "object", "description": description, "additionalProperties": values}


def _text(description: str, **more: object) -> Schema:
    return {"type": "string", "description": description, **more}


def _texts(description: str) -> Schema:
    return {"type": "array", "description": description, "items": {"type": "string"}}


def _digest(description: str) -> Schema:
    return _text(description, pattern=_DIGEST)


def _number(description: str) -> Schema:
    return {"type": "number", "description": description}


def _count(description: str) -> Schema:
    return {"type": "integer", "description": description, "minimum": 0}


def _or_null(shown: Schema) -> Schema:
    return {**shown, "type": [shown["type"], "null"]}
