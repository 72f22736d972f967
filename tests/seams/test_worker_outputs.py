"""What a worker stores of a step: rows under contract, iterators, folders, numbers."""

from pathlib import Path

import pandas as pd
import pytest

from mlgitops.core.contracts import Column, Contract
from mlgitops.core.errors import Refused
from mlgitops.core.measures import Measure
from mlgitops.executor.storing import describe
from mlgitops.executor.tasks import Done, Failed, Given, Task
from tests.seams.test_executor_worker import Bench

FRAMES = """
import pandas as pd
from pathlib import Path
def f():
    for at in range(3):
        (Path(__file__).parent / "secret.txt").read_text()
        yield pd.DataFrame({"x": [at]})
def g():
    yield pd.DataFrame({"x": [1]})
    raise ValueError("no more")
"""
FOLDERS = """
from pathlib import Path
def f():
    folder = Path("mine")
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    return folder
def g(): return {"out": "b", "more/c": b"c"}
def h(given): return sorted(str(p.relative_to(given)) for p in given.rglob("*"))
"""

PICKLES = """
class Mine:
    n = 3
def f(): return {"out": Mine()}
def g(given): return given.n
"""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def _promise(**more: object) -> Contract:
    lines = dict.fromkeys(("type", "required", "nullable", "unique", "min", "max", "categories"), 6)
    column = Column(
        name="x", type="integer", required=True, nullable=False, unique=False,
        min=None, max=2, categories=None, lines=lines,
    )  # fmt: skip
    return Contract(
        path="contracts/rows.yaml", columns=(column,), strict=False, fewest=None, most=None,
        lines={"strict": 1, "fewest": 1, "most": 1},
    )  # fmt: skip


def test_rows_that_break_their_contract_end_the_step(bench: Bench) -> None:
    bench.write({"a.py": "import pandas as pd\ndef f(n): return pd.DataFrame({'x': range(n)})"})
    given: dict[str, object] = {
        "outputs": {"out": "parquet"},
        "contracts": {"out": _promise()},
    }
    assert isinstance(bench.call("a:f", params={"n": 3}, **given), Done)
    failed = bench.call("a:f", params={"n": 5}, **given)
    assert isinstance(failed, Failed)
    assert failed.summary.splitlines() == [
        "output 'out': the rows break the contract contracts/rows.yaml:",
        "  contracts/rows.yaml:6: x: 2 of 5 rows have values above 2: row 4 (3), row 5 (4)",
        "  (rows are counted from 1)",
    ]
    task = Task(
        kind="describe", root="", folder="", directory=str(bench.directory / "outputs"),
        outputs={"out": "parquet"}, inputs={}, params={}, contracts={"out": _promise()},
    )  # fmt: skip
    pd.DataFrame({"x": [3]}).to_parquet(task.place("out"))
    with pytest.raises(Refused, match="output 'out': the rows break the contract"):
        describe(task, ["out"])


def test_an_iterator_of_frames_is_stored_as_it_comes_and_still_observed(bench: Bench) -> None:
    bench.write(
        {
            "secret.txt": "",
            "a.py": FRAMES,
        }
    )
    done = bench.call("a:f", outputs={"out": "parquet"})
    assert isinstance(done, Done)
    assert done.outputs["out"].rows == 3
    assert done.undeclared[0].startswith("pipelines/p/secret.txt at pipelines/p/a.py:")
    failed = bench.call("a:g", outputs={"out": "parquet"})
    assert isinstance(failed, Failed)
    assert "no more" in failed.summary
    assert "in g" in failed.traceback


def test_a_step_fills_a_folder_and_the_next_one_gets_it(bench: Bench) -> None:
    bench.write({"a.py": FOLDERS})
    assert isinstance(bench.call("a:f", outputs={"out": "directory"}), Done)
    assert (bench.directory / "outputs/out/a.txt").read_text() == "a"
    (bench.directory / "outputs/out").rename(bench.directory / "in")
    assert isinstance(bench.call("a:g", outputs={"out": "directory"}), Done)
    assert (bench.directory / "outputs/out/out").read_text() == "b"
    given = Given(path=str(bench.directory / "in"), format="directory")
    bench.call("a:h", inputs={"given": given})
    assert bench.output() == ["a.txt"]


def test_the_numbers_of_a_json_output_come_with_it(bench: Bench) -> None:
    bench.write(
        {"a.py": "def f(): return {'auc': {'value': 0.5, 'low': 0.4, 'high': 0.6}, 'n': 3}"}
    )
    done = bench.call("a:f")
    assert isinstance(done, Done)
    assert done.outputs["out"].metrics == {
        "auc": Measure(value=0.5, low=0.4, high=0.6),
        "n": Measure(value=3.0),
    }


def test_a_pickle_of_the_steps_own_type_is_read_by_the_next_with_a_warning(bench: Bench) -> None:
    bench.write({"a.py": PICKLES})
    assert isinstance(bench.call("a:f", outputs={"out": "unsafe-pickle"}), Done)
    given = Given(path=str(bench.directory / "outputs/out.pkl"), format="unsafe-pickle")
    assert isinstance(bench.call("a:g", inputs={"given": given}), Done)
    assert bench.output() == 3
    assert "out.pkl is read as a pickle, which runs whatever code is in it" in bench.log
