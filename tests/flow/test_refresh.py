"""Snapshots: a source is asked once; again only for the rows that are pinned, or by `refresh`."""

import shutil
from pathlib import Path

import pytest

from mlgitops.core.errors import StoreError, UsageError
from mlgitops.flow.refresh import refresh, snapshot
from mlgitops.flow.run import artifact
from tests.flow.conftest import RunTiny, actions, checkout_of, edit, seams_of, workspace
from tests.support import write

PIN = "pipelines/tiny/snapshots/rows.yaml"


def test_refresh_pins_new_rows_and_leaves_the_same_ones_alone(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    run_tiny()
    before = (root / PIN).read_text()
    same = refresh(seams_of(root, said), workspace(root), root, "tiny", as_of="2026-02-01")
    assert [one.wrote for one in same] == [False]
    assert (root / PIN).read_text() == before

    (moved,) = refresh(
        seams_of(root, said), workspace(root), root, "tiny", "rows", as_of="2025-12-11"
    )
    assert moved.wrote
    assert moved.old is not None
    assert (moved.old.rows, moved.new.rows, moved.new.as_of) == (20, 10, "2025-12-11")
    assert workspace(root).snapshots["tiny", "rows"].spec == moved.new
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Reuse"}


def test_refresh_without_a_moment_asks_as_of_now(root: Path, said: list[str]) -> None:
    (first,) = refresh(seams_of(root, said), workspace(root), root, "tiny")
    assert first.old is None
    assert first.new.as_of == "2026-01-05T09:00:00Z"
    with pytest.raises(UsageError, match="no source 'features'"):
        refresh(seams_of(root, said), workspace(root), root, "tiny", "features")
    with pytest.raises(UsageError, match="no pipeline 'tinny'"):
        refresh(seams_of(root, said), workspace(root), root, "tinny")


def test_a_snapshot_is_stored_before_anybody_pins_it(root: Path, said: list[str]) -> None:
    seams = seams_of(root, said)
    pin, text = snapshot(seams, workspace(root), root, "tiny", "rows", "2025-12-11")
    assert seams.store.has(pin.digest)  # type: ignore[arg-type]
    assert not (root / PIN).exists()
    write(root, {PIN: text.decode()})
    assert workspace(root).snapshots["tiny", "rows"].spec == pin
    rows = artifact(checkout_of(seams, root), "tiny", "rows.rows")
    assert rows.digest == pin.digest
    assert rows.record.parts.as_of == "2025-12-11"


def lose_the_store(root: Path) -> None:
    shutil.rmtree(root / ".mlgitops")


def test_pinned_bytes_that_are_gone_are_brought_in_again(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    first = run_tiny()
    lose_the_store(root)
    again = run_tiny()
    assert "asked again as of 2026-01-01" in said[0]
    assert actions(again) == {"rows": "Execute", "features": "Execute", "train": "Execute"}
    assert first.records.keys() == again.records.keys()
    for step, record in first.records.items():
        assert record.outputs == again.records[step].outputs


def test_a_source_that_gives_other_rows_for_the_same_moment_is_refused(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    lose_the_store(root)
    edit(root, "sources.py", "< day]", "< day][1:]")
    with pytest.raises(StoreError, match="it gave 19 rows") as caught:
        run_tiny()
    assert "and pipelines/tiny/snapshots/rows.yaml says 20 rows" in caught.value.message
    assert "mlgitops refresh tiny --source rows" in str(caught.value.hint)


def test_a_pin_alone_is_enough_where_its_bytes_are_in_the_store(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny()
    shutil.rmtree(root / ".mlgitops/store/keys")
    again = run_tiny()
    assert actions(again) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}


FRAMES = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: frames
steps:
  - name: rows
    source: {type: python, run: "steps:rows", as_of: "2025-12-20"}
    outputs: {rows: parquet}
  - name: train
    run: "steps:fit"
    inputs: {rows: rows.rows}
    outputs: {model: estimator, table: csv}
  - name: judge
    run: "steps:judge"
    inputs: {rows: rows.rows, model: train.model, table: train.table}
    outputs: {score: json}
"""

STEPS = """\
def rows(as_of):
    import pandas as pd

    days = pd.date_range("2025-12-01", as_of.date(), freq="D", tz="UTC")
    return pd.DataFrame({"day": days, "x": days.day.astype("float32"), "kind": ["a", None] * 10})


def fit(rows):
    from sklearn.tree import DecisionTreeRegressor

    model = DecisionTreeRegressor(random_state=1).fit(rows[["x"]], rows["x"] * 2)
    return {"model": model, "table": rows[["day", "x"]]}


def judge(rows, model, table):
    return {"score": float(model.score(rows[["x"]], rows["x"] * 2)), "rows": len(table)}
"""


def test_frames_and_estimators_go_from_step_to_step_without_pickle(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    write(root, {"pipelines/frames/pipeline.yaml": FRAMES, "pipelines/frames/steps.py": STEPS})
    first = run_tiny(pipeline="frames")
    records = first.records
    rows = records["rows"].outputs["rows"]
    assert (rows.rows, rows.columns) == (20, ("day", "x", "kind"))
    assert rows.content is not None
    assert records["train"].outputs["model"].types == ("sklearn.tree._tree.Tree",)
    lock = records["train"].parts.lock
    assert {"scikit-learn", "numpy", "pandas", "pyarrow", "skops"} <= lock.keys()
    assert "httpx" not in lock
    store = seams_of(root, said).store
    assert (
        store.read(records["judge"].outputs["score"].digest)
        == b'{\n "rows": 20,\n "score": 1.0\n}\n'
    )

    forced = run_tiny(pipeline="frames", until="train", force=True)
    assert forced.records["train"].outputs == records["train"].outputs

    # The same rows in other bytes, as another version of the writer would make them.
    pin = root / "pipelines/frames/snapshots/rows.yaml"
    pin.write_text(pin.read_text().replace(rows.digest, "sha256:" + "0" * 64))
    lose_the_store(root)
    run_tiny(pipeline="frames", until="rows")
    assert "  note: the same rows in other bytes: another version wrote the file" in said
    assert actions(run_tiny(pipeline="frames", until="rows")) == {"rows": "Reuse"}
