"""Running: known work is reused, other work is done once, and a failure says what to do."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, SpecError, StepFailed, TryLater, UsageError
from mlgitops.executor.process import ProcessExecutor
from mlgitops.flow.run import artifact, run
from mlgitops.flow.seams import Seams
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
from tests.support import git, write

ALL = {"rows": "Execute", "features": "Execute", "train": "Execute"}
NONE = {"rows": "Reuse", "features": "Reuse", "train": "Reuse"}


def test_running_again_does_nothing_and_says_so(run_tiny: RunTiny, said: list[str]) -> None:
    first = run_tiny()
    assert actions(first) == ALL
    assert said[-1].startswith("3 steps ran, 0 reused, in ")
    again = run_tiny()
    assert actions(again) == NONE
    assert said[-1] == "nothing to do: 3 steps are up to date"
    assert [ran.record for ran in again.steps] == [ran.record for ran in first.steps]


def test_a_comment_runs_nothing_again(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "def build", "# a comment\ndef build")
    edit(root, "helper.py", "def number(row):", 'def number(row):\n    """A docstring."""')
    write(root, {"pipelines/tiny/unrelated.py": "x = 1\n", "README.md": "# More\n"})
    assert actions(run_tiny()) == NONE


def test_one_line_of_features_runs_it_and_what_depends_on_it(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "values[1:keep]")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}
    assert "tiny.features: started: code of features.py changed" in said
    assert "tiny.train: started: input train changed" in said


def test_a_helper_of_a_helper_counts(run_tiny: RunTiny, root: Path, said: list[str]) -> None:
    run_tiny()
    edit(root, "helper.py", "int(row['count'])", "2 * int(row['count'])")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}
    assert "tiny.features: started: code of helper.py changed" in said


def test_the_same_bytes_stop_the_change(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "features.py", "values[:keep]", "list(values[:keep])")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Reuse"}


def test_going_back_runs_nothing(run_tiny: RunTiny, root: Path) -> None:
    run_tiny()
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Reuse", "train": "Execute"}
    edit(root, "pipeline.yaml", "seed: 8", "seed: 7")
    assert actions(run_tiny()) == NONE


def test_until_runs_a_step_and_what_it_needs(run_tiny: RunTiny, said: list[str]) -> None:
    assert actions(run_tiny(until="features")) == {"rows": "Execute", "features": "Execute"}
    with pytest.raises(UsageError, match="no step 'feature'") as caught:
        run_tiny(until="feature")
    assert caught.value.hint == "did you mean 'features'?"
    with pytest.raises(UsageError, match="no pipeline 'tinny'"):
        run_tiny(pipeline="tinny")


def test_force_runs_all_but_the_sources(run_tiny: RunTiny) -> None:
    run_tiny()
    assert actions(run_tiny(force=True)) == {
        "rows": "Reuse",
        "features": "Execute",
        "train": "Execute",
    }


def test_a_record_says_what_it_was_made_of_and_what_it_cost(run_tiny: RunTiny) -> None:
    records = {ran.decision.step: ran.record for ran in run_tiny().steps}
    features = records["features"]
    assert features.parts.code.keys() == {"features.py", "helper.py"}
    assert features.parts.params == {"keep": 8}
    assert features.parts.inputs["rows"].digest == records["rows"].outputs["rows"].digest
    assert features.started_at == "2026-01-05T09:00:00Z"
    assert 0 < features.cpu < 60
    assert features.peak_memory > 1_000_000


def test_a_first_run_of_a_source_writes_its_pin_and_says_so(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    record = next(ran.record for ran in run_tiny().steps)
    path = "pipelines/tiny/snapshots/rows.yaml"
    assert f"  note: wrote {path}: 20 rows as of 2026-01-01; commit it" in said
    assert record.outputs["rows"].digest in (root / path).read_text()
    pin = workspace(root).snapshots["tiny", "rows"].spec
    assert (pin.as_of, pin.digest) == ("2026-01-01", record.outputs["rows"].digest)
    assert git(root, "status", "--porcelain") == "?? pipelines/tiny/snapshots/"


def test_in_ci_a_missing_pin_is_refused(root: Path, said: list[str]) -> None:
    with pytest.raises(Refused, match=r"no pipelines/tiny/snapshots/rows\.yaml"):
        run(seams_of(root, said, ci=True), workspace(root), root)
    assert not (root / "pipelines/tiny/snapshots").exists()


def test_an_undeclared_read_is_named(run_tiny: RunTiny, root: Path, said: list[str]) -> None:
    write(root, {"pipelines/tiny/weights.json": "[1, 2]"})
    edit(
        root,
        "features.py",
        "    values =",
        "    open(__file__[:-11] + 'weights.json')\n    values =",
    )
    note = (
        "  note: read pipelines/tiny/weights.json at pipelines/tiny/features.py:5,"
        " which is not among its inputs (undeclared-input)"
    )
    result = run_tiny()
    assert note in said
    record = next(ran.record for ran in result.steps if ran.decision.step == "features")
    assert record.undeclared == ("pipelines/tiny/weights.json at pipelines/tiny/features.py:5",)
    run_tiny()
    assert note in said  # the result is reused, and the doubt with it


FAILED = """\
tiny.features failed after SECONDS s: KeyError: 'cuont'

