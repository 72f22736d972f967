"""The prediction journal: what was asked and answered, one JSON line a request, one file a day."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from mlgitops.core.errors import MlgitopsError, StoreError

if TYPE_CHECKING:
    from mlgitops.server.columns import Column, Columns

Value: TypeAlias = float | str | list[float] | None

# Quotes inside a value are escaped, so these bytes begin a line and stand nowhere else in it.
_START = b'{"at":"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answered request. ``inputs`` as the model saw them (None = missing), a list a column."""

    at: datetime
    request: str
    model: str
    version: str
    digest: str
    row_ids: list[str] | list[int] | None
    inputs: Mapping[str, list[Value]]
    outputs: Mapping[str, list[Value]]


class Journal:
    """Appends whole lines to ``<directory>/<yyyy-mm-dd>.jsonl`` (UTC).

    A line is one write to a file opened for appending, so several processes may share a directory.
    """

    def __init__(self, directory: Path) -> None:
        # Late, so that `read` needs no part of the server.
        from orjson import OPT_APPEND_NEWLINE, OPT_SERIALIZE_NUMPY, dumps

        self._directory = directory
        self._day: date | None = None
        self._file: int | None = None
        self._torn = False
        self._dumps = partial(dumps, option=OPT_APPEND_NEWLINE | OPT_SERIALIZE_NUMPY)

    def append(
        self,
        at: datetime,
        *,
        request: str,
        model: str,
        version: str,
        digest: str,
        row_ids: list[str] | list[int] | None,
        inputs: Columns,
        outputs: Columns,
    ) -> None:
        """Append one answered request, see ``Entry``; ``at`` is aware.

        Raises OSError when the line was not written whole. What was written of it is then ended by
        the next line's own beginning, so that it spoils no other.
        """
        day = at.astimezone(UTC)
        line = self._dumps(
            {
                "at": day.isoformat(timespec="microseconds"),
                "request": request,
                "model": model,
                "version": version,
                "digest": digest,
                "row_ids": row_ids,
                "inputs": {name: _plain(values) for name, values in inputs.items()},
                "outputs": {name: _plain(values) for name, values in outputs.items()},
            }
        )
        if self._file is None or day.date() != self._day:
            self.close()
            self._file, self._torn = _open(self._directory / f"{day.date()}.jsonl")
            self._day = day.date()
        whole = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self._file, whole)
        if written != len(whole):
            raise OSError(f"only {written} of {len(whole)} bytes were written; is the disk full?")
        self._torn = False

    def close(self) -> None:
        """Close the file of the day; the next line opens one again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read(
    directory: Path,
    since: datetime,
    until: datetime,
    on_torn: Callable[[Path, int], None] | None = None,
) -> Iterator[Entry]:
    """Yield the entries of ``since`` <= time < ``until``, file by file, in the order written.

    A torn line (a crash or a full disk in the middle of a write) is no entry; ``on_torn`` is told
    its file and line. Raises MlgitopsError when a whole line is something else than an entry.
    """
    first, last = str(since.astimezone(UTC).date()), str(until.astimezone(UTC).date())
    for path in sorted(directory.glob("????-??-??.jsonl")):
        if not first <= path.stem <= last:
            continue
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, start=1):
                    # A line that another process tore may stand before a whole one.
                    start = max(0, line.rfind(_START))
                    entry = _entry(line[start:], path, number)
                    if on_torn is not None and line.strip() and (start or entry is None):
                        on_torn(path, number)
                    if entry is not None and since <= entry.at < until:
                        yield entry
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error


def _open(path: Path) -> tuple[int, bool]:
    """Return a file open for appending, and whether its last line was left torn."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    size = os.fstat(file).st_size
    return file, size > 0 and os.pread(file, 1, size - 1) != b"\n"


def _plain(values: Column) -> object:
    """Return what orjson writes: float32 arrays in their shortest form, NaN as null, or a list."""
    return values.tolist() if values.dtype == object else values


def _entry(line: bytes, path: Path, number: int) -> Entry | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    try:
        at = datetime.fromisoformat(found["at"])
        if at.tzinfo is None:
            raise ValueError(f"{found['at']} has no time zone")
        return Entry(
            at=at,
            request=str(found["request"]),
            model=str(found["model"]),
            version=str(found["version"]),
            digest=str(found["digest"]),
            row_ids=found["row_ids"],
            inputs=cast("Mapping[str, list[Value]]", found["inputs"]),
            outputs=cast("Mapping[str, list[Value]]", found["outputs"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MlgitopsError(
            f"{path}:{number}: not a journal entry: {error!r}",
            hint="keep nothing but prediction journals in this directory",
        ) from error
