"""What `fsck` and `gc` found: as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from mlgitops.core.digests import JSON
from mlgitops.core.holdings import Share
from mlgitops.flow.fsck import Damage
from mlgitops.flow.gc import Collected

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


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


def size(count: int) -> str:
    """Return a number of bytes for people."""
    value, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            break
        value /= 1024
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def _shares(found: Sequence[Share]) -> list[str]:
    return [f"  {size(one.size):>10}  {one.count:>7,}  {one.reason}" for one in found] or [
        "  nothing"
    ]


def _share(share: Share) -> JSON:
    return {"reason": share.reason, "blobs": share.count, "bytes": share.size}
