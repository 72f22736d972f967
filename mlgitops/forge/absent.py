"""The forge of a project whose kind of forge this version cannot talk to: every request refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark
from mlgitops.forge import Change, Check, Merging, PullRequest, State


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsentForge:
    """Raises SpecError for whatever is asked; commands that need no pull request work.

    ``kind``: what the project names, such as ``github``; ``at``: where it does.
    """

    kind: str
    at: Mark

    def find(self, *, head: str, base: str) -> PullRequest | None:
        """Refuse."""
        raise self._refusal()

    def get(self, number: int) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def list(self, *, state: State | None = None) -> tuple[PullRequest, ...]:
        """Refuse."""
        raise self._refusal()

    def open(self, change: Change, *, author: str) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def update(self, number: int, change: Change) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def approve(self, number: int, *, by: str, expect_head: str) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def check(self, number: int, checks: Mapping[str, Check], *, commit: str) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def merge(self, number: int, *, expect_head: str, by: str) -> Merging:
        """Refuse."""
        raise self._refusal()

    def close(self, number: int, *, by: str) -> PullRequest:
        """Refuse."""
        raise self._refusal()

    def _refusal(self) -> SpecError:
        return SpecError(
            f"this version of mlgitops opens and reads no pull requests on {self.kind} yet",
            hint="write 'forge: {type: local}' for pull requests in the repository's own refs",
            at=self.at,
        )
