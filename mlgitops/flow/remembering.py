"""The findings of the last ``validate``, good while everything that it looked at is the same.

What was looked at is recorded while the rules look, not declared: every listing, every file, the
tags if a rule asked for them, and mlgitops itself. The record is kept in the git directory, where
no commit can put one: a pull request must not bring its own verdict.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from mlgitops.core.errors import MlgitopsError
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Edit, Fix
from mlgitops.core.marks import Mark
from mlgitops.files import WorkTree, write_whole
from mlgitops.flow.facts import Releases
from mlgitops.git import Repository

# A file written as lately as this may be written again without its time showing it (two seconds is
# the coarsest clock of a file system): its bytes are compared, too.
_FRESH: Final = 3_000_000_000
# What decides about findings apart from mlgitops itself.
_PACKAGES: Final = ("pydantic", "pydantic_core", "yaml", "jinja2")

Stamp = tuple[int, int, int, int, int]


def remembered(
    repository: Repository, tree: WorkTree, look: Callable[[Observed, Facts], tuple[Finding, ...]]
) -> tuple[Finding, ...]:
    """Return what ``look`` finds; from memory if nothing that it looked at has changed since."""
    place = repository.git_dir / "mlgitops" / "findings.json"
    known = _recalled(place, repository, tree)
    if known is not None:
        return known
    seen, releases = Observed(tree), Releases(repository)
    # Before anything is looked at: what changes meanwhile is then noticed the next time.
    tags, tool = _tags(repository), _tool()
    found = look(seen, Facts(releases=releases))
    record = {
        "tool": tool,
        "tags": tags if releases.asked else None,
        "listings": sorted([kind, prefix, digest] for (kind, prefix), digest in seen.listings()),
        "files": {path: [stamp, digest] for path, stamp, digest in seen.files()},
        "findings": [asdict(finding) for finding in found],
    }
    # Without a record the next call looks again: no reason to fail this one.
    with contextlib.suppress(MlgitopsError, OSError, ValueError):
        body = json.dumps(record).encode()
        write_whole(place, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    return found


@dataclass(slots=True)
class Observed:
    """A work tree that remembers what was asked of it (see ``core.trees.Tree``)."""

    tree: WorkTree
    _lists: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _files: dict[str, tuple[Stamp | None, bytes | None, int]] = field(default_factory=dict)

    def paths(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.paths``."""
        return self._listed("paths", prefix, self.tree.paths)

    def links(self, prefix: str = "") -> Iterable[str]:
        """See ``Tree.links``."""
        return self._listed("links", prefix, self.tree.links)

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        """See ``Tree.read``."""
        # The time before the reading: a change while it goes on shows in it.
        now, stamp = time.time_ns(), _stamp(self.tree, path)
        fresh = stamp is not None and now - max(stamp[:2]) < _FRESH
        self._files.setdefault(path, (stamp, b"" if fresh else None, 0))
        data = self.tree.read(path, at_most)
        if fresh and data is not None:
            self._files[path] = (stamp, hashlib.sha256(data).digest(), at_most or 0)
        return data

    def listings(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield ((kind, prefix), digest) of each listing."""
        for asked, names in self._lists.items():
            yield asked, _digest(names)

    def files(self) -> Iterator[tuple[str, Stamp | None, list[str | int] | None]]:
        """Yield (path, stamp, [digest, bytes asked for]) of each file; the digest of fresh ones."""
        for path, (stamp, digest, at_most) in self._files.items():
            yield path, stamp, None if digest is None else [digest.hex(), at_most]

    def _listed(self, kind: str, prefix: str, ask: Callable[[str], Iterable[str]]) -> Iterable[str]:
        if (kind, prefix) not in self._lists:
            self._lists[kind, prefix] = list(ask(prefix))
        return self._lists[kind, prefix]


def _recalled(place: Path, repository: Repository, tree: WorkTree) -> tuple[Finding, ...] | None:
    try:
        if not place.is_file():  # a pipe would let us wait for ever
            return None
        seal, _, body = place.read_bytes().partition(b"\n")
        if seal != hashlib.sha256(body).hexdigest().encode():
            return None
        record = json.loads(body)
        if not _same(record, repository, tree):
            return None
        return tuple(_finding(value) for value in record["findings"])
    except (OSError, MlgitopsError, ValueError, LookupError, TypeError, AttributeError):
        return None
    except RecursionError:  # brackets in brackets, and no record of ours
        return None


def _same(record: Mapping[str, Any], repository: Repository, tree: WorkTree) -> bool:
    if record["tool"] != _tool():
        return False
    if record["tags"] is not None and record["tags"] != _tags(repository):
        return False
    for path, (stamp, digest) in record["files"].items():
        now = _stamp(tree, path)
        if stamp is None or now is None:
            if stamp is not now:
                return False
        elif list(now) != stamp:
            return False
        elif digest is not None:
            data = tree.read(path, digest[1] or None)
            if data is None or hashlib.sha256(data).hexdigest() != digest[0]:
                return False
    listed = {"paths": tree.paths, "links": tree.links}
    return all(
        _digest(listed[kind](prefix)) == digest for kind, prefix, digest in record["listings"]
    )


def _stamp(tree: WorkTree, path: str) -> Stamp | None:
    """Return what changes when the file does, or None when there is none."""
    try:
        found = os.lstat(f"{tree.root}/{path}")
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode


def _digest(names: Iterable[str]) -> str:
    joined = "\0".join(names).encode("utf-8", "surrogateescape")
    return hashlib.sha256(joined).hexdigest()


def _tags(repository: Repository) -> str:
    return _digest(f"{ref} {name}" for ref, name in repository.refs("refs/tags/").items())


def _tool() -> str:
    """Return a digest of what makes findings: this code, its libraries and its Python."""
    parts = [sys.version, str(os.geteuid())]
    for folder, folders, names in os.walk(Path(__file__).parents[1]):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        parts += [_of_code(Path(folder, name)) for name in sorted(names)]
    for name in _PACKAGES:
        places = (Path(root, name, "__init__.py") for root in sys.path)
        parts += [_of_code(place) for place in places if place.is_file()]
    return _digest(parts)


def _of_code(path: Path) -> str:
    found = path.stat()
    return f"{path} {found.st_mtime_ns} {found.st_size}"


def _finding(value: Mapping[str, Any]) -> Finding:
    fix = value["fix"]
    return Finding(
        rule=value["rule"],
        message=value["message"],
        hint=value["hint"],
        severity=value["severity"],
        at=Mark(**value["at"]),
        related=tuple((Mark(**at), message) for at, message in value["related"]),
        fix=fix and Fix(title=fix["title"], edits=tuple(Edit(**edit) for edit in fix["edits"])),
    )
