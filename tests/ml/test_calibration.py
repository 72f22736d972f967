"""Calibration: true probabilities are found true, and others what they are."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mlgitops.ml.calibration import calibration


def drawn(slope: float, seed: int, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose true logit is ``slope`` times what is said."""
    random = np.random.default_rng(seed)
    said = random.normal(0, 1.5, n)
    truth = random.uniform(size=n) < 1 / (1 + np.exp(-slope * said))
    return truth.astype(float), 1 / (1 + np.exp(-said))


def test_the_line_is_that_of_a_logistic_regression() -> None:
    truth, p = drawn(0.6, 0)
    found = calibration(truth, p).line
    assert found is not None
    logit = np.log(p / (1 - p)).reshape(-1, 1)
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit, truth)
    assert found.slope[0] == pytest.approx(other.coef_[0, 0], abs=1e-4)
    assert found.intercept[0] == pytest.approx(other.intercept_[0], abs=1e-4)


def test_intervals_of_the_line_cover_the_truth() -> None:
    inside = 0
    for seed in range(200):
        line = calibration(*drawn(0.8, seed, 500)).line
        assert line is not None
        inside += line.slope[1] <= 0.8 <= line.slope[2]
    assert 180 <= inside <= 199


def test_rows_that_belong_together_widen_it() -> None:
    truth, p = drawn(1.0, 1, 400)
    alone = calibration(truth, p).line
    twice = calibration(np.repeat(truth, 4), np.repeat(p, 4), np.repeat(np.arange(400), 4)).line
    assert alone is not None and twice is not None
    assert twice.slope[2] - twice.slope[1] == pytest.approx(alone.slope[2] - alone.slope[1])


def test_bins_hold_like_many_rows_and_never_tear_equal_ones_apart() -> None:
    truth, p = drawn(1.0, 2)
    found = calibration(truth, p)
    assert len(found.bins) == 10 and {one.rows for one in found.bins} == {200}
    assert sum(one.observed_low <= one.predicted <= one.observed_high for one in found.bins) >= 8
    assert found.error < 0.05
    rounded = calibration(truth, p.round(1))
    assert sum(one.rows for one in rounded.bins) == 2000
    means = [one.predicted for one in rounded.bins]
    assert means == sorted(set(means))
    order = np.random.default_rng(0).permutation(2000)
    again = calibration(truth[order], p.round(1)[order])
    assert [one.observed for one in again.bins] == pytest.approx(
        [one.observed for one in rounded.bins]
    )
    assert calibration(*drawn(0.4, 3)).error > 0.1


def test_what_has_no_line_has_a_reason() -> None:
    p = np.linspace(0.01, 0.99, 100)
    assert "one class" in str(calibration(np.zeros(100), p).reason)
    assert "equal" in str(calibration((p > 0.5).astype(float), np.full(100, 0.5)).reason)
    assert "fewer than 30" in str(calibration(np.array([0.0, 1.0]), np.array([0.2, 0.9])).reason)
    apart = calibration((p > 0.5).astype(float), p)
    assert apart.line is None and "without a mistake" in str(apart.reason)
