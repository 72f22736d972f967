"""Deciding: reuse what is known and there, else say why not."""

import json
from dataclasses import replace

from mlgitops.core.digests import of_bytes
from mlgitops.core.keys import Parts, key_of
from mlgitops.core.measures import Measure
from mlgitops.core.plans import Execute, Known, Reuse, decide, to_json, waits
from mlgitops.core.records import Output, Record, from_bytes, to_bytes

PARTS = Parts(kind="run", words=("train:fit",), params={"seed": 7})
KEY = key_of(PARTS)
RECORD = Record(
    pipeline="p",
    step="train",
    key=KEY,
    parts=PARTS,
    outputs={
        "model": Output(digest=of_bytes(b"m"), format="estimator", size=1, types=("a.B",)),
        "rows": Output(
            digest=of_bytes(b"r"),
            format="parquet",
            size=2,
            rows=3,
            columns=("x", "é"),
            content=of_bytes(b"c"),
        ),
    },
    started_at="2026-01-05T09:00:00Z",
    wall=1.5,
    cpu=1.25,
    peak_memory=1 << 20,
    log=of_bytes(b"log"),
    undeclared=("data/x.csv at train.py:3",),
    unseen=("train.py:9: import_module() of a name that is not written there",),
    metrics={"model.auc": Measure(value=0.75, low=0.5, high=1.0), "model.n": Measure(value=3.0)},
    network=("example.com:443 at train.py:4",),
    attempts=2,
)


def test_known_work_is_reused_with_what_its_key_could_not_see() -> None:
    decision = decide("p", "train", KEY, PARTS, Known(record=RECORD))
    assert isinstance(decision, Reuse)
    assert decision.record is RECORD
    assert "data/x.csv at train.py:3" in decision.notes[0]
    assert "undeclared-input" in decision.notes[0]
    assert "import_module" in decision.notes[1]


def because(known: Known, parts: Parts = PARTS) -> tuple[str, ...]:
    decision = decide("p", "train", key_of(parts), parts, known)
    assert isinstance(decision, Execute)
    return decision.because


def test_work_is_done_for_a_reason() -> None:
    older = replace(RECORD, parts=replace(PARTS, params={"seed": 6}))
    assert because(Known(record=None)) == ("never ran",)
    assert because(Known(record=None, latest=older)) == ("param seed 6 → 7",)
    assert because(Known(record=None, latest=RECORD)) == ("its record is gone",)
    assert because(Known(record=RECORD, missing=("model",))) == ("the bytes of model are gone",)


def test_a_step_behind_one_that_runs_waits() -> None:
    decision = waits("p", "train", ["features", "rows"])
    assert decision.key is None
    assert to_json(decision)["because"] == ["waits for features, rows"]
    assert to_json(decision)["action"] == "execute"


def test_a_record_survives_the_store() -> None:
    assert from_bytes(to_bytes(RECORD)) == RECORD


def test_a_record_of_an_earlier_version_is_read() -> None:
    value = json.loads(to_bytes(RECORD))
    for name in ("metrics", "network", "attempts"):
        del value[name]
    assert from_bytes(json.dumps(value).encode()) == replace(
        RECORD, metrics={}, network=(), attempts=1
    )
