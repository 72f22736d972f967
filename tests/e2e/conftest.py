"""The small project with releases: built once a session, copied for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import world as worlds
from tests.e2e.world import World


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The world as built; tests take a copy of it through ``world``."""
    root = tmp_path_factory.mktemp("released")
    patch = pytest.MonkeyPatch()
    patch.setenv("MLGITOPS_STORE", str(root / "store"))
    try:
        return worlds.build(root)
    finally:
        patch.undo()


@pytest.fixture
def world(released: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A copy of the released world; nothing is promoted yet."""
    fresh = worlds.copy(released, tmp_path)
    monkeypatch.setenv("MLGITOPS_STORE", str(fresh.store))
    yield fresh
