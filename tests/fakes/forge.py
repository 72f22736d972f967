"""A forge in memory that behaves as a hosted one: of git it sees the shared branches alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from mlgitops.core.errors import NotAllowed, RaceLost, Refused, UsageError
from mlgitops.core.specs.projects import BranchRules
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
from mlgitops.git import Published, RefUpdate, Repository


class FakeForge:
    """Pull requests of `origin` (a repository without a remote). `writes` counts what changed."""

    def __init__(
        self,
        origin: Repository,
        *,
        clock: Callable[[], datetime] = lambda: datetime(2026, 1, 5, 9, tzinfo=UTC),
        rules: BranchRules | None = None,
    ) -> None:
        self.origin = origin
        self.clock = clock
        self.rules = rules or BranchRules(checks=[])
        self.writes = 0
        self._pulls: dict[int, PullRequest] = {}
        self._checks: dict[tuple[int, str], dict[str, Check]] = {}

    # -- reading ------------------------------------------------------------------------------

    def find(self, *, head: str, base: str) -> PullRequest | None:
        same = [p for p in self.list() if (p.change.head, p.change.base) == (head, base)]
        return next((p for p in same if p.state == "open"), next(iter(same), None))

    def get(self, number: int) -> PullRequest:
        if number not in self._pulls:
            raise UsageError(f"there is no pull request {number}")
        return self._sync(number)

    def list(self, *, state: State | None = None) -> tuple[PullRequest, ...]:
        pulls = [self._sync(number) for number in sorted(self._pulls, reverse=True)]
        return tuple(p for p in pulls if state in (None, p.state))

    def _tip(self, branch: str) -> str | None:
        return self.origin.refs("refs/heads/").get(f"refs/heads/{branch}")

    def _sync(self, number: int) -> PullRequest:
        """What a hosted forge does when it is told of a push."""
        pull = self._pulls[number]
        if pull.state == "open":
            tip, base = self._tip(pull.change.head), self.origin.base(pull.change.base)
            head = tip or pull.head_commit
            if self.origin.is_ancestor(head, base) and self._was_merged(pull, head, base):
                by = self.origin.landed(head, base)
                pull = replace(pull, state="merged", head_commit=head, merge_commit=by)
            elif tip is None or self.origin.is_ancestor(tip, base):
                pull = replace(pull, state="closed")
            else:
                pull = replace(pull, head_commit=tip)
            if pull.state != "open":
                pull = replace(pull, closed_at=self._now())
        checks = self._checks.get((number, pull.head_commit), {})
        pull = replace(pull, checks=tuple(checks[name] for name in sorted(checks)))
        self._pulls[number] = pull
        return pull

    def _was_merged(self, pull: PullRequest, head: str, base: str) -> bool:
        emptied = self.origin.landed(head, base) == head and head != pull.head_commit
        return not emptied or self.origin.is_ancestor(pull.head_commit, base)

    # -- writing ------------------------------------------------------------------------------

    def open(self, change: Change, *, author: str) -> PullRequest:
        _one_line(change.title, author, *change.labels)
        known = self.find(head=change.head, base=change.base)
        if known is not None and known.state == "open":
            return known
        head, base = self._tip(change.head), self._tip(change.base)
        if head is None or base is None:
            raise UsageError("Validation Failed: head or base is invalid")
        if self.origin.is_ancestor(head, base):
            raise UsageError(f"No commits between {change.base} and {change.head}")
        number = len(self._pulls) + 1
        pull = PullRequest(
            number=number,
            state="open",
            change=_tidy(change),
            author=author,
            head_commit=head,
            url=f"https://forge.example/pulls/{number}",
            opened_at=self._now(),
        )
        return self._store(pull)

    def update(self, number: int, change: Change) -> PullRequest:
        _one_line(change.title, *change.labels)
        pull = self.get(number)
        if (change.head, change.base) != (pull.change.head, pull.change.base):
            raise UsageError("the branches of a pull request do not change")
        return self._store(replace(pull, change=_tidy(change)))

    def approve(self, number: int, *, by: str, expect_head: str) -> PullRequest:
        _one_line(by)
        pull = self.get(number)
        if pull.state != "open":
            raise Refused(f"pull request {number} is {pull.state}")
        if by.casefold() == pull.author.casefold():
            raise NotAllowed("Can not approve your own pull request")
        if pull.head_commit != expect_head:
            raise RaceLost("the head moved")
        if any((r.by.casefold(), r.commit) == (by.casefold(), expect_head) for r in pull.reviews):
            return pull
        review = Review(by=by, commit=expect_head, at=self._now())
        return self._store(replace(pull, reviews=(*pull.reviews, review)))

    def check(self, number: int, checks: Mapping[str, Check], *, commit: str) -> PullRequest:
        _one_line(*(check.name for check in checks.values()))
        pull = self.get(number)
        if pull.state == "open" and pull.head_commit == commit:
            known = self._checks.setdefault((number, commit), {})
            fresh = {check.name: check for check in checks.values()}
            if any(known.get(name) != check for name, check in fresh.items()):
                known.update(fresh)
                self.writes += 1
        return self.get(number)

    def merge(self, number: int, *, expect_head: str, by: str) -> Merging:
        _one_line(by)
        pull = self.get(number)
        if pull.head_commit != expect_head:
            return NotReady(reason="Head branch was modified. Review and try the merge again.")
        if pull.state == "merged":
            return Merged(commit=str(pull.merge_commit))
        if pull.state == "closed":
            return NotReady(reason="Pull Request is closed")
        states = {check.name: check.state for check in pull.checks}
        if red := [name for name in self.rules.checks if states.get(name) == "failure"]:
            return NotReady(reason=f"Required status checks failed: {', '.join(red)}")
        if wanting := [name for name in self.rules.checks if states.get(name) != "success"]:
            return Waiting(reason=f"Required status checks expected: {', '.join(wanting)}")
        if len(pull.approvers()) < self.rules.approvals:
            return Waiting(reason=f"At least {self.rules.approvals} approvals are required")
        base = self.origin.base(pull.change.base)
        tree = self.origin.merge_tree(base, expect_head)
        if tree is None:
            paths = ", ".join(self.origin.conflicts(base, expect_head))
            return NotReady(reason=f"Pull Request is not mergeable: {paths}")
        commit = self.origin.commit_tree(tree, [base, expect_head], f"Merge #{number}")
        updates = [RefUpdate(ref=f"refs/heads/{pull.change.base}", old=base, new=commit)]
        if pull.change.head.startswith("mlgitops/"):
            head = f"refs/heads/{pull.change.head}"
            updates.append(RefUpdate(ref=head, old=expect_head, new=None))
        assert self.origin.publish(updates) == Published()
        done = replace(pull, state="merged", merge_commit=commit)
        self._store(replace(done, closed_by=by, closed_at=self._now()))
        return Merged(commit=commit)

    def close(self, number: int, *, by: str) -> PullRequest:
        _one_line(by)
        pull = self.get(number)
        if pull.state == "merged":
            raise Refused(f"pull request {number} is merged")
        if pull.state == "closed":
            return pull
        return self._store(replace(pull, state="closed", closed_by=by, closed_at=self._now()))

    def _store(self, pull: PullRequest) -> PullRequest:
        if self._pulls.get(pull.number) != pull:
            self._pulls[pull.number] = pull
            self.writes += 1
        return pull

    def _now(self) -> str:
        return self.clock().isoformat()


def _tidy(change: Change) -> Change:
    return replace(change, labels=tuple(sorted(set(change.labels))))


def _one_line(*texts: str) -> None:
    for text in texts:
        if not text.strip() or len(text) > 256 or not text.isprintable():
            raise UsageError(f"{text!r} cannot be used")
