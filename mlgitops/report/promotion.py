"""The body of a promotion's pull request, in Markdown: verdict first, the same bytes always."""

from __future__ import annotations

from typing import Final, cast

from mlgitops.core.digests import short
from mlgitops.core.gates import Compared, Comparison, GateResult, State
from mlgitops.core.markdown import inert
from mlgitops.core.promotions import Page, Pinned
from mlgitops.core.releases import Release

# GitHub takes 65,536 characters; the margin is for what a forge adds.
LIMIT: Final = 60_000
_HEADS: Final[dict[State, str]] = {
    "pass": "READY",
    "not applicable": "READY",
    "waiting": "READY",
    "inconclusive": "UNDECIDED",
    "fail": "NOT READY",
    "error": "NOT READY",
}


def body(page: Page) -> str:
    """Return the body. What is cut to stay under the forge's limit is said."""
    parts = [_verdict(page), _table(page), _quality(page)]
    tail = [_gates(page), _lineage(page), _undo(page)]
    room = LIMIT - sum(len(part) for part in (*parts, *tail)) - 200
    return "\n\n".join(part for part in (*parts, _manifests(page, room), *tail) if part) + "\n"


def _verdict(page: Page) -> str:
    assessment = page.assessment
    promotion = assessment.promotion
    counts: dict[State, int] = {}
    for result in assessment.results:
        counts[result.state] = counts.get(result.state, 0) + 1
    said = [_count(n, state) for state, n in counts.items() if state != "not applicable"]
    if page.approvals:
        said.append(f"waits for {page.approvals} approval{'s' if page.approvals > 1 else ''}")
    before = f"`{promotion.before.version}` → " if promotion.before else ""
    return (
        f"**{_HEADS[assessment.state]}** · {', '.join(said)} · {inert(promotion.model)} "
        f"{before}`{promotion.after.version}` in **{promotion.environment}**"
    )


def _count(number: int, state: State) -> str:
    if state == "pass":
        return "1 gate passes" if number == 1 else f"{number} gates pass"
    return f"{number} gate{'s' if number > 1 else ''} {state}"


def _table(page: Page) -> str:
    assessment = page.assessment
    live, candidate = assessment.live, assessment.candidate
    rows = [
        ("version", str(live.version) if live else "nothing", str(candidate.version)),
        ("digest", _digest(assessment.promotion.before), _digest(assessment.promotion.after)),
        ("released", _released(live), _released(candidate)),
        ("data as of", _as_of(live), _as_of(candidate)),
    ]
    lines = [f"| | now in {assessment.promotion.environment} | proposed |", "|---|---|---|"]
    lines += [f"| {name} | {now} | {new} |" for name, now, new in rows]
    why = "; ".join(inert(reason) for reason in candidate.document.because)
    return "\n".join([*lines, "", f"What changed: {why}."])


def _digest(pinned: Pinned | None) -> str:
    return f"`{short(pinned.digest)}`" if pinned else ""


def _released(release: Release | None) -> str:
    if release is None:
        return ""
    return f"{release.released_at[:10]} by {inert(release.released_by)}"


def _as_of(release: Release | None) -> str:
    if release is None:
        return ""
    snapshots = release.document.lineage.snapshots
    return ", ".join(f"{inert(name)} {one['as_of']}" for name, one in snapshots.items())


