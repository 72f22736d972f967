"""A cron line is read field by field, as every cron reads it."""

import pytest

from mlgitops.core.specs.base import Wrong
from mlgitops.core.specs.crons import parse_cron


def test_names_ranges_steps_and_lists_are_numbers() -> None:
    cron = parse_cron("*/20 8-10,20 1,15 jan-MAR Mon-fri")
    assert cron.minutes == {0, 20, 40}
    assert cron.hours == {8, 9, 10, 20}
    assert cron.days == {1, 15}
    assert cron.months == {1, 2, 3}
    assert cron.weekdays == {1, 2, 3, 4, 5}
    assert (cron.any_day, cron.any_weekday) == (False, False)


def test_a_start_with_a_step_goes_to_the_end() -> None:
    assert parse_cron("5/20 * * * *").minutes == {5, 25, 45}


def test_sunday_is_zero_and_seven() -> None:
    assert parse_cron("0 0 * * 7").weekdays == parse_cron("0 0 * * SUN").weekdays == {0}


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("0 5 * * 1", True),
        ("0 0 29 2 *", True),
        ("0 0 30 2 *", False),
        ("0 0 31 4,6,9,11 *", False),
        ("0 0 31 4,5 *", True),
        # Either of the two days fits, so it fires on Mondays.
        ("0 0 30 2 MON", True),
    ],
)
def test_a_line_fires_when_its_days_exist(line: str, fires: bool) -> None:
    assert parse_cron(line).fires is fires


FIVE = (
    "a cron line has five fields: minute, hour, day of the month, month and day of the week; this "
    "one "
)


@pytest.mark.parametrize(
    ("line", "part", "message", "hint"),
    [
        (
            "60 * * * *",
            "60",
            "'60' is not a minute",
            "write 0 to 59, or * for each; also 1-5, */2 and 1,3",
        ),
        (
            "* 24 * * *",
            "24",
            "'24' is not an hour",
            "write 0 to 23, or * for each; also 1-5, */2 and 1,3",
        ),
        (
            "0 0 0 * *",
            "0",
            "'0' is not a day of the month",
            "write 1 to 31, or * for each; also 1-5, */2 and 1,3",
        ),
        (
            "0 0 L * *",
            "L",
            "'L' is not a day of the month",
            "write 1 to 31, or * for each; also 1-5, */2 and 1,3",
        ),
        (
            "0 0 * 13 *",
            "13",
            "'13' is not a month",
            "write 1 to 12, or JAN to DEC, or * for each; also 1-5, */2 and 1,3",
        ),
        (
            "0  0 * * MOM",
            "MOM",
            "'MOM' is not a day of the week",
            "write 0 to 7, or SUN to SAT, or * for each; also 1-5, */2 and 1,3",
        ),
        ("0 0 * * FRI-MON", "FRI-MON", "FRI-MON runs backwards", "write FRI-SAT,SUN-MON"),
        ("0 22-6 * * *", "22-6", "22-6 runs backwards", "write 22-23,0-6"),
        ("*/0 * * * *", "*/0", "*/0 goes in steps of 0", "write a step of 1 or more"),
        (
            "1,,2 * * * *",
            "1,,2",
            "'' is not a minute",
            "write 0 to 59, or * for each; also 1-5, */2 and 1,3",
        ),
        ("@daily", None, "@daily is not a cron line", 'write it as "0 0 * * *"'),
        ("@reboot", None, f"{FIVE}has 1", 'write it as "0 5 * * 1": at 05:00 on Mondays'),
        ("0 0 5 * * 1", None, f"{FIVE}has 6", 'write it as "0 5 * * 1": at 05:00 on Mondays'),
        ("", None, f"{FIVE}is empty", 'write it as "0 5 * * 1": at 05:00 on Mondays'),
    ],
)
def test_a_wrong_field_is_told_with_its_place(
    line: str, part: str | None, message: str, hint: str
) -> None:
    with pytest.raises(Wrong) as caught:
        parse_cron(line)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    span = caught.value.span
    assert (None if span is None else line[span[0] : sum(span)]) == part
