"""The child process of a step, started as the run starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlgitops.executor.tasks import Done, Failed, Given, Task, read_result, write_task
from tests.support import write


class Bench:
    """A repository folder, a job directory, and `call` to run one function in a worker."""

    def __init__(self, folder: Path) -> None:
        self.root, self.directory = folder / "repo", folder / "job"
        (self.root / "pipelines/p").mkdir(parents=True)
        (self.directory / "outputs").mkdir(parents=True)
        self.log = ""

    def write(self, files: dict[str, str]) -> None:
        write(self.root / "pipelines/p", files)

    def command(self, function: str, **more: object) -> list[str]:
        fields: dict[str, object] = {
            "outputs": {"out": "json"},
            "inputs": {},
            "params": {},
            "declared": (f"pipelines/p/{function.partition(':')[0]}.py",),
            **more,
        }
        task = Task(
            kind="call",
            root=str(self.root),
            folder=str(self.root / "pipelines/p"),
            directory=str(self.directory / "outputs"),
            function=function,
            **fields,  # type: ignore[arg-type]
        )
        path = write_task(task, self.directory)
        return [sys.executable, "-P", "-m", "mlgitops.executor.worker", str(path)]

    def call(self, function: str, **more: object) -> Done | Failed:
        done = subprocess.run(
            self.command(function, **more), cwd=self.directory, capture_output=True, text=True
        )
        self.log = done.stdout + done.stderr
        result = read_result(self.directory)
        assert result is not None, self.log
        assert done.returncode == (0 if isinstance(result, Done) else 1)
        return result

    def output(self, name: str = "out") -> object:
        return json.loads((self.directory / f"outputs/{name}.json").read_text())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_function_is_called_with_inputs_and_params_by_name(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text("[1, 2]")
    bench.write({"step.py": "def f(rows, *, seed): print('hi'); return {'n': len(rows) + seed}\n"})
    given = {"rows": Given(path=str(tmp_path / "rows.json"), format="json")}
    assert isinstance(bench.call("step:f", inputs=given, params={"seed": 7}), Done)
    assert bench.output() == {"n": 9}
    assert bench.log == "hi\n"


def test_the_moment_is_given_to_a_source_as_a_utc_datetime(bench: Bench) -> None:
    bench.write({"step.py": "def f(as_of): return as_of.isoformat()\n"})
    for text, moment in (
        ("2026-01-31", "2026-01-31T00:00:00+00:00"),
        ("2026-01-31T05:00Z", "2026-01-31T05:00:00+00:00"),
    ):
        bench.call("step:f", as_of=text)
        assert bench.output() == moment


@pytest.mark.parametrize("body", ["{'a': 1, 'b': 2}", "(1, 2)"])
def test_several_outputs_come_as_a_dict_or_in_order(bench: Bench, body: str) -> None:
    bench.write({"step.py": f"def f(): return {body}\n"})
    assert isinstance(bench.call("step:f", outputs={"a": "json", "b": "json"}), Done)
    assert (bench.output("a"), bench.output("b")) == (1, 2)


def test_the_pipelines_folder_comes_before_the_root_and_before_libraries(bench: Bench) -> None:
    write(bench.root, {"lib/__init__.py": "WHERE = 'root'\n", "only.py": "WHERE = 'root'\n"})
    bench.write(
        {
            "lib.py": "WHERE = 'pipeline'\n",
            "skops.py": "WHERE = 'pipeline'\n",
            "step.py": "import lib, only, skops\n"
            "def f(): return [lib.WHERE, only.WHERE, skops.WHERE]\n",
        }
    )
    bench.call("step:f")
    assert bench.output() == ["pipeline", "root", "pipeline"]


def test_an_edit_within_the_same_second_is_seen(bench: Bench) -> None:
    bench.write({"step.py": "def f(): return 1\n"})
    path = bench.root / "pipelines/p/step.py"
    compile_it = [sys.executable, "-c", "import step; step.f()"]
    subprocess.run(compile_it, cwd=path.parent, check=True, env={"PYTHONDONTWRITEBYTECODE": ""})
    assert list(path.parent.glob("__pycache__/*.pyc"))
    before = path.stat()
    path.write_text("def f(): return 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    bench.call("step:f")
    assert bench.output() == 2


def test_a_failure_shows_the_users_own_lines_only(bench: Bench) -> None:
    bench.write(
        {
            "step.py": "import json\n\ndef f():\n    return parse('{')\n\n"
            "def parse(text):\n"
            "    try:\n        return json.loads(text)\n"
            "    except ValueError as error:\n        raise KeyError('hour') from error\n"
        }
    )
    failed = bench.call("step:f")
    assert isinstance(failed, Failed)
    assert failed.summary == "KeyError: 'hour'"
    places = [line.strip() for line in failed.traceback.splitlines() if "File" in line]
    assert places == [
        'File "pipelines/p/step.py", line 8, in parse',
        'File "pipelines/p/step.py", line 4, in f',
        'File "pipelines/p/step.py", line 10, in parse',
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("def g(): pass", "module 'step' has no function 'f'"),
        ("def f(rows): pass", "step:f takes (rows), and the step gives seed"),
        ("def f(seed): return {'x': 1, 'y': 2}", "returned the keys ['x', 'y']"),
        ("def f(seed): return 1", "returned int, and the step declares the outputs a, b"),
        ("def f(seed): return 1, float('nan')", "output 'b': nan is no JSON number"),
        ("def f(seed): return 1, object()", "output 'b': object has no JSON form"),
        ("def f(seed): raise SystemExit(4)", "the step called sys.exit(4)"),
        ("import nonesuch\ndef f(seed): pass", "No module named 'nonesuch'"),
        ("def f(seed) return 1", "SyntaxError: expected ':'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(bench: Bench, body: str, why: str) -> None:
    bench.write({"step.py": f"{body}\n"})
    failed = bench.call("step:f", outputs={"a": "json", "b": "json"}, params={"seed": 7})
    assert isinstance(failed, Failed)
    assert why in failed.summary


def test_reads_of_the_repository_are_noted_unless_declared(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.txt").write_text("not of the repository")
    write(bench.root, {"data/known.txt": "k", "data/all/one.txt": "1"})
    bench.write(
        {
            "secret.json": "{}",
            "plugin.py": "X = 1\n",
            "step.py": "import importlib, os\nfrom pathlib import Path\n\n"
            "def f():\n"
            "    here = Path(__file__).parent\n"
            "    (here / 'secret.json').read_text()\n"
            "    os.close(os.open(here / 'secret.json', os.O_RDONLY))\n"
            "    importlib.import_module('plug' + 'in')\n"
            "    for name in ('data/known.txt', 'data/all/one.txt', '../elsewhere.txt'):\n"
            "        (here.parents[1] / name).read_text()\n"
            "    (here / 'made.txt').write_text('writing is not reading')\n"
            "    if (here / 'gone.txt').exists(): pass\n",
        }
    )
    declared = ("pipelines/p/step.py", "data/known.txt", "data/all/")
    done = bench.call("step:f", declared=declared)
    assert isinstance(done, Done)
    assert done.undeclared == (
        "pipelines/p/plugin.py at pipelines/p/step.py:8",
        "pipelines/p/secret.json at pipelines/p/step.py:6",
    )


def test_reads_of_tables_and_databases_are_noted(bench: Bench) -> None:
    bench.write(
        {
            "step.py": "import pandas as pd, sqlite3\nfrom pathlib import Path\n\n"
            "HERE = Path(__file__).parent\n\n"
            "def make():\n"
            "    frame = pd.DataFrame({'x': [1]})\n"
            "    frame.to_parquet(HERE / 'a.parquet'); frame.to_csv(HERE / 'b.csv')\n"
            "    sqlite3.connect(HERE / 'c.db').execute('create table t (x)')\n\n"
            "def f():\n"
            "    pd.read_parquet(HERE / 'a.parquet')\n"
            "    pd.read_csv(HERE / 'b.csv')\n"
            "    sqlite3.connect(HERE / 'c.db')\n"
        }
    )
    assert isinstance(bench.call("step:make"), Done)
    done = bench.call("step:f")
    assert isinstance(done, Done)
    assert done.undeclared == (
        "pipelines/p/a.parquet at pipelines/p/step.py:12",
        "pipelines/p/b.csv at pipelines/p/step.py:13",
        "pipelines/p/c.db at pipelines/p/step.py:14",
    )


def test_variables_that_are_not_there_are_noted_where_the_step_asks(bench: Bench) -> None:
    bench.write(
        {
            "step.py": "import os, tempfile\nfrom os import environ\n\n"
            "def f():\n"
            "    os.environ['MINE'] = '1'\n"
            "    os.environ.setdefault('SET', '1')\n"
            "    seen = [os.environ[name] for name in ('PATH', 'MINE', 'SET')]\n"
            "    os.getenv('REGION')\n"
            "    environ.get('MODE', 'fast')\n"
            "    os.environb.get(b'RAW')\n"
            "    'FLAG' in os.environ\n"
            "    tempfile.gettempdir()\n"
            "    return [name for name in os.environ if name in ('MINE', 'SET')]\n"
        }
    )
    done = bench.call("step:f")
    assert isinstance(done, Done)
    assert bench.output() == ["MINE", "SET"]
    assert done.undeclared == (
        "$FLAG at pipelines/p/step.py:11",
        "$MODE at pipelines/p/step.py:9",
        "$RAW at pipelines/p/step.py:10",
        "$REGION at pipelines/p/step.py:8",
    )


def test_folders_that_are_listed_are_noted_unless_declared(bench: Bench) -> None:
    write(bench.root, {"data/all/sub/one.txt": "1", "data/b.txt": "2"})
    bench.write(
        {
            "parts/__init__.py": "",
            "parts/late.py": "X = 1\n",
            "step.py": "import glob, importlib.metadata, os, pkgutil\nfrom pathlib import Path\n\n"
            "HERE = Path(__file__).parent\nROOT = HERE.parents[1]\n\n"
            "def f():\n"
            "    from parts import late\n"
            "    importlib.metadata.version('numpy')\n"
            "    list(pkgutil.iter_modules([str(HERE)]))\n"
            "    os.listdir(ROOT / 'data/all'); list(os.walk(ROOT / 'data/all/sub'))\n"
            "    os.listdir()\n"
            "    list((ROOT / 'data').iterdir())\n"
            "    glob.glob(str(HERE / '*.csv'))\n"
            "    os.listdir(ROOT)\n",
        }
    )
    code = ("step", "parts/__init__", "parts/late")
    declared = (*(f"pipelines/p/{name}.py" for name in code), "data/all/")
    done = bench.call("step:f", declared=declared)
    assert isinstance(done, Done)
    assert done.undeclared == (
        "./ at pipelines/p/step.py:15",
        "data/ at pipelines/p/step.py:13",
        "pipelines/p/ at pipelines/p/step.py:14",
    )


def test_whom_a_step_talks_to_and_what_it_starts_is_noted(bench: Bench) -> None:
    bench.write(
        {
            "step.py": "import multiprocessing, os, socket, subprocess, urllib.request\n\n"
            "def f():\n"
            "    server = socket.create_server(('127.0.0.1', 0))\n"
            "    port = server.getsockname()[1]\n"
            "    socket.create_connection(('localhost', port)).close()\n"
            "    socket.socket().connect(('127.0.0.1', port))\n"
            "    near = socket.create_server(('127.0.0.1', 0)).getsockname()\n"
            "    try: socket.socket().connect(near)\n"
            "    except OSError: pass\n"
            "    os.system('true first')\n"
            "    subprocess.run(['/bin/echo', 'x'])\n"
            "    multiprocessing.get_context('fork').Process(target=print).start()\n"
            "    return [port, near[1]]\n"
        }
    )
    done = bench.call("step:f")
    assert isinstance(done, Done)
    ports = bench.output()
    assert isinstance(ports, list)
    one, other = ports
    assert sorted(done.network) == sorted(
        (f"localhost:{one} at pipelines/p/step.py:6", f"127.0.0.1:{other} at pipelines/p/step.py:9")
    )
    assert done.undeclared == ()
    assert done.programs == (
        "a fork of itself at pipelines/p/step.py:13",
        "echo at pipelines/p/step.py:12",
        "true at pipelines/p/step.py:11",
    )


def test_what_libraries_do_by_themselves_is_no_alarm(bench: Bench) -> None:
    bench.write(
        {
            "step.py": "import numpy as np, pandas as pd\n"
            "from sklearn.ensemble import HistGradientBoostingClassifier\n\n"
            "def f():\n"
            "    rows = np.arange(200.0).reshape(100, 2)\n"
            "    model = HistGradientBoostingClassifier(max_iter=2).fit(rows, rows[:, 0] > 90)\n"
            "    frame = pd.DataFrame(rows, columns=['a', 'b'])\n"
            "    frame.to_parquet('mine.parquet'); pd.read_parquet('mine.parquet')\n"
            "    return model.predict(frame.to_numpy())[:3]\n"
        }
    )
    done = bench.call("step:f")
    assert isinstance(done, Done)
    assert (done.undeclared, done.network, done.programs) == ((), (), ())


def test_a_worker_imports_no_more_than_its_step_needs(bench: Bench) -> None:
    heavy = {"pandas", "numpy", "pyarrow", "sklearn", "skops", "pydantic", "yaml", "git"}
    bench.write({"step.py": "import sys\ndef f(): return sorted(sys.modules)\n"})
    bench.call("step:f")
    loaded = bench.output()
    assert isinstance(loaded, list)
    assert heavy & set(loaded) == set()
