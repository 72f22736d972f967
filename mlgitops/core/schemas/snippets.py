"""What an editor offers to start with: the least that is right, with what there is to fill in."""

from __future__ import annotations

from typing import Any, Final, get_args

from mlgitops.core.specs.base import API_VERSION, Spec
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.gates import Gate
from mlgitops.core.specs.models import Model
from mlgitops.core.specs.pipelines import Pipeline, Step
from mlgitops.core.tasks import Task

Snippet = dict[str, Any]

# An editor writes these texts as they are: what YAML would misread stands in quotes of its own.
_STEP: Final = {
    "name": "${1:name}",
    "run": "${2:module}:${3:function}",
    "outputs": {"${4:rows}": "parquet"},
}


def _snippet(label: str, description: str, body: Any) -> Snippet:
    return {"label": label, "description": description, "body": body}


def _head(kind: str) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "name": "${1:name}"}


SNIPPETS: Final[dict[type[Spec], list[Snippet]]] = {
    Pipeline: [_snippet("pipeline", "A new pipeline", {**_head("Pipeline"), "steps": [_STEP]})],
    Model: [
        _snippet(
            "model",
            "A new model",
            {
                **_head("Model"),
                "pipeline": "${1:name}",
                "artifact": "${2:train}.${3:model}",
                "task": "${4|" + ",".join(get_args(Task)) + "|}",
                "features": ["${5:column}"],
                "evaluation": {
                    "data": "${6:features}.${7:test}",
                    "target": "${8:target}",
                    "id": "${9:id}",
                    "metrics": ["${10:roc_auc}"],
                },
            },
        )
    ],
    Environment: [
        _snippet(
            "environment",
            "A new environment",
            {
                **_head("Environment"),
                "target": {"type": "compose", "image": "${2:registry.example.com/server:1}"},
                "gates": [{"parity": "required"}],
            },
        )
    ],
    Step: [
        _snippet("function", "A step that is a plain function", _STEP),
        _snippet(
            "command",
            "A step in any language",
            {
                "name": "${1:name}",
                "command": ["${2:python}", "${3:prepare.py}", '"{outputs.${4:rows}}"'],
                "outputs": {"${4:rows}": "csv"},
            },
        ),
        _snippet(
            "source",
            "A step that brings rows in",
            {
                "name": "${1:name}",
                "source": {"type": "python", "run": "${2:sources}:${3:function}"},
                "outputs": {"${4:rows}": "parquet"},
            },
        ),
    ],
    Gate: [
        _snippet("limit", "A metric has a limit", {"metric": "${1:roc_auc}", "min": "${2:0.7}"}),
        _snippet(
            "comparison",
            "A metric gets no worse than that of the live release",
            {"metric": "${1:roc_auc}", "no_worse_than": "live", "margin": "${2:0.005}"},
        ),
        _snippet(
            "slices",
            "No slice gets worse than with the live release",
            {"slices": "no_worse_than", "margin": "${1:0.02}"},
        ),
        _snippet("parity", "The ONNX answers what was trained", {"parity": "required"}),
        _snippet("signature", "Callers need not change", {"signature": "compatible"}),
    ],
}
