"""The scratch repository: a bare origin with the example in it, as a team would share it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from mlgitops.cli.demo.commands import Broken
from mlgitops.cli.demo.stage import Demo, Person
from mlgitops.core.errors import UsageError

BRANCH: Final = "main"
_PLACES: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
_NOT_COPIED: Final = (".git", ".venv", ".mlgitops", "__pycache__", "build", "dist")


def prepare(demo: Demo, example: Path, needed: str) -> None:
    """Make the bare origin from the example's last commit; ``needed``: a path that must be in it.

    A shallow clone cannot be cloned on, and a downloaded folder has no commit: of those the files
    become a first commit.
    """
    (demo.scratch / "origin.git").mkdir()
    _git(demo, demo.origin, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}")
    top = _look(example, "rev-parse", "--show-toplevel")
    commit = _look(example, "rev-parse", "--verify", "--quiet", "HEAD^{commit}") if top else None
    if top and commit and _history(demo, top, commit):
        demo.say(f"The example is commit {commit[:12]} of {top}, with its history.")
        if _look(Path(top), "status", "--porcelain"):
            demo.say("What is not committed there is not part of the story.")
    else:
        _first_commit(demo, Path(top) if top else example, commit)
        demo.say(f"The example is the files of {top or example}, in a first commit.")
    if not _git(demo, demo.origin, "ls-tree", "--name-only", BRANCH, needed):
        raise UsageError(
            f"there is no {needed} in {top or example}",
            hint="name a checkout of the example repository: mlgitops demo -C DIR",
        )


def clone(demo: Demo, who: Person, branch: str = BRANCH) -> Person:
    """Return the person, with a fresh clone of the origin as it is now on ``branch``."""
    _git(demo, demo.scratch, "clone", "--quiet", "--branch", branch, "origin.git", str(who.clone))
    return who


def _history(demo: Demo, top: str, commit: str) -> bool:
    """Bring a commit with all before it; False from where not all of it is there."""
    if _look(Path(top), "rev-parse", "--is-shallow-repository") != "false":
        return False
    refs = f"{commit}:refs/heads/{BRANCH}"
    return _look(demo.origin, "fetch", "--quiet", "--no-tags", top, refs) is not None


def _first_commit(demo: Demo, top: Path, commit: str | None) -> None:
    tree = demo.scratch / "example"
    tree.mkdir()
    if commit:
        archive = subprocess.run(
            ["git", "archive", "--format=tar", commit],
            cwd=top,
            env=_readers_environment(),
            capture_output=True,
            check=True,
        )
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(tree, filter="data")
    else:
        ignore = shutil.ignore_patterns(*_NOT_COPIED)
        shutil.copytree(top, tree, ignore=ignore, dirs_exist_ok=True)
    _git(demo, tree, "init", "--quiet", f"--initial-branch={BRANCH}")
    _git(demo, tree, "add", "--all")
    _git(demo, tree, "commit", "--quiet", "-m", "Take over the example")
    _git(demo, tree, "push", "--quiet", str(demo.origin), BRANCH)
    shutil.rmtree(tree)


def _look(folder: Path, *words: str) -> str | None:
    """Return what git says with the reader's own settings, None where it says no."""
    done = subprocess.run(
        ["git", *words], cwd=folder, env=_readers_environment(), capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _readers_environment() -> dict[str, str]:
    """Return the reader's own settings, which say what git may trust, but not a hook's folders."""
    return {name: value for name, value in os.environ.items() if name not in _PLACES}


def _git(demo: Demo, folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env=demo.environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise Broken(f"git {words[0]} in {folder}: {done.stderr.strip()}")
    return done.stdout.strip()
