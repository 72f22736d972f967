"""Rows beside thresholds, at ties, with odd words and far numbers: parity holds there as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlgitops.core.tasks import Task
from mlgitops.ml import beside, jumps
from mlgitops.ml.adversarial import Rows, adversarial
from mlgitops.ml.beside import Beside, figures, tolerance
from mlgitops.ml.export import Exported, export
from mlgitops.ml.parity import asker, check, estimate
from mlgitops.ml.scoring import Scorer
from mlgitops.ml.thresholds import floor32
from tests.ml.models import BINARY, EXAMPLES, REGRESSION, fitted

Change = Callable[[onnx.ModelProto], None]


def _exported(estimator: Any, frame: pd.DataFrame, task: Task) -> Exported:
    return export(estimator, frame, task=task, row_id="row", tolerance=1e-4)


def _rows(estimator: Any, frame: pd.DataFrame, task: Task) -> Rows:
    one = _exported(estimator, frame, task)
    return adversarial(frame, one.signature, asker(estimator, task), one.onnx)


def _proof(
    estimator: Any,
    frame: pd.DataFrame,
    task: Task,
    *,
    change: Change | None = None,
    rows: float = 0.0,
) -> Beside:
    one = _exported(estimator, frame, task)
    data = one.onnx
    if change is not None:
        model = onnx.load_from_string(data)
        change(model)
        data = model.SerializeToString()
    truth = estimate(estimator, frame, task)
    allowed = tolerance(frame, one.signature, truth, atol=1e-4, rtol=1e-6, rows=rows)
    scorer = Scorer(data, one.signature)
    return beside.check(frame, scorer, asker(estimator, task), data, allowed)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_recipe_holds_on_adversarial_rows_too(name: str) -> None:
    model = fitted(name)
    proof = _proof(model.estimator, model.frame, model.task)
    told = figures(proof.asked.rows.kinds, proof.judged)
    assert proof.ok, (told, proof.worst)
    assert told["rows"] == len(proof.asked.rows) >= 200
    assert told["label_mismatches"] == told["rows_over"] == 0


def test_every_kind_of_row_is_made_and_the_same_ones_again() -> None:
    model = fitted("mixed-forest")
    rows = _rows(model.estimator, model.frame, BINARY)
    kinds = Counter(rows.kinds)
    wanted = {"jump", "boundary", "close call", "mixed", "missing", "plain", "extreme", "far out"}
    wanted |= {"unseen", "empty", "non-ASCII", "other case", "seen elsewhere", "missing as text"}
    assert wanted <= kinds.keys()
    again = _rows(model.estimator, model.frame, BINARY)
    assert again.kinds == rows.kinds and again.columns == rows.columns
    pd.testing.assert_frame_equal(again.frame, rows.frame)
    inputs = ["mean texture", "mean area", "label", "größe", "hour"]
    assert not rows.frame[inputs].duplicated().any()
    # Only what the door lets in: "mean area" is never missing in evaluation rows.
    assert not rows.frame["mean area"].isna().any() and rows.frame["mean texture"].isna().any()


def test_thresholds_are_approached_from_both_sides_to_the_last_bit() -> None:
    model = fitted("diabetes-boosting")
    one = _exported(model.estimator, model.frame, REGRESSION)
    found = jumps.thresholds(onnx.load_from_string(one.onnx))
    trees = [tree.tree_ for tree in model.estimator.estimators_.ravel()]
    real = {
        float(floor32(np.array([value]))[0])
        for tree in trees
        for feature, value in zip(tree.feature, tree.threshold, strict=True)
        if feature == list(model.frame.columns).index("bmi")
    }
    assert set(found["bmi"].tolist()) == real
    rows = _rows(model.estimator, model.frame, REGRESSION)
    mine = [n for n, kind in enumerate(rows.kinds) if kind == "threshold"]
    values = {(rows.columns[n], float(rows.frame[rows.columns[n]].iloc[n])) for n in mine}
    both = sum(
        (name, float(side)) in values
        for name, all_ in found.items()
        for value in all_
        for side in jumps.beside(np.array([value]))[:, 0][[0, 2]]
    )
    assert both > len(mine) / 2


def test_a_jump_behind_a_scaler_is_found_by_halving() -> None:
    frame = pd.DataFrame({"x": np.linspace(0, 99, 200, dtype="float32")})
    scaled = Pipeline([("scale", StandardScaler()), ("tree", DecisionTreeRegressor(max_depth=2))])
    scaled.fit(frame, frame["x"] // 25)
    rows = _rows(scaled, frame, REGRESSION)
    assert "threshold" not in rows.kinds
    values = rows.frame["x"][[kind == "jump" for kind in rows.kinds]].to_numpy()
    places = np.sort(jumps.rank(values))
    answers = scaled.predict(rows.frame)[[kind == "jump" for kind in rows.kinds]]
    assert len(np.unique(answers)) == 4
    assert (np.diff(places) == 1).sum() >= 3


def test_float32_is_halved_to_neighbours_across_zero() -> None:
    low, high = np.array([-3.5, 1.0], dtype="f4"), np.array([2.0, 1e30], dtype="f4")
    edges = np.array([-1e-30, 12345.678])
    one, two = jumps.halve(low, high, lambda middle, _: middle <= edges)
    assert (jumps.rank(two) - jumps.rank(one)).tolist() == [1, 1]
    assert (one <= edges).all() and (two > edges).all()
    numbers = np.array([-3.4e38, -1e-45, -0.0, 0.0, 1e-45, 7.0, 3.4e38], dtype="f4")
    assert np.array_equal(jumps.unrank(jumps.rank(numbers)), numbers)


def _moved_thresholds(model: onnx.ModelProto) -> None:
    """One float32 upwards, as rounding to the nearest does where it rounds up."""
    for node in model.graph.node:
        for one in node.attribute:
            if one.name == "nodes_values":
                up = np.nextafter(np.array(one.floats, dtype="f4"), np.float32(np.inf))
                one.floats[:] = up.tolist()


def test_a_threshold_that_is_one_bit_off_passes_every_evaluation_row_and_is_refused_here() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({name: random.normal(size=400).astype("f4") for name in "ab"})
    target = frame["a"] - frame["b"] ** 2 + random.normal(scale=0.1, size=400)
    tree = HistGradientBoostingRegressor(max_iter=20).fit(frame, target)
    one = _exported(tree, frame, REGRESSION)
    model = onnx.load_from_string(one.onnx)
    _moved_thresholds(model)
    fooled = Scorer(model.SerializeToString(), one.signature)
    fresh = pd.DataFrame({name: random.normal(size=2000).astype("f4") for name in "ab"})
    assert check(tree, fooled, fresh, atol=1e-4).ok
    assert _proof(tree, frame, REGRESSION).ok
    proof = _proof(tree, frame, REGRESSION, change=_moved_thresholds)
    assert not proof.ok
    told = figures(proof.asked.rows.kinds, proof.judged)["kinds"]
    assert isinstance(told, dict)
    wrong = {kind for kind, one_ in told.items() if isinstance(one_, dict) and one_["rows_over"]}
    assert {"threshold", "jump"} <= wrong
    assert len(proof.worst) == 10
    first = proof.worst[0]
    assert first.kind in ("threshold", "jump") and first.column in ("a", "b")
    # A spec that allows for it says how many rows may be so.
    share = float(proof.judged.breaches.mean())
    assert _proof(tree, frame, REGRESSION, change=_moved_thresholds, rows=share).ok
    assert not _proof(tree, frame, REGRESSION, change=_moved_thresholds, rows=share / 2).ok


def test_words_that_only_odd_rows_hold_are_compared() -> None:
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"x": random.normal(size=300).astype("f4")})
    frame["city"] = random.choice(["Köln", "Paris", "Rome"], 300)
    target = (frame["city"] == "Köln") ^ (frame["x"] > 0)
    columns = [("x", "passthrough", ["x"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    tree = Pipeline([("columns", ColumnTransformer(columns)), ("tree", DecisionTreeClassifier())])
    tree.fit(frame, target)

    def unknown_is_the_first(model: onnx.ModelProto) -> None:
        """Every unknown city becomes the first one, which no evaluation row shows."""
        (encoder,) = (node for node in model.graph.node if node.op_type == "OneHotEncoder")
        cities = ["Köln", "Paris", "Rome"]
        steps = [
            helper.make_node(
                "LabelEncoder",
                [encoder.input[0]],
                ["code"],
                domain="ai.onnx.ml",
                keys_strings=cities,
                values_int64s=[0, 1, 2],
                default_int64=0,
            ),
            helper.make_node(
                "LabelEncoder",
                ["code"],
                ["known"],
                domain="ai.onnx.ml",
                keys_int64s=[0, 1, 2],
                values_strings=cities,
            ),
        ]
        (domain,) = (one for one in model.opset_import if one.domain == "ai.onnx.ml")
        domain.version = 2
        encoder.input[0] = "known"
        nodes = list(model.graph.node)
        del model.graph.node[:]
        at = nodes.index(encoder)
        model.graph.node.extend([*nodes[:at], *steps, *nodes[at:]])

    assert _proof(tree, frame, BINARY).ok
    proof = _proof(tree, frame, BINARY, change=unknown_is_the_first)
    assert not proof.ok
    kinds = {one.kind for one in proof.worst}
    assert kinds <= {"unseen", "empty", "non-ASCII", "other case", "blank beside", "punctuation",
                     "long", "missing as text"}  # fmt: skip
    assert proof.judged.labels.any()


def test_rows_on_which_the_estimator_itself_raises_are_left_out_and_counted() -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"x": random.normal(size=200).astype("f4")})
    frame["city"] = random.choice(["a", "b"], 200)
    columns = [("x", "passthrough", ["x"]), ("c", OneHotEncoder(), ["city"])]
    strict = Pipeline([("columns", ColumnTransformer(columns)), ("line", LogisticRegression())])
    strict.fit(frame, frame["x"] > 0)
    proof = _proof(strict, frame, BINARY)
    assert proof.ok
    assert {"unseen", "empty", "non-ASCII"} <= proof.left_out.keys()
    assert not {"unseen", "empty"} & set(proof.asked.rows.kinds)
    assert "seen elsewhere" in proof.asked.rows.kinds


def test_prices_in_cents_behind_a_float64_scaler_are_refused_though_evaluation_rows_agree() -> None:
    random = np.random.default_rng(0)
    price = np.round(random.lognormal(3, 1, 4000), 2)
    frame = pd.DataFrame({"price": price, "count": random.integers(0, 50, 4000).astype(float)})
    target = np.log(price) + frame["count"] / 25 + random.normal(size=4000) > 4
    boosting = GradientBoostingClassifier(n_estimators=30, random_state=0)
    model = Pipeline([("scale", StandardScaler()), ("model", boosting)])
    # On float32, as the documentation says, there is nothing to refuse and nothing to excuse.
    single = frame.astype("float32")
    exact = _proof(model.fit(single[:2000], target[:2000]), single[2000:], BINARY)
    assert exact.ok and not exact.judged.shifted.any()
    model.fit(frame[:2000], target[:2000])
    held = frame[2000:]
    proof = _proof(model, held, BINARY)
    # Where no price can be, float32 is only counted.
    assert proof.judged.shifted.sum() > 20
    for one in proof.worst:
        value = one.inputs[one.column or "price"]
        assert isinstance(value, float) and np.float32(round(value, 2)) == np.float32(value)


def test_categorical_columns_keep_their_type_and_hold_no_other_value() -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame({"x": random.normal(size=300).astype("f4")})
    frame["city"] = pd.Categorical(random.choice(["Köln", "Rome"], 300))
    frame["floor"] = pd.Categorical(random.choice([1, 2, 5], 300))
    target = (frame["city"] == "Köln") ^ (frame["x"] > 0)
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = [("x", "passthrough", ["x"]), ("c", encoder, ["city"]), ("f", encoder, ["floor"])]
    tree = Pipeline([("columns", ColumnTransformer(columns)), ("tree", DecisionTreeClassifier())])
    tree.fit(frame, target)
    rows = _rows(tree, frame, BINARY)
    assert rows.frame["city"].dtype == frame["city"].dtype
    assert rows.frame["floor"].dtype == frame["floor"].dtype
    assert not rows.frame[["city", "floor"]].isna().any().any()
    assert set(rows.kinds) >= {"seen elsewhere", "mixed", "threshold"}
    proof = _proof(tree, frame, BINARY)
    assert proof.ok, proof.worst
