"""The error that a gate allows is spent once, however often one looks."""

from __future__ import annotations

import pytest

from mlgitops.core.looks import confidence, share


def test_all_looks_together_spend_what_is_allowed_and_the_first_one_most_of_it() -> None:
    shares = [share(look) for look in range(1, 10_001)]
    assert sum(shares) == pytest.approx(1, abs=1e-4) and sum(shares) < 1
    assert shares == sorted(shares, reverse=True)
    assert shares[:3] == pytest.approx([0.8, 0.1, 0.2 / 6])


def test_a_later_look_has_to_be_surer() -> None:
    assert [round(confidence(0.95, look), 4) for look in (1, 2, 3)] == [0.96, 0.995, 0.9983]