Traceback (most recent call last):
  File "pipelines/tiny/features.py", line 6, in build
    values = [number(row) for row in rows]
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "pipelines/tiny/features.py", line 6, in <listcomp>
    values = [number(row) for row in rows]
              ^^^^^^^^^^^
  File "pipelines/tiny/helper.py", line 2, in number
    return int(row['cuont'])
               ~~~^^^^^^^^^
KeyError: 'cuont'

what it printed (LOG):
  20 rows

it was given:
  rows = rows.rows (json, 20 rows, DIGEST)
  keep = 8"""


def test_a_failure_shows_the_users_lines_the_inputs_and_how_to_repeat_it(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    import re
    import sys

    edit(root, "helper.py", "'count'", "'cuont'")
    edit(root, "features.py", "    values", "    print(len(rows), 'rows')\n    values")
    with pytest.raises(StepFailed) as caught:
        run_tiny()
    message = re.sub(r"after \d+\.\d s", "after SECONDS s", caught.value.message)
    message = re.sub(r"printed \(/.*\)", "printed (LOG)", message)
    message = re.sub(r"[0-9a-f]{12}", "DIGEST", message)
    if sys.version_info[:2] == (3, 11):
        assert message == FAILED
    assert caught.value.hint == ("after a change, run it alone: mlgitops run tiny --until features")
    assert "tiny.features: failed" in said
    edit(root, "helper.py", "'cuont'", "'count'")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}


def test_beside_a_failure_what_runs_ends_and_nothing_starts(
    run_tiny: RunTiny, root: Path, tmp_path: Path
) -> None:
    # `slow` starts while `bad` lives, and ends after it: each waits for the other.
    flags = repr(str(tmp_path))
    write(
        root,
        {
            "pipelines/pair/pipeline.yaml": (
                "apiVersion: mlgitops/v1\nkind: Pipeline\nname: pair\nsteps:\n"
                '  - {name: bad, run: "both:bad", outputs: {out: json}}\n'
                '  - {name: slow, run: "both:slow", outputs: {out: json}}\n'
                '  - {name: after, run: "both:after", inputs: {x: slow.out}, outputs: {o: json}}\n'
            ),
            "pipelines/pair/both.py": (
                "import os, time\nfrom pathlib import Path\n\n"
                f"FLAGS = Path({flags})\n\n\n"
                "def wait(name):\n"
                "    while not (FLAGS / name).exists(): time.sleep(0.01)\n\n\n"
                "def bad():\n    wait('slow')\n    (FLAGS / 'bad').touch()\n    1 / 0\n\n\n"
                "def slow():\n    (FLAGS / 'slow').touch()\n    wait('bad')\n    time.sleep(0.3)\n"
                "    return 1\n\n\n"
                "def after(x):\n    (FLAGS / 'after').touch()\n"
            ),
        },
    )
    with pytest.raises(StepFailed, match="ZeroDivisionError"):
        run_tiny(pipeline="pair", jobs=2)
    assert not (tmp_path / "after").exists()
    result = run_tiny(pipeline="pair", until="slow")
    assert actions(result) == {"slow": "Reuse"}


def test_two_runs_at_once_do_the_work_once(root: Path) -> None:
    edit(root, "features.py", "    values", "    import time; time.sleep(0.5)\n    values")
    edit(root, "train.py", "    return", "    import time; time.sleep(0.5)\n    return")
    results, lines, specs = [], [list[str](), list[str]()], workspace(root)

    def once(said: list[str]) -> None:
        results.append(run(seams_of(root, said), specs, root))

    threads = [threading.Thread(target=once, args=(said,)) for said in lines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2
    done = [line for said in lines for line in said if ": done in" in line]
    assert sorted(line.partition(":")[0] for line in done) == [
        "tiny.features",
        "tiny.rows",
        "tiny.train",
    ]
    one, other = results
    assert {ran.decision.step: ran.record for ran in one.steps} == {
        ran.decision.step: ran.record for ran in other.steps
    }


def test_an_interrupt_ends_the_steps_and_the_next_run_goes_on(
    root: Path, said: list[str], seams: Seams
) -> None:
    edit(root, "features.py", "    values", "    import time; time.sleep(600)\n    values")

    def interrupt(line: str) -> None:
        said.append(line)
        if line.startswith("tiny.features: started"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(seams, say=interrupt), workspace(root), root)
    edit(root, "features.py", "sleep(600)", "sleep(0)")
    assert actions(run(seams_of(root, said), workspace(root), root))["rows"] == "Reuse"
    assert list(seams.store.check()) == []


def test_retries_are_made_and_every_attempt_is_clean(
    run_tiny: RunTiny, root: Path, tmp_path: Path, said: list[str]
) -> None:
    edit(root, "pipeline.yaml", '    run: "train:fit"', '    run: "train:fit"\n    retries: 2')
    count = tmp_path / "count"
    edit(
        root,
        "train.py",
        "    return",
        f"    n = len(open({str(count)!r}, 'a+').read()) + open({str(count)!r}, 'a').write('x')\n"
        f"    if len(open({str(count)!r}).read()) < 3: open('half', 'x'); 1 / 0\n"
        "    return",
    )
    run_tiny()
    assert [line for line in said if "attempt" in line] == [
        "tiny.train: attempt 1 failed, trying again",
        "tiny.train: attempt 2 failed, trying again",
    ]


def test_a_timeout_is_said_to_be_one(run_tiny: RunTiny, root: Path) -> None:
    edit(root, "pipeline.yaml", '    run: "train:fit"', '    run: "train:fit"\n    timeout: 500ms')
    edit(root, "train.py", "    return", "    import time; time.sleep(600)\n    return")
    with pytest.raises(StepFailed, match="it was stopped at its timeout of 500ms"):
        run_tiny()


def test_a_step_that_is_killed_says_by_what(run_tiny: RunTiny, root: Path) -> None:
    edit(root, "train.py", "    return", "    import os; os.kill(os.getpid(), 9)\n    return")
    with pytest.raises(StepFailed, match=r"it was ended by SIGKILL \(out of memory\?\)"):
        run_tiny()


def test_code_that_changes_while_it_runs_keeps_no_result(run_tiny: RunTiny, root: Path) -> None:
    path = str(root / "pipelines/tiny/train.py")
    edit(root, "train.py", "    return", f"    open({path!r}, 'a').write('x = 1')\n    return")
    with pytest.raises(TryLater, match=r"its code changed while tiny\.train ran"):
        run_tiny()


def test_code_that_is_no_python_is_named_and_known_work_is_kept(
    run_tiny: RunTiny, root: Path
) -> None:
    edit(root, "helper.py", "def number(row):", "def number(row:")
    with pytest.raises(SpecError, match="not Python") as caught:
        run_tiny()
    assert str(caught.value.at) == "pipelines/tiny/helper.py:1:11"
    edit(root, "helper.py", "def number(row:", "def number(row):")
    assert actions(run_tiny()) == {"rows": "Reuse", "features": "Execute", "train": "Execute"}


def test_an_artifact_is_made_when_it_is_asked_for(root: Path, said: list[str]) -> None:
    found = artifact(seams_of(root, said), workspace(root), root, "tiny", "features.test")
    assert found.format == "json"
    assert found.record.outputs["test"].digest == found.digest
    said.clear()
    seams = seams_of(root, said)
    assert artifact(seams, workspace(root), root, "tiny", "features.test") == found
    assert said == []
    assert seams.store.has(found.digest)
    with pytest.raises(UsageError, match="no output 'tests'"):
        artifact(seams, workspace(root), root, "tiny", "features.tests")


def test_an_exported_commit_runs_as_well_and_shares_what_is_known(
    run_tiny: RunTiny, root: Path, said: list[str], tmp_path: Path
) -> None:
    run_tiny()
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Pin")
    edit(root, "features.py", "values[:keep]", "values[2:keep]")
    seams = seams_of(root, said)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    seams.repository.export("HEAD", elsewhere)
    assert actions(run(seams, workspace(elsewhere), elsewhere)) == NONE
    assert actions(run_tiny())["features"] == "Execute"


COMMAND = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: shell
params: {word: hello, n: 3}
steps:
  - name: raw
    source: {type: file, path: data/raw.csv}
    outputs: {raw: csv}
  - name: count
    command: [python, tools/count.py, "{inputs.raw}", "{outputs.count}", "--n={params.n}"]
    inputs: {raw: raw.raw}
    params: [n]
    outputs: {count: text}
  - name: shout
    command:
      [sh, -c, "cat $0 $1 > $2 && ls > $3",
       "{inputs.count}", "{inputs.extra}", "{outputs.out}", "{outputs.seen}"]
    inputs: {count: count.count, extra: {file: data}}
    outputs: {out: bytes, seen: text}
"""


