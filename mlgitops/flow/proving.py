"""The model of a release: exported from an estimator and proved, or handed over as ONNX."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from mlgitops.core.errors import Refused
from mlgitops.core.specs.models import Model
from mlgitops.core.tasks import ANSWERS
from mlgitops.flow.run import Artifact
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.adversarial import Ask
    from mlgitops.ml.beside import Beside
    from mlgitops.ml.labels import Mask, Scores
    from mlgitops.ml.parity import Difference, Parity
    from mlgitops.ml.scoring import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One way of making a model smaller or quicker: kept or not, and ``why``."""

    way: str
    kept: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """A model that may be released. What needs an estimator is None when there is none.

    ``expected``: the estimator's answers for the evaluation rows. ``plain``: the model before it
    was optimised, where it was.
    """

    onnx: bytes
    scorer: Scorer
    notes: tuple[str, ...]
    estimator: Any = None
    expected: Scores | None = None
    parity: Parity | None = None
    beside: Beside | None = None
    plain: bytes | None = None
    tried: tuple[Tried, ...] = ()


def proved(
    seams: Seams, model: Model, trained: Artifact, frame: pd.DataFrame, seen: pd.DataFrame | None
) -> Proved:
    """Return the model of ``trained``; Refused when it cannot be exported or answers otherwise.

    ``frame``: the evaluation rows; ``seen``: what it was trained on, where that is known.
    """
    made = _adopted if trained.format == "onnx" else _exported
    found = made(seams, model, trained, frame, seen)
    for way in model.export.optimize:
        seams.say(f"trying {way} …")
        found = _optimized(model, found, frame, way)
    return found


def _exported(
    seams: Seams, model: Model, trained: Artifact, frame: pd.DataFrame, seen: pd.DataFrame | None
) -> Proved:
    from mlgitops.ml.export import export
    from mlgitops.ml.parity import estimate
    from mlgitops.ml.scoring import Scorer

    estimator = _estimator(seams, trained)
    seams.say(f"exporting {model.name} to ONNX …")
    exported = export(
        estimator,
        frame if seen is None else seen,
        task=model.task,
        row_id=model.evaluation.id,
        tolerance=model.export.parity.atol,
        named=_classes(model, frame),
    )
    scorer = Scorer(exported.onnx, exported.signature)
    parity = _compared(seams, model, estimator, scorer, frame)
    expected = estimate(estimator, frame, model.task)
    beside = _beside(seams, model, estimator, exported.onnx, scorer, frame, expected)
    return Proved(
        onnx=exported.onnx,
        scorer=scorer,
        notes=(*exported.notes, *_remarks(beside)),
        estimator=estimator,
        expected=expected,
        parity=parity,
        beside=beside,
    )


def _adopted(
    seams: Seams, model: Model, trained: Artifact, frame: pd.DataFrame, seen: pd.DataFrame | None
) -> Proved:
    """Take an ONNX model as it is: its inputs are the features, and nothing proves it."""
    from mlgitops.ml.adopt import adopt
    from mlgitops.ml.scoring import Scorer

    features = list(model.features)
    seams.say(f"taking {model.name} as the ONNX that {model.artifact} is …")
    exported = adopt(
        seams.store.read(trained.digest),
        frame[features] if seen is None else seen[features],
        task=model.task,
        classes=_classes(model, frame),
        row_id=model.evaluation.id,
        tolerance=model.export.parity.atol,
    )
    scorer = Scorer(exported.onnx, exported.signature)
    return Proved(onnx=exported.onnx, scorer=scorer, notes=exported.notes)


