"""Runs in the ledger: remember one, list them, find one by a word, compare two."""

from __future__ import annotations

import gc
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlgitops import __version__
from mlgitops.core.differences import Difference, difference
from mlgitops.core.digests import JSON, Digest
from mlgitops.core.errors import MlgitopsError, StoreError, UsageError
from mlgitops.core.experiments import (
    KIND,
    Run,
    RunStep,
    Status,
    completed,
    failed_step,
    outline_of,
    step_of,
    to_body,
    whole_of,
)
from mlgitops.core.filters import Condition, Value, holds, ordered, require_name, values
from mlgitops.core.ledgers import Record
from mlgitops.core.records import from_bytes
from mlgitops.flow.ledger import append_here, read_all, share
from mlgitops.flow.seams import Seams
from mlgitops.formats import SUFFIXES

if TYPE_CHECKING:
    # Who lists runs reads no spec: the libraries that do that take longer than the list.
    from mlgitops.flow.checkout import Node
    from mlgitops.flow.choosing import Meant
    from mlgitops.flow.running import Failure, Ran

FIGURE: Final = "figure"
_LATEST: Final = re.compile(r"latest(?:~(\d{1,6}))?")
_UNSAFE: Final = re.compile(r"[^\w.\[\]-]")
_ID: Final = re.compile(r"[0-9a-f]{4,32}")


def remember(
    seams: Seams,
    meant: Sequence[Meant],
    done: Sequence[Ran],
    failures: Sequence[Failure],
    *,
    status: Status,
    seconds: float,
    asked: Mapping[str, JSON],
) -> None:
    """Add what a run did to the ledger, here.

    Never fails: what was run is worth more than the record of it. It says so in a note.
    """
    try:
        repository = seams.repository
        standing = repository.standing()
        run = Run(
            id="",
            at="",
            status=status,
            seconds=seconds,
            steps=_steps(done, failures),
            params=_params(meant),
            commit=standing.commit,
            branch=standing.branch,
            dirty=standing.dirty,
            who=standing.who,
            ci=seams.ci_page,
            platform=f"{sys.platform}-{os.uname().machine}",
            version=__version__,
            asked=asked,
        )
        # Two runs that do the same at the same moment are two runs.
        body: dict[str, JSON] = {**to_body(run), "nonce": secrets.token_hex(8)}
        append_here(repository, KIND, body, seams.clock(), standing)
    except (MlgitopsError, OSError, ValueError) as error:
        message = error.message if isinstance(error, MlgitopsError) else str(error)
        seams.say(f"note: this run is not in the ledger: {message}")


def _steps(done: Sequence[Ran], failures: Sequence[Failure]) -> tuple[RunStep, ...]:
    settled = [step_of(one.decision, _label(one.node), one.record, one.seconds) for one in done]
    failed = [
        failed_step(one.node.pipeline.spec.name, _label(one.node), one.decision, one.error.message)
        for one in failures
    ]
    return (*settled, *failed)


def _label(node: Node) -> str:
    return node.name.removeprefix(f"{node.pipeline.spec.name}.")


def _params(meant: Sequence[Meant]) -> dict[str, Mapping[str, JSON]]:
    found: dict[str, Mapping[str, JSON]] = {}
    for one in meant:
        spec, variant = one.node.pipeline.spec, one.node.variant
        if spec.params:
            found[f"{spec.name} ({variant})" if variant else spec.name] = spec.params
    return found


def push(seams: Seams) -> int:
    """Share the records that only this clone has; return how many. Raises as ``ledger.share``."""
    return share(seams.repository)


