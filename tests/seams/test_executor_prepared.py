"""Workers forked from a prepared parent: all that holds for a cold one holds for them."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlgitops.executor import Job, Outcome, Worker
from mlgitops.executor.process import ProcessExecutor
from mlgitops.executor.tasks import Done, Failed, Given, Task, read_result, write_task
from tests.support import write

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")

FIXED = {
    "ORT_DISABLE_TELEMETRY": "1",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "2",
    "TZ": "UTC",
}
PATH = {"PATH": os.environ["PATH"]}


class Bench:
    """A pipeline's folder with `step.py`, and `call` to have its `f` called by an executor."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.calls = folder, folder / "repo", 0
        (self.root / "pipelines/p").mkdir(parents=True)
        self.prepared = ProcessExecutor()
        self.cold = ProcessExecutor(prepared=False)

    def write(self, source: str, **files: str) -> None:
        write(self.root / "pipelines/p", {"step.py": source, **files})

    def job(self, *imports: str, timeout: float = 60, env: dict[str, str], **more: object) -> Job:
        self.calls += 1
        place = self.folder / f"job-{self.calls}"
        for name in ("work", "outputs", "tmp"):
            (place / name).mkdir(parents=True)
        folders = (str(self.root / "pipelines/p"), str(self.root))
        fields: dict[str, object] = {"outputs": {"out": "json"}, "inputs": {}, **more}
        task = Task(
            kind="call",
            root=folders[1],
            folder=folders[0],
            directory=str(place / "outputs"),
            function="step:f",
            params={},
            **fields,  # type: ignore[arg-type]
        )
        path = str(write_task(task, place))
        return Job(
            name="step",
            argv=(sys.executable, "-P", "-m", "mlgitops.executor.worker", path),
            directory=place / "work",
            environment={**FIXED, **PATH, "TMPDIR": str(place / "tmp"), **env},
            log=place / "log",
            timeout=timeout,
            worker=Worker(imports=imports, folders=folders),
        )

    def call(
        self, *imports: str, cold: bool = False, env: dict[str, str] | None = None, **more: object
    ) -> Outcome:
        job = self.job(*imports, env=env or {}, **more)  # type: ignore[arg-type]
        outcome = (self.cold if cold else self.prepared).run(job)
        self.place = job.log.parent
        self.log = job.log.read_text()
        return outcome

    def answer(self) -> object:
        result = read_result(self.place)
        assert isinstance(result, Done), (result, self.log)
        return json.loads((self.place / "outputs/out.json").read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.prepared.stop()


SEEN = """
import os, random, sys, tempfile, time
print("to the log", flush=True)
print("errors too", file=sys.stderr)
def f():
    return {
        "cwd": os.getcwd(), "argv": sys.argv, "env": dict(os.environ), "hash": hash("text"),
        "tmp": tempfile.gettempdir(), "zone": time.tzname, "stdin": sys.stdin.read(),
        "leads": os.getpid() == os.getpgid(0) == os.getsid(0), "umask": os.umask(0),
        "flags": [sys.flags.safe_path, sys.flags.hash_randomization], "path": sys.path,
        "files": sorted(os.readlink(f"/proc/self/fd/{n}") for n in range(3)),
        "main": sys.modules["__main__"].__name__,
    }
"""


def test_a_forked_worker_sees_what_a_cold_one_sees(bench: Bench) -> None:
    bench.write(SEEN)
    seen = []
    for cold in (True, False):
        outcome = bench.call("numpy", "json", cold=cold, env={"CITY": "Ghent"})
        assert outcome.exit_code == 0
        assert bench.log == "to the log\nerrors too\n"
        text = json.dumps(bench.answer(), indent=1).replace(bench.place.name, "JOB")
        seen.append(text.splitlines())
    assert seen[0] == seen[1]


def test_the_libraries_are_there_and_the_parent_stays(bench: Bench) -> None:
    bench.write(
        "import os, sys\nEARLY = 'numpy' in sys.modules\nimport numpy\n"
        "def f(): return [EARLY, os.getppid(), float(numpy.random.rand())]\n"
    )
    answers = []
    for _ in range(3):
        bench.call("numpy")
        answers.append(bench.answer())
    assert [one[0] for one in answers] == [True, True, True]  # type: ignore[index]
    assert len({one[1] for one in answers}) == 1  # type: ignore[index]
    assert len({one[2] for one in answers}) == 3, "each draws numbers of its own"  # type: ignore[index]


def test_another_environment_has_another_parent(bench: Bench) -> None:
    bench.write("import os\ndef f(): return os.getppid()\n")
    parents = set()
    for env in ({}, {"OMP_NUM_THREADS": "1"}, {"TOKEN": "x"}, {}):
        bench.call("numpy", env=env)
        parents.add(bench.answer())
    assert len(parents) == 3
    assert os.getpid() not in parents


def test_a_module_of_the_users_own_comes_before_a_library(bench: Bench) -> None:
    bench.write("import numpy\ndef f(): return numpy.WHERE\n", **{"numpy.py": "WHERE = 'here'\n"})
    bench.call("numpy", "pandas")
    assert bench.answer() == "here"


def test_the_users_own_modules_are_never_imported_before(bench: Bench) -> None:
    bench.write("import sys\nEARLY = 'helper' in sys.modules\ndef f(): return EARLY\n")
    write(bench.root, {"helper.py": "raise SystemExit(9)\n"})
    for _ in range(2):
        bench.call("helper", "numpy")
        assert bench.answer() is False


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("raise SystemExit(4)", 1),
        ("os._exit(5)", 5),
        ("import faulthandler; faulthandler._sigsegv()", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    ],
)
def test_how_it_ends_is_told(bench: Bench, body: str, code: int) -> None:
    bench.write(f"import os, signal\ndef f():\n    {body}\n")
    assert bench.call("numpy").exit_code == code
    bench.write("def f(): return 1\n")
    assert bench.call("numpy").exit_code == 0, "the next one is not touched by it"


