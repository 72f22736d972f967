"""The error that a gate allows is spent once, however often one looks."""

from __future__ import annotations

import pytest

from mlgitops.core.looks import confidence, share


def test_all_looks_together_spend_what_is_allowed_and_the_first_one_most_of_it() -> None:
    shares = [share(look) for look in range(1, 10_001)]
    assert sum(shares) == pytest.approx(1, abs=1e-4) and sum(shares) < 1
    assert shares == sorted(shares, reverse=True)
    assert shares[:3] == pytest.approx([0.8, 0.1, 0.2 / 6])


def test_planned_looks_have_an_even_share_and_nothing_comes_after_them() -> None:
    assert [share(look, 4) for look in (1, 4, 5)] == [0.25, 0.25, 0.0]
    assert confidence(0.95, 1, 1) == 0.95
    assert confidence(0.95, 2, 1) == 1.0


def test_a_later_look_has_to_be_surer() -> None:
    assert [round(confidence(0.95, look), 4) for look in (1, 2, 3)] == [0.96, 0.995, 0.9983]
