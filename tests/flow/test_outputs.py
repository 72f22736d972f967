"""Folders, numbers and promised rows on their way from step to step."""

from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed
from mlgitops.core.measures import Measure
from tests.flow.conftest import RunTiny, actions, seams_of
from tests.support import write

FOLDERS = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: folders
steps:
  - name: cut
    run: "steps:cut"
    outputs: {parts: directory}
  - name: turn
    command: [sh, -c, "for f in $0/*/*; do cat $f | tr a-z A-Z > $1/$(basename $f); done; echo '{\\"n\\": 2}' > $2",
      "{inputs.parts}", "{outputs.turned}", "{outputs.counts}"]
    inputs: {parts: cut.parts}
    outputs: {turned: directory, counts: json}
  - name: join
    run: "steps:join"
    inputs: {turned: turn.turned, parts: cut.parts}
    outputs: {all: text}
"""  # noqa: E501

STEPS = """\
from pathlib import Path


def cut():
    return {"x/one.txt": "one", "x/two.txt": "two"}


def join(turned, parts):
    (parts / "x/one.txt").write_text("mine to write to")
    return "".join(path.read_text() for path in sorted(turned.iterdir()))
"""


def test_folders_go_from_step_to_step(run_tiny: RunTiny, root: Path, said: list[str]) -> None:
    write(root, {"pipelines/folders/pipeline.yaml": FOLDERS, "pipelines/folders/steps.py": STEPS})
    result = run_tiny(pipeline="folders")
    records = {ran.decision.step: ran.record for ran in result.steps if ran.record is not None}
    store = seams_of(root, said).store
    assert store.read(records["join"].outputs["all"].digest) == b"ONETWO"
    parts = records["cut"].outputs["parts"]
    assert (parts.format, parts.size) == ("directory", 6)
    assert list(store.tree(parts.digest).files) == ["x/one.txt", "x/two.txt"]
    assert records["turn"].metrics == {"counts.n": Measure(value=2.0)}
    assert set(actions(run_tiny(pipeline="folders")).values()) == {"Reuse"}
    assert list(store.check()) == []


def test_a_command_that_leaves_its_folder_empty_fails(run_tiny: RunTiny, root: Path) -> None:
    spec = FOLDERS.replace("tr a-z A-Z > $1/$(basename $f)", "cat > /dev/null")
    write(root, {"pipelines/folders/pipeline.yaml": spec, "pipelines/folders/steps.py": STEPS})
    with pytest.raises(StepFailed, match="output 'turned': the folder is empty"):
        run_tiny(pipeline="folders")


PROMISED = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: promised
steps:
  - name: raw
    source: {type: file, path: raw.csv}
    outputs: {raw: {format: csv, contract: contracts/raw.yaml}}
  - name: copy
    command: [cp, "{inputs.raw}", "{outputs.rows}"]
    inputs: {raw: raw.raw}
    outputs: {rows: {format: csv, contract: contracts/raw.yaml}}
"""

CONTRACT = """\
apiVersion: mlgitops/v1
kind: Contract
name: raw
columns:
  n: {type: integer, max: 3}
"""


def test_a_contract_holds_and_a_changed_one_is_held_again(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    folder = "pipelines/promised"
    write(
        root,
        {
            f"{folder}/pipeline.yaml": PROMISED,
            f"{folder}/contracts/raw.yaml": CONTRACT,
            f"{folder}/raw.csv": "n\n1\n3\n",
        },
    )
    run_tiny(pipeline="promised")
    assert set(actions(run_tiny(pipeline="promised")).values()) == {"Reuse"}
    write(root, {f"{folder}/contracts/raw.yaml": f"# the same\n{CONTRACT}"})
    assert set(actions(run_tiny(pipeline="promised")).values()) == {"Reuse"}
    write(root, {f"{folder}/contracts/raw.yaml": CONTRACT.replace("max: 3", "max: 2")})
    for _ in range(2):
        with pytest.raises(StepFailed) as caught:
            run_tiny(pipeline="promised")
        assert (
            "output 'raw': the rows break the contract pipelines/promised/contracts/raw.yaml:\n"
            "  pipelines/promised/contracts/raw.yaml:5: n: "
            "1 of 2 rows has values above 2: row 2 (3)"
        ) in caught.value.message
    write(root, {f"{folder}/contracts/raw.yaml": CONTRACT.replace("max: 3", "max: 4")})
    assert set(actions(run_tiny(pipeline="promised")).values()) == {"Execute"}
    assert list(seams_of(root, said).store.check()) == []


PINNED = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: pinned
steps:
  - name: raw
    source: {type: python, run: "sources:raw"}
    outputs: {raw: {format: jsonl, contract: contracts/raw.yaml}}
"""


def test_a_snapshot_is_held_against_a_changed_contract_and_not_brought_in_again(
    run_tiny: RunTiny, root: Path
) -> None:
    folder = "pipelines/pinned"
    write(
        root,
        {
            f"{folder}/pipeline.yaml": PINNED,
            f"{folder}/contracts/raw.yaml": CONTRACT,
            f"{folder}/sources.py": "def raw(as_of): return [{'n': 1}, {'n': 3}]\n",
        },
    )
    run_tiny(pipeline="pinned")
    assert actions(run_tiny(pipeline="pinned")) == {"raw": "Reuse"}
    gone = "def raw(as_of): raise OSError('no such table any more')\n"
    write(root, {f"{folder}/sources.py": gone})
    write(root, {f"{folder}/contracts/raw.yaml": CONTRACT.replace("max: 3", "max: 2")})
    for _ in range(2):
        with pytest.raises(StepFailed, match=r"n: 1 of 2 rows has values above 2: row 2 \(3\)"):
            run_tiny(pipeline="pinned")
    write(root, {f"{folder}/contracts/raw.yaml": CONTRACT.replace("max: 3", "max: 4")})
    assert actions(run_tiny(pipeline="pinned")) == {"raw": "Execute"}
    assert actions(run_tiny(pipeline="pinned")) == {"raw": "Reuse"}
