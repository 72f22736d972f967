"""What tests share that is no fixture."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A bare repository and a clone of it, both on branch `main` with one commit."""

    bare: Path
    clone: Path


class RunCli(Protocol):
    """Runs `python -m mlgitops ARGS` in `cwd`; `env` is added to the environment."""

    def __call__(
        self,
        args: Sequence[str],
        cwd: Path,
        *,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]: ...


def git(cwd: Path, *args: str, env: Mapping[str, str] | None = None) -> str:
    """What `git ARGS` printed in `cwd`, without the last newline; fails the test if git fails."""
    done = subprocess.run(
        ["git", *args],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, f"git {' '.join(args)}: exit {done.returncode}\n{done.stderr}"
    return done.stdout.removesuffix("\n")


def write(root: Path, files: Mapping[str, str]) -> None:
    """Writes each text to its path under `root`, making folders on the way."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def commit(root: Path, files: Mapping[str, str], subject: str = "Change") -> str:
    """Writes the files, commits everything in the work tree; the new commit's full hash."""
    write(root, files)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "-m", subject)
    return git(root, "rev-parse", "HEAD")