def test_what_a_step_registers_for_its_end_is_done(bench: Bench) -> None:
    bench.write(
        "import atexit, threading, time\n"
        "def late(): time.sleep(0.2); print('late')\n"
        "def f():\n    atexit.register(print, 'bye')\n    threading.Thread(target=late).start()\n"
    )
    bench.call()
    assert bench.log == "late\nbye\n"


def test_a_failure_is_the_same_as_in_a_cold_worker(bench: Bench) -> None:
    bench.write("import pandas\ndef f():\n    return pandas.DataFrame({'a': [1]})['b']\n")
    found = []
    for cold in (True, False):
        bench.call("pandas", cold=cold)
        result = read_result(bench.place)
        assert isinstance(result, Failed)
        found.append(result)
    assert found[0] == found[1]


CHILDREN = """
import subprocess, sys, time
def f():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    {then}
"""


def gone(pid: int) -> bool:
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("then", ["time.sleep(600)", "return 1"])
def test_its_whole_group_ends_over_time_and_at_its_end(bench: Bench, then: str) -> None:
    bench.write(CHILDREN.format(then=then))
    outcome = bench.call(timeout=1.5)
    assert outcome.timed_out == (then != "return 1")
    assert outcome.exit_code == (-9 if outcome.timed_out else 0)
    assert gone(int(bench.log))


def test_the_cost_is_that_of_the_child(bench: Bench) -> None:
    bench.write(
        "import time\ndef f():\n    x = bytearray(60_000_000)\n"
        "    while time.process_time() < 0.3: pass\n"
    )
    bench.call("numpy")
    outcome = bench.call("numpy")
    assert 0.2 < outcome.cpu <= outcome.wall * 1.1
    assert 60_000_000 < outcome.peak_memory < 300_000_000
    bench.write("def f(): pass\n")
    assert bench.call("numpy").peak_memory < 60_000_000


def test_without_its_parent_a_job_starts_cold(bench: Bench) -> None:
    bench.write("import os\ndef f(): return os.getppid()\n")
    bench.call("numpy")
    parent = bench.answer()
    assert isinstance(parent, int)
    assert parent != os.getpid()
    os.kill(parent, signal.SIGKILL)
    bench.call("numpy")
    assert bench.answer() == os.getpid()


def test_the_parent_leaves_nothing_behind(bench: Bench, tmp_path: Path) -> None:
    bench.write("import os\ndef f(): return os.getppid()\n")
    job = bench.job("numpy", env={})
    runner = (
        "from mlgitops.executor import Job, Worker\nfrom pathlib import Path\n"
        "from mlgitops.executor.process import ProcessExecutor\n"
        f"ProcessExecutor().run({job!r})\n".replace("PosixPath", "Path")
    )
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    subprocess.run([sys.executable, "-c", runner], check=True, env=env)
    bench.place = job.log.parent
    parent = bench.answer()
    assert isinstance(parent, int)
    assert gone(parent)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_child_ends_with_its_parent(bench: Bench) -> None:
    bench.write(
        "import os, signal, time\n"
        "def f():\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(600)\n"
    )
    assert bench.call().exit_code == -9


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_parent_that_does_not_listen_holds_nothing_up(bench: Bench, when: str) -> None:
    bench.write("import os\ndef f(): return os.getppid()\n")
    bench.call()
    parent = bench.answer()
    assert isinstance(parent, int)
    try:
        if when == "before":
            os.kill(parent, signal.SIGSTOP)
        bench.write(
            "import os, signal, time\n"
            "def f():\n    os.kill(os.getppid(), signal.SIGSTOP)\n    time.sleep(600)\n"
        )
        outcome = bench.call(timeout=0.5)
        assert (outcome.exit_code, outcome.timed_out) == (-9, True)
        bench.write("import os\ndef f(): return os.getppid()\n")
        bench.call()
        assert bench.answer() == os.getpid()
    finally:
        os.kill(parent, signal.SIGKILL)


