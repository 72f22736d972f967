"""Any files at all: never a traceback, always a place, and a page in every format."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mlgitops import settings as door
from mlgitops import wiring
from mlgitops.flow.seams import Seams
from tests.fuzz.projects import BASE, Files, generated, mutated
from tests.fuzz.promises import keep
from tests.support import git, write

# The bench runs 20,000 (benchmarks/fuzz.py); here the same thousand each time.
fuzzed = settings(
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def seams(tmp_path_factory: pytest.TempPathFactory) -> Seams:
    root = tmp_path_factory.mktemp("fuzz")
    git(root, "init", "--quiet", "--initial-branch=main")
    write(root, {path: data.decode() for path, data in BASE.items()})
    return wiring.seams(door.read(root), say=lambda line: None)


@settings(fuzzed, max_examples=400)
@given(files=generated())
def test_a_project_of_the_grammar_is_answered(files: Files, seams: Seams) -> None:
    keep(files, seams)


@settings(fuzzed, max_examples=600)
@given(files=mutated())
def test_a_real_project_with_other_bytes_is_answered(files: Files, seams: Seams) -> None:
    keep(files, seams)
