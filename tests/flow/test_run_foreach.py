"""``foreach``: a step is as many steps as it has elements, and who reads it gets them in order."""

import json
from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, SpecError, StepFailed
from mlgitops.flow.plan import plan
from mlgitops.flow.run import RunResult, artifact
from tests.flow.conftest import RunTiny, actions, checkout_of, seams_of, workspace
from tests.support import write

PIPELINE = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: fan
params: {months: [1, 2, 3], times: 10}
steps:
  - {name: find, run: "steps:find", params: [months], outputs: {found: json}}
  - name: one
    run: "steps:one"
    foreach: {month: find.found}
    params: [times]
    outputs: {value: json}
  - {name: all, run: "steps:all_of", inputs: {values: one.value}, outputs: {total: json}}
"""
STEPS = """\
def find(months):
    return months


def one(month, times):
    return {"month": month, "value": month * times}


def all_of(values):
    return values
"""


@pytest.fixture(autouse=True)
def fan(root: Path) -> None:
    write(root, {"pipelines/fan/pipeline.yaml": PIPELINE, "pipelines/fan/steps.py": STEPS})


def change(root: Path, old: str, new: str, file: str = "pipeline.yaml") -> None:
    path = root / "pipelines/fan" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def total(root: Path, result: RunResult) -> object:
    [record] = [ran.record for ran in result.steps if ran.decision.step == "all"]
    assert record is not None
    return json.loads(seams_of(root, []).store.read(record.outputs["total"].digest))


def test_each_element_is_a_step_and_what_reads_them_gets_them_in_order(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    before = plan(seams_of(root, []), workspace(root), root, pipeline="fan")
    assert [(one.step, type(one).__name__) for one in before][1] == ("one", "Execute")
    assert "waits for find" in str(before[1])
    result = run_tiny(pipeline="fan")
    assert set(actions(result)) == {"find", "one[month=1]", "one[month=2]", "one[month=3]", "all"}
    assert total(root, result) == [
        {"month": 1, "value": 10},
        {"month": 2, "value": 20},
        {"month": 3, "value": 30},
    ]
    assert "fan.one: 3 elements" in said
    assert set(actions(run_tiny(pipeline="fan")).values()) == {"Reuse"}
    after = plan(seams_of(root, []), workspace(root), root, pipeline="fan")
    assert [one.step for one in after][1:4] == ["one[month=1]", "one[month=2]", "one[month=3]"]


def test_a_new_element_runs_alone_and_another_order_runs_what_gathers(
    run_tiny: RunTiny, root: Path
) -> None:
    run_tiny(pipeline="fan")
    change(root, "[1, 2, 3]", "[3, 1, 2, 4]")
    result = run_tiny(pipeline="fan")
    ran = {step for step, action in actions(result).items() if action == "Execute"}
    assert ran == {"find", "one[month=4]", "all"}
    values = total(root, result)
    assert isinstance(values, list)
    assert [one["month"] for one in values] == [3, 1, 2, 4]


def test_the_elements_are_a_list_in_the_spec_or_a_param(run_tiny: RunTiny, root: Path) -> None:
    change(root, "find.found", "params.months")
    assert "one[month=2]" in actions(run_tiny(pipeline="fan", until="one"))
    change(root, "params.months", "[{a: 1}, {a: 2}]")
    change(root, "month * times", "times", "steps.py")
    assert {"one[0]", "one[1]"} <= set(actions(run_tiny(pipeline="fan")))


def test_the_same_element_twice_is_worked_on_once(run_tiny: RunTiny, root: Path) -> None:
    change(root, "[1, 2, 3]", "[5, 5]")
    result = run_tiny(pipeline="fan", force=True)
    assert sorted(actions(result)[f"one[{place}]"] for place in (0, 1)) == ["Execute", "Reuse"]
    assert total(root, result) == [{"month": 5, "value": 50}] * 2


def test_no_element_is_an_empty_list(run_tiny: RunTiny, root: Path) -> None:
    change(root, "[1, 2, 3]", "[]")
    assert total(root, run_tiny(pipeline="fan")) == []


def test_what_is_no_list_and_a_failing_element_are_named(run_tiny: RunTiny, root: Path) -> None:
    change(root, "month * times", "times // (month - 2)", "steps.py")
    with pytest.raises(StepFailed, match=r"fan\.one\[month=2\] failed") as caught:
        run_tiny(pipeline="fan", keep_going=True)
    assert "month = 2" in str(caught.value)
    change(root, "return months", "return 3", "steps.py")
    with pytest.raises(SpecError, match=r"fan\.one: find\.found is no list"):
        run_tiny(pipeline="fan")


@pytest.mark.parametrize("text", ["[1,", "[NaN]", "[" * 100_000, "\\377"])
def test_what_a_command_writes_as_json_and_is_none_is_told_of(
    run_tiny: RunTiny, root: Path, text: str
) -> None:
    step = (
        '{name: find, command: [sh, -c, "printf \\"$0\\" > $1", "{params.text}",'
        ' "{outputs.found}"], params: [text], outputs: {found: json}}'
    )
    change(root, '{name: find, run: "steps:find", params: [months], outputs: {found: json}}', step)
    change(root, "times: 10", f"times: 10, text: {json.dumps(text)}")
    with pytest.raises(SpecError, match=r"find\.found is not the JSON that it is declared to be"):
        run_tiny(pipeline="fan")


def test_one_artifact_of_many_is_refused(root: Path, said: list[str]) -> None:
    with pytest.raises(Refused, match="one for each element"):
        artifact(checkout_of(seams_of(root, said), root), "fan", "one.value")


def test_a_command_gets_its_element_as_a_word_and_a_list_as_a_folder(
    run_tiny: RunTiny, root: Path
) -> None:
    change(
        root,
        """    run: "steps:one"
    foreach: {month: find.found}
    params: [times]
    outputs: {value: json}
