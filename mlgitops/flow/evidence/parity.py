"""The proof that the ONNX answers what the estimator answers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, cast

from mlgitops.core.comparing import first_difference
from mlgitops.core.digests import JSON, document
from mlgitops.core.releases import Object
from mlgitops.flow.evaluation import frame_of, parquet, scores_of
from mlgitops.flow.evidence.parts import Files, Held, Made
from mlgitops.flow.numbers import rounded
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.core.signatures import Signature
    from mlgitops.ml.beside import Asked, Judged
    from mlgitops.ml.parity import Parity

NAME: Final = "parity.json"
ROWS: Final = "adversarial.parquet"
_COUNTED: Final = ("rows", "rows_over", "label_mismatches", "shifted")
# An input may be called as one of the other columns.
_INPUT: Final = "in:"


def make(seams: Seams, made: Made, files: Files) -> Files:
    """Return ``parity.json`` and ``adversarial.parquet``, the rows that its second half is about.

    ``{handed_over, tolerance, evaluation: {rows, max_abs_diff, rows_over, label_mismatches,
    own_label_differs}, adversarial: {rows, max_abs_diff, rows_over, label_mismatches, shifted,
    kinds: {kind: the same}, left_out: {kind: rows}}, optimized: [{way, kept, why}], ok}``. A model
    that was handed over as ONNX has nothing to be compared with: no rows, both halves are null.
    """
    if made.parity is None or made.beside is None:
        return {NAME: document(_document(made, None, None, ok=False))}
    from mlgitops.ml.beside import figures

    asked = made.beside.asked
    told = figures(asked.rows.kinds, made.beside.judged)
    told["left_out"] = dict(made.beside.left_out)
    ok = made.parity.ok and made.beside.ok
    return {
        NAME: document(_document(made, _evaluated(made.parity), told, ok=ok)),
        ROWS: parquet(_frame(asked, made.signature)),
    }


def _document(
    made: Made, evaluation: Object | None, adversarial: Object | None, *, ok: bool
) -> Object:
    return {
        "handed_over": evaluation is None,
        "tolerance": cast(JSON, made.model.export.parity.model_dump(mode="json")),
        "evaluation": evaluation,
        "adversarial": adversarial,
        "optimized": list(made.tried),
        "ok": ok,
    }


def _evaluated(parity: Parity) -> Object:
    return {
        "rows": parity.rows,
        "max_abs_diff": rounded(parity.max_abs_diff),
        "rows_over": parity.rows_over,
        "label_mismatches": parity.label_mismatches,
        "own_label_differs": parity.own_label_differs,
    }


def summary(proof: Mapping[str, JSON]) -> Object:
    """Return what the release document says of a ``parity.json``."""
    tolerance = cast("Object", proof["tolerance"])
    allowed: Object = {name: tolerance[name] for name in ("atol", "rtol")}
    if proof["handed_over"]:
        nothing: Object = dict.fromkeys(("rows", "rows_over", "label_mismatches"), 0)
        return {"handed_over": True, **nothing, "max_abs_diff": 0.0, **allowed, "ok": False}
    beside = cast("Object", proof["adversarial"])
    counted: Object = {name: beside[name] for name in _COUNTED}
    left_out = cast("Mapping[str, int]", beside["left_out"])
    counted["left_out"] = sum(left_out.values())
    evaluation = cast("Object", proof["evaluation"])
    return {**evaluation, **allowed, "adversarial": counted, "ok": proof["ok"]}


def _frame(asked: Asked, signature: Signature) -> pd.DataFrame:
    """Return the rows as they are kept: kind, column, what the ONNX (p0 …), the estimator (e0 …)
    and the estimator a step further (s0 …) answered, and the inputs."""
    import pandas as pd

    from mlgitops.ml.columns import column

    numbers = pd.Series(range(len(asked.rows)))
    told = frame_of(asked.answers, numbers)
    for prefix, scores in (("e", asked.expected), ("s", asked.further)):
        told = told.merge(frame_of(scores, numbers, prefix=prefix), on="id")
    told.insert(1, "kind", list(asked.rows.kinds))
    told.insert(2, "column", list(asked.rows.columns))
    inputs = {f"{_INPUT}{f.name}": column(asked.rows.frame, f) for f in signature.inputs}
    return pd.concat([told, pd.DataFrame(inputs)], axis=1)


def _asked(frame: pd.DataFrame, signature: Signature) -> Asked:
    from mlgitops.ml.adversarial import Rows
    from mlgitops.ml.beside import Asked

    named = {f"{_INPUT}{field.name}": field.name for field in signature.inputs}
    rows = frame[list(named)].rename(columns=named)
    return Asked(
        rows=Rows(frame=rows, kinds=tuple(frame["kind"]), columns=tuple(frame["column"])),
        answers=scores_of(frame, signature.task),
        expected=scores_of(frame, signature.task, prefix="e"),
        further=scores_of(frame, signature.task, prefix="s"),
    )


def problems(held: Held) -> Iterator[str]:
    """Compare the recorded answers of both again, and ask the ONNX for the adversarial ones."""
    proof = held.json(NAME)
    where = first_difference(summary(proof), held.document.parity)
    if where is not None:
        yield f"parity: {where}"
    if held.model is not None:
        asked = cast(JSON, held.model.export.parity.model_dump(mode="json"))
        where = first_difference(asked, proof["tolerance"])
        if where is not None:
            yield f"{NAME}: /tolerance is not that of model.yaml: {where}"
    if proof["handed_over"]:
        if any(name[0] == "e" and name[1:].isdigit() for name in held.answers.columns):
            yield f"{NAME}: /handed_over is true, and an estimator's answers were recorded"
        return
    yield from _evaluation(held, cast("Object", proof["evaluation"]))
    yield from _adversarial(held, proof)


def _evaluation(held: Held, said: Object) -> Iterator[str]:
    import numpy as np

    from mlgitops.ml.parity import labels_differ, over

    tolerance = {name: cast(float, held.document.parity[name]) for name in ("atol", "rtol")}
    gaps = np.abs(held.scores.values - held.expected.values)
    found: Object = {
        "rows": len(gaps),
        "max_abs_diff": rounded(float(gaps.max(initial=0.0))),
        "rows_over": int(over(held.expected, held.scores, **tolerance).sum()),
        "label_mismatches": int(labels_differ(held.expected, held.scores).sum()),
        # Only the estimator itself could say it again.
        "own_label_differs": said.get("own_label_differs"),
    }
    where = first_difference(found, said)
    if where is not None:
        yield f"{NAME}: /evaluation{where}"


def _adversarial(held: Held, proof: Object) -> Iterator[str]:
    import numpy as np
    import pandas as pd

    from mlgitops.ml.beside import figures, judge, raw_columns, tolerance
    from mlgitops.ml.parity import answered
    from mlgitops.ml.scoring import Scorer

    onnx = held.read("model.onnx")
    scorer = Scorer(onnx, held.signature)
    asked = _asked(pd.read_parquet(io.BytesIO(held.read(ROWS))), held.signature)
    again, _ = answered(scorer.score, asked.rows.frame)
    # float32 arithmetic differs between runtimes by some units in the last place.
    atol, rtol = (float(cast(float, held.document.parity[name])) for name in ("atol", "rtol"))
    kept = asked.answers.values
    close = np.isclose(again.values, kept, atol=atol, rtol=max(rtol, 1e-5), equal_nan=True)
    if not close.all():
        count = int((~close.reshape(len(again), -1).all(axis=1)).sum())
        yield f"{ROWS}: {count:,} of {len(again):,} answers are not what the ONNX answers"
    share = cast("dict[str, float]", proof["tolerance"])["adversarial"]
    allowed = tolerance(held.rows, held.signature, held.expected, atol=atol, rtol=rtol, rows=share)
    judged = judge(asked, held.signature, allowed, raw_columns(onnx))
    said = cast("Object", proof["adversarial"])
    found = {**figures(asked.rows.kinds, judged), "left_out": said.get("left_out")}
    where = first_difference(json.loads(document(found)), said)
    if where is not None:
        yield f"{NAME}: /adversarial{where}"
    elif proof["ok"] is not True or not _within(judged, share):
        yield f"{NAME}: /ok is {proof['ok']}, and such a model is not released"


def _within(judged: Judged, share: float) -> bool:
    return int(judged.breaches.sum()) <= share * len(judged.gaps)
