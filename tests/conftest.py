"""Tests touch no configuration of this machine and no network but loopback."""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support import Origin, RunCli, commit, git

# A CI's own variables would turn on what a test did not ask for (annotations, colour, strictness).
INHERITED = ("GIT_", "MLGITOPS_", "GITHUB_", "GITLAB_", "GITEA_", "CI_", "RUNNER_")
INHERITED_NAMES = {"CI", "NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS", "PYTHONWARNINGS"}

ISOLATED = {
    "GIT_ALLOW_PROTOCOL": "file",
    "GIT_AUTHOR_DATE": "2026-01-05T09:00:00+00:00",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_NAME": "Ada Author",
    "GIT_COMMITTER_DATE": "2026-01-05T09:00:00+00:00",
    "GIT_COMMITTER_EMAIL": "cleo@example.com",
    "GIT_COMMITTER_NAME": "Cleo Committer",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
}


def pytest_configure() -> None:
    for name in list(os.environ):
        if name.startswith(INHERITED) or name in INHERITED_NAMES:
            del os.environ[name]
    os.environ.update(ISOLATED)
    sys.addaudithook(_refuse_the_network)


def _refuse_the_network(event: str, args: tuple[object, ...]) -> None:
    # An audit hook also sees sockets that are made in C or by a library's own socket class.
    if event in {"socket.connect", "socket.sendto"}:
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host and not _is_loopback(host):
        # Not an Exception: no `except` in the code under test may take it for a broken network.
        pytest.fail(f"a test reached for the network: {host!r}", pytrace=True)


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A git repository on branch `main` with one commit."""
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, {"README.md": "# Example\n"}, "Start")
    return root


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """A bare repository with one commit, and a clone that tracks it."""
    bare, clone = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(tmp_path, "clone", "--quiet", str(bare), str(clone))
    commit(clone, {"README.md": "# Example\n"}, "Start")
    git(clone, "push", "--quiet", "--set-upstream", "origin", "main")
    return Origin(bare=bare, clone=clone)


@pytest.fixture
def run_cli() -> RunCli:
    """`run_cli(args, cwd)` → the finished `python -m mlgitops ARGS`, its output as text."""

    def run(
        args: Sequence[str],
        cwd: Path,
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mlgitops", *args],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=timeout,
        )

    return run