def _classes(model: Model, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the classes: as the spec has them, or the target's values in order."""
    from mlgitops.ml.labels import class_name

    if model.export.classes:
        return tuple(model.export.classes)
    if model.evaluation.targets:
        return tuple(model.evaluation.targets)
    # What clusters an ONNX has, its target does not say.
    if ANSWERS[model.task].rule is None or model.task == "clustering":
        return ()
    values = frame[model.evaluation.truth[0]].unique().tolist()
    names = tuple(class_name(value) for value in sorted(values))
    # Of two words nobody can tell which is the odd one, and scikit-learn calls an outlier -1.
    if model.task == "anomaly-detection" and names not in (("0", "1"), ("False", "True")):
        shown = ", ".join(repr(name) for name in names[:5])
        raise Refused(
            f"the target of {model.name} is one of {shown}: which of them is an anomaly?",
            hint="say so with export.classes: [usual, odd], in the values of the target; 0 and 1,"
            " both among the evaluation rows, need no names",
        )
    return names


def _estimator(seams: Seams, trained: Artifact) -> Any:
    from mlgitops import formats

    if trained.format == "unsafe-pickle":
        raise Refused(
            "the model's artifact is a pickle: reading it runs whatever is in it, so nothing is"
            " released from it",
            hint="declare it as `estimator` in pipeline.yaml: skops stores it without pickle",
        )
    if trained.format != "estimator":
        raise Refused(
            f"the model's artifact has the format {trained.format!r}",
            hint="declare it as `estimator` in pipeline.yaml, or hand over an `onnx`",
        )
    return formats.read(seams.store.path(trained.digest), "estimator", types=trained.types)


def _compared(
    seams: Seams, model: Model, estimator: Any, scorer: Scorer, frame: pd.DataFrame
) -> Parity:
    """Return the proof of parity on every evaluation row, or refuse with the ten worst."""
    from mlgitops.ml.parity import check

    spec = model.export.parity
    seams.say(f"comparing estimator and ONNX on {len(frame):,} rows …")
    parity = check(
        estimator,
        scorer,
        frame,
        atol=spec.atol,
        rtol=spec.rtol,
        label_mismatch=spec.label_mismatch,
    )
    if parity.ok:
        return parity
    ids = frame[model.evaluation.id].to_numpy()
    worst = _listed(parity.worst, [str(ids[one.row]) for one in parity.worst])
    raise Refused(
        f"the ONNX of {model.name} does not answer what the estimator answers: "
        f"{parity.rows_over:,} of {parity.rows:,} rows over the tolerance, "
        f"{parity.label_mismatches:,} other labels, largest difference "
        f"{parity.max_abs_diff:.3g}. The worst rows:\n{worst}",
        hint="train on float32; if the difference is harmless, say so in export.parity",
    )


def _beside(
    seams: Seams,
    model: Model,
    estimator: Any,
    onnx: bytes,
    scorer: Scorer,
    frame: pd.DataFrame,
    expected: Scores,
) -> Beside:
    """Return the proof on adversarial rows, or refuse with the ten worst."""
    from mlgitops.ml.parity import asker

    seams.say("comparing them beside thresholds, at ties, on odd words and far numbers …")
    found = _odd(model, frame, scorer, asker(estimator, model.task), onnx, expected)
    if not found.ok:
        raise breach(model.name, found)
    return found


def _odd(
    model: Model, frame: pd.DataFrame, scorer: Scorer, ask: Ask, onnx: bytes, expected: Scores
) -> Beside:
    from mlgitops.ml.beside import check, tolerance

    spec = model.export.parity
    allowed = tolerance(
        frame,
        scorer.signature,
        expected,
        atol=spec.atol,
        rtol=spec.rtol,
        rows=spec.adversarial,
    )
    return check(frame, scorer, ask, onnx, allowed)


def _optimized(
    model: Model, found: Proved, frame: pd.DataFrame, way: Literal["graph", "quantize"]
) -> Proved:
    """Return ``found`` in another form, where the whole proof holds for that too.

    A model that was handed over is held against itself as it came.
    """
    from mlgitops.ml.optimizing import optimized
    from mlgitops.ml.parity import answered, asker, check, compare
    from mlgitops.ml.scoring import Scorer

    def left_out(why: str) -> Proved:
        return replace(found, tried=(*found.tried, Tried(way=way, kept=False, why=why)))

    try:
        data = optimized(found.onnx, way)
    except Refused as error:
        return left_out(error.message)
    if data is None:
        return left_out("there is nothing in the graph that it changes")
    signature, estimator, spec = found.scorer.signature, found.estimator, model.export.parity
    scorer = Scorer(data, signature)
    allowed = {
        "atol": spec.atol,
        "rtol": spec.rtol,
        "label_mismatch": spec.label_mismatch,
    }
    if estimator is not None and found.expected is not None:
        ask, truth = asker(estimator, model.task), found.expected
        parity = check(estimator, scorer, frame, **allowed)
    else:
        before = Scorer(found.plain or found.onnx, signature)
        truth = before.score(frame)
        parity = compare(truth, scorer, frame, **allowed)

        def ask(rows: pd.DataFrame) -> tuple[Scores, Mask]:
            return answered(before.score, rows)

    told = f"largest difference {parity.max_abs_diff:.2g}, {parity.label_mismatches} other labels"
    if not parity.ok:
        return left_out(f"{told}, {parity.rows_over:,} of {parity.rows:,} rows over the tolerance")
    beside = _odd(model, frame, scorer, ask, data, truth)
    if not beside.ok:
        wrong = int(beside.judged.breaches.sum())
        return left_out(f"{wrong:,} of {len(beside.asked.rows):,} adversarial rows otherwise")
    return replace(
        found,
        onnx=data,
        scorer=scorer,
        parity=None if estimator is None else parity,
        beside=None if estimator is None else beside,
        plain=found.plain or found.onnx,
        tried=(*found.tried, Tried(way=way, kept=True, why=told)),
    )


def breach(name: str, found: Beside) -> Refused:
    """Return why a model is not released that answers adversarial rows otherwise."""
    wrong = found.judged.breaches
    kinds = sorted({kind for kind, bad in zip(found.asked.rows.kinds, wrong, strict=True) if bad})
    named = [f"{one.kind}, {one.column}" if one.column else one.kind for one in found.worst]
    return Refused(
        f"the ONNX of {name} answers every evaluation row as the estimator does, and "
        f"{int(wrong.sum()):,} of {len(wrong):,} adversarial rows otherwise "
        f"({', '.join(kinds)}). The worst rows:\n{_listed(found.worst, named)}",
        hint="train on float32: cast the features before fit, and evaluate on float32 too; if such"
        " rows never come, say in export.parity.adversarial which share of them may differ",
    )


def _listed(worst: Sequence[Difference], names: Sequence[str]) -> str:
    return "\n".join(
        f"  {name}: estimator {one.estimator}, ONNX {one.onnx}"
        f" (apart by {one.difference:.3g}); {one.inputs}"
        for name, one in zip(names, worst, strict=True)
    )


def _remarks(beside: Beside) -> tuple[str, ...]:
    shifted = int(beside.judged.shifted.sum())
    if not shifted:
        return ()
    return (
        f"{shifted:,} of {len(beside.asked.rows):,} adversarial rows are answered as their nearest"
        " neighbour is: features trained on float32 have none of these",
    )
