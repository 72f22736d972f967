"""A part of the matrix of `benchmarks/export.py`: nothing passes that answers otherwise."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from benchmarks import export as matrix
from benchmarks.pipelines import pipelines

pytest.importorskip("lightgbm")
pytest.importorskip("xgboost")

PARTS = ("/ wine", "/ iris", "/ diabetes")
CASES = {name: (data, make) for name, data, make in pipelines() if name.endswith(PARTS)}
FOUND = set(matrix.FOUND.read_text(encoding="utf-8").splitlines())
# Their search takes long; the whole matrix has them.
SLOW = {"gaussian-process / diabetes", "theil-sen / diabetes"}


@pytest.mark.parametrize("name", sorted(CASES.keys() - SLOW))
@pytest.mark.filterwarnings("ignore")
def test_a_pipeline_is_released_when_it_can_be_and_never_answers_otherwise(name: str) -> None:
    data, make = CASES[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcome, why = matrix.Case(data, make).outcome()
    assert outcome == "released" if name in FOUND else outcome == "refused", why
    if outcome == "refused":
        _, _, hint = why.partition(" → ")
        assert len(hint) > 20, why


def test_the_list_names_pipelines_that_exist() -> None:
    every: list[tuple[str, str, Any]] = list(pipelines())
    assert len({name for name, _, _ in every}) == len(every) >= 150
    assert {name for name, _, _ in every} >= FOUND
