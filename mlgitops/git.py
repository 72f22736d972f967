"""The only module that runs git: GitPython for the process and objects, plumbing for batches.

Nothing here touches the caller's index, work tree, HEAD or stash, except ``publish`` without a
remote, which moves a checked-out branch forward as ``git merge --ff-only`` does.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import git as gitpython

from mlgitops.core.errors import GitError, NotAllowed
from mlgitops.core.refs import ABSENT, LogEntry, Published, RefUpdate, Stale, Tag

__all__ = ["LogEntry", "Published", "RefUpdate", "Repository", "Stale", "Tag"]

_QUIET: Final = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_FALLBACK: Final = {"NAME": "mlgitops", "EMAIL": "mlgitops@localhost"}


@dataclass(frozen=True, slots=True)
class CommitTree:
    """The files of one commit (see ``core.trees.Tree``); symlinks and submodules are left out."""

    repository: Repository
    commit: str
    entries: Mapping[str, str]

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``."""
        start = prefix.rstrip("/") + "/" if prefix else ""
        return [path for path in self.entries if path.startswith(start)]

    def read(self, path: str) -> bytes | None:
        """See ``Tree.read``."""
        blob = self.entries.get(path)
        return None if blob is None else self.repository.blob(blob)


class Repository:
    """One git repository and, when it has one, its remote: the place that everybody shares."""

    def __init__(self, repo: gitpython.Repo) -> None:
        self._repo = repo

    @classmethod
    def open(cls, path: Path) -> Repository:
        """Open the repository that ``path`` is in; GitError when it is in none."""
        try:
            return cls(gitpython.Repo(path, search_parent_directories=True))
        except (gitpython.InvalidGitRepositoryError, gitpython.NoSuchPathError) as error:
            raise GitError(
                f"{path} is not in a git repository", hint="run 'git init', or change the folder"
            ) from error

    @cached_property
    def root(self) -> Path:
        """The work tree, or the git directory of a bare repository."""
        return Path(self._repo.working_tree_dir or self._repo.git_dir)

    @cached_property
    def common_dir(self) -> Path:
        """The git directory that all work trees share."""
        return Path(self._repo.common_dir)

    @cached_property
    def remote(self) -> str | None:
        """``origin`` when it exists, else the only remote, else None."""
        names = self.run("remote").split()
        return "origin" if "origin" in names else names[0] if len(names) == 1 else None

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (0,),
    ) -> str:
        """Run ``git ARGS`` and return its output; GitError with git's own words otherwise."""
        return self._call(args, stdin, env, accept)[1]

    def _call(
        self,
        args: Sequence[str],
        stdin: bytes | None,
        env: Mapping[str, str] | None,
        accept: tuple[int, ...] | None,
    ) -> tuple[int, str, str]:
        with tempfile.TemporaryFile() as given:
            given.write(stdin or b"")
            given.seek(0)
            status, out, err = self._repo.git.execute(
                ["git", *args],
                istream=given,
                env={**_QUIET, **(env or {})},
                with_extended_output=True,
                with_exceptions=False,
                strip_newline_in_stdout=False,
                stdout_as_string=False,
            )
        text = _text(out)
        if accept is not None and status not in accept:
            words = _text(err).strip() or f"exit code {status}"
            raise GitError(f"git {args[0]}: {words}")
        return int(status), text, _text(err)

    # -- reading ----------------------------------------------------------------------------

    def resolve(self, revision: str) -> str | None:
        """Return the full id of the commit that ``revision`` names, or None."""
        args = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return self.run(*args, accept=(0, 1, 128)).strip() or None

    def base(self, branch: str) -> str:
        """Return the tip of the shared ``branch``: the remote's as last fetched, else the local."""
        places = [f"refs/heads/{branch}"]
        if self.remote is not None:
            places.insert(0, f"refs/remotes/{self.remote}/{branch}")
        for place in places:
            found = self.resolve(place)
            if found is not None:
                return found
        raise GitError(
            f"there is no branch {branch!r} yet",
            hint="commit first, or set defaults.branch in mlgitops.yaml",
        )

    def refs(self, prefix: str) -> dict[str, str]:
        """Return local refs below ``prefix`` with the object that each names."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)", prefix).splitlines()
        return dict(line.split(" ", 1) for line in lines)

    def dirty(self) -> tuple[str, ...]:
        """Return the paths that differ from HEAD or are not tracked (ignored ones are not)."""
        out = self.run("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames")
        return tuple(entry[3:] for entry in out.split("\0") if entry)

    def shallow(self) -> bool:
        """Return whether the history was cut off."""
        return self.run("rev-parse", "--is-shallow-repository").strip() == "true"

    def blob(self, object_id: str) -> bytes:
        """Return the bytes of one object."""
        return bytes(self._repo.git.get_object_data(object_id)[3])

    def tree(self, commit: str) -> CommitTree:
        """Return the files of ``commit``."""
        entries: dict[str, str] = {}
        for line in self.run("ls-tree", "-r", "-z", "--full-tree", commit).split("\0"):
            if line:
                meta, path = line.split("\t", 1)
                mode, _, object_id = meta.split(" ")
                if mode in ("100644", "100755"):
                    entries[path] = object_id
        return CommitTree(self, commit, entries)

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
        return self._call(("merge-base", "--is-ancestor", older, newer), None, None, (0, 1))[0] == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None."""
        return self.run("merge-base", one, other, accept=(0, 1)).strip() or None

    def changed(self, old: str, new: str) -> tuple[str, ...]:
        """Return the paths that differ between two commits."""
        out = self.run("diff", "--name-only", "--no-renames", "-z", old, new)
        return tuple(path for path in out.split("\0") if path)

    def diff(self, old: str, new: str, *paths: str) -> str:
        """Return the unified diff between two commits."""
        return self.run(
            "diff", "--no-color", "--no-ext-diff", "--no-renames", old, new, "--", *paths
        )

    def export(self, commit: str, directory: Path) -> None:
        """Write the files of ``commit`` into the empty folder ``directory``."""
        index = directory.with_name(directory.name + ".index")
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            self.run("read-tree", commit, env=env)
            self.run("checkout-index", "--all", "--force", f"--prefix={directory}/", env=env)
        finally:
            index.unlink(missing_ok=True)

    # -- writing objects --------------------------------------------------------------------

    def identity(self) -> dict[str, str]:
        """Return the environment that names author and committer, also where nobody is set."""
        env: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER"):
            for part, value in _FALLBACK.items():
                key = f"GIT_{role}_{part}"
                known = os.environ.get(key) or self._config(f"user.{part.lower()}")
                env[key] = known or value
        return env

    def person(self) -> str:
        """Return the name of who runs this, as git knows it."""
        return self.identity()["GIT_AUTHOR_NAME"]

    def _config(self, key: str) -> str:
        return self.run("config", "--get", key, accept=(0, 1)).strip()

    def commit(
        self,
        base: str | None,
        changes: Mapping[str, bytes | None],
        message: str,
        *,
        parents: Sequence[str] | None = None,
    ) -> str:
        """Commit ``changes`` (path to bytes, None deletes) on top of ``base``; return its id."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            if base is not None:
                self.run("read-tree", base, env=env)
            lines = []
            for path, data in changes.items():
                if data is None:
                    lines.append(f"0 {ABSENT}\t{path}")
                else:
                    lines.append(f"100644 {self.write_blob(data)}\t{path}")
            stdin = "".join(line + "\0" for line in lines).encode()
            self.run("update-index", "-z", "--add", "--index-info", stdin=stdin, env=env)
            tree = self.run("write-tree", env=env).strip()
        above = parents if parents is not None else [base] if base is not None else []
        return self.commit_tree(tree, above, message)

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
        status, out, _ = self._call(
            ("merge-tree", "--write-tree", ours, theirs), None, None, (0, 1)
        )
        return out.split("\n", 1)[0].strip() if status == 0 else None

    def tag_object(self, name: str, commit: str, message: str) -> str:
        """Write an annotated tag object, no ref (``publish`` makes it); return its id."""
        tagger = self.run("var", "GIT_COMMITTER_IDENT", env=self.identity()).strip()
        text = f"object {commit}\ntype commit\ntag {name}\ntagger {tagger}\n\n{message}"
        return self.run("mktag", stdin=text.encode()).strip()

    # -- sharing ----------------------------------------------------------------------------

    def fetch(self) -> None:
        """Bring branches, tags and the tool's own refs from the remote; nothing without one."""
        if self.remote is None:
            return
        specs = (
            f"+refs/heads/*:refs/remotes/{self.remote}/*",
            "+refs/mlgitops/*:refs/mlgitops/*",
            "refs/tags/*:refs/tags/*",
        )
        args = ("fetch", "--quiet", "--no-auto-maintenance", "--prune", self.remote, *specs)
        status, _, err = self._call(args, None, None, None)
        if status != 0:
            raise GitError(
                f"cannot fetch from {self.remote}: {err.strip()}",
                hint="is the remote reachable, and did somebody move a tag?",
            )

    def publish(self, updates: Sequence[RefUpdate]) -> Published | Stale:
        """Move shared refs, all or none, each only if it still is at ``old``.

        With a remote this is one atomic push with leases, else one local transaction. Whether a
        refusal was a race is told by reading the refs again, never by the words of a message.
        Raises NotAllowed when the remote refuses although nobody was faster.
        """
        if self.remote is None:
            return self._publish_here(updates)
        args = ["push", "--porcelain", "--atomic", "--no-verify"]
        args += [f"--force-with-lease={u.ref}:{u.old or ''}" for u in updates]
        args += [self.remote, *(f"{u.new or ''}:{u.ref}" for u in updates)]
        status, out, err = self._call(args, None, None, None)
        if status == 0:
            self._track(updates)
            return Published()
        now = self.remote_refs([u.ref for u in updates])
        if all(now.get(u.ref) == u.new for u in updates):
            self._track(updates)
            return Published()
        moved = tuple(u.ref for u in updates if now.get(u.ref) != u.old)
        if moved:
            return Stale(refs=moved)
        raise NotAllowed(
            f"{self.remote} refused the push: {(out + err).strip()}",
            hint="does this identity have the right to push, and do branch rules allow it?",
        )

    def remote_refs(self, refs: Sequence[str]) -> dict[str, str]:
        """Return the shared refs as they are now, asked of the remote (or here without one)."""
        if self.remote is None:
            return {ref: found for ref in refs for found in self.refs(ref).values() if found}
        lines = self.run("ls-remote", self.remote, *refs).splitlines()
        pairs = (line.split("\t", 1) for line in lines)
        return {ref: object_id for object_id, ref in pairs}

    def _track(self, updates: Sequence[RefUpdate]) -> None:
        lines = []
        for update in updates:
            ref = update.ref
            if ref.startswith("refs/heads/"):
                ref = f"refs/remotes/{self.remote}/{ref.removeprefix('refs/heads/')}"
            lines.append(f"update {ref} {update.new}" if update.new else f"delete {ref}")
        self.run("update-ref", "--stdin", stdin="\n".join([*lines, ""]).encode())

    def _publish_here(self, updates: Sequence[RefUpdate]) -> Published | Stale:
        head = self.run("symbolic-ref", "--quiet", "HEAD", accept=(0, 1)).strip()
        bare = self._repo.bare
        lines = ["start"]
        ahead: RefUpdate | None = None
        for update in updates:
            if update.ref == head and not bare and update.old and update.new:
                ahead = update
                continue
            lines.append(f"update {update.ref} {update.new or ABSENT} {update.old or ABSENT}")
        lines += ["prepare", "commit", ""]
        if ahead is not None:
            if self.resolve("HEAD") != ahead.old:
                return Stale(refs=(ahead.ref,))
            # The branch is checked out here: move index and files with it, as a pull would.
            self.run("merge", "--ff-only", "--quiet", str(ahead.new))
        stdin = "\n".join(lines).encode()
        status, _, _ = self._call(("update-ref", "--stdin"), stdin, None, None)
        if status == 0:
            return Published()
        moved = tuple(u.ref for u in updates if self.refs(u.ref).get(u.ref) != u.old)
        if not moved:
            raise GitError("git update-ref refused", hint="is the repository writable?")
        return Stale(refs=moved)


def _text(data: bytes | str) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
