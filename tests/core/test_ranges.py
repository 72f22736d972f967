"""Ranges and lists of values, as they are written on the command line."""

import pytest

from mlgitops.core.digests import JSON
from mlgitops.core.errors import UsageError
from mlgitops.core.ranges import assignment, value, values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1..4", (1, 2, 3, 4)),
        ("-1..1", (-1, 0, 1)),
        ("2023-11..2024-02", ("2023-11", "2023-12", "2024-01", "2024-02")),
        ("2024-02-28..2024-03-01", ("2024-02-28", "2024-02-29", "2024-03-01")),
        ("a,b, 3", ("a", "b", 3)),
        ("0.5", (0.5,)),
    ],
)
def test_a_range_has_both_its_ends(text: str, expected: tuple[JSON, ...]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3..1", "nothing in the range 3..1"),
        ("a..c", "no range"),
        ("2024-01..2024-01-05", "no range"),
        ("2024-13..2025-01", "2024-13 is no month"),
        ("2024-02-30..2024-03-01", "day is out of range"),
        ("1..100000000000", "more than 10,000 values"),
    ],
)
def test_what_is_no_range_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        values(text)


def test_a_value_is_json_or_a_word() -> None:
    assert [value(text) for text in ("8", "[1, 2]", "full", "true", '"8"', "NaN")] == [
        8,
        [1, 2],
        "full",
        True,
        "8",
        "NaN",
    ]
    assert assignment("a=b=c") == ("a", "b=c")
    for text in ("a", "=b", "a-b=c"):
        with pytest.raises(UsageError, match="no value of a param"):
            assignment(text)
