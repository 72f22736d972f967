"""Many objects in one call of git: read them, or add a file to a ref that only grows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mlgitops.core.errors import GitError, RaceLost
from mlgitops.git.tags import Tags
from mlgitops.git.writing import FALLBACK

# A ref that names what a power cut took away would make every later record impossible.
_DURABLE: Final = ("-c", "core.fsync=loose-object,reference")
_STATUS: Final = ("status", "--porcelain=v2", "-z", "--ignore-submodules=dirty")
_ATTEMPTS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where work is done: ``dirty`` names what differs from ``commit``; None: there is no such."""

    commit: str | None
    branch: str | None
    dirty: tuple[str, ...]
    who: str
    email: str
    remote: bool


class Batches(Tags):
    """What is done through one process of git, without the git library: it must cost little."""

    def standing(self) -> Standing:
        """Return the commit, branch, changed files and person of this work tree."""
        out = self._plain((*_STATUS, "--branch", "--no-renames"))
        facts: dict[str, str] = {}
        dirty = []
        for entry in out.decode("utf-8", "backslashreplace").split("\0"):
            if entry.startswith("# "):
                name, _, value = entry[2:].partition(" ")
                facts[name] = value
            elif entry.startswith("? "):
                dirty.append(entry[2:])
            elif entry:
                # 1 XY sub mH mI mW hH hI path; u has two columns more.
                dirty.append(entry.split(" ", 10 if entry.startswith("u") else 8)[-1])
        wanted = r"^(user\.(name|email)|remote\..*\.url)$"
        lines = self._plain(("config", "--null", "--get-regexp", wanted), accept=(0, 1))
        known = dict(
            line.partition("\n")[::2] for line in lines.decode("utf-8", "replace").split("\0")
        )
        person = {
            part: os.environ.get(f"GIT_AUTHOR_{part}")
            or known.get(f"user.{part.lower()}")
            or fallback
            for part, fallback in FALLBACK.items()
        }
        commit, branch = facts.get("branch.oid"), facts.get("branch.head")
        return Standing(
            commit=None if commit == "(initial)" else commit,
            branch=None if branch == "(detached)" else branch,
            dirty=tuple(sorted(dirty)),
            who=person["NAME"],
            email=person["EMAIL"],
            remote=any(name.startswith("remote.") for name in known),
        )

    def grow(self, ref: str, path: str, data: bytes, message: str, standing: Standing) -> None:
        """Commit a new file on top of the local ``ref``, whatever others add at the same time.

        The commit survives a power cut. Raises GitError, RaceLost after many attempts.
        """
        moment = int(datetime.now(UTC).timestamp())
        who, email = (_plain_name(text) for text in (standing.who, standing.email))
        for _ in range(_ATTEMPTS):
            tip = self._plain(("rev-parse", "--verify", "--quiet", ref), accept=(0, 1)).strip()
            text = message.encode()
            stream = b"".join(
                (
                    b"feature done\ncommit %s\n" % ref.encode(),
                    b"committer %s <%s> %d +0000\n" % (who, email, moment),
                    b"data %d\n%s\n" % (len(text), text),
                    b"from %s\n" % tip if tip else b"",
                    b"M 100644 inline %s\ndata %d\n" % (path.encode(), len(data)),
                    data,
                    b"\n\ndone\n",
                )
            )
            status, err = self._import(stream)
            if status == 0:
                return
            now = self._plain(("rev-parse", "--verify", "--quiet", ref), accept=(0, 1)).strip()
            if now == tip:
                raise GitError(f"git fast-import: {err or f'exit code {status}'}")
        raise RaceLost(f"others wrote to {ref} {_ATTEMPTS} times in a row", hint="try again")

    def _import(self, stream: bytes) -> tuple[int, str]:
        words = [*_DURABLE, "fast-import", "--quiet", "--done"]
        done = self._process(words, stream)
        # What git leaves for its own developers when its input or a disk failed it.
        (self.git_dir / f"fast_import_crash_{done.pid}").unlink(missing_ok=True)
        return done.status, done.err.decode("utf-8", "replace").strip()

    def blobs(self, ids: Sequence[str]) -> tuple[bytes | None, ...]:
        """Return the bytes of many objects in their order, None for one that is not here."""
        if not ids:
            return ()
        out = self._plain(("cat-file", "--batch"), "\n".join([*ids, ""]).encode())
        found: list[bytes | None] = []
        place = 0
        for _ in ids:
            end = out.index(b"\n", place)
            head = out[place:end].split(b" ")
            place = end + 1
            if head[-1] == b"missing":
                found.append(None)
                continue
            size = int(head[-1])
            found.append(out[place : place + size])
            place += size + 1
        return tuple(found)

    def entries(self, commit: str, prefix: str = "") -> dict[str, str]:
        """Return the files below ``prefix`` of a commit, each with the name of its object."""
        args = ("ls-tree", "-r", "-z", "--full-tree", commit, *([f"{prefix}/"] if prefix else ()))
        found = {}
        for line in self._plain(args).decode("utf-8", "backslashreplace").split("\0"):
            if line:
                meta, path = line.split("\t", 1)
                if meta.startswith("100"):
                    found[path] = meta.split(" ")[2]
        return found

    def united(self, base: str | None, files: Mapping[str, str], message: str) -> str:
        """Commit ``files`` (path to the name of an object) on top of ``base``; return its id."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            if base is not None:
                self.run("read-tree", base, env=env)
            lines = "".join(f"100644 {object_id}\t{path}\0" for path, object_id in files.items())
            self.run("update-index", "-z", "--index-info", stdin=lines.encode(), env=env)
            tree = self.run("write-tree", env=env).strip()
        return self.commit_tree(tree, [] if base is None else [base], message)

    def _plain(
        self, args: Sequence[str], stdin: bytes = b"", accept: tuple[int, ...] = (0,)
    ) -> bytes:
        done = self._process(args, stdin)
        if done.status not in accept:
            words = done.err.decode("utf-8", "replace").strip()
            raise GitError(f"git {' '.join(args[:2])}: {words or f'exit code {done.status}'}")
        return done.out


def _plain_name(text: str) -> bytes:
    """Return a name without what ends it in a commit."""
    return "".join(c for c in text if c not in "<>\n\0").strip().encode("utf-8", "replace")
