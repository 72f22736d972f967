"""What git, the ledger and the files here name: nothing of it may be removed from the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mlgitops.core.digests import Digest
from mlgitops.core.errors import GitError
from mlgitops.core.holdings import named
from mlgitops.core.ledgers import HERE, PREFIX
from mlgitops.files import WorkTree
from mlgitops.flow.seams import Seams

_LEDGER = "the ledger's last days"


def named_in_git(seams: Seams, since: datetime) -> dict[Digest, str]:
    """Return every digest that is named, with where the first time.

    ``since``: the first day of the ledger that counts. Whatever else is in a ref counts.
    """
    found: dict[Digest, str] = {}
    for data, reason in _texts(seams, since):
        for digest in named(data):
            found.setdefault(digest, reason)
    return found


def _texts(seams: Seams, since: datetime) -> Iterator[tuple[bytes, str]]:
    repository = seams.repository
    for tag in repository.tags():
        yield tag.message.encode(), "releases"
    yield from _files(WorkTree(repository.root), "the files here")
    for root in repository.checked_out().values():
        yield from _files(WorkTree(root), "the files here")
    seen: set[str] = set()
    for ref, commit in _tips(seams):
        for path, blob in repository.tree(commit).entries.items():
            if blob in seen or not _counts(ref, path, since):
                continue
            seen.add(blob)
            reason = _LEDGER if ref.startswith((PREFIX, HERE)) else _reason(ref, path)
            yield repository.blob(blob), reason


def _tips(seams: Seams) -> Iterator[tuple[str, str]]:
    """Yield every ref with its commit, HEAD, and the heads of open pull requests."""
    repository = seams.repository
    for ref, name in repository.refs("refs/").items():
        if repository.resolve(name) is not None:
            yield ref, name
    head = repository.resolve("HEAD")
    if head is not None:
        yield "HEAD", head
    for pull in seams.forge.list(state="open"):
        if repository.resolve(pull.head_commit) is None:
            raise GitError(
                f"the head of pull request #{pull.number} is not here",
                hint=f"git fetch origin {pull.head_commit}: what it pins is kept",
            )
        yield f"pull request #{pull.number}", pull.head_commit


def _counts(ref: str, path: str, since: datetime) -> bool:
    if ref.startswith((PREFIX, HERE)):
        # <kind>/<yyyy>/<mm>/<dd>/<id>.json; what looks otherwise is not known, and kept.
        day = path.split("/")[1:4]
        return len(day) != 3 or "-".join(day) >= since.date().isoformat()
    if ref.startswith("refs/mlgitops/"):
        return True
    return _holds_digests(path)


def _holds_digests(path: str) -> bool:
    return path.startswith("environments/") or "/snapshots/" in path


def _reason(ref: str, path: str) -> str:
    if "/snapshots/" in path:
        return "data snapshots"
    if "/pins/" in path:
        return "pins"
    return "promotion records" if path.startswith("environments/") else ref


def _files(tree: WorkTree, reason: str) -> Iterator[tuple[bytes, str]]:
    for folder in ("environments", "pipelines"):
        for path in tree.paths(folder):
            if _holds_digests(path):
                yield tree.read(path) or b"", reason
