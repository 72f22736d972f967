"""The fixtures keep their promises: nothing of this machine leaks in, nothing leaks out."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support import Origin, git


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "2001:db8::1"])
def test_a_connection_that_is_not_loopback_is_refused(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match="reached for the network"):
        socket.create_connection((host, 80), timeout=1)


def test_loopback_is_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(("localhost", server.getsockname()[1]), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()


def test_no_configuration_of_the_machine_reaches_git(repo: Path) -> None:
    listed = git(repo, "config", "--list", "--show-origin")
    assert {line.split("\t")[0] for line in listed.splitlines()} == {"file:.git/config"}
    assert git(repo, "log", "-1", "--format=%an <%ae> %cn <%ce> %ct") == (
        "Ada Author <ada@example.com> Cleo Committer <cleo@example.com> 1767603600"
    )


def test_git_speaks_to_files_only(repo: Path) -> None:
    done = subprocess.run(
        ["git", "ls-remote", "https://127.0.0.1:9/x.git"], cwd=repo, capture_output=True, text=True
    )
    assert done.returncode == 128
    assert "transport 'https' not allowed" in done.stderr


def test_a_clone_tracks_its_origin(origin: Origin) -> None:
    assert git(origin.clone, "rev-parse", "HEAD") == git(origin.bare, "rev-parse", "main")
    assert git(origin.clone, "rev-parse", "--abbrev-ref", "@{upstream}") == "origin/main"


def test_no_ci_variable_is_inherited() -> None:
    assert "CI" not in os.environ
    assert not [name for name in os.environ if name.startswith(("GITHUB_", "MLGITOPS_"))]
