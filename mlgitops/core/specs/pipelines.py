"""``pipelines/<name>/pipeline.yaml``: steps from data to a model."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    model_validator,
)

from mlgitops.core.specs.base import (
    ApiVersion,
    Artifact,
    Different,
    Duration,
    Function,
    Identifier,
    Name,
    RelativePath,
    Spec,
    Wrong,
    matching,
)

Format = Literal["parquet", "csv", "json", "text", "bytes", "estimator"]
Param: TypeAlias = JsonValue


_AS_OF = r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z)?"
AsOf = Annotated[
    str, matching(_AS_OF, "a time in UTC", "write it as 2024-06-30 or 2024-06-30T12:00Z")
]


class PythonSource(Spec):
    """A function that returns the rows known at ``as_of`` (UTC), which it is called with."""

    type: Literal["python"]
    run: Function
    as_of: AsOf | None = None


class FileSource(Spec):
    """A file of the repository, taken as it is; ``path`` is relative to the pipeline's folder."""

    type: Literal["file"]
    path: RelativePath


Source = Annotated[PythonSource | FileSource, Field(discriminator="type")]


class FileInput(Spec):
    """An input that is a file or folder of the repository, relative to the pipeline's folder."""

    file: RelativePath


class OutputSpec(Spec):
    """One output of a step and the format that it is stored in."""

    format: Format


def _short_output(value: object) -> object:
    return {"format": value} if isinstance(value, str) else value


Output = Annotated[OutputSpec, BeforeValidator(_short_output)]


def _kind_of_input(value: object) -> str | None:
    if isinstance(value, str):
        return "an output"
    return "a file" if isinstance(value, dict | FileInput) else None


Input = Annotated[
    Annotated[Artifact, Tag("an output")] | Annotated[FileInput, Tag("a file")],
    Discriminator(
        _kind_of_input,
        custom_error_type="kind_of_input",
        custom_error_message="an input is the output of a step or a file",
    ),
]


class Step(Spec):
    """One unit of work in a process of its own. Exactly one of run, command and source."""

    name: Name
    run: Function | None = None
    command: Annotated[list[str], Field(min_length=1)] | None = None
    source: Source | None = None
    inputs: dict[Identifier, Input] = Field(default={})
    params: Annotated[list[Identifier], Different] = Field(default=[])
    outputs: dict[Identifier, Output] = Field(min_length=1)
    retries: int = Field(default=0, ge=0, le=10)
    timeout: Duration = "1h"
    env: Annotated[list[Identifier], Different] = Field(default=[])

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        given = [k for k in ("run", "command", "source") if getattr(self, k) is not None]
        if len(given) != 1:
            what = " and ".join(given) if given else "none"
            raise Wrong(
                f"a step has exactly one of run, command and source; this one has {what}",
                "write one step for each" if given else "add run: 'module:function'",
                key=given[-1] if given else "name",
            )
        if self.source is not None and len(self.outputs) != 1:
            raise Wrong(
                f"a source brings in exactly one output; this one has {len(self.outputs)}",
                "write one step for each",
                key="outputs",
            )
        return self


class Pipeline(Spec):
    """A graph of steps; the order follows from the inputs, not from the list."""

    apiVersion: ApiVersion
    kind: Literal["Pipeline"]
    name: Name
    owners: list[str] = Field(default=[])
    params: dict[Identifier, Param] = Field(default={})
    schedule: str | None = None
    steps: list[Step] = Field(min_length=1)

    def step(self, name: str) -> Step:
        """Return the step called ``name``; KeyError when there is none."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)
