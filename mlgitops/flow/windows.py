"""A window of the prediction journal as rows: what one release was asked, and what it answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError
from mlgitops.core.signatures import Signature
from mlgitops.core.watches import Window
from mlgitops.flow.snapshots import iso
from mlgitops.server.journal import Entry, Value, read

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.labels import Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one release in the order in which they came, each row id once, its last answer.

    ``frame``: the inputs. ``ids``: as text, None where a request carried none. ``at``: when.
    """

    frame: pd.DataFrame
    scores: Scores
    ids: tuple[str | None, ...]
    at: tuple[datetime, ...]
    window: Window


@dataclass(slots=True)
class _Gathered:
    """One list per column, all of the same length."""

    inputs: dict[str, list[Value]]
    scores: list[Value] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    at: list[datetime] = field(default_factory=list)
    requests: int = 0
    others: int = 0
    torn: int = 0


def gather(
    journal: Path, since: datetime, until: datetime, release: Digest, signature: Signature
) -> Rows:
    """Return the rows that ``release`` answered in ``since`` <= time < ``until``.

    Raises MlgitopsError when an entry of the release does not fit its signature.
    """
    import numpy as np

    from mlgitops.ml.labels import Scores

    found = _read(journal, since, until, release, signature)
    kept = _last_of_each(found.ids)
    values = np.array([found.scores[row] for row in kept], dtype=np.float64)
    if signature.answer.wide:
        values = values.reshape(len(kept), len(signature.classes))
    at = tuple(found.at[row] for row in kept)
    window = Window(
        since=iso(since),
        until=iso(until),
        first=iso(min(at)) if at else None,
        last=iso(max(at)) if at else None,
        requests=found.requests,
        rows=len(kept),
        repeats=len(found.ids) - len(kept),
        others=found.others,
        torn=found.torn,
    )
    return Rows(
        frame=_frame(found, kept, signature),
        scores=Scores(task=signature.task, values=values),
        ids=tuple(found.ids[row] for row in kept),
        at=at,
        window=window,
    )


def _read(
    journal: Path, since: datetime, until: datetime, release: Digest, signature: Signature
) -> _Gathered:
    found = _Gathered(inputs={one.name: [] for one in signature.inputs})

    def torn(_: Path, __: int) -> None:
        found.torn += 1

    for entry in read(journal, since, until, torn):
        if entry.digest != release:
            found.others += len(next(iter(entry.inputs.values()), []))
            continue
        rows = _rows(entry, signature)
        for name, values in found.inputs.items():
            values += entry.inputs[name]
        # A label follows from it by the one rule.
        found.scores += entry.outputs[signature.answer.number]
        ids = entry.row_ids
        found.ids += [None] * rows if ids is None else [str(one) for one in ids]
        found.at += [entry.at] * rows
        found.requests += 1
    return found


def _rows(entry: Entry, signature: Signature) -> int:
    """Return how many rows an entry has, or say that it is not whole."""
    names = [one.name for one in signature.inputs]
    columns = [entry.inputs.get(name) for name in names]
    columns.append(entry.outputs.get(signature.answer.number))
    lengths = {-1 if one is None else len(one) for one in columns}
    if entry.row_ids is not None:
        lengths.add(len(entry.row_ids))
    if len(lengths) != 1 or -1 in lengths:
        raise MlgitopsError(
            f"the journal entry of request {entry.request} at {iso(entry.at)} does not fit the"
            " signature of its release",
            hint="keep nothing but this model's journal in the folder",
        )
    return lengths.pop()


def _last_of_each(ids: list[str | None]) -> list[int]:
    """Return the rows to keep: of an id that was asked twice the last one, or it counts twice."""
    last = {one: row for row, one in enumerate(ids) if one is not None}
    return [row for row, one in enumerate(ids) if one is None or last[one] == row]


def _frame(found: _Gathered, kept: list[int], signature: Signature) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    columns: dict[str, object] = {}
    for one in signature.inputs:
        values = [found.inputs[one.name][row] for row in kept]
        kind = np.float32 if one.kind == "number" else np.object_
        columns[one.name] = np.array(values, dtype=kind)
    return pd.DataFrame(columns)
