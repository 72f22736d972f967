"""A release's lineage as a tree of text, or as a Mermaid picture."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, cast

from mlgitops.core.digests import JSON, short
from mlgitops.core.lineages import Trace
from mlgitops.report.tables import Paint, plain

Branch: TypeAlias = "tuple[str, Sequence[Branch]]"


def page(trace: Trace, paint: Paint = plain) -> str:
    """Return the lineage as a tree, from the release down to its data."""
    document = trace.release.document
    title = paint(f"{document.model} {document.version}", "bold")
    branches: list[Branch] = [
        (f"released {trace.release.released_at[:16].replace('T', ' ')}", _release(trace)),
        ("runs in " + (", ".join(trace.pinned) or "no environment"), ()),
        (_evaluation(trace), [(text, ()) for text in _metrics(trace)]),
        (_commit(trace), ()),
        (f"pipeline {document.lineage.pipeline}", [_step(trace, name) for name in trace.steps]),
    ]
    return "\n".join([f"{title}  {document.digest}", *_tree(branches)])


def _release(trace: Trace) -> list[Branch]:
    document = trace.release.document
    bytes_ = "in this store" if trace.present else "not in this store"
    return [
        (f"by {trace.release.released_by}, as the tag {trace.release.tag}", ()),
        (f"{document.bump}: {'; '.join(document.because)}", ()),
        (f"model.onnx {short(document.files['model.onnx'])}, all bytes {bytes_}", ()),
    ]


def _commit(trace: Trace) -> str:
    made_at = trace.release.document.lineage.commit[:12]
    if trace.commit is None:
        return f"commit {made_at}, which is not here"
    return f"commit {made_at} {trace.commit.subject} ({trace.commit.author})"


def _evaluation(trace: Trace) -> str:
    rows = trace.release.document.evaluation.get("rows")
    by = f" of {trace.judge}" if trace.judge else ""
    return f"judged on {rows:,} rows{by}" if isinstance(rows, int) else "judged"


def _metrics(trace: Trace) -> list[str]:
    metrics = trace.release.document.evaluation["metrics"]
    found = []
    for name, one in cast("Mapping[str, Mapping[str, float | None]]", metrics).items():
        low, high = one.get("low"), one.get("high")
        interval = "" if low is None or high is None else f"  [{low:.6g}, {high:.6g}]"
        found.append(f"{name} {one['value']:.6g}{interval}")
    return found


def _step(trace: Trace, name: str) -> Branch:
    step = trace.release.document.lineage.steps[name]
    snapshot = trace.release.document.lineage.snapshots.get(name)
    before = trace.sources_of(name)
    head = name + (f" ← {', '.join(before)}" if before else "")
    if name == trace.maker:
        head += "  (makes the model)"
    facts = []
    if snapshot is not None:
        facts.append(snapshot_words(snapshot))
    facts += [f"input {key} {short(digest)}" for key, digest in sorted(step.inputs.items())]
    if step.code is not None:
        facts.append(f"code {short(step.code)}")
    if step.params:
        facts.append(f"params {json.dumps(step.params, sort_keys=True, ensure_ascii=False)}")
    if step.lock is not None:
        facts.append(f"lock {short(step.lock)}")
    if (run := trace.runs.get(name)) is not None:
        facts.append(f"run {run.id[:12]} {run.at[:16].replace('T', ' ')} by {run.by}")
    return head, [(fact, ()) for fact in facts]


def snapshot_words(snapshot: Mapping[str, JSON]) -> str:
    """Return what a source brought in: rows, as of when, the digest's first letters."""
    rows = snapshot.get("rows")
    count = f"{rows:,} rows" if isinstance(rows, int) else "data"
    as_of = f" as of {snapshot['as_of']}" if snapshot.get("as_of") else ""
    return f"{count}{as_of} {short(str(snapshot.get('digest')))}"


def _tree(branches: Sequence[Branch], before: str = "") -> list[str]:
    lines = []
    for number, (text, below) in enumerate(branches, start=1):
        last = number == len(branches)
        lines.append(f"{before}{'└─ ' if last else '├─ '}{text}")
        lines += _tree(below, before + ("   " if last else "│  "))
    return lines


def mermaid(trace: Trace) -> str:
    """Return a Mermaid flow chart: data → steps → release → environments."""
    document = trace.release.document
    ids = {name: f"s{number}" for number, name in enumerate(trace.steps)}
    lines = ["flowchart LR"]
    for name in trace.steps:
        snapshot = document.lineage.snapshots.get(name)
        if snapshot is None:
            code = document.lineage.steps[name].code
            told = f"{name}<br/>code {short(code)}" if code else name
            lines.append(f"  {ids[name]}[{_label(told)}]")
        else:
            lines.append(f"  {ids[name]}[({_label(f'{name}<br/>{snapshot_words(snapshot)}')})]")
    title = f"{document.model} {document.version}<br/>{short(document.digest)}"
    lines.append(f"  release([{_label(title)}])")
    lines += [f"  {ids[before]} --> {ids[after]}" for before, after in trace.edges]
    if trace.maker is not None:
        lines.append(f"  {ids[trace.maker]} --> release")
    if trace.judge is not None:
        lines.append(f"  {ids[trace.judge]} -. judges .-> release")
    for number, environment in enumerate(trace.pinned):
        lines += [f"  e{number}{{{{{_label(environment)}}}}}", f"  release --> e{number}"]
    return "\n".join(lines)


def _label(text: str) -> str:
    """Return the text in quotes; a quote or an angle bracket in it would end or break the label."""
    safe = "<br/>".join(
        part.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
        for part in text.split("<br/>")
    )
    return f'"{safe}"'
