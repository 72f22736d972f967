"""Steps that fail: what a person reads, what is kept, and what never is."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlgitops.core.errors import SpecError, StepFailed, TryLater
from mlgitops.core.events import Event, StepStarted
from mlgitops.executor.process import ProcessExecutor
from mlgitops.flow.run import run
from mlgitops.flow.seams import Seams
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
from tests.support import write

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


def test_an_interrupt_ends_the_steps_and_the_next_run_goes_on(
    root: Path, said: list[str], seams: Seams
) -> None:
    edit(root, "features.py", "    values", "    import time; time.sleep(600)\n    values")

    def interrupt(event: Event) -> None:
        if isinstance(event, StepStarted) and event.name == "tiny.features":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(replace(seams, watch=interrupt), workspace(root), root)
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
    assert [line.rpartition(" in ")[0] + " in" for line in said if "attempt" in line] == [
        "tiny.train: attempt 1 failed, trying again in",
        "tiny.train: attempt 2 failed, trying again in",
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


SIGNALLED = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: tiny
steps:
  - name: rows
    command: [sh, -c,
              'printf "\\033[2J\\033[31mred\\033[0m\\033]0;title\\007\\n"; kill -37 $$; : $0',
              "{outputs.rows}"]
    outputs: {rows: bytes}
"""


def test_what_a_step_prints_controls_no_terminal_and_any_signal_is_named(
    run_tiny: RunTiny, root: Path
) -> None:
    write(root, {"pipelines/tiny/pipeline.yaml": SIGNALLED})
    with pytest.raises(StepFailed) as raised:
        run_tiny(pipeline="tiny")
    assert "it was ended by signal 37" in raised.value.message
    assert "�[2Jred�]0;title�" in raised.value.message
    assert "\x1b" not in raised.value.message and "\x07" not in raised.value.message


PRINTING = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: tiny
steps:
  - name: rows
    command: [sh, -c, "yes 123456789 | head -c 5000000; yes x | head -c 9000 | tr -d '\\n'; exit 3",
              "{outputs.rows}"]
    outputs: {rows: bytes}
"""


def test_a_step_that_prints_much_fails_with_the_end_of_it_and_all_of_it_is_kept(
    run_tiny: RunTiny, root: Path
) -> None:
    write(root, {"pipelines/tiny/pipeline.yaml": PRINTING})
    with pytest.raises(StepFailed, match="the last lines of what it printed") as raised:
        run_tiny(pipeline="tiny")
    message = raised.value.message
    assert f"  …{'x' * 1000}" in message
    assert message.count("123456789\n") == 19 and len(message) < 3000
    kept = re.search(r"printed \((.*)\):", message)
    assert kept is not None and Path(kept[1]).stat().st_size == 5_004_500


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


def test_a_stopped_executor_starts_nothing(root: Path, said: list[str], seams: Seams) -> None:
    executor = ProcessExecutor()
    executor.stop()
    with pytest.raises(TryLater):
        run(replace(seams, executor=executor), workspace(root), root)
