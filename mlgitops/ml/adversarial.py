"""Rows on which conversions are known to go wrong: beside thresholds, at ties, odd words, extremes.

They are made from evaluation rows, from the graph and by asking the estimator; the same three give
the same rows. Each is a row that the model's door lets in: numbers are float32 (whatever comes is
rounded to it), missing only where the signature allows it, strings are never null. A neighbour of a
threshold in float64 is, behind that door, one of its two neighbours in float32.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from mlgitops.core.signatures import Field, Signature
from mlgitops.core.tasks import ANSWERS
from mlgitops.ml import jumps
from mlgitops.ml.columns import numbers
from mlgitops.ml.labels import Floats, Mask, Scores

if TYPE_CHECKING:
    import pandas as pd

Ask: TypeAlias = "Callable[[pd.DataFrame], tuple[Scores, Mask]]"
"""What the estimator answers, and for which rows it does: the values of the others are NaN."""

# How many rows each kind may take; all together answer in seconds and take some 100 KB.
_THRESHOLDS: Final = 256
_PAIRS: Final = 256
_CASES: Final = 1024
_BASES: Final = 4
_MIXED: Final = 1024
_TIES: Final = 64
_CATEGORIES: Final = 40
_SEED: Final = 7
_FAR: Final = 10.0
# An answer that moves by less than this part of its whole way does not jump: it slopes.
_JUMP: Final = 1e-3
_WORDS: Final = ("unseen", "never seen"), ("empty", ""), ("non-ASCII", "Größe naïve Ελλάδα 日本 ☃")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Adversarial rows. ``kinds`` and ``columns`` say of each what is odd, and in which column.

    ``frame``: the columns of the evaluation rows, with an index of its own.
    """

    frame: pd.DataFrame
    kinds: tuple[str, ...]
    columns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.kinds)

    def take(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Return some of the rows, by index."""
        return Rows(
            frame=self.frame.iloc[rows].reset_index(drop=True),
            kinds=tuple(self.kinds[row] for row in rows),
            columns=tuple(self.columns[row] for row in rows),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """Values of one column for some base rows."""

    kind: str
    field: Field
    bases: npt.NDArray[np.int64]
    values: npt.NDArray[np.generic]


def adversarial(frame: pd.DataFrame, signature: Signature, ask: Ask, onnx: bytes) -> Rows:
    """Return rows made from ``frame``, evaluation rows with all columns that ``ask`` needs.

    ``ask``: the estimator. ``onnx``: the exported model, for the thresholds in its graph.
    """
    base = at_door(frame.reset_index(drop=True), signature)
    changes = [
        *_beside_thresholds(base, signature, onnx),
        *_at_jumps(base, signature, ask),
        *_odd_values(base, signature),
    ]
    made = [_changed(base, change) for change in changes]
    kinds = [change.kind for change in changes for _ in change.bases]
    columns = [change.field.name for change in changes for _ in change.bases]
    for kind, rows in _mixed(base, signature, ask):
        made.append(rows)
        kinds += [kind] * len(rows)
        columns += [""] * len(rows)
    whole = _joined(base, made)
    # One row for each input: two kinds may come to the same.
    inputs = [field.name for field in signature.inputs]
    kept = np.flatnonzero(~whole[inputs].duplicated().to_numpy())
    return Rows(frame=whole, kinds=tuple(kinds), columns=tuple(columns)).take(kept)


def at_door(frame: pd.DataFrame, signature: Signature) -> pd.DataFrame:
    """Return ``frame`` as it is behind the model's door: numbers as float32 has them.

    A float32 column stays one, every other number becomes a float64 that float32 can hold. What is
    categorical stays as it is: some estimators take nothing else, and no value but the categories.
    """
    changed: dict[str, npt.NDArray[np.generic]] = {}
    for field in signature.inputs:
        if field.kind == "number" and not _fixed(frame, field):
            single = str(frame[field.name].dtype) == "float32"
            values = numbers(frame[field.name])
            changed[field.name] = values if single else values.astype(np.float64)
    return frame.assign(**changed)


def _fixed(frame: pd.DataFrame, field: Field) -> bool:
    return hasattr(frame[field.name], "cat")


def _free_numbers(base: pd.DataFrame, signature: Signature) -> list[Field]:
    return [one for one in signature.inputs if one.kind == "number" and not _fixed(base, one)]


def _spread(count: int, most: int) -> npt.NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _beside_thresholds(base: pd.DataFrame, signature: Signature, onnx: bytes) -> Iterator[_Change]:
    """Yield the neighbours of the graph's thresholds, in the row whose value is nearest to each:
    a row that comes by this split at all."""
    import onnx as onnx_

    fields = {field.name: field for field in _free_numbers(base, signature)}
    found = jumps.thresholds(onnx_.load_from_string(onnx))
    listed = [(name, value) for name in sorted(fields) for value in found.get(name, ())]
    chosen = [listed[at] for at in _spread(len(listed), _THRESHOLDS)] if listed else []
    for name in dict(chosen):
        values = np.array([value for one, value in chosen if one == name])
        column = base[name].to_numpy(dtype=np.float64)
        order = np.argsort(column, kind="stable")
        known = order[~np.isnan(column[order])]
        if len(known):
            at = np.searchsorted(column[known], values).clip(0, len(known) - 1)
            three = jumps.beside(values)
            yield _Change(
                kind="threshold",
                field=fields[name],
                bases=np.tile(known[at], 3),
                values=three.reshape(-1),
            )


def _at_jumps(base: pd.DataFrame, signature: Signature, ask: Ask) -> Iterator[_Change]:
    """Yield float32 neighbours between which the estimator jumps, or decides for another label."""
    fields = _free_numbers(base, signature)
    if not fields or len(base) < 2:
        return
    rows = _spread(len(base), max(_PAIRS // len(fields), 2))
    plan = [
        _Change(kind="", field=field, bases=rows, values=_others(base, field, rows))
        for field in fields
    ]
    bases = np.concatenate([one.bases for one in plan])
    low = np.concatenate([base[one.field.name].to_numpy()[one.bases] for one in plan])
    high = np.concatenate([one.values for one in plan])
    owner = np.repeat(np.arange(len(plan)), [len(one.bases) for one in plan])

    def asked(values: npt.NDArray[np.float32], which: Mask) -> tuple[Floats, Floats]:
        pieces = []
        for number, field in enumerate(fields):
            mine = which & (owner == number)
            change = _Change(kind="", field=field, bases=bases[mine], values=values[mine])
            pieces.append(_changed(base, change))
        answers, _ = ask(_joined(base, pieces))
        wide = answers.values.reshape(len(answers), -1)
        told: Floats = np.full((len(values), wide.shape[1]), np.nan)
        told[which] = wide
        return told, _codes(answers, told)

    usable = np.asarray(~(np.isnan(low) | np.isnan(high)) & (low != high))
    low, high = (np.where(usable, one, 0).astype(np.float32) for one in (low, high))
    if not usable.any():
        return
    (before, first), (after, last) = asked(low, usable), asked(high, usable)
    gaps = np.nan_to_num(np.abs(before - after).max(axis=1))

    def near(values: npt.NDArray[np.float32], open_: Mask) -> Mask:
        there, _ = asked(values, open_)
        return np.asarray(_far(there, before) <= _far(there, after))

    def label(values: npt.NDArray[np.float32], open_: Mask) -> Mask:
        return np.asarray(asked(values, open_)[1] == first)

    searches = (("jump", near, usable & (gaps > 0)), ("boundary", label, usable & (first != last)))
    for kind, same, which in searches:
        if not which.any():
            continue
        one, two = jumps.halve(low, np.where(which, high, low).astype(np.float32), same)
        if kind == "jump":
            which = which & (_far(asked(one, which)[0], asked(two, which)[0]) > _JUMP * gaps)
        for number, field in enumerate(fields):
            mine = np.flatnonzero(which & (owner == number))
            values = np.concatenate([one[mine], two[mine]])
            yield _Change(kind=kind, field=field, bases=np.tile(bases[mine], 2), values=values)


def _codes(answers: Scores, told: Floats) -> Floats:
    """Return each row's label as a number; 0 for regression and where there is no answer."""
    known = ~np.isnan(told).any(axis=1)
    values = told[known] if answers.values.ndim == 2 else told[known, 0]
    labels = Scores(task=answers.task, values=values).labels()
    codes: Floats = np.zeros(len(told))
    if labels is not None:
        codes[known] = labels if labels.ndim == 1 else labels @ (2.0 ** np.arange(labels.shape[1]))
    return codes


def _far(one: Floats, other: Floats) -> Floats:
    return np.asarray(np.nan_to_num(np.abs(one - other).max(axis=1)), dtype=np.float64)


def _others(
    base: pd.DataFrame, field: Field, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return, for each row, a value of the column that is far from its own in rank."""
    column = base[field.name].to_numpy(dtype=np.float64)
    order = np.argsort(column, kind="stable")
    known = int((~np.isnan(column)).sum())
    if known == 0:
        return np.full(len(rows), np.nan, dtype=np.float32)
    place = np.empty(len(column), dtype=np.int64)
    place[order] = np.arange(len(column))
    step = (np.arange(len(rows)) % 7 + 1) * known // 9
    return np.asarray(column[order[(place[rows] + step) % known]], dtype=np.float32)


def _odd_values(base: pd.DataFrame, signature: Signature) -> Iterator[_Change]:
    """Yield each column with odd values, in a few rows each."""
    listed = [
        (kind, field, value) for field in signature.inputs for kind, value in _values(base, field)
    ]
    each = max(1, min(_BASES, _CASES // max(len(listed), 1)))
    for number, (kind, field, value) in enumerate(listed):
        # Other rows for each case: together they reach more of the model.
        rows = (_spread(len(base), each) + number) % len(base)
        given = value if callable(value) else lambda _, value=value: value
        usual = base[field.name].iloc[rows].tolist()
        kind_ = object if field.kind == "string" else np.float32
        values = np.array([given(one) for one in usual], dtype=kind_)
        yield _Change(kind=kind, field=field, bases=rows, values=values)


def _values(
    base: pd.DataFrame, field: Field
) -> Iterator[tuple[str, float | str | Callable[[str], str]]]:
    if _fixed(base, field):
        for value in base[field.name].dropna().unique()[:_CATEGORIES]:
            yield "seen elsewhere", value
    elif field.kind == "string":
        yield from _texts(base, field)
    else:
        yield from _numbers(field)


def _numbers(field: Field) -> Iterator[tuple[str, float]]:
    if field.nullable:
        yield "missing", np.nan
    for value in (0.0, -0.0, 1.0, -1.0, 0.5):
        yield "plain", value
    if field.low is None or field.high is None:
        return
    for edge in (field.low, field.high):
        for near in jumps.beside(np.array([edge])).reshape(-1):
            yield "extreme", float(near)
    reach = field.high - field.low or abs(field.high) or 1.0
    limit = float(np.finfo(np.float32).max) / 1e6
    for value in (field.low - _FAR * reach, field.high + _FAR * reach):
        yield "far out", float(np.clip(value, -limit, limit))
    # Beyond 2^24 float32 rounds whole numbers; only where training saw such large ones.
    if field.low.is_integer() and field.high.is_integer():
        for power in (24, 31, 53):
            if field.high >= 2.0**power / 8:
                yield "big integer", 2.0**power + 1
        yield "between integers", np.floor((field.low + field.high) / 2) + 0.5


def _texts(base: pd.DataFrame, field: Field) -> Iterator[tuple[str, str | Callable[[str], str]]]:
    yield from _WORDS
    yield "other case", str.swapcase
    yield "blank beside", lambda text: f" {text} "
    yield "non-ASCII", lambda text: f"{text} übergröße l'été"
    yield "non-ASCII", lambda text: f"É{text}"
    yield "non-ASCII", lambda text: unicodedata.normalize("NFD", f"{text} é")
    yield "punctuation", lambda text: f"{text}-a b_c, d's e.f 1,5\tg\nh"
    yield "long", lambda text: " ".join([text] * 50)
    for word in ("nan", "None", "0", "1.0"):
        yield "missing as text", word
    seen = field.categories or tuple(sorted(set(base[field.name].tolist())))
    for at in _spread(len(seen), _CATEGORIES) if seen else ():
        yield "seen elsewhere", seen[at]


def _mixed(
    base: pd.DataFrame, signature: Signature, ask: Ask
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield rows with each column from another row: the closest calls among them, and any."""
    random = np.random.default_rng(_SEED)
    rows = _spread(len(base), _MIXED)
    rows = np.resize(rows, _MIXED)
    columns = {field.name: base[field.name].array for field in signature.inputs}
    mixed = base.iloc[rows].reset_index(drop=True)
    mixed = mixed.assign(**{name: one[random.permutation(rows)] for name, one in columns.items()})
    answers, known = ask(mixed)
    margin = _margin(answers)
    if margin is not None:
        order = np.argsort(np.where(known, margin, np.inf), kind="stable")[:_TIES]
        yield "close call", mixed.iloc[order]
    yield "mixed", mixed.iloc[_spread(len(mixed), _TIES)]


def _margin(answers: Scores) -> Floats | None:
    """Return how close each row is to another label; None when there are no labels."""
    values = answers.values
    match ANSWERS[answers.task].rule:
        case "half":
            return np.abs(values - 0.5)
        case "each":
            return np.asarray(np.abs(values - 0.5).min(axis=1), dtype=np.float64)
        case "zero":
            return np.abs(values)
        case "top":
            best = np.sort(values, axis=1)
            return np.asarray(best[:, -1] - best[:, -2], dtype=np.float64)
        case None:
            return None


def _changed(base: pd.DataFrame, change: _Change) -> pd.DataFrame:
    import pandas as pd

    rows = base.iloc[change.bases].copy()
    if _fixed(base, change.field):
        dtype = rows[change.field.name].dtype
        rows[change.field.name] = pd.Series(change.values.tolist(), index=rows.index).astype(dtype)
        return rows
    kind = object if change.field.kind == "string" else rows[change.field.name].to_numpy().dtype
    rows[change.field.name] = change.values.astype(kind)
    return rows


def _joined(base: pd.DataFrame, pieces: list[pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([base.iloc[:0], *pieces], ignore_index=True)
