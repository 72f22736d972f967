"""What `fsck` and `gc` found: as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from mlgitops.core.amounts import size
from mlgitops.core.digests import JSON
from mlgitops.core.holdings import Share
from mlgitops.flow.fsck import Damage
from mlgitops.flow.gc import Collected
from mlgitops.flow.gc_remote import RemoteCollected, RemoteDefect
from mlgitops.flow.pull import Pulled
from mlgitops.flow.sharing import Sent


def fsck_page(found: Sequence[Damage]) -> str:
    """Return two lines a defect: what it is, and what happens next."""
    if not found:
        return "the store is clean"
    lines = []
    for one in found:
        done = " (taken out of use)" if one.repaired else ""
        lines.append(f"{one.defect.message}{done}")
        lines.append(f"  {one.of}: {one.then}" if one.of else f"  {one.then}")
    if not all(one.repaired for one in found):
        lines += ["", "`mlgitops fsck --repair` takes what is damaged out of use"]
    return "\n".join(lines)


def fsck_json(found: Sequence[Damage]) -> JSON:
    """Return ``{"defects": [{"kind", "path", "message", "digest", "of", "then", …}]}``."""
    return {
        "defects": [
            {
                "kind": one.defect.kind,
                "path": str(one.defect.path),
                "message": one.defect.message,
                "digest": one.defect.digest,
                "of": one.of,
                "then": one.then,
                "rebuilt": one.rebuilt,
                "repaired": one.repaired,
            }
            for one in found
        ]
    }


def sent_line(sent: Sent, verb: str) -> str:
    """Return a line on what a push did."""
    line = (
        f"{verb} {sent.new} result{'' if sent.new == 1 else 's'} ({size(sent.bytes)} in"
        f" {sent.blobs} blobs, {sent.seconds:.1f} s); {sent.known} were there"
    )
    return "\n".join([line, *(f"  left out: {one}" for one in sent.left_out)])


def sent_json(sent: Sent) -> JSON:
    """Return ``{"new", "known", "blobs", "bytes", "seconds", "left_out": […]}``."""
    return {
        "new": sent.new,
        "known": sent.known,
        "blobs": sent.blobs,
        "bytes": sent.bytes,
        "seconds": round(sent.seconds, 3),
        "left_out": list(sent.left_out),
    }


def pulled_line(pulled: Pulled) -> str:
    """Return a line on what a pull did."""
    return (
        f"fetched {size(pulled.bytes)} in {pulled.blobs} blobs ({pulled.seconds:.1f} s);"
        f" {pulled.here} were here"
    )


def pulled_json(pulled: Pulled) -> JSON:
    """Return ``{"blobs", "bytes", "here", "seconds"}``."""
    return {
        "blobs": pulled.blobs,
        "bytes": pulled.bytes,
        "here": pulled.here,
        "seconds": round(pulled.seconds, 3),
    }


def gc_page(result: Collected) -> str:
    """Return what is kept and what went, in bytes by reason."""
    would = "would be removed" if result.dry_run else "removed"
    total = sum(share.size for share in result.removed)
    count = sum(share.count for share in result.removed)
    lines = ["kept:", *_shares(result.kept), f"{would}:", *_shares(result.removed)]
    keys = f", and what was known of {result.keys_removed} steps" if result.keys_removed else ""
    return "\n".join([*lines, "", f"{size(total)} in {count} blobs {would}{keys}"])


def gc_json(result: Collected) -> JSON:
    """Return ``{"dry_run", "kept": [{"reason", "blobs", "bytes"}], "removed": […], "keys": …}``."""
    return {
        "dry_run": result.dry_run,
        "kept": [_share(share) for share in result.kept],
        "removed": [_share(share) for share in result.removed],
        "keys": {"kept": result.keys_kept, "removed": result.keys_removed},
    }


def gc_remote_page(result: RemoteCollected) -> str:
    """Return what is kept in a remote and what went, in bytes by reason."""
    would = "would be removed" if result.dry_run else "removed"
    count = sum(share.count for share in result.removed)
    total = sum(share.size for share in result.removed)
    lines = ["kept:", *_shares(result.kept), f"{would}:", *_shares(result.removed), ""]
    if result.blobs is None:
        lines.append(f"{count} names {would}, which hold {size(total)}")
        lines.append("the registry frees bytes that nothing names when it collects its garbage")
    else:
        lines.append(f"{count} names {would}, and {size(result.bytes)} in {result.blobs} blobs")
    return "\n".join(lines)


def gc_remote_json(result: RemoteCollected) -> JSON:
    """Return ``{"place", "dry_run", "kept": [{…}], "removed": [{…}], "blobs", "bytes"}``."""
    return {
        "place": result.place,
        "dry_run": result.dry_run,
        "kept": [_share(share) for share in result.kept],
        "removed": [_share(share) for share in result.removed],
        "blobs": result.blobs,
        "bytes": result.bytes,
    }


def fsck_remote_page(found: Sequence[RemoteDefect]) -> str:
    """Return a line a defect, and what helps."""
    if not found:
        return "the remote store is clean"
    lines = [f"{one.name}: {one.message}" for one in found]
    return "\n".join([*lines, "", "`mlgitops push --all` from a store that has it sends it again"])


def fsck_remote_json(found: Sequence[RemoteDefect]) -> JSON:
    """Return ``{"defects": [{"name", "message"}]}``."""
    return {"defects": [{"name": one.name, "message": one.message} for one in found]}


def _shares(found: Sequence[Share]) -> list[str]:
    return [f"  {size(one.size):>10}  {one.count:>7,}  {one.reason}" for one in found] or [
        "  nothing"
    ]


def _share(share: Share) -> JSON:
    return {"reason": share.reason, "blobs": share.count, "bytes": share.size}
