"""Pull requests without a server, each one a ref ``refs/mlgitops/pulls/<n>`` of the repository.

Every change of state is a commit on that ref, so ``git log -p refs/mlgitops/pulls/7`` tells the
story of pull request 7. With a remote the refs are there, for everybody; without one they are here.
Whoever may push can also push past this forge: it keeps careful people in order, and nobody out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from mlgitops.core.errors import NotAllowed, RaceLost, Refused, SpecError, UsageError
from mlgitops.forge import (
    Change,
    Check,
    Merged,
    Merging,
    NotReady,
    PullRequest,
    Review,
    State,
    Waiting,
)
from mlgitops.forge._pull_refs import PullRefs
from mlgitops.forge._record import Record, one_line
from mlgitops.git import RefUpdate, Repository

# More than there may be rivals: in each round at least one of them wins.
_ATTEMPTS: Final = 40
# Branches that the tool made, and nobody misses once they are merged.
_OWN: Final = "mlgitops/"


class LocalForge:
    """See ``Forge``."""

    def __init__(self, repository: Repository, *, clock: Callable[[], datetime]) -> None:
        self._repository = repository
        self._refs = PullRefs(repository, clock)

    def find(self, *, head: str, base: str) -> PullRequest | None:
        """See ``Forge.find``."""
        found = self._refs.fresh(_between(head, base))
        chosen = next((s for s in found if s.now.state == "open"), next(iter(found), None))
        if chosen is None:
            return None
        self._refs.bring_head(chosen)
        return chosen.pull

    def get(self, number: int) -> PullRequest:
        """See ``Forge.get``."""
        stored = self._refs.get(number)
        self._refs.bring_head(stored)
        return stored.pull

    def list(self, *, state: State | None = None) -> tuple[PullRequest, ...]:
        """See ``Forge.list``."""
        # What is closed or merged stays so; what is open may turn out to be either.
        found = self._refs.fresh(lambda r: state is None or r.state in (state, "open"))
        return tuple(s.pull for s in found if state is None or s.now.state == state)

    def open(self, change: Change, *, author: str) -> PullRequest:
        """See ``Forge.open``."""
        author = one_line("the name", author, limit=100)
        change = _tidy(change)
        for attempt in self._attempts(f"opening a pull request of {change.head}"):
            numbers, found = self._refs.listing(_between(change.head, change.base))
            for known in found:
                if known.now.state == "open":
                    return known.pull
            last = max(numbers, default=0)
            # A listing with a hole was made while somebody wrote, and may miss our own. Look again.
            if len(numbers) < last and attempt < 2:
                continue
            record = Record(
                change=change,
                author=author,
                opened_at=self._refs.now(),
                head_commit=self._head_to_open(change),
            )
            stored = self._refs.create(last + 1, record)
            if stored is not None:
                return stored.pull
        raise AssertionError

    def _head_to_open(self, change: Change) -> str:
        tips = self._refs.tips()
        for branch in (change.head, change.base):
            if branch not in tips:
                raise UsageError(f"there is no branch {branch!r}", hint="push it first")
        head = tips[change.head]
        if self._repository.is_ancestor(head, tips[change.base]):
            raise UsageError(f"{change.head} holds nothing that {change.base} does not")
        return head

    def update(self, number: int, change: Change) -> PullRequest:
        """See ``Forge.update``."""
        change = _tidy(change)

        def edit(pull: PullRequest, record: Record) -> Record:
            if (change.head, change.base) != (pull.change.head, pull.change.base):
                raise UsageError(f"pull request {number} is not of {change.head}")
            return replace(record, change=change)

        return self._edit(number, edit, "Edit")

    def approve(self, number: int, *, by: str, expect_head: str) -> PullRequest:
        """See ``Forge.approve``."""
        by = one_line("the name", by, limit=100)

        def edit(pull: PullRequest, record: Record) -> Record:
            if pull.state != "open":
                raise Refused(f"pull request {number} is {pull.state}")
            if by.casefold() == pull.author.casefold():
                raise NotAllowed(
                    f"{by} opened pull request {number} and cannot approve it",
                    hint="somebody else has to",
                )
            if pull.head_commit != expect_head:
                raise RaceLost(
                    f"{pull.change.head} moved from {expect_head[:12]} to {pull.head_commit[:12]}",
                    hint=f"`mlgitops pulls show {number}` shows what is proposed now",
                )
            given = {(r.by.casefold(), r.commit) for r in record.reviews}
            if (by.casefold(), expect_head) in given:
                return record
            review = Review(by=by, commit=expect_head, at=self._refs.now())
            return replace(record, reviews=(*record.reviews, review))

        return self._edit(number, edit, f"Approve as {by}")

    def check(self, number: int, checks: Mapping[str, Check], *, commit: str) -> PullRequest:
        """See ``Forge.check``."""
        fresh = {one_line("the check", check.name): check for check in checks.values()}

        def edit(pull: PullRequest, record: Record) -> Record:
            if pull.state != "open" or pull.head_commit != commit:
                return record
            every = {**{check.name: check for check in pull.checks}, **fresh}
            return replace(
                record, checked=commit, checks=tuple(every[name] for name in sorted(every))
            )

        told = ", ".join(f"{name} {fresh[name].state}" for name in sorted(fresh))
        return self._edit(number, edit, f"Check: {told}")

    def close(self, number: int, *, by: str) -> PullRequest:
        """See ``Forge.close``."""
        by = one_line("the name", by, limit=100)

        def edit(pull: PullRequest, record: Record) -> Record:
            if pull.state == "merged":
                raise Refused(f"pull request {number} is merged", hint="roll it back instead")
            if pull.state == "closed":
                return record
            return replace(record, state="closed", closed_by=by, closed_at=self._refs.now())

        return self._edit(number, edit, f"Close as {by}")

    def merge(self, number: int, *, expect_head: str, by: str) -> Merging:
        """See ``Forge.merge``."""
        by = one_line("the name", by, limit=100)
        for _ in self._attempts(f"merging pull request {number}"):
            stored = self._refs.get(number)
            pull = stored.pull
            if pull.head_commit != expect_head:
                now = f"{pull.change.head} is at {pull.head_commit[:12]}"
                return NotReady(reason=f"{now}, not at {expect_head[:12]}")
            if pull.state == "merged":
                return Merged(commit=str(pull.merge_commit))
            if pull.state == "closed":
                return NotReady(reason=f"pull request {number} is closed")
            base = self._repository.base(pull.change.base)
            tree = self._mergeable(pull, base)
            if not isinstance(tree, str):
                return tree
            commit = self._repository.commit_tree(tree, [base, expect_head], _message(pull, by))
            done = replace(
                stored.now,
                state="merged",
                merge_commit=commit,
                closed_by=by,
                closed_at=self._refs.now(),
            )
            moves = self._moves(pull, base, commit)
            if self._refs.write(stored, done, f"Merge as {by}", *moves) is not None:
                return Merged(commit=commit)
        raise AssertionError

    def _mergeable(self, pull: PullRequest, base: str) -> str | Waiting | NotReady:
        """Return the tree of the merge, or why not: by the rules of the base, never the head's."""
        from mlgitops.forge._branch_rules import PATH, missing, rules_in

        name = pull.change.base
        try:
            unmet = missing(pull, rules_in(self._repository.file(base, PATH)))
        except SpecError as error:
            return NotReady(reason=f"the rules of {name} are unknown: {error.message}")
        if unmet is not None:
            return unmet
        if self._repository.merge_base(base, pull.head_commit) is None:
            self._repository.deepen()
            if self._repository.merge_base(base, pull.head_commit) is None:
                return NotReady(reason=f"{pull.change.head} and {name} have no common history")
        tree = self._repository.merge_tree(base, pull.head_commit)
        if tree is None:
            paths = self._repository.conflicts(base, pull.head_commit)
            return NotReady(reason=f"conflicts with {name} in: {', '.join(paths)}")
        return tree

    def _moves(self, pull: PullRequest, base: str, commit: str) -> Iterator[RefUpdate]:
        """Yield what moves together with the record: the base, and the head that nobody needs."""
        yield RefUpdate(ref=f"refs/heads/{pull.change.base}", old=base, new=commit)
        head = f"refs/heads/{pull.change.head}"
        looked_at = self._repository.remote is None and head in self._repository.checked_out()
        if pull.change.head.startswith(_OWN) and not looked_at:
            yield RefUpdate(ref=head, old=pull.head_commit, new=None)

    def _edit(
        self, number: int, edit: Callable[[PullRequest, Record], Record], subject: str
    ) -> PullRequest:
        """Write what ``edit`` makes of the present record, unless it leaves it as it is."""
        for _ in self._attempts(f"changing pull request {number}"):
            stored = self._refs.get(number)
            wanted = edit(stored.pull, stored.now)
            done = stored if wanted == stored.now else self._refs.write(stored, wanted, subject)
            if done is not None:
                self._refs.bring_head(done)
                return done.pull
        raise AssertionError

    def _attempts(self, doing: str) -> Iterator[int]:
        yield from range(_ATTEMPTS)
        raise RaceLost(
            f"{doing}: others were faster {_ATTEMPTS} times in a row",
            hint="run the same command again",
        )


def _between(head: str, base: str) -> Callable[[Record], bool]:
    return lambda record: (record.change.head, record.change.base) == (head, base)


def _tidy(change: Change) -> Change:
    return replace(
        change,
        title=one_line("the title", change.title),
        body=change.body.encode("utf-8", "replace").decode(),
        labels=tuple(sorted({one_line("the label", label) for label in change.labels})),
    )


def _message(pull: PullRequest, by: str) -> str:
    trailers = [f"Pull-request: {pull.number}"]
    trailers += [f"Reviewed-by: {name}" for name in pull.approvers()]
    trailers += [f"Merged-by: {by}"]
    return f"Merge pull request {pull.number}: {pull.change.title}\n\n" + "\n".join(trailers) + "\n"
