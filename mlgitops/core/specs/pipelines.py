"""``pipelines/<name>/pipeline.yaml``: steps from data to a model."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from mlgitops.core.specs.base import (
    ApiVersion,
    Duration,
    Function,
    Identifier,
    Name,
    RelativePath,
    Spec,
)

Format = Literal["parquet", "csv", "json", "text", "bytes", "estimator"]
Param: TypeAlias = JsonValue


class PythonSource(Spec):
    """A function that returns the rows known at ``as_of`` (UTC), which it is called with."""

    type: Literal["python"]
    run: Function
    as_of: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$")


class FileSource(Spec):
    """A file of the repository, taken as it is."""

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
Input = Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[A-Za-z_]\w*$")] | FileInput


class Step(Spec):
    """One unit of work in a process of its own. Exactly one of run, command and source."""

    name: Name
    run: Function | None = None
    command: Annotated[list[str], Field(min_length=1)] | None = None
    source: Source | None = None
    inputs: dict[Identifier, Input] = Field(default={})
    params: list[Identifier] = Field(default=[])
    outputs: dict[Identifier, Output] = Field(min_length=1)
    retries: int = Field(default=0, ge=0, le=10)
    timeout: Duration = "1h"
    env: list[Identifier] = Field(default=[])

    @model_validator(mode="after")
    def _one_kind(self) -> Step:
        given = [k for k in ("run", "command", "source") if getattr(self, k) is not None]
        if len(given) != 1:
            what = " and ".join(given) if given else "none of them"
            raise ValueError(f"a step has exactly one of run, command and source; here: {what}")
        if self.source is not None and len(self.outputs) != 1:
            raise ValueError("a source brings in exactly one output")
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
