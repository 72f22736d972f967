"""The git of this machine: its version, and a first repository."""

from __future__ import annotations

import re
from pathlib import Path

import git as gitpython

from mlgitops.core.errors import GitError


def version() -> tuple[int, ...] | None:
    """Return the version of git, like (2, 39, 5), or None when git cannot be run."""
    try:
        words = str(gitpython.Git().execute(["git", "--version"]))
    except gitpython.GitCommandError:  # also when there is no program of that name
        return None
    match = re.search(r"\d+(\.\d+)+", words)
    return tuple(int(part) for part in match[0].split(".")) if match else None


def create(directory: Path, branch: str) -> None:
    """Make ``directory`` a repository whose first branch will be ``branch``."""
    try:
        gitpython.Repo.init(directory, initial_branch=branch).close()
    except (gitpython.GitCommandError, OSError) as error:
        raise GitError(f"cannot make a repository in {directory}: {error}") from error