def _quality(page: Page) -> str:
    assessment = page.assessment
    comparison = assessment.comparison
    if assessment.promotion.action == "rollback":
        why = f"Why: {inert(assessment.reason)}\n\n" if assessment.reason else ""
        return f"{why}### Quality\nA rollback is not compared: it brings back what ran here before."
    if comparison is None or comparison.problem is not None or not comparison.compared:
        return _alone(page, comparison)
    rows = f"n = {comparison.rows:,}{_clusters(comparison)}"
    left_out = ", ".join(f"{n:,} {inert(why)}" for why, n in comparison.excluded.items())
    lines = [
        f"### Quality against what is now in {assessment.promotion.environment}",
        f"{rows} · paired by row · {_level(comparison)} · live model scored again on "
        f"{inert(comparison.how)}" + (f" · left out: {left_out}" if left_out else ""),
        "",
        "| metric | live | new | Δ | interval of Δ | limit | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_compared(one) for one in comparison.compared])


def _level(comparison: Comparison) -> str:
    """Return how sure the intervals are, and why, when this is not the first look."""
    levels = sorted({2 * one.confidence - 1 for one in comparison.compared})
    words = " and ".join(f"{100 * level:.3g} %" for level in levels) + " intervals"
    return words if comparison.look == 1 else f"{words} (look {comparison.look} at this very model)"


def _clusters(comparison: Comparison) -> str:
    """Return in how many clusters all rows lie, where every metric counts the same ones."""
    counts = {one.clusters for one in comparison.compared if one.slice is None}
    same = next(iter(counts)) if len(counts) == 1 else None
    return "" if same is None else f" in {same:,} clusters"


def _alone(page: Page, comparison: Comparison | None) -> str:
    candidate = page.assessment.candidate.document
    why = "nothing runs there yet"
    if comparison is not None and comparison.problem is not None:
        why = comparison.problem
    elif page.assessment.live is not None:
        why = "no gate of this environment asks for a comparison"
    metrics = cast("dict[str, dict[str, float]]", candidate.evaluation["metrics"])
    lines = [
        "### Quality",
        f"Not compared: {inert(why)}. On {candidate.evaluation['rows']:,} evaluation rows:",
        "",
        "| metric | value | 95 % interval |",
        "|---|---|---|",
    ]
    for name, one in metrics.items():
        lines.append(
            f"| {inert(name)} | {one['value']:.4g} | {one['low']:.4g} to {one['high']:.4g} |"
        )
    return "\n".join(lines)


def _compared(one: Compared) -> str:
    arrow = "↑" if one.higher_is_better else "↓"
    sign = "≥" if one.higher_is_better else "≤"
    verdict = one.verdict
    if verdict != "pass":
        verdict_text = f"**{verdict}**"
        if verdict == "inconclusive":
            verdict_text += f" ({one.undecided})"
    else:
        verdict_text = verdict
    return (
        f"| {inert(one.title)} {arrow} | {one.live:.4g} | {one.candidate:.4g} | {one.delta:+.4g} | "
        f"{one.low:+.4g} to {one.high:+.4g} | {sign} {one.limit:+.4g} | {verdict_text} |"
    )


def _manifests(page: Page, room: int) -> str:
    if not page.diffs:
        return "### What the platform will see\nNothing: the manifests stay as they are."
    changed = sum(
        1
        for diff in page.diffs.values()
        for line in diff.splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    )
    files = f"{len(page.diffs)} file{'s' if len(page.diffs) > 1 else ''}"
    lines = [f"### What the platform will see ({changed} lines in {files})"]
    for path, diff in sorted(page.diffs.items()):
        hunks = "\n".join(line for line in diff.splitlines() if line[:3] not in ("+++", "---"))
        # A manifest that holds a fence must not end the block that shows it.
        fence = "```" if "```" not in hunks else "~~~~~~"
        head = f"<details><summary>{inert(path)}</summary>"
        block = f"{head}\n\n{fence}diff\n{hunks}\n{fence}\n</details>"
        if room - len(block) < 0:
            lines.append(
                f"- `{path}`: {len(hunks.splitlines())} lines, see the files of this change"
            )
            continue
        room -= len(block)
        lines.append(block)
    return "\n".join(lines)


def _gates(page: Page) -> str:
    lines = ["### Gates", "| gate | kind | state | detail |", "|---|---|---|---|"]
    lines += [_gate(result) for result in page.assessment.results]
    if page.approvals:
        lines.append(
            f"| approval | proposed | waiting | needs {page.approvals}, asked at the merge |"
        )
    return "\n".join(lines)


def _gate(result: GateResult) -> str:
    state = result.state if result.state in ("pass", "not applicable") else f"**{result.state}**"
    return f"| {inert(result.gate)} | {result.kind} | {state} | {inert(result.detail)} |"


def _lineage(page: Page) -> str:
    lineage = page.assessment.candidate.document.lineage
    journey = " → ".join(f"{inert(name)} {version}" for name, version in page.journey)
    here = f"**{page.assessment.promotion.environment}**"
    steps = ", ".join(f"{inert(name)} `{short(s.key)}`" for name, s in lineage.steps.items())
    return (
        f"### Lineage\ncode `{lineage.commit[:12]}` · pipeline {inert(lineage.pipeline)} · "
        f"steps {steps} · " + (f"{journey} → {here}" if journey else here)
    )


def _undo(page: Page) -> str:
    promotion = page.assessment.promotion
    name, env = promotion.model, promotion.environment
    if promotion.before is None:
        undo = f"Nothing ran in {env} before; close this, or release a mended model."
    else:
        undo = (
            f"`mlgitops rollback {name} --env {env}` opens a pull request back to "
            f"`{promotion.before.version}` (`{short(promotion.before.digest)}`)."
        )
    return (
        f"### If it goes wrong\n{undo}\n\nClose without merging = rejected: "
        f"{promotion.after.version} will not be offered to {env} again.\n"
        f"<!-- mlgitops:promotion v1 {promotion.fingerprint} -->"
    )
