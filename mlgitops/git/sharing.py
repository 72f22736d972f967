"""The place that everybody shares: the remote, or this repository when it has none."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.errors import GitError, NotAllowed, Refused
from mlgitops.git.batches import Batches
from mlgitops.git.calls import ABSENT

KEPT: Final = "refs/mlgitops/heads/"
"""Below this, refs only keep commits from being collected: pushed, and fetched one by one."""

_ATTEMPTS: Final = 4
_EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_FETCH: Final = (
    "fetch",
    "--quiet",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
)
_PUSH: Final = (
    "push",
    "--porcelain",
    "--atomic",
    "--no-verify",
    "--no-follow-tags",
    "--recurse-submodules=no",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefUpdate:
    """Move ``ref`` from ``old`` to ``new``; None means that the ref does not exist."""

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """All refs were moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """Nothing was moved: somebody else moved one of the refs first. Read again, decide again."""

    refs: tuple[str, ...]


class Repository(Batches):
    """One git repository and, when it has one, its remote: the place that everybody shares."""

    def fetch(self) -> None:
        """Bring branches, tags and the tool's own refs from the remote; nothing without one.

        The tool's own refs only grow, so one that was rewritten is an error, not an update; local
        ones that the remote lacks stay. Local tags stay as well. A branch deleted there goes here.
        """
        if self.remote is None:
            return
        # In this order, who sees a pull request also sees its branch, which was pushed before it.
        self._fetch("refs/mlgitops/", "--no-tags", "refs/mlgitops/*:refs/mlgitops/*", f"^{KEPT}*")
        heads = f"+refs/heads/*:refs/remotes/{self.remote}/*"
        self._fetch("refs/", "--tags", "--prune", "--no-prune-tags", heads)

    def _fetch(self, scope: str, *args: str) -> None:
        options = tuple(arg for arg in args if arg.startswith("--"))
        specs = tuple(arg for arg in args if not arg.startswith("--"))
        wrong: list[str] = []
        for attempt in range(_ATTEMPTS):
            status, _, err = self._call((*_FETCH, *options, str(self.remote), *specs))
            if status == 0:
                return
            if status != 1:
                raise GitError(
                    f"cannot fetch from {self.remote}: {err.strip()}",
                    hint="is the remote reachable, and may you read it?",
                )
            # Some refs did not move: another process here was faster, or a tag was moved there.
            # A floating tag (v1, latest) is none of our business; a release tag never moves.
            wrong = [
                ref
                for ref in self._unlike(scope)
                if not ref.startswith("refs/tags/") or "@v" in ref
            ]
            if not wrong:
                return
            _pause(attempt)
        raise GitError(
            f"{self.remote} rewrote what only ever grows: {', '.join(wrong)}",
            hint="find out who moved it: `git ls-remote` shows theirs, `git show-ref` yours",
        )

    def _unlike(self, scope: str) -> list[str]:
        patterns = [f"{p}*" for p in ("refs/heads/", "refs/tags/", "refs/mlgitops/")]
        theirs = self._listed("--refs", str(self.remote), *patterns)
        mine = self.refs("refs/")
        return sorted(
            ref
            for ref, object_id in theirs.items()
            if ref.startswith(scope)
            and not ref.startswith(KEPT)
            and mine.get(self.local(ref)) != object_id
        )

    def deepen(self) -> None:
        """Bring the whole history, where it was cut off."""
        if self.remote is not None and self.shallow():
            self.run(*_FETCH, "--unshallow", "--no-tags", self.remote)

    def bring(self, ref: str) -> str | None:
        """Fetch one shared ref that ``fetch`` leaves out; return its object, None when absent."""
        if self.remote is not None:
            self.run(*_FETCH, "--no-tags", self.remote, f"+{ref}:{ref}", accept=(0, 1, 128))
        return self.refs(ref).get(ref)

    def remote_refs(self, refs: Sequence[str]) -> dict[str, str]:
        """Return the shared refs as they are now, asked of the remote (or here without one)."""
        if not refs:
            return {}
        if self.remote is None:
            found = self.refs("refs/")
        else:
            found = self._listed("--refs", self.remote, *refs)
        return {ref: found[ref] for ref in refs if ref in found}

    def remote_tip(self, branch: str) -> str | None:
        """Return the tip of a shared branch as it is now, its commit brought here; None: gone."""
        ref = f"refs/heads/{branch}"
        tip = self.remote_refs([ref]).get(ref)
        if tip is not None and self.resolve(tip) is None:
            self.fetch()
        return tip

    def _listed(self, *args: str) -> dict[str, str]:
        pairs = (line.split("\t", 1) for line in self.run("ls-remote", *args).splitlines())
        return {ref: object_id for object_id, ref in pairs}

    def publish(self, updates: Sequence[RefUpdate]) -> Published | Stale:
        """Move shared refs, all or none, each only if it still is at ``old``.

        With a remote this is one atomic push with leases, else one local transaction. Whether a
        refusal was a race is told by reading the refs again, never by the words of a message.
        Raises NotAllowed when the remote refuses although nobody was faster, Refused when files
        that are checked out and not committed stand in the way.
        """
        if not updates:
            return Published()
        if self.remote is None:
            return self._publish_here(updates)
        args = [*_PUSH, *(f"--force-with-lease={u.ref}:{u.old or ''}" for u in updates)]
        args += [self.remote, *(f"{u.new or ''}:{u.ref}" for u in updates)]
        words = ""
        for attempt in range(_ATTEMPTS):
            status, out, err = self._call(args, env={})
            words = (out + err).strip()
            now = self.remote_refs([u.ref for u in updates]) if status else {}
            if status == 0 or all(now.get(u.ref) == u.new for u in updates):
                self._track(updates)
                return Published()
            moved = tuple(u.ref for u in updates if now.get(u.ref) != u.old)
            if moved:
                self._refuse_unshared(updates, now)
                return Stale(refs=moved)
            if not any(line.startswith("!") for line in out.splitlines()):
                raise GitError(f"cannot push to {self.remote}: {words}", hint="is it reachable?")
            # Refused, and nothing moved: a rule, or a rival who still holds the lock of a ref.
            _pause(attempt)
        raise NotAllowed(
            f"{self.remote} refused the push: {words}",
            hint="does this identity have the right to push, and do branch rules allow it?",
        )

    def _refuse_unshared(self, updates: Iterable[RefUpdate], now: Mapping[str, str]) -> None:
        """Refuse to wait for what nobody will push: records from before there was a remote."""
        for update in updates:
            ours = update.ref.startswith("refs/mlgitops/") and not update.ref.startswith(KEPT)
            if not ours or update.old is None or update.ref in now:
                continue
            if self.refs(update.ref).get(update.ref) == update.old:
                raise GitError(
                    f"{self.remote} does not have {update.ref}, which is here",
                    hint=f"share it: git push {self.remote} 'refs/mlgitops/*:refs/mlgitops/*'",
                )

    def _track(self, updates: Iterable[RefUpdate]) -> None:
        """Note what was pushed. It is only a copy: the next ``fetch`` mends what this misses."""
        lines = []
        for update in updates:
            ref = self.local(update.ref)
            lines.append(f"update {ref} {update.new}" if update.new else f"delete {ref}")
        self._call(("update-ref", "--stdin"), stdin="\n".join([*lines, ""]).encode())

    def _publish_here(self, updates: Sequence[RefUpdate]) -> Published | Stale:
        places = self.checked_out()
        here = {u: places[u.ref] for u in updates if u.ref in places and u.old != u.new}
        for update, place in here.items():
            if update.new is None:
                raise Refused(
                    f"{update.ref} is checked out in {place}", hint="switch to another branch first"
                )
        lines = [f"update {u.ref} {u.new or ABSENT} {u.old or ABSENT}" for u in updates]
        with self._started(("update-ref", "--stdin")) as process:
            told, answered = process.stdin, process.stdout
            assert told is not None and answered is not None
            with contextlib.suppress(BrokenPipeError):
                told.write("\n".join(["start", *lines, "prepare", ""]).encode())
                told.flush()
            # Once it has answered "prepare", git holds the locks of all refs at their old values.
            answers = [answered.readline(), answered.readline()]
            ready = answers == [b"start: ok\n", b"prepare: ok\n"]
            try:
                done = self._move_files(here) if ready else []
            except BaseException:
                process.communicate(b"abort\n")
                raise
            _, err = process.communicate(b"commit\n" if ready else b"")
        if process.returncode == 0:
            return Published()
        for place, old, new in reversed(done):
            self.run("-C", str(place), "read-tree", "-m", "-u", new, old)
        now = self.remote_refs([u.ref for u in updates])
        if all(now.get(u.ref) == u.new for u in updates):
            return Published()
        moved = tuple(u.ref for u in updates if now.get(u.ref) != u.old)
        if moved:
            return Stale(refs=moved)
        raise GitError(f"git update-ref: {err.decode('utf-8', 'replace').strip()}")

    def _move_files(self, here: Mapping[RefUpdate, Path]) -> list[tuple[Path, str, str]]:
        """Move index and files of work trees along with their branch; all of them, or none."""
        done: list[tuple[Path, str, str]] = []
        for update, place in here.items():
            old, new = update.old or _EMPTY_TREE, str(update.new)
            at = ("-C", str(place))
            self._call((*at, "update-index", "-q", "--refresh"))
            status, _, err = self._call((*at, "read-tree", "-m", "-u", old, new))
            if status != 0:
                for other, before, after in reversed(done):
                    self.run("-C", str(other), "read-tree", "-m", "-u", after, before)
                raise Refused(
                    f"files in {place} are in the way of {update.ref}: {err.strip()}",
                    hint="commit them or put them aside, then run the same command again",
                )
            done.append((place, old, new))
        return done


def _pause(attempt: int) -> None:
    """Wait a moment before the next attempt: longer each time, and not as long as a rival does."""
    if attempt < _ATTEMPTS - 1:
        time.sleep(random.uniform(0.5, 1.0) * 0.05 * 3**attempt)
