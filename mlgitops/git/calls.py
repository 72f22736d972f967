"""How git is run: its words in English, its settings ours where they would change a result."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final, Self

from mlgitops.core.errors import GitError
from mlgitops.git.objects import Objects

if TYPE_CHECKING:
    import git as gitpython

ABSENT: Final = "0" * 40
QUIET: Final = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
# What a person may have set for their own eyes, and must not change what a program reads or writes.
# Refs are locked for milliseconds, so to wait is better than to fail: git's own patience is 0.1 s.
_SETTINGS: Final = (
    "core.filesRefLockTimeout=10000",
    "core.packedRefsTimeout=10000",
    "core.quotePath=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.showSignature=false",
)
# What tells git to look elsewhere than in the folders above.
_MOVED: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
OPTIONS: Final = tuple(word for setting in _SETTINGS for word in ("-c", setting))


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a repository is: ``root`` its work tree, or the git directory of a bare one.

    ``git_dir``: of this work tree alone; ``common_dir``: what all work trees share.
    """

    root: Path
    git_dir: Path
    common_dir: Path


class Calls:
    """One repository, and git run in it."""

    def __init__(self, places: Places) -> None:
        self.root = places.root
        self.git_dir = places.git_dir
        self.common_dir = places.common_dir

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the repository that ``path`` is in; GitError when it is in none."""
        return cls(find(path))

    @cached_property
    def _objects(self) -> Objects:
        return Objects(lambda: self._started(("cat-file", "--batch")))

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (0,),
    ) -> str:
        """Run ``git ARGS`` and return its output; GitError with git's own words otherwise."""
        status, out, err = self._call(args, stdin=stdin, env=env)
        if status not in accept:
            name = " ".join(args[:3])
            raise GitError(f"git {name}: {err.strip() or f'exit code {status}'}")
        return out

    def names(self, *args: str) -> tuple[str, ...]:
        """Run ``git ARGS`` and return the paths that it ends by NUL, spelt as the system does."""
        status, out, err = self._call(args, errors="surrogateescape")
        if status != 0:
            raise GitError(f"git {' '.join(args[:3])}: {err.strip() or f'exit code {status}'}")
        return tuple(path for path in out.split("\0") if path)

    def _call(
        self,
        args: Sequence[str],
        *,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        errors: str = "replace",
    ) -> tuple[int, str, str]:
        """Run git; return its exit code, its output and its words, whatever they are.

        What is given bytes or an environment writes, and goes through the git library. Its import
        takes a tenth of a second, which nobody waits for who only looks.
        """
        if stdin is not None or env is not None:
            return self._through_library(args, stdin, env or {})
        done = self._process(args)
        return done.status, done.out.decode("utf-8", errors), done.err.decode("utf-8", "replace")

    @cached_property
    def _repo(self) -> gitpython.Repo:
        repo: gitpython.Repo = _gitpython().Repo(self.root)
        return repo

    def _through_library(
        self, args: Sequence[str], stdin: bytes | None, env: Mapping[str, str]
    ) -> tuple[int, str, str]:
        gitpython = _gitpython()  # an 'except' that imports it would ask a broken git again on ^C
        # Nothing is written where nothing is given: the disk may be full.
        with nullcontext() if stdin is None else tempfile.TemporaryFile() as given:
            if given is not None:
                given.write(stdin or b"")
                given.seek(0)
            try:
                status, out, err = self._repo.git.execute(
                    ["git", *OPTIONS, *args],
                    istream=given,
                    env={**QUIET, **env},
                    with_extended_output=True,
                    with_exceptions=False,
                    strip_newline_in_stdout=False,
                    stdout_as_string=False,
                )
            except gitpython.GitCommandNotFound as error:
                raise missing() from error
        return int(status), _text(out), _text(err)

    def _process(
        self, args: Sequence[str], stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> Done:
        """Run git on bytes, without the git library."""
        with self._started(args, env) as process:
            out, err = process.communicate(stdin)
        return Done(pid=process.pid, status=process.returncode, out=out, err=err)

    def _started(
        self, args: Sequence[str], env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start git; who does not end it with ``with`` closes its input."""
        try:
            return subprocess.Popen(
                ["git", *OPTIONS, *args],
                cwd=self.root,
                env={**os.environ, **QUIET, **(env or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            if isinstance(error, FileNotFoundError) and self.root.is_dir():
                raise missing() from error
            raise GitError(f"git {args[0]} cannot be run: {error}") from error

    def _object(self, name: str, at_most: int | None = None) -> bytes | None:
        """Return the bytes of an object or of ``<commit>:<path>``, through one long-lived git."""
        if "\n" in name:
            done = self._process(("cat-file", "blob", name))
            return done.out[:at_most] if done.status == 0 else None
        return self._objects.read(name, at_most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a process of git came to."""

    pid: int
    status: int
    out: bytes
    err: bytes


def _gitpython() -> ModuleType:
    # Without this, `import git` raises ImportError where git is missing; we say so ourselves.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    import git

    return git


def find(path: Path) -> Places:
    """Return the places of the repository that ``path`` is in; GitError when it is in none."""
    return _usual(path) or ask(path)


def _usual(path: Path) -> Places | None:
    """Return the places of a plain clone that ``path`` is in; None for anything else.

    A linked work tree, a submodule, a bare repository and what variables or settings move about
    are found by the library.
    """
    if any(name in os.environ for name in _MOVED) or not path.is_dir():
        return None
    start = Path(os.path.abspath(path))  # noqa: PTH100 - a link on the way stays one, '..' does not
    for folder in (start, *start.parents):
        git_dir = folder / ".git"
        if (git_dir / "HEAD").is_file() and (git_dir / "objects").is_dir():
            try:
                settings = (git_dir / "config").read_text("utf-8", "replace").lower()
            except OSError:
                return None
            if "worktree" in settings or "bare = true" in settings or "include" in settings:
                return None
            return Places(root=folder, git_dir=git_dir, common_dir=git_dir)
        if git_dir.exists():
            return None
    return None


def ask(path: Path) -> Places:
    """Return the places of the repository that ``path`` is in, as the library finds them."""
    gitpython = _gitpython()
    try:
        repo = gitpython.Repo(path, search_parent_directories=True)
    except gitpython.NoSuchPathError as error:
        raise GitError(f"there is no folder {path}", hint="look at the path") from error
    except gitpython.InvalidGitRepositoryError as error:
        raise GitError(
            f"{path} is not in a git repository", hint="run 'git init', or change the folder"
        ) from error
    return Places(
        root=Path(repo.working_tree_dir or repo.git_dir),
        git_dir=Path(repo.git_dir),
        common_dir=Path(repo.common_dir),
    )


def missing() -> GitError:
    """Return the error for a machine without git."""
    return GitError("git is not installed, or not on the PATH", hint="mlgitops needs git 2.38+")


def _text(data: bytes | str) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
