"""What a release came to: text for people, JSON for programs."""

from __future__ import annotations

from typing import assert_never, cast

from mlgitops.core.digests import JSON, short
from mlgitops.core.proofs import told
from mlgitops.core.release_documents import to_json as document_json
from mlgitops.core.releases import tag_name
from mlgitops.flow.release import AlreadyReleased, Outcome, Released, WouldRelease


def text(outcome: Outcome) -> str:
    """Return the outcome in words."""
    match outcome:
        case AlreadyReleased(release=release):
            return f"nothing to do: this is {release.tag}, released {release.released_at[:10]}"
        case Released(document=document, shared=shared, built=built):
            lines = [f"released {tag_name(document.model, document.version)}", *_about(outcome)]
            lines += [f"  note: {note}" for note in built.notes]
            if not shared:
                lines.append("  there is no remote: the tag and the bytes exist on this disk only")
            return "\n".join(lines)
        case WouldRelease(document=document, built=built):
            name = tag_name(document.model, document.version)
            lines = [f"would release {name} (--dry-run: nothing was tagged)", *_about(outcome)]
            return "\n".join(lines + [f"  note: {note}" for note in built.notes])
        case _:
            assert_never(outcome)


def _about(outcome: Released | WouldRelease) -> list[str]:
    document = outcome.document
    metrics = cast("dict[str, dict[str, float]]", document.evaluation["metrics"])
    shown = ", ".join(
        f"{name} {one['value']:.4g} [{one['low']:.4g}, {one['high']:.4g}]"
        for name, one in metrics.items()
    )
    return [
        *_bump(outcome),
        f"  parity: {told(document.parity)}",
        f"  quality on {document.evaluation['rows']:,} rows: {shown}",
        f"  digest {short(document.digest)}, {document.size:,} bytes of ONNX, "
        f"one row in {document.measured['latency_p99_ms']} ms (p99)",
    ]


def _bump(outcome: Released | WouldRelease) -> list[str]:
    """Return why it has this version, and what callers of the one before should know."""
    document, previous = outcome.document, outcome.previous
    why = "; ".join(
        (*([f"chosen: {document.reason}"] if document.reason else []), *document.because)
    )
    if previous is None:
        return [f"  {document.bump}: {why}"]
    lines = [f"  {document.bump} after {previous.version}: {why}"]
    if outcome.callers:
        lines.append("  the signature, for callers:")
    return lines + [f"    {one}" for one in outcome.callers]


def to_json(outcome: Outcome) -> dict[str, JSON]:
    """Return the outcome as JSON."""
    match outcome:
        case AlreadyReleased(release=release):
            return {"outcome": "already released", "tag": release.tag, "digest": release.digest}
        case Released():
            return {"outcome": "released", **_told(outcome)}
        case WouldRelease():
            return {"outcome": "would release", **_told(outcome)}
        case _:
            assert_never(outcome)


def _told(outcome: Released | WouldRelease) -> dict[str, JSON]:
    previous = outcome.previous
    return {
        "release": document_json(outcome.document),
        "previous": None if previous is None else previous.tag,
        "callers": list(outcome.callers),
        "notes": list(outcome.built.notes),
    }