def test_stopping_ends_a_forked_job(bench: Bench) -> None:
    bench.write("import time\ndef f(): print('up', flush=True); time.sleep(600)\n")
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(bench.call()))
    thread.start()
    while not list(bench.folder.glob("job-*/log")) or "up" not in (
        (bench.folder / "job-1/log").read_text()
    ):
        assert thread.is_alive()
        time.sleep(0.01)
    bench.prepared.stop()
    thread.join()
    assert [(one.exit_code, one.timed_out) for one in outcomes] == [(-9, False)]


def test_all_ends_when_the_process_that_runs_it_is_killed(bench: Bench) -> None:
    bench.write(CHILDREN.format(then="import os; print(os.getpid(), flush=True); time.sleep(600)"))
    job = bench.job("numpy", env={})
    runner = (
        "import sys\nfrom pathlib import Path\n"
        "from mlgitops.executor import Job, Worker\n"
        "from mlgitops.executor.process import ProcessExecutor\n"
        f"ProcessExecutor().run({job!r})\n".replace("PosixPath", "Path")
    )
    process = subprocess.Popen([sys.executable, "-c", runner])
    while not job.log.exists() or job.log.read_text().count("\n") < 2:
        assert process.poll() is None
        time.sleep(0.01)
    pids = [int(word) for word in job.log.read_text().split()]
    process.kill()
    process.wait()
    assert all(gone(pid) for pid in pids)


def test_a_parent_that_has_threads_left_forks_nothing(bench: Bench, tmp_path: Path) -> None:
    library = "import threading, time\n"
    library += "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    write(tmp_path / "site-packages", {"busy.py": library})
    bench.write("import os\ndef f(): return os.getppid()\n")
    env = {"PYTHONPATH": str(tmp_path / "site-packages")}
    for imports, cold in ((("numpy",), False), (("busy",), True), (("numpy",), True)):
        bench.call(*imports, env=env)
        assert (bench.answer() == os.getpid()) == cold


FIT = """
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
def f():
    drawn = np.random.default_rng(7)
    rows = drawn.normal(size=(4000, 20))
    labels = (rows @ drawn.normal(size=20) + drawn.normal(size=4000) > 0).astype(int)
    return {
        "trees": HistGradientBoostingClassifier(max_iter=40, random_state=7).fit(rows, labels),
        "line": make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, labels),
    }
"""


def test_a_model_is_the_same_to_the_byte(bench: Bench) -> None:
    bench.write(FIT)
    found = []
    for cold in (True, False, False):
        outputs = {"trees": "estimator", "line": "estimator"}
        outcome = bench.call("sklearn.ensemble", "skops.io", cold=cold, outputs=outputs)
        assert outcome.exit_code == 0, bench.log
        found.append([path.read_bytes() for path in sorted((bench.place / "outputs").iterdir())])
    assert found[0] == found[1] == found[2]


def test_a_table_is_read_and_written_in_a_fork(bench: Bench) -> None:
    bench.write(
        "import pandas as pd\ndef f(): return pd.DataFrame({'x': range(100_000), 'y': 'text'})\n"
    )
    modules = ("pandas", "pyarrow.parquet", "pyarrow.compute")
    found = []
    for cold in (True, False):
        assert bench.call(*modules, cold=cold, outputs={"out": "parquet"}).exit_code == 0, bench.log
        found.append((bench.place / "outputs/out.parquet").read_bytes())
    assert found[0] == found[1]
    given = {"rows": Given(path=str(bench.place / "outputs/out.parquet"), format="parquet")}
    bench.write("def f(rows): return {'n': len(rows), 'sum': rows.x.sum()}\n")
    bench.call(*modules, inputs=given)
    assert bench.answer() == {"n": 100_000, "sum": 4_999_950_000}
