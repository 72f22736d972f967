"""The released models that the server's tests share, and one running server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import releases
from tests.server.serving import Server, serving


@pytest.fixture(scope="session")
def delays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released binary classifier with a row id."""
    return releases.delays(tmp_path_factory.mktemp("delays") / "release")


@pytest.fixture(scope="session")
def bikes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released regression."""
    return releases.bikes(tmp_path_factory.mktemp("bikes") / "release")


@pytest.fixture(scope="session")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released classifier of three classes."""
    return releases.seasons(tmp_path_factory.mktemp("seasons") / "release")


@pytest.fixture(scope="session")
def journal_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `server` keeps its journal."""
    return tmp_path_factory.mktemp("journal")


@pytest.fixture(scope="session")
def server(delays: Path, journal_directory: Path) -> Iterator[Server]:
    """A running server of `delays`."""
    with serving(delays, journal_directory) as running:
        yield running
