"""Every error that a user can meet, with the exit code that the command line answers.

::

    MlgitopsError
    ├── UsageError        2   the command was called in a way that cannot work
    ├── SpecError         2   a spec cannot be read at all
    ├── Refused           1   the tool says no, and why
    ├── NeedsPerson       4   waits for a decision that no program should take
    ├── RaceLost          5   others kept changing the same thing
    ├── NotAllowed        6   a permission or a branch rule is missing
    ├── StepFailed        7   the user's own step failed
    ├── Unreachable       8   git, the forge or the store did not answer
    │   ├── GitError
    │   ├── ForgeError
    │   └── StoreError
    └── TryLater         75   nothing is wrong, but not now

Anything else that reaches the command line is a bug in mlgitops (exit code 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from mlgitops.core.marks import Mark


class MlgitopsError(Exception):
    """Cannot go on. Says what, where (``at``) and what next (``hint``)."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, at: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at


class UsageError(MlgitopsError):
    """The command was called in a way that cannot work."""

    exit_code = 2


class SpecError(MlgitopsError):
    """A spec cannot be read at all (a *wrong* spec gives findings, see ``core.findings``).

    ``first``: where the first of two stands, when there may be only one.
    """

    exit_code = 2
    first: Mark | None = None


class Refused(MlgitopsError):
    """The tool refuses: a failed gate, a dirty tree, a broken export."""

    exit_code = 1


class NeedsPerson(MlgitopsError):
    """Inconclusive or waiting: a person has to decide."""

    exit_code = 4


class RaceLost(MlgitopsError):
    """Others kept changing the same ref until the attempts were used up."""

    exit_code = 5


class NotAllowed(MlgitopsError):
    """A permission, an approval or a branch rule is missing."""

    exit_code = 6


class StepFailed(MlgitopsError):
    """The user's own step failed."""

    exit_code = 7


class Unreachable(MlgitopsError):
    """Git, the forge or the store did not answer as it must."""

    exit_code = 8


class GitError(Unreachable):
    """Git refused or the repository is not usable."""


class ForgeError(Unreachable):
    """The forge refused or is not reachable."""


class StoreError(Unreachable):
    """The store refused, is full, or holds bytes that do not match their digest."""


class TryLater(MlgitopsError):
    """Nothing is wrong, but it cannot be done now."""

    exit_code = 75
