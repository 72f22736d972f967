"""From a fitted scikit-learn estimator to ONNX and the signature of a model.

The recipe that gave exact parity on 47 of 48 pipelines, where the naive export had up to 10 % of
rows off: float32 at the door (train on float32 too), StandardScaler by division, no zipmap, opset
18 with ai.onnx.ml 3, and labels made outside the graph (``ml.labels``).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlgitops.core.errors import Refused
from mlgitops.core.signatures import Field, Signature
from mlgitops.core.tasks import ANSWERS, Task
from mlgitops.ml import onnx_graphs
from mlgitops.ml.columns import coarse, fields_of
from mlgitops.ml.converters import prepared
from mlgitops.ml.convertible import Estimator, refuse_known, unwrap
from mlgitops.ml.tasks import classes_of, turned
from mlgitops.ml.thresholds import at_float32

if TYPE_CHECKING:
    import onnx
    import pandas as pd

_OPSETS = {"": 18, "ai.onnx.ml": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A model as ONNX, its signature, and remarks for the person who releases it.

    The same estimator and frame give the same bytes, in any process.
    """

    onnx: bytes
    signature: Signature
    notes: tuple[str, ...] = ()


def export(
    estimator: Estimator,
    frame: pd.DataFrame,
    *,
    task: Task,
    row_id: str | None,
    tolerance: float,
    named: tuple[str, ...] = (),
) -> Exported:
    """Convert a fitted estimator; parity with it is not checked here (see ``ml.parity``).

    ``frame``: rows like those that the model will meet, holding at least the columns that it was
    trained on (others are ignored): they give kinds, ranges, categories, and where a value may be
    missing. ``row_id``: the column that identifies a row, never an input. ``named``: the labels of
    a multilabel model in its order, and what anomaly detection calls a usual row and an odd one.

    Raises Refused, naming the step and the way out, when the estimator cannot be converted, is
    known to be converted wrongly, or does not do what ``task`` says.
    """
    estimator = unwrap(estimator)
    trained = trained_on(estimator, frame)
    classes = classes_of(estimator, task, named)
    read = _read(estimator, trained)
    if row_id in read:
        raise Refused(
            f"the model was trained on {row_id!r}, which identifies a row",
            hint=f"drop {row_id!r} before fit: it says nothing about a new row",
        )
    fields = fields_of(frame, read)
    convertible, after = prepared(estimator)
    refuse_known(convertible, frame[list(trained)])
    converted = _convert(at_float32(convertible), fields)
    model = _finished(
        converted,
        fields,
        task,
        width=ANSWERS[task].columns(len(classes)),
        after=(*after, *turned(estimator, task)),
        by_column=bool(_choices(estimator)),
    )
    used = {value.name for value in model.graph.input}
    signature = Signature(
        task=task,
        inputs=tuple(field for field in fields if field.name in used),
        classes=classes,
        row_id=row_id,
        tolerance=tolerance,
    )
    names = [field.name for field in signature.inputs]
    return Exported(
        onnx=model.SerializeToString(deterministic=True),
        signature=signature,
        notes=tuple(
            f"column {name!r} holds whole numbers beyond 2^24, which float32 rounds"
            for name in coarse(frame, names)
        ),
    )


