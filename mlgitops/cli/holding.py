"""Show what proposing a hold, or lifting one, came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from mlgitops.flow.proposals import Outcome


def show(outcome: Outcome | None, nothing: str, *, as_json: bool) -> int:
    """Print the outcome and return the exit code; ``nothing`` is said when nothing was to do."""
    from mlgitops.cli.terminal import write, write_json
    from mlgitops.flow.proposals import HandsOff, Proposed, Queued, Rejected

    code, said, number = 0, f"{nothing}: nothing to do", None
    match outcome:
        case None:
            pass
        case Proposed(pull=pull, wrote=wrote):
            number = pull.number
            said = f"#{number} {pull.change.title}: {'opened' if wrote else 'is open already'}"
        case Rejected(pull=pull) | Queued(pull=pull):
            code, number = 4, pull.number
            said = f"#{number} stands against it: {pull.state}"
        case HandsOff(commit=commit):
            code, said = 4, f"the branch holds a person's commit ({commit[:12]}); not touched"
        case _:
            assert_never(outcome)
    write_json({"pull": number, "said": said}) if as_json else write(said)
    return code
