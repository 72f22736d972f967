"""What an executor promises: a job gets what it is given, and ends with all that it started."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed, TryLater
from mlgitops.executor import Executor, Job
from mlgitops.executor.process import ProcessExecutor


@pytest.fixture
def executor() -> Executor:
    return ProcessExecutor()


def job(folder: Path, code: str, *, timeout: float = 60, **environment: str) -> Job:
    (folder / "work").mkdir(exist_ok=True)
    return Job(
        name="step",
        argv=(sys.executable, "-c", code),
        directory=folder / "work",
        environment=environment,
        log=folder / "log",
        timeout=timeout,
    )


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """Whether a process ends within ten seconds: killing is asked for, and done by the system."""
    for _ in range(1000):
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def test_a_job_sees_its_directory_and_the_environment_that_it_is_given(
    executor: Executor, tmp_path: Path
) -> None:
    code = "import os; print(os.getcwd(), sorted(set(os.environ) - {'LC_CTYPE'}))"
    outcome = executor.run(job(tmp_path, code, CITY="Ghent"))
    assert outcome.exit_code == 0
    assert not outcome.timed_out
    log = (tmp_path / "log").read_text()
    assert log == f"{tmp_path / 'work'} ['CITY']\n"


def test_output_and_errors_are_in_the_log_in_their_order(
    executor: Executor, tmp_path: Path
) -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    assert executor.run(job(tmp_path, code)).exit_code == 3
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_job_reads_nothing_from_the_terminal(executor: Executor, tmp_path: Path) -> None:
    executor.run(job(tmp_path, "import sys; print(repr(sys.stdin.read()))"))
    assert (tmp_path / "log").read_text() == "''\n"


def test_the_cost_is_measured(executor: Executor, tmp_path: Path) -> None:
    code = "x = bytearray(60_000_000)\nimport time\nwhile time.process_time() < 0.3: pass"
    outcome = executor.run(job(tmp_path, code))
    assert outcome.wall >= outcome.cpu * 0.9 > 0.2
    assert 60_000_000 < outcome.peak_memory < 300_000_000


def test_over_time_the_whole_group_is_ended(executor: Executor, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    outcome = executor.run(job(tmp_path, code, timeout=1.5))
    assert outcome.timed_out
    assert outcome.exit_code == -9
    assert gone(int((tmp_path / "log").read_text()))


def test_what_a_job_left_in_the_background_ends_with_it(executor: Executor, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid)\n"
    )
    outcome = executor.run(job(tmp_path, code))
    assert outcome.exit_code == 0
    assert gone(int((tmp_path / "log").read_text()))


def test_a_command_that_does_not_exist_is_named(executor: Executor, tmp_path: Path) -> None:
    bad = Job(
        name="step",
        argv=("no-such-program",),
        directory=tmp_path,
        environment={"PATH": os.defpath},
        log=tmp_path / "log",
        timeout=9,
    )
    with pytest.raises(StepFailed, match="cannot start 'no-such-program'"):
        executor.run(bad)


def test_stopping_ends_what_runs_and_starts_nothing_more(
    executor: Executor, tmp_path: Path
) -> None:
    outcomes = []
    sleeping = job(tmp_path, "print('up', flush=True); import time; time.sleep(600)")
    thread = threading.Thread(target=lambda: outcomes.append(executor.run(sleeping)))
    thread.start()
    while not (tmp_path / "log").exists() or not (tmp_path / "log").read_text():
        assert thread.is_alive()
        time.sleep(0.01)
    executor.stop()
    thread.join()
    assert [outcome.exit_code for outcome in outcomes] == [-9]
    assert not outcomes[0].timed_out
    with pytest.raises(TryLater, match="stopped"):
        executor.run(sleeping)


def test_jobs_run_side_by_side(executor: Executor, tmp_path: Path) -> None:
    # Each waits for the other's file: one after the other they would never end.
    code = (
        "import sys, time\nfrom pathlib import Path\nme, other = sys.argv[1:]\nPath(me).touch()\n"
        "while not Path(other).exists(): time.sleep(0.01)\n"
    )
    outcomes = []

    def run(me: str, other: str) -> None:
        folder = tmp_path / f"of-{me}"
        folder.mkdir()
        one = job(folder, code, timeout=30)
        paths = (str(tmp_path / me), str(tmp_path / other))
        whole = Job(
            name=me,
            argv=(*one.argv, *paths),
            directory=one.directory,
            environment={},
            log=one.log,
            timeout=30,
        )
        outcomes.append(executor.run(whole))

    threads = [threading.Thread(target=run, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.exit_code for outcome in outcomes] == [0, 0]


def test_all_ends_when_the_process_that_runs_it_is_killed(tmp_path: Path) -> None:
    job(tmp_path, "")
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    runner = (
        "import sys\nfrom pathlib import Path\n"
        "from mlgitops.executor import Job\n"
        "from mlgitops.executor.process import ProcessExecutor\n"
        "folder = Path(sys.argv[1])\n"
        "ProcessExecutor().run(Job(name='step', argv=(sys.executable, '-c', sys.argv[2]),"
        " directory=folder / 'work', environment={}, log=folder / 'log', timeout=600))\n"
    )
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-c", runner, str(tmp_path), "import os, " + code[7:]]
    )
    while not log.exists() or not log.read_text().endswith("\n"):
        assert process.poll() is None
        time.sleep(0.01)
    pids = [int(word) for word in log.read_text().split()]
    assert all(alive(pid) for pid in pids)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all(gone(pid) for pid in pids)


def test_many_jobs_at_once_each_get_their_own_answer(executor: Executor, tmp_path: Path) -> None:
    codes: dict[int, int] = {}

    def run(number: int) -> None:
        folder = tmp_path / str(number)
        (folder / "work").mkdir(parents=True)
        words = ("sh", "-c", f"exit {number}")
        one = Job(
            name=str(number),
            argv=words,
            directory=folder / "work",
            environment={"PATH": os.defpath},
            log=folder / "log",
            timeout=60,
        )
        codes[number] = executor.run(one).exit_code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {number: number for number in range(40)}
