"""What the ref of a local pull request holds: ``pull.json`` and ``body.md``, whole at every commit.

One JSON file, so that hundreds of pull requests are listed without listing hundreds of trees.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar, cast, get_args

from mlgitops.core.digests import JSON, document
from mlgitops.core.errors import UsageError
from mlgitops.forge import Change, Check, CheckState, Review, State

PULL: Final = "pull.json"
BODY: Final = "body.md"
_FORMAT: Final = 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One pull request as written down. ``checks`` are those of the commit ``checked``."""

    change: Change
    author: str
    opened_at: str
    head_commit: str
    state: State = "open"
    closed_at: str | None = None
    closed_by: str | None = None
    merge_commit: str | None = None
    reviews: tuple[Review, ...] = ()
    checked: str | None = None
    checks: tuple[Check, ...] = ()


def to_files(record: Record) -> dict[str, bytes | None]:
    """Return the files of a record's commit."""
    change = record.change
    data: dict[str, JSON] = {
        "format": _FORMAT,
        "head": change.head,
        "base": change.base,
        "title": change.title,
        "labels": list(change.labels),
        "author": record.author,
        "opened_at": record.opened_at,
        "head_commit": record.head_commit,
        "state": record.state,
        "closed_at": record.closed_at,
        "closed_by": record.closed_by,
        "merge_commit": record.merge_commit,
        "reviews": [{"by": r.by, "commit": r.commit, "at": r.at} for r in record.reviews],
        "checked": record.checked,
        "checks": [{"name": c.name, "state": c.state, "detail": c.detail} for c in record.checks],
    }
    return {PULL: document(data), BODY: change.body.encode("utf-8", "replace")}


def from_files(pull: bytes | None, body: bytes | None) -> Record | None:
    """Read what ``to_files`` wrote; None for anything else (anybody may push to such a ref)."""
    try:
        data = cast("Mapping[str, JSON]", json.loads(pull or b""))
        if data["format"] != _FORMAT:
            return None
        return Record(
            change=Change(
                head=_text(data["head"]),
                base=_text(data["base"]),
                title=_text(data["title"]),
                body=(body or b"").decode("utf-8", "replace"),
                labels=tuple(_text(label) for label in _items(data["labels"])),
            ),
            author=_text(data["author"]),
            opened_at=_text(data["opened_at"]),
            head_commit=_commit(data["head_commit"]),
            state=_one_of(data["state"], get_args(State)),
            closed_at=_maybe(data["closed_at"]),
            closed_by=_maybe(data["closed_by"]),
            merge_commit=_maybe(data["merge_commit"]),
            reviews=tuple(_review(item) for item in _items(data["reviews"])),
            checked=_maybe(data["checked"]),
            checks=tuple(_check(item) for item in _items(data["checks"])),
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _review(item: JSON) -> Review:
    data = cast("Mapping[str, JSON]", item)
    return Review(by=_text(data["by"]), commit=_commit(data["commit"]), at=_text(data["at"]))


def _check(item: JSON) -> Check:
    data = cast("Mapping[str, JSON]", item)
    state: CheckState = _one_of(data["state"], get_args(CheckState))
    return Check(name=_text(data["name"]), state=state, detail=_text(data["detail"]))


def _items(value: JSON) -> list[JSON]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _maybe(value: JSON) -> str | None:
    return None if value is None else _text(value)


def _commit(value: JSON) -> str:
    text = _text(value)
    int(text, 16)
    return text


def _one_of(value: JSON, known: tuple[T, ...]) -> T:
    return known[known.index(cast(T, value))]


def one_line(what: str, text: str, *, limit: int = 256) -> str:
    """Return ``text`` if it can stand in a title or a trailer, which one line feed would forge."""
    if not text.strip() or len(text) > limit or not text.isprintable():
        raise UsageError(
            f"{what} {text[:40]!r} cannot be used",
            hint=f"one line of at most {limit} printable characters",
        )
    return text.strip()
