"""Steps share cores, memory and graphics processors, and one that can never fit is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, UsageError
from mlgitops.core.events import Event, StepDone, StepStarted
from mlgitops.flow.checkout import Node
from mlgitops.flow.machine import Machine, gpus, machine
from mlgitops.flow.resources import Share, Shares, threads
from mlgitops.flow.run import run
from tests.flow.conftest import seams_of, workspace
from tests.support import write

GIB = 1 << 30
BIG = Machine(cores=4, memory=8 * GIB, gpus=("0", "2"))
SPEC = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: sized
steps:
"""


def node(root: Path, resources: str = "{}") -> Node:
    text = (
        f"{SPEC}  - name: fit\n    command: [touch, '{{outputs.out}}']\n"
        f"    resources: {resources}\n    outputs: {{out: text}}\n"
    )
    write(root, {"pipelines/sized/pipeline.yaml": text})
    located = workspace(root).pipelines["sized"]
    return Node(pipeline=located, step=located.spec.step("fit"))


def test_steps_that_ask_for_nothing_take_a_core_each(root: Path) -> None:
    shares, plain = Shares(machine=BIG), node(root)
    given = [shares.take(plain) for _ in range(5)]
    assert [share is not None for share in given] == [True] * 4 + [False]
    assert given[0] is not None
    shares.give_back(given[0])
    assert shares.take(plain) is not None


def test_jobs_count_steps_whatever_the_cores(root: Path) -> None:
    plain = node(root)
    shares = Shares(machine=BIG, jobs=8)
    assert [shares.take(plain) is not None for _ in range(9)] == [True] * 8 + [False]
    one = Shares(machine=BIG, jobs=1)
    assert [one.take(plain) is not None for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    ("resources", "at_once"),
    [("{cpu: 2}", 2), ("{cpu: 0.5}", 8), ("{memory: 3GiB}", 2), ("{gpu: 1}", 2)],
)
def test_as_many_run_as_fit(root: Path, resources: str, at_once: int) -> None:
    shares, one = Shares(machine=BIG), node(root, resources)
    given = [share for _ in range(20) if (share := shares.take(one)) is not None]
    assert len(given) == at_once
    for share in given:
        shares.give_back(share)
    assert shares.take(one) == given[0]


def test_each_step_has_graphics_processors_of_its_own(root: Path) -> None:
    shares, one = Shares(machine=BIG), node(root, "{gpu: 1}")
    first, second = shares.take(one), shares.take(one)
    assert isinstance(first, Share) and isinstance(second, Share)
    assert (first.gpus, second.gpus) == (("0",), ("2",))


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ("{cpu: 8}", "asks for 8 cores, and this machine has 4"),
        ("{memory: 9GiB}", r"asks for 9GiB of memory, and this machine has 8\.0 GiB"),
        ("{gpu: 3}", "asks for 3 graphics processors, and this machine has 2"),
    ],
)
def test_a_step_that_never_fits_is_refused_with_its_place(
    root: Path, resources: str, message: str
) -> None:
    with pytest.raises(Refused, match=message) as caught:
        Shares(machine=BIG).take(node(root, resources))
    assert str(caught.value.at).startswith("pipelines/sized/pipeline.yaml:7:")


def test_threads_follow_the_cores_that_are_asked_for(root: Path) -> None:
    assert [threads(node(root, text), 7) for text in ("{}", "{cpu: 0.5}", "{cpu: 3}")] == [7, 1, 3]


def test_graphics_processors_are_named_or_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLGITOPS_GPUS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    assert gpus() == ("3", "5")
    monkeypatch.setenv("MLGITOPS_GPUS", "1")
    assert gpus() == ("3",)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("MLGITOPS_GPUS", "2")
    assert gpus() == ("0", "1")
    monkeypatch.setenv("MLGITOPS_GPUS", "two")
    with pytest.raises(UsageError, match="no number"):
        gpus()


def test_this_machine_has_something() -> None:
    found = machine()
    assert found.cores >= 1
    assert found.memory > GIB // 8


def test_a_run_shares_out_what_there_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGITOPS_GPUS", "1")
    steps = "".join(
        f"  - name: {name}\n    command: [sh, -c, 'echo $CUDA_VISIBLE_DEVICES > $0 # {name}', "
        f"'{{outputs.out}}']\n    resources: {{gpu: {gpu}}}\n    outputs: {{out: text}}\n"
        for name, gpu in (("a", 1), ("b", 1), ("c", 0))
    )
    write(root, {"pipelines/sized/pipeline.yaml": SPEC + steps})
    seen: list[Event] = []
    seams = seams_of(root, [])
    watched = replace(seams, watch=seen.append)
    result = run(watched, workspace(root), root, pipeline="sized", jobs=3)
    texts = {
        ran.decision.step: seams.store.read(ran.record.outputs["out"].digest)
        for ran in result.steps
        if ran.record is not None
    }
    assert texts == {"a": b"0\n", "b": b"0\n", "c": b"\n"}
    names = [(type(one), one.name) for one in seen if isinstance(one, StepStarted | StepDone)]
    assert names.index((StepDone, "sized.a")) < names.index((StepStarted, "sized.b"))
