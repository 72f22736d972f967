"""The numbers of a release: over all rows and per slice, each with its interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from mlgitops.core.terms import Terms
from mlgitops.flow.evaluation import evaluation
from mlgitops.ml.labels import Scores


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(7)
    score = rng.uniform(0, 1, 3000)
    frame = pd.DataFrame(
        {
            "id": np.arange(3000),
            "late": (rng.uniform(0, 1, 3000) < score).astype(int),
            "airline": rng.choice(
                np.array(["AA", "UA", None], dtype=object), 3000, p=[0.6, 0.35, 0.05]
            ),
        }
    )
    frame.loc[0, "airline"] = "alone"
    scores = Scores(task="binary-classification", values=score)
    numbers = evaluation(
        frame,
        scores,
        ("0", "1"),
        Terms(
            target=("late",),
            row_id="id",
            metrics=("roc_auc", "brier"),
            leads="roc_auc",
            slices=("airline",),
        ),
    )
    return frame, score, numbers


def test_each_slice_has_the_metrics_of_its_rows_with_an_interval_around_them(judged):
    frame, score, numbers = judged
    found = numbers["slices"]["airline"]
    assert set(found) == {"AA", "UA", "(missing)", "alone"}
    for value in ("AA", "UA"):
        rows = (frame["airline"] == value).to_numpy()
        told = found[value]
        assert told["rows"] == rows.sum()
        auc, brier = told["metrics"]["roc_auc"], told["metrics"]["brier"]
        assert auc["value"] == pytest.approx(roc_auc_score(frame["late"][rows], score[rows]))
        assert brier["value"] == pytest.approx(brier_score_loss(frame["late"][rows], score[rows]))
        for one in (auc, brier):
            assert one["low"] < one["value"] < one["high"]
    wide = [found[value]["metrics"]["brier"] for value in ("(missing)", "AA")]
    assert wide[0]["high"] - wide[0]["low"] > 2 * (wide[1]["high"] - wide[1]["low"])


def test_what_one_row_does_not_define_is_nothing_and_not_a_number(judged):
    _, _, numbers = judged
    alone = numbers["slices"]["airline"]["alone"]
    assert alone["rows"] == 1
    assert alone["metrics"]["roc_auc"] is None
