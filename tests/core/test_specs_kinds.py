"""What every kind of spec says of a mistake: tests/data/specs/*.txt, as a user would read it.

Each case is a line of YAML, put into a spec of the kind, with what is told of it below.
``python -m tests.core.test_specs_kinds`` writes what is told now.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from mlgitops.core.specs.contracts import Contract
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.specs.projects import Project
from tests.core.test_specs import environment, pipeline, told

DATA = Path(__file__).parents[1] / "data/specs"
STEP = '{name: a, run: "m:f", outputs: {o: json}}'
HEAD = "apiVersion: mlgitops/v1\nkind: %s\nname: a\n%s\n"
KINDS: dict[str, Callable[[str], list[str]]] = {
    "step-keys": lambda case: told(pipeline(f"{STEP[:-1]}, {case}}}"), Pipeline),
    "steps": lambda case: told(pipeline(case), Pipeline),
    "pipelines": lambda case: told(f"{pipeline(STEP)}{case}\n", Pipeline),
    "environments": lambda case: told(environment(case), Environment),
    "projects": lambda case: told(HEAD % ("Project", case), Project),
    "contracts": lambda case: told(HEAD % ("Contract", case), Contract),
}


def page(kind: str) -> str:
    """The file of a kind with what is told of its cases now."""
    blocks = (DATA / f"{kind}.txt").read_text("utf-8").strip("\n").split("\n\n")
    cases = [block.partition("\n")[0] for block in blocks]
    told_of = [(case, KINDS[kind](case) or ["right"]) for case in cases]
    lines = ["\n".join((case, *(f"    {line}" for line in found))) for case, found in told_of]
    return "\n\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_told_in_one_sentence_with_its_place_and_the_next_step(kind: str) -> None:
    assert page(kind) == (DATA / f"{kind}.txt").read_text("utf-8")


def test_every_kind_has_its_file() -> None:
    assert {path.stem for path in DATA.glob("*.txt")} == set(KINDS)


if __name__ == "__main__":
    for name in KINDS:
        (DATA / f"{name}.txt").write_text(page(name), "utf-8")
