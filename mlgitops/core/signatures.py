"""A model's signature: what goes in, what comes out, and when two signatures fit each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.tasks import ANSWERS, Answer, Task

Kind = Literal["number", "string"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input column: a number (float32 at the model's door) or a string.

    ``nullable``: a missing value may come (numbers only: NaN; ONNX strings know no null).
    ``low``, ``high``: the range that training saw. ``categories``: the strings that it saw.
    """

    name: str
    kind: Kind
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Inputs in the model's order, and the outputs that the task gives.

    Outputs: regression and forecasting ``prediction`` (float); binary classification ``label`` and
    ``score`` (the probability of the second class); multiclass ``label`` and ``probabilities`` (n x
    classes); multilabel ``probabilities`` (n x labels, each by itself); ranking ``score``; anomaly
    detection ``label`` and ``score`` (above 0: an anomaly); clustering ``label`` and ``scores``
    (n x clusters, how well each of them fits).
    ``row_id``: a pass-through column that a request may carry so that labels can be joined later.
    ``tolerance``: what the release proved, absolute, between estimator and ONNX.
    """

    task: Task
    inputs: tuple[Field, ...]
    classes: tuple[str, ...] = ()
    row_id: str | None = None
    tolerance: float = 1e-4

    @property
    def answer(self) -> Answer:
        """The form of its answer."""
        return ANSWERS[self.task]

    def outputs(self) -> tuple[str, ...]:
        """Return the names of the outputs, in order."""
        return self.answer.outputs

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each output; -1 stands for as many as there are rows."""
        wide = {self.answer.number: (-1, len(self.classes))} if self.answer.wide else {}
        return {name: wide.get(name, (-1,)) for name in self.outputs()}


def to_json(signature: Signature) -> dict[str, JSON]:
    """Return the JSON form, as stored in a release."""
    inputs: list[JSON] = []
    for field in signature.inputs:
        one: dict[str, JSON] = {"name": field.name, "kind": field.kind, "nullable": field.nullable}
        if field.low is not None:
            one["low"] = field.low
        if field.high is not None:
            one["high"] = field.high
        if field.categories is not None:
            one["categories"] = list(field.categories)
        inputs.append(one)
    return {
        "task": signature.task,
        "inputs": inputs,
        "outputs": list(signature.outputs()),
        "shapes": {name: list(shape) for name, shape in signature.shapes().items()},
        "classes": list(signature.classes),
        "row_id": signature.row_id,
        "tolerance": signature.tolerance,
    }


def from_json(data: JSON) -> Signature:
    """Read what ``to_json`` wrote; raise MlgitopsError when it is something else."""
    try:
        value = cast("Mapping[str, JSON]", data)
        fields = []
        for one in cast("list[Mapping[str, JSON]]", value["inputs"]):
            categories = one.get("categories")
            fields.append(
                Field(
                    name=str(one["name"]),
                    kind=cast(Kind, one["kind"]),
                    nullable=bool(one["nullable"]),
                    low=cast("float | None", one.get("low")),
                    high=cast("float | None", one.get("high")),
                    categories=None
                    if categories is None
                    else tuple(str(item) for item in cast("list[JSON]", categories)),
                )
            )
        row_id = value["row_id"]
        return Signature(
            task=cast(Task, value["task"]),
            inputs=tuple(fields),
            classes=tuple(str(item) for item in cast("list[JSON]", value["classes"])),
            row_id=None if row_id is None else str(row_id),
            tolerance=float(cast(float, value["tolerance"])),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MlgitopsError(f"not a model signature: {error!r}") from error


def breaks(old: Signature, new: Signature) -> tuple[str, ...]:
    """Return why a caller of ``old`` cannot call ``new`` with the same request; empty: it fits."""
    reasons: list[str] = []
    if old.task != new.task:
        reasons.append(f"the task changed from {old.task} to {new.task}")
    if old.classes != new.classes:
        reasons.append(f"the classes changed from {list(old.classes)} to {list(new.classes)}")
    before = {field.name: field for field in old.inputs}
    after = {field.name: field for field in new.inputs}
    for name in after:
        if name not in before:
            reasons.append(f"input {name!r} is new and callers do not send it")
    for name, field in before.items():
        if name not in after:
            reasons.append(f"input {name!r} is gone")
        elif after[name].kind != field.kind:
            reasons.append(f"input {name!r} changed from {field.kind} to {after[name].kind}")
        elif field.nullable and not after[name].nullable:
            reasons.append(f"input {name!r} may no longer be missing")
    return tuple(reasons)


def notes(old: Signature, new: Signature) -> tuple[str, ...]:
    """Return what a caller of ``old`` should know of ``new``, although every request still fits."""
    told: list[str] = []
    after = {field.name: field for field in new.inputs}
    for field in old.inputs:
        now = after.get(field.name)
        if now is not None and now.kind == field.kind:
            told += _seen(field, now)
            if now.nullable and not field.nullable:
                told.append(f"input {field.name!r} may be missing now")
    if old.row_id != new.row_id:
        told.append(f"the row id was {old.row_id!r} and is {new.row_id!r}: labels join by it")
    if new.tolerance > old.tolerance:
        told.append(
            f"answers may be {new.tolerance:g} off the estimator's, before {old.tolerance:g}"
        )
    return tuple(told)


def _seen(old: Field, new: Field) -> list[str]:
    """Tell how what training saw of an input moved; outside of it, answers are guesses."""
    told = []
    gone = sorted(set(old.categories or ()) - set(new.categories or ()))
    fresh = sorted(set(new.categories or ()) - set(old.categories or ()))
    if gone and new.categories is not None:
        told.append(f"input {old.name!r} was trained without {_some(gone)}, which it knew before")
    if fresh and old.categories is not None:
        told.append(f"input {old.name!r} knows {_some(fresh)} now")
    if None in (old.low, old.high, new.low, new.high):
        return told
    was, now = f"{old.low:g} to {old.high:g}", f"{new.low:g} to {new.high:g}"
    low, high = (new.low or 0.0) - (old.low or 0.0), (old.high or 0.0) - (new.high or 0.0)
    if (low, high) != (0.0, 0.0):
        moved = low * high < 0.0
        how = "moved" if moved else "narrower" if max(low, high) > 0.0 else "wider"
        told.append(f"input {old.name!r} was trained on {now}, before on {was}: {how}")
    return told


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