@dataclass(kw_only=True)
class Experiments:
    """The runs of the ledger as last fetched, oldest first, in outline (see ``core.experiments``).

    ``damaged``: files of the ledger that are no record of a run, or that somebody edited.
    """

    seams: Seams
    runs: tuple[Run, ...]
    entries: Mapping[str, Record]
    damaged: tuple[str, ...]

    @cached_property
    def _by_key(self) -> dict[str, tuple[str, int]]:
        """Where the work of a key is recorded: in which run, as which step."""
        return {
            step.key: (run.id, place)
            for run in self.runs
            for place, step in enumerate(run.steps)
            if step.action == "execute" and step.key is not None
        }

    def made(self, key: Digest) -> Run | None:
        """Return the run that did the work of a step's key, the last one when several did."""
        found = self._by_key.get(key)
        return None if found is None else next(run for run in self.runs if run.id == found[0])

    def find(self, word: str) -> Run:
        """Return the run that ``word`` names; UsageError when it names none, or several.

        An id or its beginning, ``latest``, ``latest~2``, or a commit, branch or tag: the newest run
        at that commit, one of its files as they are committed before one of changed files.
        """
        latest = _LATEST.fullmatch(word)
        if latest is not None:
            back = int(latest[1] or 0)
            if back < len(self.runs):
                return self.runs[-1 - back]
            raise UsageError(f"there are {len(self.runs)} runs", hint="see `mlgitops runs`")
        if _ID.fullmatch(word):
            found = [run for run in self.runs if run.id.startswith(word)]
            if len(found) > 1:
                ids = ", ".join(run.id[:12] for run in found[:5])
                raise UsageError(f"{word!r} is the beginning of {ids}", hint="write more of it")
            if found:
                return found[0]
        commit = self.seams.repository.resolve(word)
        if commit is None:
            raise UsageError(
                f"{word!r} is neither a run nor a commit", hint="`mlgitops runs` lists the runs"
            )
        at = [run for run in self.runs if run.commit == commit]
        if not at:
            raise UsageError(
                f"nothing was run at {word} ({commit[:12]})",
                hint="`mlgitops runs` lists the runs; one with nothing to do leaves no record",
            )
        return ([run for run in at if not run.dirty] or at)[-1]

    def chosen(
        self,
        *,
        pipeline: str | None = None,
        conditions: Sequence[Condition] = (),
        since: datetime | None = None,
        sort: str | None = None,
        ascending: bool = False,
        last: int | None = None,
    ) -> tuple[tuple[Run, Mapping[str, Value]], ...]:
        """Return the runs that are asked for with their values: the newest first, or sorted."""
        pairs: list[tuple[Run, Mapping[str, Value]]] = [
            (run, values(run))
            for run in reversed(self.runs)
            if (pipeline is None or pipeline in run.pipelines)
            and (since is None or datetime.fromisoformat(run.at) >= since)
        ]
        for name in {*(one.name for one in conditions), *([sort] if sort else [])}:
            require_name(name, (known for _, known in pairs))
        kept = [pair for pair in pairs if all(holds(one, pair[1]) for one in conditions)]
        if sort is not None:
            kept = list(ordered(kept, sort, ascending=ascending))
        return tuple(kept if last is None else kept[:last])

    def _worked(self, step: RunStep) -> RunStep | None:
        """Return what the work of a reused step was made of, as ledger or store know it."""
        if step.key is None:
            return None
        if step.key in self._by_key:
            run, place = self._by_key[step.key]
            whole = whole_of(self.entries[run])
            return None if whole is None else whole.steps[place]
        try:
            digest = self.seams.store.recall(step.key, here=True)
            if digest is None:
                return None
            return completed(step, from_bytes(self.seams.store.read(digest)))
        except MlgitopsError:
            return None

    def steps_of(self, run: Run) -> tuple[RunStep, ...]:
        """Return the steps of a run, the reused ones with what is known of their work."""
        found = []
        whole = whole_of(self.entries[run.id]) or run
        for step in whole.steps:
            known = self._worked(step) if step.action == "reuse" else None
            found.append(
                step
                if known is None
                else replace(
                    known,
                    action="reuse",
                    because=(),
                    pipeline=step.pipeline,
                    step=step.step,
                )
            )
        return tuple(found)

    def compare(self, old: str, new: str) -> Difference:
        """Return what differs between the runs that two words name."""
        one, other = self.find(old), self.find(new)
        return difference(one, other, self.steps_of(one), self.steps_of(other))

    def save_figures(self, run: Run, folder: Path) -> tuple[Path, ...]:
        """Write the plots of a run into ``folder``; return their files. StoreError when gone."""
        wanted = [
            # Anybody may have written the record: its names lead nowhere else.
            (_UNSAFE.sub("_", f"{step.name}.{name}") + SUFFIXES[FIGURE], Digest(made.digest))
            for step in self.steps_of(run)
            for name, made in step.outputs.items()
            if made.format == FIGURE
        ]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, digest in wanted:
                (folder / name).write_bytes(self.seams.store.read(digest))
        except OSError as error:
            raise StoreError(f"cannot write into {folder}: {error.strerror}") from error
        return tuple(folder / name for name, _ in wanted)


def open_experiments(seams: Seams) -> Experiments:
    """Read the runs of the ledger, as last fetched."""
    # Thousands of records are held until the end: looking for garbage among them takes longer.
    gc.disable()
    try:
        return _read(seams)
    finally:
        gc.enable()


def _read(seams: Seams) -> Experiments:
    records, damaged = read_all(seams.repository, KIND)
    runs, entries, wrong = [], {}, list(damaged)
    for one in records:
        run = outline_of(one)
        if run is None:
            wrong.append(f"{one.ref}:{one.path}")
        else:
            runs.append(run)
            entries[one.id] = one
    return Experiments(seams=seams, runs=tuple(runs), entries=entries, damaged=tuple(wrong))