def trained_on(estimator: Estimator, frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that ``estimator`` was fitted on, in order; Refused when one is absent."""
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise Refused(f"there are two columns {twice!r}", hint="rename or drop one")
    known = getattr(estimator, "feature_names_in_", None)
    count = getattr(estimator, "n_features_in_", None)
    names = tuple(str(name) for name in (frame.columns if known is None else known))
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise Refused(
            f"the estimator was trained on {absent[0]!r}, which the data lacks",
            hint=f"the data has {', '.join(map(str, frame.columns))}",
        )
    if known is None and count is not None and count != len(names):
        raise Refused(
            f"the estimator was trained on {count} columns without names; the data has"
            f" {len(names)}",
            hint="fit it on a DataFrame, so that it knows its columns by name",
        )
    return names


def _choices(estimator: Estimator) -> list[Estimator]:
    """Return the column transformers that come first; none: all columns go in as one matrix."""
    first = unwrap(estimator)
    name = type(first).__name__
    if name == "Pipeline":
        return _choices(first.steps[0][1])
    if name == "FeatureUnion":
        return [one for _, part in first.transformer_list for one in _choices(part)]
    if name.startswith("Voting"):
        return [one for part in first.estimators_ for one in _choices(part)]
    return [first] if name == "ColumnTransformer" else []


def _read(estimator: Estimator, trained: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns that matter: a column transformer may drop dates, row ids, the rest.

    By position it may not be cut down, because positions would move: then all are returned.
    """
    chosen: set[str] = set()
    choices = _choices(estimator)
    for choice in choices:
        for _, part, columns in choice.transformers_:
            if isinstance(part, str) and part == "drop":
                continue
            several = isinstance(columns, Iterable) and not isinstance(columns, str)
            listed = list(columns) if several else [columns]
            if not all(isinstance(name, str) for name in listed):
                return trained
            chosen |= set(listed)
    return tuple(name for name in trained if name in chosen) if choices else trained


def _convert(estimator: Estimator, fields: tuple[Field, ...]) -> onnx.ModelProto:
    """Return what skl2onnx makes of ``estimator``, with its own names and outputs."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.preprocessing import StandardScaler

    types = {"number": FloatTensorType, "string": StringTensorType}
    if _choices(estimator):
        inputs = [(field.name, types[field.kind]([None, 1])) for field in fields]
    else:
        kinds = {field.kind for field in fields}
        if len(kinds) > 1:
            raise Refused(
                f"{type(estimator).__name__} takes numbers and strings in one matrix, which ONNX"
                " has no type for",
                hint="put a ColumnTransformer first, with a part for each kind of column",
            )
        inputs = [("matrix", types[kinds.pop()]([None, len(fields)]))]
    # The text converters write the locale en_US into the graph, which slim images do not have.
    text = {"locale": "C.UTF-8"}
    options: dict[object, dict[str, object]] = {
        StandardScaler: {"div": "div"},
        TfidfVectorizer: dict(text),
        CountVectorizer: dict(text),
    }
    if hasattr(estimator, "predict_proba") and hasattr(estimator, "classes_"):
        options[id(estimator)] = {"zipmap": False}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model: onnx.ModelProto = convert_sklearn(
                estimator,
                "mlgitops",
                initial_types=inputs,
                options=options,
                target_opset=dict(_OPSETS),
            )
            return model
    except Exception as error:  # skl2onnx raises whatever the converter of a step ran into
        first = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
        raise Refused(
            f"skl2onnx cannot convert {_outline(estimator)}: {type(error).__name__}: {first}",
            hint="put a ColumnTransformer first and the model last in one Pipeline, use another"
            " estimator, or hand over a ready-made .onnx",
        ) from error


def _finished(
    model: onnx.ModelProto,
    fields: tuple[Field, ...],
    task: Task,
    *,
    width: int,
    after: tuple[onnx_graphs.Step, ...],
    by_column: bool,
) -> onnx.ModelProto:
    """Give ``model`` the one door; inputs that nothing reads disappear."""
    from onnx import checker

    onnx_graphs.renumber(model.graph)
    if by_column:
        # skl2onnx rewrites names that are no identifiers; it keeps their order.
        renamed = {value.name: f.name for value, f in zip(model.graph.input, fields, strict=True)}
        onnx_graphs.rename(model.graph, renamed)
    else:
        onnx_graphs.set_inputs(model, {model.graph.input[0].name: fields})
    result = model.graph.output[-1]
    shape = result.type.tensor_type.shape.dim
    second = task == "ranking" and len(shape) > 1 and shape[-1].dim_value == 2
    if width == 1 and len(shape) > 1 and shape[-1].dim_value > 1 and not second:
        raise Refused(
            f"the model predicts {shape[-1].dim_value} numbers for each row",
            hint="release one model per target",
        )
    graph = ANSWERS[task].graph
    onnx_graphs.set_output(model, result.name, graph, width=width, after=after)
    # skl2onnx takes the domains from a set, whose order changes from process to process.
    domains = sorted(model.opset_import, key=lambda one: one.domain)
    del model.opset_import[:]
    model.opset_import.extend(domains)
    checker.check_model(model)
    return model


def _outline(estimator: Estimator) -> str:
    if type(estimator).__name__ == "Pipeline":
        return " → ".join(f"{step} ({type(part).__name__})" for step, part in estimator.steps)
    return type(estimator).__name__
