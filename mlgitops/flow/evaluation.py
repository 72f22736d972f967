"""Evaluation tables: what a release is judged on, what it answered, and the numbers that follow.

``release`` writes these numbers and ``verify`` computes them again: there is one function for both.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from mlgitops.core.digests import JSON, Digest
from mlgitops.core.errors import Refused
from mlgitops.core.releases import ReleaseDocument
from mlgitops.core.signatures import Signature, from_json
from mlgitops.core.tasks import ANSWERS, Task
from mlgitops.core.terms import Terms, of_document, to_json
from mlgitops.flow.looking import calibrated, searched
from mlgitops.flow.numbers import rounded
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.labels import Codes, Floats, Scores

CONFIDENCE: Final = 0.95
# A slice with fewer rows says nothing about a model, and one row says who it was.
MIN_SLICE: Final = 30


def parquet(frame: pd.DataFrame) -> bytes:
    """Return ``frame`` as parquet bytes."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def table(seams: Seams, digest: Digest, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a parquet blob of the store as a frame; StoreError when its bytes are absent."""
    import pandas as pd

    with seams.store.open(digest) as stream:
        data = stream.read()
    wanted = None if columns is None else list(columns)
    return pd.read_parquet(io.BytesIO(data), engine="pyarrow", columns=wanted)


def signature(seams: Seams, document: ReleaseDocument) -> Signature:
    """Return the signature of a release, read from the store."""
    import json

    return from_json(json.loads(seams.store.read(document.files["signature.json"])))


def frame_of(scores: Scores, ids: pd.Series, prefix: str = "p") -> pd.DataFrame:
    """Return scores as a frame: ``id`` and ``p0`` … (one column, or one per class)."""
    import pandas as pd

    values = scores.values.reshape(len(scores), -1)
    columns = {f"{prefix}{n}": values[:, n] for n in range(values.shape[1])}
    return pd.DataFrame({"id": ids.to_numpy(), **columns})


def scores_of(frame: pd.DataFrame, task: str, prefix: str = "p") -> Scores:
    """Return the scores that ``frame_of`` wrote."""
    from mlgitops.ml.labels import Scores

    names = [name for name in frame.columns if name[0] == prefix and name[1:].isdigit()]
    values = frame[names].to_numpy(dtype="float64")
    named = cast(Task, task)
    return Scores(task=named, values=values if ANSWERS[named].wide else values[:, 0])


def refuse_bad_rows(frame: pd.DataFrame, terms: Terms) -> None:
    """Refuse evaluation data that cannot carry evidence: no rows, ids twice, no target."""
    for what, name in terms.columns().items():
        if name not in frame.columns:
            raise Refused(
                f"the evaluation data has no column {name!r}, which evaluation.{what} names",
                hint=f"it has {', '.join(map(str, frame.columns))}",
            )
    row_id = terms.row_id
    if len(frame) == 0:
        raise Refused("the evaluation data has no rows", hint="look at the step that made it")
    twice = frame[row_id][frame[row_id].duplicated()]
    if len(twice):
        raise Refused(
            f"{len(twice)} rows share their {row_id!r} with another, {twice.iloc[0]!r} for one",
            hint="rows are paired by id between two models: make it unique",
        )
    missing = int(frame[[row_id, *terms.target]].isna().any(axis=1).sum())
    if missing:
        raise Refused(f"{missing} evaluation rows have no id or no target", hint="drop them")
    for key, name in terms.beside.items():
        empty = int(frame[name].isna().sum())
        if empty:
            raise Refused(f"{empty} evaluation rows have no {name!r}, the {key}", hint="drop them")


def truth_of(frame: pd.DataFrame, terms: Terms, task: Task, classes: tuple[str, ...]) -> Floats:
    """Return the true values of rows, as ``ml.labels.encode_target`` does."""
    from mlgitops.ml.labels import encode_target

    several = task == "multilabel-classification"
    columns = list(terms.target) if several else terms.target[0]
    return encode_target(task, classes, frame[columns].to_numpy())


def beside(scores: Scores, frame: pd.DataFrame, terms: Terms) -> Scores:
    """Return ``scores`` with the columns of ``frame``, the same rows, that metrics read too."""
    from dataclasses import replace

    from mlgitops.ml.clusters import codes_of

    found: dict[str, Floats] = {}
    for key, name in terms.beside.items():
        column = frame[name]
        found[key] = (codes_of(column) if key == "group" else column.to_numpy()).astype("float64")
    return replace(scores, beside=found)


def evaluation(
    frame: pd.DataFrame,
    scores: Scores,
    classes: tuple[str, ...],
    terms: Terms,
) -> dict[str, JSON]:
    """Return the numbers of a release document's ``evaluation`` (see ``ReleaseDocument``).

    ``scores``: with all that ``beside`` puts to them, and the metrics of the users' own.
    """
    from mlgitops.ml.clusters import codes_of
    from mlgitops.ml.intervals import interval
    from mlgitops.ml.metrics import compute

    metrics = terms.metrics
    truth = truth_of(frame, terms, scores.task, classes)
    values = compute(scores.task, metrics, truth, scores)
    clusters = None if terms.cluster is None else codes_of(frame[terms.cluster])
    listed: dict[str, JSON] = {}
    for name in metrics:
        around = interval(name, truth, scores, CONFIDENCE, clusters)
        listed[name] = {
            "value": rounded(values[name]),
            "low": rounded(around.low),
            "high": rounded(around.high),
        }
    sliced: dict[str, JSON] = {
        column: _sliced(frame[column], truth, scores, metrics, clusters) for column in terms.slices
    }
    found: dict[str, JSON] = {
        "rows": len(frame),
        **to_json(terms),
        "metrics": listed,
        "slices": sliced,
    }
    if scores.chance:
        found["calibration"] = calibrated(truth, scores, classes, clusters)
    if terms.search:
        found["searched"] = searched(frame, truth, scores, terms, clusters)
    return found


def _sliced(
    column: pd.Series,
    truth: Floats,
    scores: Scores,
    metrics: Sequence[str],
    clusters: Codes | None,
) -> dict[str, JSON]:
    """Return each value's rows and metrics: {value, low, high}, or None where undefined."""
    from mlgitops.ml.intervals import interval
    from mlgitops.ml.metrics import by_slice, slice_names

    names = slice_names(column.to_numpy())
    found: dict[str, JSON] = {}
    for one in by_slice(scores.task, metrics, truth, scores, names):
        rows = names == one.value
        true, answers = truth[rows], scores.take(rows)
        told: dict[str, JSON] = {}
        for name, value in one.metrics.items():
            told[name] = None
            if value is not None:
                mine = None if clusters is None else clusters[rows]
                around = interval(name, true, answers, CONFIDENCE, mine)
                told[name] = {
                    "value": rounded(value),
                    "low": rounded(around.low),
                    "high": rounded(around.high),
                }
        found[one.value] = {"rows": one.rows, "metrics": told}
    return found


def headline(numbers: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the part that a tag's document carries: of the slices only their names."""
    told = cast("Mapping[str, Mapping[str, JSON]]", numbers["metrics"])
    metrics: dict[str, JSON] = {
        name: {key: one[key] for key in ("value", "low", "high")} for name, one in told.items()
    }
    return {
        "rows": numbers["rows"],
        **to_json(of_document(numbers)),
        "metrics": metrics,
        "slices": list(cast("Mapping[str, JSON]", numbers["slices"])),
    }
