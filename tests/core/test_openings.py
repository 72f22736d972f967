"""Windows: whether there is ever a minute in which something may change."""

import pytest

from mlgitops.core.openings import ever_open
from mlgitops.core.specs.environments import Windows


def windows(deny=(), allow=()):
    def some(lines):
        return [{"cron": cron, "duration": duration} for cron, duration in lines]

    return Windows.model_validate({"deny": some(deny), "allow": some(allow)})


@pytest.mark.parametrize(
    ("deny", "allow"),
    [
        ([("0 16 * * FRI", "64h")], []),
        ([("0 0 * * *", "1439m")], []),
        ([("0 0 * * *", "12h"), ("1 12 * * *", "12h")], []),
        ([("0 0 * * 1-5", "24h")], []),
        ([("0 0 * * *", "6h")], [("0 5 * * *", "2h")]),
        ([("0 0 1 1 *", "30d")], [("0 8 * * MON", "1h")]),
        ([("0 0 30 2 *", "24h")], []),
        ([], [("0 8 29 2 *", "1h")]),
        # Of days of the month and of the week either one does.
        ([("0 0 1-30 * MON", "24h")], []),
    ],
)
def test_there_is_a_time_to_change_something(deny, allow):
    assert ever_open(windows(deny, allow))


@pytest.mark.parametrize(
    ("deny", "allow"),
    [
        ([("0 0 * * *", "24h")], []),
        ([("0 0 * * *", "12h"), ("0 12 * * *", "12h")], []),
        ([("0 0 * * 1-5", "24h"), ("0 0 * * SAT,SUN", "1d")], []),
        ([("* * * * *", "1m")], []),
        ([("0 0 * * MON", "7d")], []),
        ([("0 0 1 * *", "31d")], []),
        ([("0 0 * * *", "6h")], [("0 3 * * *", "2h")]),
        ([("30 2 * * *", "5h")], [("0 3 * * *", "2h"), ("0 5 * * SUN", "150m")]),
    ],
)
def test_there_is_none(deny, allow):
    assert not ever_open(windows(deny, allow))