def test_commands_get_paths_and_values_and_a_clean_directory(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    write(
        root,
        {
            "pipelines/shell/pipeline.yaml": COMMAND.replace(
                '"{inputs.extra}"', '"{inputs.extra}/x"'
            ),
            "pipelines/shell/data/raw.csv": "a,b\n1,2\n3,4\n",
            "pipelines/shell/data/x": "extra\n",
            "pipelines/shell/tools/count.py": (
                "import sys\nfrom lib.text import lines\n"
                "open(sys.argv[2], 'w').write(f'{lines(sys.argv[1])} {sys.argv[3]}\\n')\n"
            ),
            "lib/text.py": "def lines(path): return len(open(path).readlines())\n",
        },
    )
    result = run_tiny(pipeline="shell")
    records = {ran.decision.step: ran.record for ran in result.steps}
    store = seams_of(root, said).store
    assert store.read(records["shout"].outputs["out"].digest) == b"3 --n=3\nextra\n"
    assert store.read(records["shout"].outputs["seen"].digest) == b""
    assert (records["raw"].outputs["raw"].rows, records["raw"].outputs["raw"].columns) == (
        2,
        ("a", "b"),
    )
    assert records["count"].parts.code.keys() == {"tools/count.py", "lib/text.py"}
    assert set(actions(run_tiny(pipeline="shell")).values()) == {"Reuse"}

    write(root, {"lib/text.py": "def lines(path): return 7\n"})
    again = actions(run_tiny(pipeline="shell"))
    assert again == {"raw": "Reuse", "count": "Execute", "shout": "Execute"}
    write(root, {"pipelines/shell/data/x": "more\n"})
    assert actions(run_tiny(pipeline="shell"))["shout"] == "Execute"


def test_a_command_that_does_not_write_its_output_fails(run_tiny: RunTiny, root: Path) -> None:
    text = COMMAND.replace("[python, tools/count.py, ", "[echo, ")
    write(root, {"pipelines/shell/pipeline.yaml": text, "pipelines/shell/data/raw.csv": "a\n1\n"})
    with pytest.raises(StepFailed, match="it did not write its output count"):
        run_tiny(pipeline="shell")


def test_a_file_that_is_not_what_it_is_declared_to_be_fails(run_tiny: RunTiny, root: Path) -> None:
    text = COMMAND.replace("{raw: csv}", "{raw: parquet}")
    write(root, {"pipelines/shell/pipeline.yaml": text, "pipelines/shell/data/raw.csv": "a\n1\n"})
    with pytest.raises(StepFailed, match=r"raw\.parquet cannot be read as parquet"):
        run_tiny(pipeline="shell")


def test_the_environment_is_what_is_declared(
    run_tiny: RunTiny, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY", "Ghent")
    monkeypatch.setenv("SECRET", "x")
    edit(root, "pipeline.yaml", '    run: "train:fit"', '    run: "train:fit"\n    env: [CITY]')
    edit(root, "train.py", "    return", "    import os\n    print(sorted(os.environ))\n    return")
    record = next(ran.record for ran in run_tiny().steps if ran.decision.step == "train")
    assert record.log is not None
    log = seams_of(root, []).store.read(record.log).decode()
    assert "'CITY'" in log
    assert "SECRET" not in log
    assert "'PYTHONHASHSEED'" in log
    monkeypatch.delenv("CITY")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    with pytest.raises(Refused, match="variable CITY, and it is not set"):
        run_tiny()


def test_a_stopped_executor_starts_nothing(root: Path, said: list[str], seams: Seams) -> None:
    executor = ProcessExecutor()
    executor.stop()
    with pytest.raises(TryLater):
        run(replace(seams, executor=executor), workspace(root), root)
