"""What ``doctor`` says of a machine and a repository: one diagnosis for each thing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from mlgitops.core.digests import JSON

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """``warn``: something is missing; ``fail``: something will not work. ``hint``: what next."""

    name: str
    state: State
    detail: str
    hint: str | None = None


def failed(diagnoses: Iterable[Diagnosis]) -> bool:
    """Return whether anything will not work."""
    return any(one.state == "fail" for one in diagnoses)


def to_json(diagnoses: Iterable[Diagnosis]) -> dict[str, JSON]:
    """Return the form of ``doctor --json``."""
    return {
        "apiVersion": "mlgitops/v1",
        "checks": [
            {"name": one.name, "state": one.state, "detail": one.detail, "hint": one.hint}
            for one in diagnoses
        ],
    }


def git(version: tuple[int, ...] | None) -> Diagnosis:
    """Judge the version of git."""
    if version is None:
        return Diagnosis(
            name="git", state="fail", detail="cannot be run", hint="install git 2.38 or newer"
        )
    shown = ".".join(str(part) for part in version)
    if version < (2, 38):
        return Diagnosis(
            name="git",
            state="fail",
            detail=f"{shown} cannot merge in memory (merge-tree --write-tree)",
            hint="install git 2.38 or newer",
        )
    return Diagnosis(name="git", state="ok", detail=shown)


def python(version: tuple[int, ...]) -> Diagnosis:
    """Judge the version of Python."""
    shown = ".".join(str(part) for part in version[:3])
    if version < (3, 11):
        return Diagnosis(
            name="python", state="fail", detail=f"{shown} is too old", hint="use 3.11 or newer"
        )
    return Diagnosis(name="python", state="ok", detail=shown)


def known_bad(distribution: str, version: str) -> str | None:
    """Return why this version must not be used, or None. Each was measured, none is a guess."""
    numbers = version.split(".")
    if distribution == "onnxruntime" and numbers[:2] in (["1", "26"], ["1", "27"]):
        return "answers forests with wrong labels (microsoft/onnxruntime#28557)"
    if distribution == "protobuf" and numbers[0].isdecimal() and int(numbers[0]) >= 7:
        return "breaks the export of gradient boosting; use 6"
    return None
