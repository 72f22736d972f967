"""What a repository holds: commits, trees, tags, differences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlgitops.core.errors import GitError
from mlgitops.core.trees import below
from mlgitops.git.calls import Calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An annotated tag. ``message`` is whole, with its subject line."""

    name: str
    object: str
    commit: str
    message: str
    tagger: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One commit of a log; ``date`` is ISO 8601 with offset."""

    commit: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class CommitTree:
    """The files of one commit (see ``core.trees.Tree``); symlinks and submodules are left out."""

    repository: Reading
    commit: str
    entries: Mapping[str, str]
    linked: tuple[str, ...] = ()

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``."""
        start = prefix.rstrip("/") + "/" if prefix else ""
        return sorted(path for path in self.entries if path.startswith(start))

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """See ``Tree.read``."""
        blob = self.entries.get(path)
        return None if blob is None else self.repository.blob(blob, at_most)

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        return below(self.linked, prefix)


class Reading(Calls):
    """What can be asked of a repository without changing it."""

    @cached_property
    def remote(self) -> str | None:
        """``origin`` when it exists, else the only remote, else None."""
        names = self.run("remote").split()
        return "origin" if "origin" in names else names[0] if len(names) == 1 else None

    def resolve(self, revision: str) -> str | None:
        """Return the full id of the commit that ``revision`` names, or None."""
        args = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        found = self.run(*args, accept=(0, 1, 128)).split()
        # A range is more than one.
        return found[0] if len(found) == 1 else None

    def local(self, ref: str) -> str:
        """Return where this clone keeps what it knows of the shared ``ref``."""
        if self.remote is not None and ref.startswith("refs/heads/"):
            return f"refs/remotes/{self.remote}/{ref.removeprefix('refs/heads/')}"
        return ref

    def base(self, branch: str) -> str:
        """Return the tip of the shared ``branch``: the remote's as last fetched, else the local."""
        for place in (self.local(f"refs/heads/{branch}"), f"refs/heads/{branch}"):
            found = self.resolve(place)
            if found is not None:
                return found
        raise GitError(
            f"there is no branch {branch!r} yet",
            hint="commit first, or set defaults.branch in mlgitops.yaml",
        )

    def refs(self, prefix: str, *, inside: str | None = None) -> dict[str, str]:
        """Return local refs below ``prefix`` with the object that each names.

        ``inside``: a commit; only refs whose commit is contained in it.
        """
        merged = () if inside is None else (f"--merged={inside}",)
        form = "--format=%(refname) %(objectname)"
        lines = self.run("for-each-ref", form, *merged, prefix).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def dirty(self) -> tuple[str, ...]:
        """Return the paths that differ from HEAD or are not tracked (ignored ones are not)."""
        out = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(entry[3:] for entry in out.split("\0") if entry)

    def touched(self, revision: str) -> tuple[str, ...]:
        """Return the paths that differ between ``revision`` and the files as they are here.

        Those that are not tracked are among them, and not those that are ignored.
        """
        plain = ("--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=dirty", "-z")
        tracked = self.names("diff", *plain, revision, "--")
        others = self.names("ls-files", "--others", "--exclude-standard", "--full-name", "-z")
        return tuple(sorted({*tracked, *others}))

    def shallow(self) -> bool:
        """Return whether the history was cut off."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def checked_out(self) -> dict[str, Path]:
        """Return the branches (as refs) that some work tree has checked out, and where."""
        found: dict[str, Path] = {}
        for block in self.run("worktree", "list", "--porcelain", "-z").split("\0\0"):
            facts = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
            if "branch" in facts and Path(facts["worktree"]).is_dir():
                found[facts["branch"]] = Path(facts["worktree"])
        return found

    def blob(self, object_id: str, at_most: int | None = None) -> bytes:
        """Return the bytes of one object, the first ``at_most`` of them."""
        data = self._object(object_id, at_most)
        if data is None:
            raise GitError(f"the object {object_id} is not here", hint="git fsck; git fetch")
        return data

    def file(self, commit: str, path: str) -> bytes | None:
        """Return the bytes of one file of ``commit``, or None; without listing the tree."""
        return self._object(f"{commit}:{path}")

    def tree(self, commit: str) -> CommitTree:
        """Return the files of ``commit``."""
        entries: dict[str, str] = {}
        linked: list[str] = []
        for line in self.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            if line:
                meta, path = line.split("\t", 1)
                mode, _, object_id = meta.split(" ")
                if mode in ("100644", "100755"):
                    entries[path] = object_id
                else:
                    linked.append(path)
        return CommitTree(self, commit, entries, tuple(linked))

    def tag_heads(self, pattern: str, lines: int) -> dict[str, str]:
        """Return the first ``lines`` of the messages of the tags that match, by name.

        '' for a light tag: what git would show is the message of its commit.
        """
        form = f"--format=%(refname:strip=2)%00%(objecttype)%00%(contents:lines={lines})%01"
        out = self.run("for-each-ref", form, f"refs/tags/{pattern}")
        rows = (chunk.lstrip("\n").split("\0", 2) for chunk in out.split("\x01"))
        return {row[0]: row[2] if row[1] == "tag" else "" for row in rows if len(row) == 3}

    def tags(self, pattern: str = "*") -> tuple[Tag, ...]:
        """Return the annotated tags that match, in one call to git."""
        fields = (
            "refname:strip=2",
            "objectname",
            "*objectname",
            "taggername",
            "taggerdate:iso-strict",
        )
        form = "%00".join(f"%({field})" for field in fields) + "%00%(contents)%01"
        out = self.run("for-each-ref", f"--format={form}", f"refs/tags/{pattern}")
        tags = []
        for chunk in out.split("\x01"):
            parts = chunk.lstrip("\n").split("\0", 5)
            if len(parts) == 6 and parts[2]:
                name, object_id, commit, tagger, date, message = parts
                tags.append(
                    Tag(
                        name=name,
                        object=object_id,
                        commit=commit,
                        message=message,
                        tagger=tagger,
                        date=date,
                    )
                )
        return tuple(tags)

    def log(self, revision: str, *paths: str, limit: int = 1000) -> tuple[LogEntry, ...]:
        """Return the commits that touched ``paths``, newest first, merges followed."""
        form = "%H%x00%P%x00%an <%ae>%x00%cI%x00%s%x00%b%x01"
        args = ("log", f"--max-count={limit}", f"--format={form}", revision, "--", *paths)
        entries = []
        for chunk in self.run(*args).split("\x01"):
            parts = chunk.lstrip("\n").split("\0")
            if len(parts) == 6:
                commit, parents, author, date, subject, body = parts
                entries.append(
                    LogEntry(
                        commit=commit,
                        parents=tuple(parents.split()),
                        author=author,
                        date=date,
                        subject=subject,
                        body=body,
                    )
                )
        return tuple(entries)

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Return whether ``older`` is contained in ``newer``."""
        status, _, err = self._call(("merge-base", "--is-ancestor", older, newer))
        if status not in (0, 1):
            raise GitError(f"git merge-base: {err.strip()}")
        return status == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None."""
        return self.run("merge-base", one, other, accept=(0, 1)).strip() or None

    def landed(self, commit: str, tip: str) -> str:
        """Return the commit of the first-parent line of ``tip`` that brought ``commit`` in.

        It is ``commit`` itself when no merge commit was made. ``tip`` must contain ``commit``.
        """
        above = set(self.run("rev-list", "--ancestry-path", f"{commit}..{tip}").split())
        line = self.run("rev-list", "--first-parent", "--parents", tip, f"^{commit}").splitlines()
        first = [row.split() for row in line if row.split()[0] in above]
        return commit if not first or first[-1][1] == commit else first[-1][0]

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Return the paths that differ between two commits."""
        out = self.run("diff-tree", "-r", "--name-only", "--no-renames", "-z", old, new)
        return tuple(path for path in out.split("\0") if path)

    def diff(self, old: str, new: str, *paths: str) -> str:
        """Return the unified diff between two commits; the same bytes whatever a person has set."""
        plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--abbrev=12")
        return self.run("diff-tree", "-r", "-p", *plain, old, new, "--", *paths)

    def diffstat(self, old: str, new: str) -> str:
        """Return how much of which file differs between two commits, for people."""
        return self.run("diff-tree", "-r", "--stat=100", "--no-color", "--no-renames", old, new)
