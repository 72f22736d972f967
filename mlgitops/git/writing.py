"""New objects: blobs, commits, merges, tags, made without an index or a work tree of the caller."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from mlgitops.core.errors import GitError
from mlgitops.git.reading import Reading
from mlgitops.git.trees import EXECUTABLE, FILE, FOLDER, Entries, Nested, listing, nest, parse

FALLBACK: Final = {"NAME": "mlgitops", "EMAIL": "mlgitops@localhost"}
# A file is exported with the bytes of its blob, whatever line ends this machine likes.
_AS_IT_IS: Final = ("-c", "core.autocrlf=false", "-c", "core.eol=lf")


class Writing(Reading):
    """Objects can be written at any time: nobody sees them before ``publish`` names them."""

    def export(self, commit: str, directory: Path) -> None:
        """Write the files of ``commit`` into the empty folder ``directory``."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            self.run("read-tree", "--no-sparse-checkout", commit, env=env)
            prefix = f"--prefix={directory.absolute()}/"
            self.run(*_AS_IT_IS, "checkout-index", "--all", "--force", prefix, env=env)

    def identity(self) -> dict[str, str]:
        """Return the environment that names author and committer, also where nobody is set."""
        known = self._person()
        return {
            f"GIT_{role}_{part}": os.environ.get(f"GIT_{role}_{part}") or known.get(part) or value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in FALLBACK.items()
        }

    def is_known(self) -> bool:
        """Return whether git knows the name and the address of who runs this."""
        known: Mapping[str, str] = {}
        for part in FALLBACK:
            if not os.environ.get(f"GIT_COMMITTER_{part}"):
                known = known or self._person()
                if not known.get(part):
                    return False
        return True

    def _person(self) -> dict[str, str]:
        wanted = r"^user\.(name|email)$"
        lines = self.run("config", "--null", "--get-regexp", wanted, accept=(0, 1)).split("\0")
        pairs = (line.partition("\n")[::2] for line in lines)
        return {key.removeprefix("user.").upper(): value.strip() for key, value in pairs if key}

    def person(self) -> str:
        """Return the name of who runs this, as git knows it."""
        return self.identity()["GIT_AUTHOR_NAME"]

    def commit(
        self,
        base: str | None,
        changes: Mapping[str, bytes | None],
        message: str,
        *,
        parents: Sequence[str] | None = None,
    ) -> str:
        """Commit ``changes`` (path to bytes, None deletes) on top of ``base``; return its id."""
        before = None if base is None else self.run("rev-parse", f"{base}^{{tree}}").strip()
        tree = self._changed_tree(before, nest(changes)) or self._make_tree({})
        above = parents if parents is not None else [base] if base is not None else []
        return self.commit_tree(tree, above, message)

    def _changed_tree(self, tree: str | None, changes: Nested) -> str | None:
        """Write ``tree`` with the changes; return its id, None when nothing is left in it."""
        entries: Entries = {} if tree is None else parse(self.blob(tree), len(tree))
        for text, change in changes.items():
            name = text.encode()
            mode, known = entries.get(name, ("", ""))
            if change is None:
                if mode != FOLDER:
                    entries.pop(name, None)
            elif isinstance(change, dict):
                if mode not in ("", FOLDER):
                    raise GitError(f"{text!r} is a file, and should be a folder")
                inner = self._changed_tree(known or None, change)
                if inner is None:
                    entries.pop(name, None)
                else:
                    entries[name] = (FOLDER, inner)
            elif mode == FOLDER:
                raise GitError(f"{text!r} is a folder, and should be a file")
            else:
                kept = mode if mode == EXECUTABLE else FILE
                entries[name] = (kept, self.write_blob(change))
        return self._make_tree(entries) if entries else None

    def _make_tree(self, entries: Entries) -> str:
        # A partial clone lacks objects that the tree names, and git would fetch each one to look.
        return self.run("mktree", "-z", "--missing", stdin=listing(entries)).strip()

    def write_blob(self, data: bytes) -> str:
        """Write one blob, as it is (no line-end conversion); return its id."""
        return self.run("hash-object", "-w", "--no-filters", "--stdin", stdin=data).strip()

    def commit_tree(self, tree: str, parents: Sequence[str], message: str) -> str:
        """Write a commit object; return its id."""
        args = ["commit-tree", tree]
        for parent in parents:
            args += ["-p", parent]
        return self.run(*args, stdin=message.encode(), env=self.identity()).strip()

    def merge_tree(self, ours: str, theirs: str) -> str | None:
        """Merge two commits in memory; return the tree, or None when they conflict."""
        status, tree, _ = self._merged(ours, theirs)
        return tree if status == 0 else None

    def conflicts(self, ours: str, theirs: str) -> tuple[str, ...]:
        """Return the paths that cannot be merged without a person."""
        return self._merged(ours, theirs)[2]

    def _merged(self, ours: str, theirs: str) -> tuple[int, str, tuple[str, ...]]:
        args = ("merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", ours, theirs)
        status, out, err = self._call(args)
        if status not in (0, 1):
            raise GitError(f"git merge-tree: {err.strip()}", hint="mlgitops needs git 2.38+")
        tree, *paths = (part for part in out.split("\0") if part)
        return status, tree, tuple(paths)
