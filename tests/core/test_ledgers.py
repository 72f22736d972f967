"""Records of the ledger: the same gives the same, and what was edited is no record."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.ledgers import from_bytes, record, to_bytes

AT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
BODY: dict[str, JSON] = {"model": "churn", "verdict": "healthy", "auc": 0.91, "why": ["ü"]}


def test_a_record_comes_back_as_it_was_made() -> None:
    one = record("monitor", BODY, AT)
    assert one.path.startswith("monitor/2026/12/31/")
    assert one.ref == "refs/mlgitops/ledger/2026"
    assert not one.signed
    assert from_bytes(one.path, to_bytes(one)) == one


def test_the_time_is_told_in_utc_so_a_record_has_one_place() -> None:
    berlin = timezone(timedelta(hours=2))
    assert record("monitor", BODY, AT.astimezone(berlin)) == record("monitor", BODY, AT)


def test_whatever_differs_gives_another_record() -> None:
    made = {
        record("monitor", BODY, AT).path,
        record("deploy", BODY, AT).path,
        record("monitor", {**BODY, "auc": 0.92}, AT).path,
        record("monitor", BODY, AT + timedelta(microseconds=1)).path,
    }
    assert len(made) == 4


def test_a_record_that_was_edited_or_moved_is_none() -> None:
    one = record("monitor", BODY, AT)
    data = to_bytes(one)
    assert from_bytes(one.path, data.replace(b"healthy", b"degraded")) is None
    assert from_bytes(one.path.replace("/31/", "/30/"), data) is None
    assert from_bytes(one.path.replace("monitor/", "deploy/"), data) is None
    assert from_bytes("monitor/2026/12/31/x.json", data) is None


def test_nobody_makes_a_record_signed_by_saying_so() -> None:
    one = record("monitor", BODY, AT)
    value = json.loads(to_bytes(one))
    for signed in (True, "yes", 1, None):
        assert from_bytes(one.path, json.dumps({**value, "signed": signed}).encode()) is None


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b"\xff", b'{"format": 1}', b"[" * 100_000])
def test_what_is_no_record_is_none(data: bytes) -> None:
    assert from_bytes(record("monitor", BODY, AT).path, data) is None


def test_what_cannot_be_recorded_is_refused() -> None:
    for kind in ("", "Monitor", "../monitor", "a b"):
        with pytest.raises(UsageError):
            record(kind, BODY, AT)
    with pytest.raises(UsageError):
        record("monitor", BODY, AT.replace(tzinfo=None))
    with pytest.raises(MlgitopsError):
        record("monitor", {"auc": float("nan")}, AT)
