"""Pull requests, as text and as JSON."""

from __future__ import annotations

from typing import Final, assert_never

from mlgitops.core.digests import JSON
from mlgitops.flow.pulls import Shown
from mlgitops.forge import CheckState, Merged, Merging, NotReady, PullRequest, State, Waiting
from mlgitops.report.tables import Paint, Style, clean, plain, table

_STATES: Final[dict[State, Style]] = {"open": "good", "merged": "bold", "closed": "dim"}
_CHECKS: Final[dict[CheckState, tuple[str, Style]]] = {
    "success": ("✓", "good"),
    "failure": ("✗", "bad"),
    "pending": ("…", "warn"),
}


def listing(pulls: tuple[PullRequest, ...], paint: Paint = plain) -> str:
    """Return one line a pull request, newest first."""
    if not pulls:
        return "no pull request"
    header = ("number", "state", "title", "author", "branch", "checks", "approved by")
    rows = [
        (
            f"#{pull.number}",
            (pull.state, _STATES[pull.state]),
            clean(pull.change.title),
            clean(pull.author),
            clean(pull.change.head),
            _tally(pull),
            clean(", ".join(pull.approvers())) or "–",
        )
        for pull in pulls
    ]
    return table(header, rows, paint)


def _tally(pull: PullRequest) -> tuple[str, Style]:
    states = [check.state for check in pull.checks]
    style: Style = "bad" if "failure" in states else "warn" if "pending" in states else "good"
    passed = states.count("success")
    return (f"{passed} of {len(states)}", style) if states else ("none", "dim")


def page(shown: Shown, paint: Paint = plain) -> str:
    """Return one pull request whole: who, what, checks, reviews, body, changed files."""
    pull = shown.pull
    change = pull.change
    title = paint(f"#{pull.number} {clean(change.title)}", "bold")
    lines = [title, *_facts(pull, paint), *_reviews(pull), *_checks(pull, paint)]
    if change.body.strip():
        lines += ["", clean(change.body).rstrip()]
    if shown.stat is None:
        lines += ["", "the commits of this pull request are not to be had any more"]
    elif shown.stat.strip():
        lines += ["", shown.stat.rstrip()]
    return "\n".join(lines)


def _facts(pull: PullRequest, paint: Paint) -> list[str]:
    change = pull.change
    ended = ""
    if pull.state != "open":
        by = f" by {clean(pull.closed_by)}" if pull.closed_by else ""
        at = f" as {pull.merge_commit[:12]}" if pull.merge_commit else ""
        ended = f"{at}{by} at {pull.closed_at}"
    lines = [
        f"state     {paint(pull.state, _STATES[pull.state])}{ended}",
        f"author    {clean(pull.author)}, at {pull.opened_at}",
        f"branch    {clean(change.head)} ({pull.head_commit[:12]}) into {clean(change.base)}",
    ]
    if change.labels:
        lines.append(f"labels    {clean(', '.join(change.labels))}")
    return [*lines, f"ref       {pull.url}"]


def _reviews(pull: PullRequest) -> list[str]:
    lines = []
    for review in pull.reviews:
        old = "" if review.commit == pull.head_commit else " (an earlier head: counts no more)"
        lines.append(f"approved  {clean(review.by)}, {review.commit[:12]}, at {review.at}{old}")
    return lines


def _checks(pull: PullRequest, paint: Paint) -> list[str]:
    lines = []
    width = max((len(check.name) for check in pull.checks), default=0)
    for check in pull.checks:
        mark, style = _CHECKS[check.state]
        detail = f": {clean(check.detail)}" if check.detail else ""
        name = clean(check.name).ljust(width)
        lines.append(f"check     {paint(mark, style)} {name}  {check.state}{detail}")
    return lines


def merging(pull: PullRequest, answer: Merging, paint: Paint = plain) -> str:
    """Return what a merge came to, in words."""
    title = f"#{pull.number} {clean(pull.change.title)}"
    match answer:
        case Merged(commit=commit):
            return f"{paint('merged', 'good')}: {title} as {commit[:12]}"
        case Waiting(reason=reason):
            return f"{paint('waits', 'warn')}: {title}\n  {clean(reason)}"
        case NotReady(reason=reason):
            return f"{paint('not merged', 'bad')}: {title}\n  {clean(reason)}"
        case _:
            assert_never(answer)


def exit_code(answer: Merging) -> int:
    """Return 0 merged, 4 when a person or a check has yet to answer, 1 refused."""
    match answer:
        case Merged():
            return 0
        case Waiting():
            return 4
        case NotReady():
            return 1
        case _:
            assert_never(answer)


def to_json(pull: PullRequest) -> dict[str, JSON]:
    """Return a pull request as JSON."""
    return {
        "number": pull.number,
        "state": pull.state,
        "title": pull.change.title,
        "head": pull.change.head,
        "base": pull.change.base,
        "labels": list(pull.change.labels),
        "author": pull.author,
        "head_commit": pull.head_commit,
        "merge_commit": pull.merge_commit,
        "opened_at": pull.opened_at,
        "closed_at": pull.closed_at,
        "closed_by": pull.closed_by,
        "approved_by": list(pull.approvers()),
        "reviews": [{"by": r.by, "commit": r.commit, "at": r.at} for r in pull.reviews],
        "checks": [{"name": c.name, "state": c.state, "detail": c.detail} for c in pull.checks],
        "url": pull.url,
    }


def shown_json(shown: Shown) -> dict[str, JSON]:
    """Return what ``page`` shows as JSON."""
    return {**to_json(shown.pull), "body": shown.pull.change.body, "diffstat": shown.stat}


def merging_json(pull: PullRequest, answer: Merging) -> dict[str, JSON]:
    """Return what a merge came to as JSON."""
    match answer:
        case Merged(commit=commit):
            return {"number": pull.number, "outcome": "merged", "commit": commit}
        case Waiting(reason=reason):
            return {"number": pull.number, "outcome": "waits", "because": reason}
        case NotReady(reason=reason):
            return {"number": pull.number, "outcome": "refused", "because": reason}
        case _:
            assert_never(answer)