""",
        """    command:
      [sh, -c, "echo $0$1 > $2", "{params.month}", "{params.times}", "{outputs.value}"]
    foreach: {month: find.found}
    params: [times]
    outputs: {value: text}
""",
    )
    change(
        root,
        'run: "steps:all_of", inputs: {values: one.value}, outputs: {total: json}',
        'command: [sh, -c, "cat $0/* > $1", "{inputs.values}", "{outputs.total}"],'
        " inputs: {values: one.value}, outputs: {total: bytes}",
    )
    result = run_tiny(pipeline="fan")
    [record] = [ran.record for ran in result.steps if ran.decision.step == "all"]
    assert record is not None
    assert seams_of(root, []).store.read(record.outputs["total"].digest) == b"110\n210\n310\n"


def test_frames_arrive_as_a_list_of_frames(run_tiny: RunTiny, root: Path) -> None:
    change(root, "outputs: {value: json}", "outputs: {value: parquet}")
    change(
        root, 'return {"month"', 'import pandas\n    return pandas.DataFrame({"month"', "steps.py"
    )
    change(root, "month * times}", "[month * times]})", "steps.py")
    change(root, "return values", "return [int(one['value'][0]) for one in values]", "steps.py")
    assert total(root, run_tiny(pipeline="fan")) == [10, 20, 30]


def test_an_element_remembers_what_it_was_made_of_last_time(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    result = run_tiny(pipeline="fan")
    elements = [ran.record.element for ran in result.steps if ran.record is not None]
    assert sorted(elements) == ["", "", "month=1", "month=2", "month=3"]
    change(root, "times: 10", "times: 20")
    run_tiny(pipeline="fan")
    assert "fan.one[month=2]: started: param times 10 → 20" in said


def test_the_entries_of_a_folder_are_its_partitions(run_tiny: RunTiny, root: Path) -> None:
    change(root, "outputs: {found: json}", "outputs: {found: directory}")
    change(
        root,
        "    return months",
        "    import pathlib\n"
        "    folder = pathlib.Path('parts')\n"
        "    for month in months:\n"
        "        (folder / f'm{month}').mkdir(parents=True)\n"
        "        (folder / f'm{month}' / 'value').write_text(str(month))\n"
        "    return folder",
        "steps.py",
    )
    change(root, '"value": month * times', '"value": (month / "value").read_text()', "steps.py")
    change(root, '{"month": month,', '{"month": month.name,', "steps.py")
    result = run_tiny(pipeline="fan")
    assert total(root, result) == [{"month": f"m{n}", "value": str(n)} for n in (1, 2, 3)]
    assert "one[month=m2]" in actions(result)
    change(root, "[1, 2, 3]", "[1, 2, 3, 4]")
    ran = {step for step, action in actions(run_tiny(pipeline="fan")).items() if action != "Reuse"}
    assert ran == {"find", "one[month=m4]", "all"}
