"""The body of a retraining's pull request, in Markdown: why, what moves, what happens next."""

from __future__ import annotations

from mlgitops.core.digests import short
from mlgitops.core.markdown import inert
from mlgitops.core.retrainings import Moved, Retraining, content
from mlgitops.core.specs.environments import Snapshot


def body(retraining: Retraining) -> str:
    """Return the body; the same retraining gives the same bytes."""
    parts = [_head(retraining), _why(retraining), _what(retraining), _next(retraining)]
    return "\n\n".join(parts) + "\n"


def _head(retraining: Retraining) -> str:
    rows = sum(_gain(one) for one in retraining.moved)
    count = len(retraining.moved)
    sources = "1 source moves" if count == 1 else f"{count} sources move"
    return f"**NEW DATA** for `{retraining.pipeline}`: {sources}, {rows:+,} rows"


def _gain(one: Moved) -> int:
    return one.after.rows - (one.before.rows if one.before else 0)


def _why(retraining: Retraining) -> str:
    lines = ["### Why", ""]
    if retraining.asked is not None:
        lines += [f"Asked for: {inert(retraining.asked)}", ""]
    told = retraining.told
    if told is None:
        lines.append(
            f"No verdict on `{retraining.model}` is recorded yet:"
            " `mlgitops monitor` compares what is served with its release."
        )
        return "\n".join(lines)
    lines.append(
        f"`{told.model}` {told.version} in **{inert(told.environment)}** was found"
        f" **{inert(told.state)}** on {told.at[:10]}:"
    )
    lines += ["", *(f"- {inert(reason)}" for reason in told.reasons)]
    if told.drifted:
        names = ", ".join(f"`{name}`" for name in told.drifted)
        lines.append(f"- columns that drifted since the release: {names}")
    return "\n".join(lines)


def _what(retraining: Retraining) -> str:
    lines = [
        "### What moves",
        "",
        "| source | | as of | rows | data |",
        "|---|---|---|---:|---|",
    ]
    for one in retraining.moved:
        source = inert(one.source)
        lines.append(f"| {source} | now | {_cells(one.before)} |")
        lines.append(f"| | proposed | {_cells(one.after)} |")
    lines += ["", "The rows are in the store by these digests; the files here only name them."]
    return "\n".join(lines)


def _cells(snapshot: Snapshot | None) -> str:
    if snapshot is None:
        return "not pinned | | "
    return f"{inert(snapshot.as_of)} | {snapshot.rows:,} | `{short(content(snapshot))}`"


def _next(retraining: Retraining) -> str:
    return "\n".join(
        [
            "### What happens next",
            "",
            f"1. On this branch: `mlgitops run {retraining.pipeline}` trains on the new rows, and"
            f" `mlgitops release {retraining.model} --dry-run` exports and judges the model.",
            f"2. After the merge: `mlgitops release {retraining.model}` tags it, and promotions"
            " compare it with what is live, on the same rows.",
            "3. To refuse this data, close the pull request: it is not proposed again, other data"
            " is.",
        ]
    )
