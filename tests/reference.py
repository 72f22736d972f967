"""The tables of docs/files.md, made from the models: editors show the same words.

``python -m tests.test_docs`` writes them.
"""

import re
import types
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import AfterValidator, BeforeValidator, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mlgitops.core import unsupported
from mlgitops.core.specs import (
    contracts,
    environments,
    gates,
    models,
    notices,
    pipelines,
    projects,
    signing,
)
from mlgitops.core.specs import step_sources as sources
from mlgitops.core.specs.base import Matching, RelativePath, Spec
from mlgitops.core.specs.conditions import ConditionText
from mlgitops.core.specs.crons import CronLine
from mlgitops.core.specs.shapes import keys_of

PAGE = Path(__file__).parents[1] / "docs/files.md"
SECTIONS: dict[str, type[Spec]] = {
    "Project": projects.Project,
    "Store": projects.StoreSpec,
    "Forge": projects.ForgeSpec,
    "Signing": signing.SigningSpec,
    "Trusted": signing.TrustedSpec,
    "Branch rules": projects.BranchRules,
    "Defaults": projects.Defaults,
    "Pipeline": pipelines.Pipeline,
    "Step": pipelines.Step,
    "Source, type: python": sources.PythonSource,
    "Source, type: file": sources.FileSource,
    "Source, type: sql": sources.SqlSource,
    "Source, type: http": sources.HttpSource,
    "Source, type: bucket": sources.BucketSource,
    "File input": pipelines.FileInput,
    "Output": pipelines.OutputSpec,
    "Resources": pipelines.Resources,
    "Notify": notices.Notify,
    "Webhook": notices.Webhook,
    "Hook": notices.Hook,
    "Contract": contracts.Contract,
    "Column": contracts.Column,
    "Row count": contracts.RowCount,
    "Model": models.Model,
    "Evaluation": models.Evaluation,
    "Custom metric": models.CustomMetric,
    "Export": models.Export,
    "Parity": models.ParitySpec,
    "Card": models.CardSpec,
    "Monitoring": models.Monitoring,
    "Drift": models.Drift,
    "Labels": models.Labels,
    "Environment": environments.Environment,
    "Gate": gates.Gate,
    "Target, type: compose": environments.ComposeTarget,
    "Target, type: kubernetes": environments.KubernetesTarget,
    "Target, type: kserve": environments.KServeTarget,
    "Approvals": environments.Approvals,
    "Windows": environments.Windows,
    "Window": environments.Window,
    "Promotion": environments.Promotion,
    "Snapshot": environments.Snapshot,
    "Pin": environments.Pin,
    "Hold": environments.Hold,
}
TITLES = {spec: title for title, spec in SECTIONS.items()}
# A hand-drawn table may follow in a section: only the first one is made here.
TABLE = re.compile(r"\A([\s\S]*?)(?:^\|.*\n)+", re.MULTILINE)
KINDS: dict[str, type[Spec]] = {
    "Project": projects.Project,
    "Pipeline": pipelines.Pipeline,
    "Model": models.Model,
    "Environment": environments.Environment,
}


def page() -> str:
    """Return the whole page with the tables as the models are now."""
    text = PAGE.read_text("utf-8")
    for title in SECTIONS:
        head = f"\n### {title}\n"
        assert text.count(head) == 1, f"docs/files.md has no section {title!r}"
        before, _, rest = text.partition(head)
        found = TABLE.match(rest)
        assert found is not None
        text = f"{before}{head}{found[1]}{table(title)}\n{rest[found.end() :]}"
    return text


def table(title: str) -> str:
    """Return the table of one section."""
    spec = SECTIONS[title]
    lines = ["| key | type | default | |", "|---|---|---|---|"]
    for key, field in keys_of(spec).items():
        said = [str(field.description), *_waits(spec, key)]
        cells = [
            f"`{key}`",
            type_of(field.annotation, field.metadata),
            _default(field),
            " ".join(said),
        ]
        assert not any(" | " in cell for cell in cells)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def type_of(annotation: Any, metadata: Any = ()) -> str:
    """Return in words what may stand at a key."""
    for one in metadata:
        if isinstance(one, BeforeValidator) and isinstance(one.func, Matching):
            return one.func.what
        if isinstance(one, AfterValidator) and one in _NAMED:
            return _NAMED[one]
        if hasattr(one, "metadata"):  # Field(...) inside of Annotated
            metadata = (*metadata, *one.metadata)
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is JsonValue:
        return "any value"
    if origin is Annotated:
        return type_of(args[0], args[1:])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(type_of(one) for one in args if one is not type(None)))
    if origin is Literal:
        *others, last = [f"`{word}`" for word in args]
        return f"{', '.join(others)} or {last}" if others else last
    if origin is list:
        return f"list, each {type_of(args[0])}"
    if origin is dict:
        return f"{type_of(args[0])} to {type_of(args[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        title = TITLES[annotation]
        return f"[{title}](#{re.sub(r'[^a-z- ]', '', title.lower()).replace(' ', '-')})"
    return {bool: "true or false", str: "text", int: "whole number", float: "number"}[
        annotation
    ] + _bounds(metadata)


_NAMED = {
    get_args(RelativePath)[1]: "a path",
    get_args(CronLine)[1]: "a [cron line](#cron-lines)",
    get_args(ConditionText)[1]: "a [condition](#when)",
}


def _bounds(metadata: Any) -> str:
    found = {
        name: getattr(one, name)
        for one in metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(one, name, None) is not None
    }
    low, high = found.get("ge"), found.get("le")
    if low is not None and high is not None:
        return f", {low} to {high}"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    said = [f"{words[name]} {value}" for name, value in found.items()]
    return f", {' and '.join(said)}" if said else ""


def _default(field: FieldInfo) -> str:
    value: object = field.default
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, Spec):
        value = value.model_dump(mode="json", exclude_defaults=True)
    if value is None:
        return "none"
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return f"`{text.removesuffix('...').strip()}`"


def _waits(spec: type[Spec], key: str) -> Iterator[str]:
    """Yield what is not acted on yet, of one key."""
    said: dict[str, list[str]] = {}
    for row in unsupported.ALL:
        if spec in _homes(row) and key == _key(row):
            known = [str(word) for word in get_args(keys_of(spec)[key].annotation)]
            values = [value for value in row.values if value in known]
            if values or not row.values:
                here = said.setdefault(row.so, [])
                here += [value for value in values if value not in here]
    for so, values in said.items():
        what = f" ({', '.join(f'`{value}`' for value in values)})" if values else ""
        yield f"**Not acted on yet**{what}: {so}."


def _key(row: unsupported.NotYet) -> str:
    return "format" if row.keys[-1] == unsupported.EACH else row.keys[-1]


def _homes(row: unsupported.NotYet) -> list[type[Spec]]:
    """Return the models that a row of the table is about; a short form is its long form's."""
    keys = [key for key in row.keys if key != unsupported.EACH]
    if row.keys[-1] == unsupported.EACH:
        keys.append("format")
    homes = [KINDS[row.kind]]
    for key, following in pairwise(keys):
        homes = [
            inner
            for home in homes
            if key in keys_of(home)
            for inner in _specs(keys_of(home)[key].annotation)
            if following in keys_of(inner)
        ]
    return homes


def _specs(annotation: Any) -> Iterator[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        yield annotation
    for one in get_args(annotation):
        yield from _specs(one)
