"""History: who released, moved and held a model, when, on what evidence; from git alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from mlgitops.core import watches
from mlgitops.core.errors import GitError, UsageError
from mlgitops.core.findings import did_you_mean
from mlgitops.core.histories import (
    Event,
    History,
    approvers,
    merger,
    newest_first,
    pull_number,
    trailers,
)
from mlgitops.core.pins import parse_path, read_as
from mlgitops.core.releases import Release, Version
from mlgitops.core.specs.environments import Hold, Pin
from mlgitops.flow import ledger
from mlgitops.flow.releases import moved_by, releases, remarks, tagged
from mlgitops.flow.seams import Seams
from mlgitops.git import Repository

_FORM: Final = "--format=%x01%H%x00%P%x00%an%x00%cI%x00%s%x00%b%x00"
_MONITOR: Final = "monitor"
_RECORD: Final = re.compile(r"environments/([^/]+)/records/[^/]+/[^/]+\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    """A commit of the shared branch. ``changes``: path to (blob before, blob after)."""

    commit: str
    parents: tuple[str, ...]
    author: str
    at: str
    subject: str
    body: str
    changes: dict[str, tuple[str, str]]


def history(
    seams: Seams, model: str, environment: str | None = None, *, offline: bool = False
) -> History:
    """Return what happened to ``model`` (in ``environment``), newest first.

    Raises UsageError for a model or an environment that neither the specs nor the past know.
    """
    repository = seams.repository
    notes = []
    if not offline:
        try:
            repository.fetch()
        except GitError as error:
            notes.append(f"not up to date: {error.message.splitlines()[0]}")
    if repository.shallow():
        notes.append("the history was cut off (a shallow clone): git fetch --unshallow")
    notes += remarks(repository, tagged(repository, model).strangers)
    base = repository.base(seams.branch)
    known = releases(repository, model)
    notes += [remark for one in known if (remark := moved_by(one)) is not None]
    moved = list(_moved(repository, base, model))
    if environment is not None or not (known or moved):
        _require_known(repository, base, model, environment, bool(known or moved))
    told = [] if environment is not None else [_released(release) for release in known]
    looks = _observed(repository, model)
    told += [event for event in (*moved, *looks) if environment in (None, event.environment)]
    return History(
        model=model, environment=environment, events=newest_first(told), notes=tuple(notes)
    )


def _require_known(
    repository: Repository, base: str, model: str, environment: str | None, seen: bool
) -> None:
    from mlgitops.core.workspaces import load

    draft = load(repository.tree(base)).draft
    models = [one.spec.name for one in draft.models]
    environments = [one.spec.name for one in draft.environments]
    if not seen and model not in models:
        raise UsageError(
            f"there is no model {model!r}",
            hint=did_you_mean(model, models) or f"there are: {', '.join(models) or 'none'}",
        )
    if environment is not None and environment not in environments:
        raise UsageError(
            f"there is no environment {environment!r}",
            hint=did_you_mean(environment, environments)
            or f"there are: {', '.join(environments) or 'none'}",
        )


def _released(release: Release) -> Event:
    document = release.document
    return Event(
        at=release.released_at,
        kind="released",
        by=release.released_by,
        commit=release.commit,
        version=str(release.version),
        digest=release.digest,
        detail=f"{document.bump}: {'; '.join((*_chosen(document.reason), *document.because))}",
    )


def _chosen(reason: str | None) -> tuple[str, ...]:
    return () if reason is None else (f"chosen: {reason}",)


def _observed(repository: Repository, model: str) -> Iterator[Event]:
    """Yield what monitoring said. A record is unsigned: it names nobody, and proves nothing."""
    for record in ledger.read(repository, _MONITOR):
        look = watches.told(record.body, record.at)
        if look is not None and look.model == model:
            said = "; ".join((look.state, *look.reasons[:1]))
            yield Event(
                at=record.at,
                kind="observed",
                by="monitor",
                commit=None,
                environment=look.environment,
                version=look.version,
                evidence=f"{record.ref}:{record.path}",
                detail=said,
            )


def _moved(repository: Repository, base: str, model: str) -> Iterator[Event]:
    """Yield what the shared branch did to the pins and holds of ``model``, oldest first.

    Along first parents: a merge is one event, by the person who merged; what was merged is the
    other parent, by the person who proposed.
    """
    paths = (
        f":(glob)environments/*/pins/{model}.yaml",
        f":(glob)environments/*/holds/{model}.yaml",
        f":(glob)environments/*/records/{model}/*.json",
    )
    line = list(
        _commits(repository, "--first-parent", "-m", "--raw", "--no-abbrev", base, "--", *paths)
    )
    merged = [commit.parents[1] for commit in line if len(commit.parents) == 2]
    proposed = {}
    if merged:
        proposed = {one.commit: one for one in _commits(repository, "--no-walk=unsorted", *merged)}
    for commit in reversed(line):
        source = proposed.get(commit.parents[1]) if len(commit.parents) == 2 else None
        yield from _events(repository, commit, source)


def _commits(repository: Repository, *args: str) -> Iterator[_Commit]:
    out = repository.run("log", "--no-renames", _FORM, *args)
    for chunk in out.split("\x01")[1:]:
        commit, parents, author, at, subject, body, raw = chunk.split("\0", 6)
        changes = {}
        for row in raw.splitlines():
            if row.startswith(":"):
                facts, _, path = row.partition("\t")
                _, _, before, after, _ = facts.split(" ")
                changes[path] = (before, after)
        yield _Commit(
            commit=commit,
            parents=tuple(parents.split()),
            author=author,
            at=at,
            subject=subject,
            body=body,
            changes=changes,
        )


def _events(repository: Repository, commit: _Commit, source: _Commit | None) -> Iterator[Event]:
    named = trailers(commit.body)
    # What was merged says what it is; who merged and who approved only the merge itself may say.
    asked = "rollback" in (trailers(source.body) if source else named).get("mlgitops-action", ())
    event = Event(
        at=commit.at,
        kind="promoted",
        by=merger(commit.author, named),
        commit=commit.commit,
        proposed_by=source.author if source else None,
        approved_by=approvers(named),
        pull=pull_number(commit.subject, named),
    )
    for path, blobs in sorted(commit.changes.items()):
        place = parse_path(path)
        if place is None:
            continue
        kind, environment, _ = place
        before, after = (_blob(repository, blob) for blob in blobs)
        here = replace(event, environment=environment)
        if kind == "hold":
            hold = read_as(Hold, after, path)
            detail = f"{hold.reason} ({hold.by})" if hold else ""
            yield replace(here, kind="held" if after is not None else "unheld", detail=detail)
            continue
        yield _pin_event(
            repository,
            replace(here, evidence=_record(commit, environment)),
            read_as(Pin, before, path),
            read_as(Pin, after, path),
            asked,
        )


def _pin_event(
    repository: Repository, event: Event, before: Pin | None, after: Pin | None, asked: bool
) -> Event:
    event = replace(event, before=before.version if before else None)
    if after is None:
        return replace(event, kind="removed", evidence=None)
    back = before is not None and Version.parse(after.version) < Version.parse(before.version)
    return replace(
        event,
        kind="rolled-back" if asked or back else "promoted",
        version=after.version,
        digest=after.digest,
        detail=_gates(repository, event),
    )


def _record(commit: _Commit, environment: str) -> str | None:
    """Return the record that came in with the pin: a squash keeps it, where trailers are lost."""
    for path, (before, _) in sorted(commit.changes.items()):
        match = _RECORD.fullmatch(path)
        if match is not None and match[1] == environment and set(before) == {"0"}:
            return path
    return None


def _gates(repository: Repository, event: Event) -> str:
    """Return what the record says of its gates, in words; '' without a readable record."""
    known = event.commit is not None and event.evidence is not None
    data = repository.file(str(event.commit), str(event.evidence)) if known else None
    try:
        gates = json.loads(data or b"{}").get("gates", [])
        return _counted(str(gate["state"]) for gate in gates)
    except (ValueError, AttributeError, TypeError, KeyError):
        return "the record is not readable"


def _counted(states: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    listed = [f"{count} {state}" for state, count in sorted(counts.items())]
    return f"gates: {', '.join(listed)}" if listed else ""


def _blob(repository: Repository, object_id: str) -> bytes | None:
    return None if set(object_id) == {"0"} else repository.blob(object_id)
