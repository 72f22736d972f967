"""Clones of one project, each with a store of its own, and a remote that they share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.files import WorkTree
from mlgitops.flow.run import RunResult, run
from mlgitops.flow.seams import Seams
from mlgitops.flow.workspaces import require
from tests import servers
from tests.e2e.conftest import released, world  # noqa: F401 (fixtures)
from tests.flow.conftest import FILES
from tests.support import commit, git


@dataclass
class Project:
    """A bare repository, and clones of it that share ``remote``."""

    folder: Path
    remote: str

    def start(self, extra: str = "", files: dict[str, str] | None = None) -> Path:
        """The first clone, with the tiny pipeline committed and pushed."""
        bare = self.folder / "origin.git"
        git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        root = self.clone("first")
        spec = FILES["mlgitops.yaml"] + f'store: {{remote: "{self.remote}"{extra}}}\n'
        commit(root, FILES | {"mlgitops.yaml": spec} | (files or {}), "Add the tiny pipeline")
        git(root, "push", "--quiet", "origin", "HEAD:main")
        return root

    def clone(self, name: str) -> Path:
        root = self.folder / name
        git(self.folder, "clone", "--quiet", str(self.folder / "origin.git"), str(root))
        git(root, "checkout", "--quiet", "-B", "main")
        return root


NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def seams_of(root: Path, said: list[str] | None = None, *, offline: bool = False) -> Seams:
    lines = [] if said is None else said
    made = wiring.seams(settings.read(root), say=lines.append, offline=offline)
    return replace(made, clock=lambda: NOW)


def run_in(root: Path, **how: object) -> RunResult:
    return run(seams_of(root), require(WorkTree(root)), root, **how)  # type: ignore[arg-type]


def ran(result: RunResult) -> list[str]:
    return sorted(one.node.label for one in result.executed)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry for all tests of this process; each has a repository of its own."""
    with servers.registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.bucket(tmp_path_factory.mktemp("s3"), "moto") as url:
        yield url


@pytest.fixture(params=["registry", "s3", "folder"])
def project(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A project that shares what it makes in each kind of remote."""
    name = tmp_path.name.replace("_", "-").lower()
    if request.param == "registry":
        remote = f"oci://{request.getfixturevalue('registry')}/acme/{name}"
    elif request.param == "s3":
        for key, value in servers.s3_environment(request.getfixturevalue("s3")).items():
            monkeypatch.setenv(key, value)
        remote = f"s3://models/{name}"
    else:
        remote = f"file://{tmp_path}/shared"
    return Project(tmp_path, remote)


Pushed = Callable[[Path], object]
