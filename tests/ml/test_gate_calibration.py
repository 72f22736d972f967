"""The benchmark of the gate in small: loose bounds, so that only a wrong gate breaks them.

`benchmarks/gate.py` has the figures of docs/statistics.md, with ten to forty times the replicates.
"""

from __future__ import annotations

import pytest

from benchmarks.gate import CASES, PIECES, family, kept, looked, needed, part, simulate, text, upper


class Here:
    """A pool without processes."""

    def map(self, function, jobs, chunksize):
        return [function(job) for job in jobs]


@pytest.mark.parametrize("name", CASES)
def test_of_400_models_that_are_worse_by_the_margin_about_one_in_25_passes(name: str) -> None:
    found = part(name, 500, 400, seed=20)
    # 4 % at the first look: three standard errors are 2.9 points.
    assert found["first"] / 400 <= 0.07
    assert found["passed"] / 400 <= 0.085
    assert min(found["single"], found["both"]) / 400 >= 0.92
    assert found["paired"] < 0.8 * found["separate"]
    assert found["equal"] / found["equals"] > 0.2


def test_five_looks_let_a_bad_model_pass_no_more_often_than_one() -> None:
    found = looked("rmse", 1000, 300, seed=20)
    assert found["naive"] / 300 > 0.09
    assert found["spent"] / 300 <= 0.07


@pytest.mark.parametrize("name", ["log_loss", "rmse heavy"])
def test_equal_models_pass_with_the_rows_that_were_asked_for(name: str) -> None:
    found = needed(name, 400, seed=20)
    assert found["asked"] > 50
    assert found["passed"] / found["asked"] > 0.72


def test_slices_err_no_more_often_than_one_comparison() -> None:
    found = family(1000, 200, seed=20)
    assert found["passed"] / 200 <= 0.08
    assert found["holm"] / 200 <= 0.09 < 0.2 < found["alone"] / 200


def test_the_benchmark_prints_its_tables_and_says_whether_they_are_kept() -> None:
    found = simulate(Here(), ["accuracy"], (100, 1000), 2 * PIECES)
    found["seconds"] = 1.0
    assert [one["rows"] for one in found["cells"]] == [100, 1000]
    assert "| accuracy | 1,000 | 40 |" in text(found)
    # Sixteen replicates prove nothing, and nothing that is not proved is kept.
    assert kept(found) is False
    assert upper(0, 1) == pytest.approx(0.95) and upper(5, 5) == 1.0
