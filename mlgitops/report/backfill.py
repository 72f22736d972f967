"""What came of each value of a backfill: as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Final

from mlgitops.core.digests import JSON, canonical
from mlgitops.flow.backfill import Backfill, Pass
from mlgitops.report.plan import run_json
from mlgitops.report.tables import Cell, Paint, plain, table

_COLUMNS: Final = ("ran", "reused", "skipped")
_KINDS: Final = {"Execute": "ran", "Reuse": "reused", "Skip": "skipped"}


def page(done: Backfill, paint: Paint = plain) -> str:
    """Return one line for each value."""
    rows = [_row(one) for one in done.passes]
    return table((done.param, *_COLUMNS, "seconds", "state"), rows, paint)


def backfill_json(done: Backfill) -> JSON:
    """Return ``{"param": …, "passes": [{"value", "missing", "steps"}]}``."""
    return {
        "param": done.param,
        "passes": [
            {
                "value": one.value,
                "missing": list(one.missing),
                "steps": run_json([(ran.decision, ran.record, ran.seconds) for ran in one.steps])[
                    "steps"
                ],
            }
            for one in done.passes
        ],
    }


def _row(one: Pass) -> tuple[Cell, ...]:
    counts = Counter(_KINDS[type(ran.decision).__name__] for ran in one.steps)
    text = one.value if isinstance(one.value, str) else canonical(one.value).decode()
    seconds = sum(ran.seconds for ran in one.steps)
    state: Cell = ("done", "good")
    if one.missing:
        state = (f"without {', '.join(one.missing)}", "bad")
    return (text, *(str(counts[name]) for name in _COLUMNS), f"{seconds:.1f}", state)
