"""One row an hour: what is known the evening before, when the vans for the next day are planned."""

from __future__ import annotations

import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

# By the hour in which each begins.
DAYPARTS = {0: "night", 6: "morning", 10: "midday", 16: "evening", 20: "late"}


def build(rides: pd.DataFrame, test_weeks: int) -> dict[str, pd.DataFrame]:
    """Return ``train`` and ``test``: the last ``test_weeks`` weeks are held out.

    Columns: id (the local hour, like 2011-10-01T08), count (the target), the model's features
    (see model.yaml), daypart and day_type, by which the model's errors are looked at, and day: the
    hours of one day are wrong together.
    """
    time = pd.to_datetime(rides["time"], format="%Y-%m-%dT%H")
    day = time.dt.normalize()
    hour = time.dt.hour
    holiday = day.isin(USFederalHolidayCalendar().holidays(day.min(), day.max()))
    features = pd.DataFrame(
        {
            "hour": hour // 3 * 3,  # vans go out in three-hour shifts
            "weekday": time.dt.day_of_week,
            "holiday": holiday,
            "tmin": rides["tmin"],  # the weather of the day stands for its forecast
            "tmax": rides["tmax"],
            "rain": rides["rain"],
            "recent_demand": recent_demand(rides["count"], day),
        }
    )
    daypart = pd.cut(hour, [*DAYPARTS, 24], right=False, labels=list(DAYPARTS.values()))
    day_off = (time.dt.day_of_week >= 5) | holiday
    # ONNX computes in float32: what the model learns from must be what it will be asked with.
    frame = features.astype("float32").assign(
        id=rides["time"],
        day=rides["time"].str[:10],
        count=rides["count"],
        daypart=daypart.astype(str),
        day_type=day_off.map({True: "day-off", False: "working-day"}),
    )
    known = features.notna().all(axis=1)  # the first days have no week behind them
    held_out = day > day.max() - pd.Timedelta(weeks=test_weeks)
    return {
        "train": frame[known & ~held_out].reset_index(drop=True),
        "test": frame[known & held_out].reset_index(drop=True),
    }


def recent_demand(count: pd.Series, day: pd.Series) -> pd.Series:
    """Return the mean count an hour over the seven days that end two days before each row's day.

    Yesterday's count is not out yet when tomorrow is planned.
    """
    daily = count.groupby(day).mean()
    return day.map(daily.shift(2).rolling(7).mean())
