"""Local pull requests as refs: read what was written, see what branches tell, write the next state.

Every write is one leased, atomic publish. Two facts end a pull request without anybody writing them
down, a merge by hand and a deleted branch: whoever reads first writes them down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from mlgitops.core.errors import ForgeError, NotAllowed, UsageError
from mlgitops.forge import PullRequest
from mlgitops.forge._record import BODY, PULL, Record, from_files, to_files
from mlgitops.git import KEPT, Published, RefUpdate, Repository

PULLS: Final = "refs/mlgitops/pulls/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One pull request. ``commit``: of its ref; ``now``: ``record`` as branches tell it."""

    number: int
    commit: str
    record: Record
    now: Record

    @property
    def pull(self) -> PullRequest:
        """What the seam answers."""
        now = self.now
        return PullRequest(
            number=self.number,
            state=now.state,
            change=now.change,
            author=now.author,
            head_commit=now.head_commit,
            url=f"{PULLS}{self.number} (mlgitops pulls show {self.number})",
            opened_at=now.opened_at,
            closed_at=now.closed_at,
            closed_by=now.closed_by,
            merge_commit=now.merge_commit,
            reviews=now.reviews,
            checks=now.checks if now.checked == now.head_commit else (),
        )


class PullRefs:
    """The pull requests of one repository; ``fresh`` and ``get`` fetch first."""

    def __init__(self, repository: Repository, clock: Callable[[], datetime]) -> None:
        self.repository = repository
        self._clock = clock
        self._records: dict[str, Record | None] = {}

    def now(self) -> str:
        """Return the time in UTC, to the second."""
        return self._clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

    def numbers(self) -> dict[int, str]:
        """Return the numbers that are taken, with the commit of each ref."""
        refs = self.repository.refs(PULLS).items()
        named = ((ref.removeprefix(PULLS), commit) for ref, commit in refs)
        return {int(n): c for n, c in named if n.isascii() and n.isdigit()}

    def tips(self) -> dict[str, str]:
        """Return the shared branches with the commit of each."""
        start = self.repository.local("refs/heads/")
        return {ref.removeprefix(start): c for ref, c in self.repository.refs(start).items()}

    def fresh(self, wanted: Callable[[Record], bool]) -> tuple[Stored, ...]:
        """Fetch; return the pull requests whose record is wanted, newest first.

        What is no pull request (anybody may push such a ref) is passed over.
        """
        return self.listing(wanted)[1]

    def listing(
        self, wanted: Callable[[Record], bool]
    ) -> tuple[tuple[int, ...], tuple[Stored, ...]]:
        """Return the numbers that are taken and what ``fresh`` gives, both of one reading.

        Another process may write between two readings: a number that only the second one shows
        could be the very pull request that the first one was asked for.
        """
        self.repository.fetch()
        # Branches after pull requests: a branch is pushed before its pull request is opened, so one
        # that is missing by now was really deleted.
        numbers = self.numbers()
        tips = self.tips()
        found = []
        for number in sorted(numbers, reverse=True):
            record = self._record(numbers[number])
            if record is not None and wanted(record):
                found.append(self._settled(number, numbers[number], record, tips))
        return tuple(numbers), tuple(found)

    def get(self, number: int) -> Stored:
        """Fetch; return one pull request. UsageError when there is none."""
        self.repository.fetch()
        return self._get(number)

    def _get(self, number: int) -> Stored:
        commit = self.repository.refs(f"{PULLS}{number}").get(f"{PULLS}{number}")
        if commit is None:
            raise UsageError(
                f"there is no pull request {number}", hint="`mlgitops pulls list` shows them"
            )
        record = self._record(commit)
        if record is None:
            raise ForgeError(
                f"{PULLS}{number} holds something else than a pull request",
                hint=f"`git log -p {PULLS}{number}` shows who wrote what",
            )
        return self._settled(number, commit, record, self.tips())

    def _record(self, commit: str) -> Record | None:
        if commit not in self._records:
            pull = self.repository.file(commit, PULL)
            self._records[commit] = from_files(pull, self.repository.file(commit, BODY))
        return self._records[commit]

    def bring_head(self, stored: Stored) -> None:
        """Bring the head of a closed pull request, whose branch may be gone."""
        head = stored.now.head_commit
        if stored.now.state == "closed" and self.repository.resolve(head) is None:
            self.repository.bring(f"{KEPT}{stored.number}")

    # -- what git shows, and nobody wrote down ------------------------------------------------

    def _settled(self, number: int, commit: str, record: Record, tips: Mapping[str, str]) -> Stored:
        stored = Stored(number=number, commit=commit, record=record, now=record)
        if record.state != "open":
            return stored
        stored = replace(stored, now=self._seen(record, tips))
        if stored.now.state == "open":
            return stored
        try:
            written = self.write(stored, stored.now, f"Notice that it is {stored.now.state}")
        except NotAllowed:
            return stored  # A reader without the right to write sees the same, and tells nobody.
        if written is None:
            self.repository.fetch()
        return written or self._get(number)

    def _seen(self, record: Record, tips: Mapping[str, str]) -> Record:
        tip, base = tips.get(record.change.head), tips.get(record.change.base)
        if tip is None:
            # Another process of this clone may have fetched just before the branch was pushed, and
            # pruned what we know of it: only the remote can say that a branch is gone.
            tip = self.repository.remote_tip(record.change.head)
        if tip is None:
            self.repository.deepen()
        head = tip or record.head_commit
        ended = replace(record, head_commit=head, closed_at=self.now())
        if base is not None and self._inside(head, base):
            by = self.repository.landed(head, base)
            # A branch that was reset to an old commit of the base was emptied, not merged.
            same = head == record.head_commit or self._inside(record.head_commit, base)
            if same or by != head:
                return replace(ended, state="merged", merge_commit=by)
            return replace(ended, state="closed", head_commit=record.head_commit)
        return replace(record, head_commit=head) if tip else replace(ended, state="closed")

    def _inside(self, commit: str, base: str) -> bool:
        here = self.repository.resolve(commit) is not None
        return here and self.repository.is_ancestor(commit, base)

    # -- writing ------------------------------------------------------------------------------

    def create(self, number: int, record: Record) -> Stored | None:
        """Write a new pull request; None when somebody else took the number first."""
        message = f"Open: {record.change.title}\n\nBy: {record.author}\n"
        commit = self.repository.commit(None, to_files(record), message)
        updates = [
            RefUpdate(ref=f"{PULLS}{number}", old=None, new=commit),
            RefUpdate(ref=f"{KEPT}{number}", old=None, new=record.head_commit),
        ]
        stored = Stored(number=number, commit=commit, record=record, now=record)
        return stored if isinstance(self.repository.publish(updates), Published) else None

    def write(
        self, stored: Stored, record: Record, subject: str, *more: RefUpdate
    ) -> Stored | None:
        """Write the next state, together with ``more``; None when somebody else was faster."""
        number = stored.number
        commit = self.repository.commit(stored.commit, to_files(record), f"{subject}\n")
        updates = [RefUpdate(ref=f"{PULLS}{number}", old=stored.commit, new=commit), *more]
        # The base keeps what was merged; the head of any other one must outlive its branch.
        before = stored.record.head_commit
        kept = None if record.state == "merged" else record.head_commit
        if kept != before:
            updates.append(RefUpdate(ref=f"{KEPT}{number}", old=before, new=kept))
        done = Stored(number=number, commit=commit, record=record, now=record)
        return done if isinstance(self.repository.publish(updates), Published) else None
