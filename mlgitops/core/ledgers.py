"""Records of the ledger: evidence of runs, deployments, reviews and monitoring, one file each.

A record is unsigned: whoever may push to the repository may have written it. It tells what somebody
says that happened. No gate may rest on it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from mlgitops.core.digests import JSON, canonical, hex_of, of_value
from mlgitops.core.errors import UsageError

PREFIX: Final = "refs/mlgitops/ledger/"
HERE: Final = "refs/mlgitops-local/ledger/"
"""Below this, a clone keeps the records that it has not shared yet; the remote has no such refs."""

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")
_PATH: Final = re.compile(r"([a-z][a-z0-9-]{0,40})/(\d{4})/(\d\d)/(\d\d)/([0-9a-f]{32})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record. ``at``: ISO 8601 in UTC; ``body``: what was recorded, by its kind.

    ``signed`` is false for every record so far.
    """

    kind: str
    id: str
    at: str
    body: Mapping[str, JSON]
    signed: bool

    @property
    def path(self) -> str:
        """Where the record stands in the ledger: ``<kind>/<yyyy>/<mm>/<dd>/<id>.json``."""
        return f"{self.kind}/{self.at[:10].replace('-', '/')}/{self.id}.json"

    @property
    def ref(self) -> str:
        """The ledger of the record's year."""
        return PREFIX + self.at[:4]

    @property
    def ref_here(self) -> str:
        """Where a clone keeps the record until it is shared."""
        return HERE + self.at[:4]


def record(kind: str, body: Mapping[str, JSON], at: datetime) -> Record:
    """Return the record of ``body``. The same of everything gives the same id and path.

    Raises UsageError for a kind that is no lower-case word, or a time without a zone.
    """
    if not _KIND.fullmatch(kind):
        raise UsageError(f"{kind!r} is no kind of record", hint="a lower-case word like 'monitor'")
    if at.tzinfo is None:
        raise UsageError("the time of a record needs a zone")
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return Record(kind=kind, id=_id(kind, moment, body), at=moment, body=body, signed=False)


def _id(kind: str, at: str, body: Mapping[str, JSON]) -> str:
    return hex_of(of_value({"kind": kind, "at": at, "body": dict(body)}))[:32]


def to_bytes(one: Record) -> bytes:
    """Return the file of a record: JSON with a line for each value, and for each item of a list.

    People compare such lines; a thousand steps with a line for each digest take half as long as all
    of them do when nothing is to be done.
    """
    head: dict[str, JSON] = {"format": 1, "kind": one.kind, "at": one.at, "signed": one.signed}
    lines = [b" %s:%s" % (canonical(name), _laid_out(one.body[name])) for name in sorted(one.body)]
    body = b"{\n%s\n}" % b",\n".join(lines)
    return b'%s,"body":%s}\n' % (canonical(head)[:-1], body)


def _laid_out(value: JSON) -> bytes:
    if not isinstance(value, list) or not value:
        return canonical(value)
    return b"[\n  %s\n ]" % b",\n  ".join(canonical(item) for item in value)


def from_bytes(path: str, data: bytes) -> Record | None:
    """Read what ``to_bytes`` wrote; None when it is something else, or stands in a wrong place.

    The id is recomputed, so a record whose file was edited is not taken for one.
    """
    try:
        value = cast("Mapping[str, JSON]", json.loads(data))
        if value["format"] != 1 or value["signed"] is not False:
            return None
        kind, at, body = str(value["kind"]), str(value["at"]), value["body"]
        if not isinstance(body, dict):
            return None
        one = Record(kind=kind, id=_id(kind, at, body), at=at, body=body, signed=False)
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return one if one.path == path and _PATH.fullmatch(path) else None
