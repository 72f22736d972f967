"""What a person reads when their step failed: why, their own lines, its inputs, how to repeat."""

from __future__ import annotations

import os
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.digests import Digest, canonical, short
from mlgitops.core.errors import StepFailed
from mlgitops.core.records import Output
from mlgitops.core.results import taken
from mlgitops.executor import Job, Outcome
from mlgitops.executor.tasks import Done, Failed
from mlgitops.flow.checkout import Checkout
from mlgitops.flow.jobs import Work

_LOG_LINES: Final = 20
_WIDE: Final = 1000
_TAIL: Final = 1 << 16
_FULL: Final = 1 << 20
# What a step prints may not clear a person's screen, or write its title.
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that failed. ``missing``: declared outputs that it did not write."""

    number: int
    outcome: Outcome
    answer: Done | Failed | None
    missing: tuple[str, ...]
    job: Job


def step_failed(checkout: Checkout, work: Work, attempt: Attempt) -> StepFailed:
    """Return the error; what the step printed is stored whole and shown by its last lines."""
    node = work.node
    blocks = [f"{node.name} failed after {attempt.outcome.wall:.1f} s: {_reason(work, attempt)}"]
    if isinstance(attempt.answer, Failed) and attempt.answer.traceback:
        blocks.append(attempt.answer.traceback.rstrip())
    blocks += _printed(checkout, attempt.job.log)
    given = _given(work)
    if given:
        blocks.append("\n".join(["it was given:", *(f"  {line}" for line in given)]))
    command = f"mlgitops run {node.pipeline.spec.name} --until {node.step.name}"
    return StepFailed("\n\n".join(blocks), hint=f"after a change, run it alone: {command}")


def keep_log(checkout: Checkout, log: Path) -> Digest | None:
    """Store what a step printed, however much it is; None when it printed nothing."""
    # Not moved: a process that a step left behind may go on writing into it.
    return checkout.seams.store.put_file(log) if log.stat().st_size else None


def _printed(checkout: Checkout, log: Path) -> list[str]:
    """Return the last lines of a log, as far as they are text, and where it is kept whole."""
    kept = keep_log(checkout, log)
    with log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _TAIL))
        data = stream.read(_TAIL)
    if kept is None or not data.strip():
        return []
    text = _COLOUR.sub("", data.decode("utf-8", "replace"))
    lines = _CONTROL.sub("�", text).rstrip().splitlines()
    shown = [line if len(line) <= _WIDE else f"…{line[-_WIDE:]}" for line in lines[-_LOG_LINES:]]
    whole = size <= _TAIL and len(shown) == len(lines)
    what = "what it printed" if whole else "the last lines of what it printed"
    place = checkout.seams.store.path(kept)
    return ["\n".join([f"{what} ({place}):", *(f"  {line}" for line in shown)])]


def _reason(work: Work, attempt: Attempt) -> str:
    outcome = attempt.outcome
    if outcome.timed_out:
        return f"it was stopped at its timeout of {work.node.step.timeout}"
    if isinstance(attempt.answer, Failed):
        return attempt.answer.summary
    if outcome.exit_code < 0:
        number = -outcome.exit_code
        known = number in set(signal.Signals)
        name = signal.Signals(number).name if known else f"signal {number}"
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"it was ended by {name}{hint}"
    if attempt.answer is None and shutil.disk_usage(attempt.job.log.parent).free < _FULL:
        return f"exit code {outcome.exit_code}, and the disk of the store is full"
    if outcome.exit_code != 0:
        return f"exit code {outcome.exit_code}"
    if attempt.missing:
        return f"it did not write its output {', '.join(attempt.missing)}"
    return "it ended without an answer"


def _given(work: Work) -> list[str]:
    lines = []
    for name, one in work.node.step.inputs.items():
        if isinstance(one, str):
            lines.append(f"{name} = {one} ({_told(taken(work.made, one))})")
        else:
            lines.append(f"{name} = the file {one.file} ({short(work.parts.inputs[name].digest)})")
    lines += [f"{name} = {canonical(value).decode()}" for name, value in work.parts.params.items()]
    if work.parts.as_of is not None:
        lines.append(f"as_of = {work.parts.as_of}")
    return lines


def _told(made: Output | tuple[Output, ...]) -> str:
    if not isinstance(made, Output):
        return f"a list of {len(made)}"
    size = f"{made.rows:,} rows" if made.rows is not None else f"{made.size:,} bytes"
    return f"{made.format}, {size}, {short(made.digest)}"
