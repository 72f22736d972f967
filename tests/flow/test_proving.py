"""A breach on adversarial rows is told with the ten worst, each with its kind and column."""

from __future__ import annotations

import numpy as np
import onnx
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from mlgitops.flow.proving import breach
from mlgitops.ml import beside
from mlgitops.ml.export import export
from mlgitops.ml.parity import asker, estimate
from mlgitops.ml.scoring import Scorer
from tests.ml.models import REGRESSION


def test_the_ten_worst_rows_are_named_with_what_is_odd_about_them() -> None:
    frame = pd.DataFrame({"sun": np.linspace(0, 10, 500, dtype="float32")})
    tree = DecisionTreeRegressor(max_depth=4).fit(frame, frame["sun"] ** 2)
    exported = export(tree, frame, task=REGRESSION, row_id=None, tolerance=1e-4)
    model = onnx.load_from_string(exported.onnx)
    for node in model.graph.node:
        for one in node.attribute:
            if one.name == "nodes_values":
                up = np.nextafter(np.array(one.floats, dtype="f4"), np.float32(np.inf))
                one.floats[:] = up.tolist()
    broken = model.SerializeToString()
    truth = estimate(tree, frame, REGRESSION)
    allowed = beside.tolerance(frame, exported.signature, truth, atol=1e-4, rtol=0, rows=0)
    scorer = Scorer(broken, exported.signature)
    found = beside.check(frame, scorer, asker(tree, REGRESSION), broken, allowed)
    told = breach("yield", found)
    lines = told.message.splitlines()
    assert "adversarial rows otherwise (threshold)" in lines[0]
    assert len(lines) == 11
    assert all(line.startswith("  threshold, sun: ") for line in lines[1:])
    assert "estimator" in lines[1] and "ONNX" in lines[1] and "'sun':" in lines[1]
    assert told.hint is not None and "export.parity.adversarial" in told.hint
