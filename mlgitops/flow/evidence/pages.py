"""A model card in Markdown, with the front matter that Hugging Face and other tools read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from mlgitops.core.cards import (
    higher_is_better,
    leaning,
    metrics_of,
    place,
    shown,
    slices_of,
    value_of,
)
from mlgitops.core.digests import JSON, short
from mlgitops.core.markdown import inert
from mlgitops.core.proofs import told
from mlgitops.core.releases import Object

_MARKS: Final = {"good": "pass", "note": "look", "bad": "FAIL"}
_KINDS: Final = {
    "regression": "tabular-regression",
    "forecasting": "time-series-forecasting",
    "binary-classification": "tabular-classification",
    "multiclass-classification": "tabular-classification",
}
_MOST_SLICES: Final = 30


def page(card: Mapping[str, Any]) -> str:
    """Return ``card.md`` of a ``card.json``."""
    details = card["model_details"]
    lines = [*_front(card), f"# {details['name']}", ""]
    if details["description"]:
        lines += [inert(details["description"]), ""]
    lines += ["## Verdict", "", "| | asked | found |", "|---|---|---|"]
    for one in card["verdict"]:
        lines.append(
            f"| **{_MARKS[one['state']]}** | {inert(one['asked'])} | {inert(one['answer'])} |"
        )
    for part in (_details, _words, _quality, _odd, _measured, _inputs, _origin, _again):
        lines += part(card)
    return "\n".join(lines).rstrip("\n") + "\n"


def _front(card: Mapping[str, Any]) -> Iterator[str]:
    import yaml

    details, data = card["model_details"], card["evaluation_data"]
    kind = _KINDS.get(details["task"], "tabular-classification")
    analysis = card["quantitative_analysis"]
    measured: list[Object] = [
        {"type": name, "name": name, "value": one.value, "verified": False}
        for name, one in metrics_of(analysis).items()
        if one.value is not None
    ]
    dataset = {"name": data["output"], "type": f"{details['pipeline']}/{data['output']}"}
    head: Object = {
        "library_name": "onnx",
        "pipeline_tag": kind,
        "tags": ["onnx", "tabular", "mlgitops", details["task"]],
        "metrics": cast(JSON, list(metrics_of(analysis))),
        "model-index": cast(
            JSON,
            [
                {
                    "name": details["name"],
                    "results": [{"task": {"type": kind}, "dataset": dataset, "metrics": measured}],
                }
            ],
        ),
    }
    license_ = card.get("considerations", {}).get("license")
    if license_:
        head = {"license": license_, **head}
    yield "---"
    yield from yaml.safe_dump(head, sort_keys=False, allow_unicode=True).splitlines()
    yield from ("---", "")


def _details(card: Mapping[str, Any]) -> Iterator[str]:
    details, signature = card["model_details"], card["signature"]
    yield from ("", "## Model details", "", "| | |", "|---|---|")
    yield f"| task | {details['task']} |"
    if signature["classes"]:
        yield f"| classes | {', '.join(inert(name) for name in signature['classes'])} |"
    yield f"| takes | {len(signature['inputs'])} columns, listed below |"
    yield f"| answers | {', '.join(map(_output, signature['outputs']))} |"
    yield f"| made by | pipeline `{details['pipeline']}`, `{details['artifact']}` |"
    if details["owners"]:
        yield f"| owners | {', '.join(inert(name) for name in details['owners'])} |"
    yield f"| format | ONNX, {card['measured']['size']:,} bytes |"


def _output(one: JSON) -> str:
    return str(one["name"]) if isinstance(one, dict) else str(one)


def _words(card: Mapping[str, Any]) -> Iterator[str]:
    """The author's own words; what nobody wrote is not made up."""
    titles = {
        "intended_use": "Intended use",
        "out_of_scope": "Out of scope",
        "limitations": "Limitations and caveats",
        "ethical": "Ethical considerations",
        "contacts": "Contacts",
    }
    said = card.get("considerations", {})
    for name, title in titles.items():
        value = said.get(name)
        if value:
            yield from ("", f"## {title}", "")
            yield from (
                [f"- {inert(one)}" for one in value] if isinstance(value, list) else [inert(value)]
            )


def _quality(card: Mapping[str, Any]) -> Iterator[str]:
    data, analysis = card["evaluation_data"], card["quantitative_analysis"]
    yield from ("", "## Quantitative analysis", "")
    yield f"{data['rows']:,} rows of `{data['output']}`, true values in `{data['target']}`;"
    yield "95 % intervals."
    yield from ("", "| metric | better | value [95 %] |", "|---|---|---|")
    metrics = metrics_of(analysis)
    for name, one in metrics.items():
        way = "higher" if higher_is_better(analysis, name) else "lower"
        yield f"| {name} | {way} | {shown(one)} |"
    names = ("roc", "precision-recall", "calibration", "confusion", "residuals")
    yield from _pictures(card, *names)
    yield from _calibration(analysis)
    name = analysis["headline"]
    listed = slices_of(analysis, name) if name else ()
    if listed:
        yield from ("", f"### Slices, weakest {name} first", "")
        yield from (f"| slice | rows | {name} [95 %] | beyond chance |", "|---|---:|---|---|")
        for part in listed[:_MOST_SLICES]:
            behind = "behind the whole" if part.apart else ""
            title = f"{inert(part.column)} = {inert(part.value)}"
            yield f"| {title} | {part.rows:,} | {shown(part.figure)} | {behind} |"
        if len(listed) > _MOST_SLICES:
            yield from ("", f"{len(listed) - _MOST_SLICES} better ones are in `evaluation.json`.")
        yield from _pictures(card, "slices")
    yield from _weak(analysis)


def _calibration(analysis: Mapping[str, Any]) -> Iterator[str]:
    if not analysis["calibration"]:
        return
    yield from ("", "### Calibration", "")
    yield "Slope 1 is perfect; below it probabilities are too far from the middle. The error is the"
    yield "mean distance of predicted and observed over ten bins."
    yield from ("", "| class | slope [95 %] | error | |", "|---|---|---|---|")
    for name, one in analysis["calibration"].items():
        slope = value_of(one["slope"])
        told = one["reason"] or leaning(slope) or ""
        yield f"| {inert(name)} | {shown(slope)} | {one['error']:.4f} | {inert(told)} |"


def _weak(analysis: Mapping[str, Any]) -> Iterator[str]:
    found = analysis["searched"]
    if found is None:
        return
    yield from ("", "### Weak slices that were searched for", "")
    if found["reason"] is not None:
        yield f"None: {found['metric']} cannot be looked for, {found['reason']}."
        return
    yield f"{found['looked_at']:,} values and pairs of values were looked at. These are worse"
    yield "than all other rows, at a confidence of 95 % for all of them together (Bonferroni)."
    if not found["slices"]:
        yield from ("", "None.")
        return
    name = found["metric"]
    yield from ("", f"| slice | rows | {name} | elsewhere | worse by at least |")
    yield "|---|---:|---:|---:|---:|"
    for one in found["slices"]:
        numbers = " | ".join(f"{one[key]:.4g}" for key in ("value", "rest", "at_least"))
        yield f"| {inert(place(one))} | {one['rows']:,} | {numbers} |"


def _pictures(card: Mapping[str, Any], *names: str) -> Iterator[str]:
    there = [f"card/{name}.svg" for name in names if f"card/{name}.svg" in card["plots"]]
    if there:
        yield from ("", *(f"![{path[5:-4]}]({path})" for path in there))


def _odd(card: Mapping[str, Any]) -> Iterator[str]:
    robust = card["robustness"]
    yield from ("", "## Odd input", "")
    yield f"{robust['rows']} evaluation rows with one column made odd at a time. *Refused*: the"
    yield "signature lets no such input in. A share: how many rows get another label, or a"
    yield "prediction that is off by more than a standard deviation of the answers."
    for kind in ("number", "string"):
        yield from _tried(card, kind)
    lines = [f"{what}: {_cell({'door': '', **one})}" for what, one in robust["together"].items()]
    alone = robust["batch"]["alone"]
    lines.append(f"no row at all: {robust['batch']['empty']}")
    lines.append(f"each row by itself, not among others: apart by {alone}")
    yield from ("", *(f"- {line}" for line in lines))


def _tried(card: Mapping[str, Any], kind: str) -> Iterator[str]:
    """The columns of one kind, by what they were tried with."""
    asked = card["robustness"]["columns"]
    chosen = [one["name"] for one in card["signature"]["inputs"] if one["kind"] == kind]
    names = sorted({case for name in chosen for case in asked[name]}, key=_order)
    if not chosen:
        return
    yield from ("", f"| {kind}s | {' | '.join(names)} |", "|---|" + "---:|" * len(names))
    for name in chosen:
        cells = " | ".join(_cell(asked[name].get(case)) for case in names)
        yield f"| {inert(name)} | {cells} |"


def _order(case: str) -> tuple[int, str]:
    known = ("missing", "empty", "unseen", "other case", "blank behind", "negative", "far below")
    later = ("far above", "huge", "infinite", "number", "text")
    return (*known, *later).index(case) if case in (*known, *later) else 99, case


def _cell(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return ""
    if figures["door"] == "refused":
        return "refused"
    if figures.get("fails"):
        return "**fails**"
    lost = f", **{figures['not_finite']:.0%} no number**" if figures["not_finite"] else ""
    return f"{figures['changed']:.1%}{lost}"


def _measured(card: Mapping[str, Any]) -> Iterator[str]:
    found = card["measured"]
    yield from ("", "## Latency, memory, size", "")
    yield f"Measured on {found['machine']}, one thread; it belongs to that machine."
    yield from ("", "| rows a call | p50 ms | p90 ms | p99 ms |", "|---:|---:|---:|---:|")
    yield from _timed(found["latency"], "")
    before = found.get("before")
    if before is not None:
        yield from _timed(before["latency"], ", before it was optimised")
    memory = found["memory"]
    yield from ("", f"{found['size']:,} bytes; loads in {found['load_ms']:g} ms and adds")
    yield f"{memory['loaded'] / 1e6:.1f} MB to the process, {memory['peak'] / 1e6:.1f} MB at most."
    tried = card["quantitative_analysis"].get("proof", {}).get("optimized", [])
    if before is not None:
        yield from ("", f"Before it was optimised it had {before['size']:,} bytes.")
    if tried:
        yield ""
    for one in tried:
        yield f"- {one['way']}: {'kept' if one['kept'] else 'not kept'}, {inert(one['why'])}"
    yield from _pictures(card, "latency")


def _timed(latency: Mapping[str, Mapping[str, float]], note: str) -> Iterator[str]:
    for size, timed in sorted(latency.items(), key=lambda one: int(one[0])):
        figures = " | ".join(f"{timed[f'p{share}_ms']:g}" for share in (50, 90, 99))
        yield f"| {size}{note} | {figures} |"


def _inputs(card: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        "",
        "## Inputs",
        "",
        "| column | kind | may be missing | seen |",
        "|---|---|---|---|",
    )
    for one in card["signature"]["inputs"]:
        seen = f"{one['low']:g} to {one['high']:g}" if one.get("low") is not None else ""
        words = one.get("categories")
        if words is not None:
            seen = ", ".join(inert(word) for word in words[:6])
            seen += f" … ({len(words)})" if len(words) > 6 else ""
        missing = "yes" if one["nullable"] else "no"
        yield f"| {inert(one['name'])} | {one['kind']} | {missing} | {seen} |"


def _proof(analysis: Mapping[str, Any]) -> Iterator[str]:
    yield from ("", "## Proof of the export", "", f"{told(analysis['parity'])}.")
    beside = analysis.get("proof", {}).get("adversarial")
    if beside is None:
        return
    yield from ("", "| adversarial rows | rows | largest difference | otherwise | shifted |")
    yield "|---|---:|---:|---:|---:|"
    for kind, one in beside["kinds"].items():
        worst = "none" if one["max_abs_diff"] is None else f"{one['max_abs_diff']:.2g}"
        wrong = max(one["rows_over"], one["label_mismatches"])
        yield f"| {kind} | {one['rows']:,} | {worst} | {wrong:,} | {one['shifted']:,} |"
    left = sum(beside["left_out"].values())
    if left:
        yield from ("", f"{left:,} more are left out: the estimator itself cannot answer them.")


def _origin(card: Mapping[str, Any]) -> Iterator[str]:
    yield from _proof(card["quantitative_analysis"])
    yield from ("", "## Training data and lineage", "")
    for name, snapshot in card["training_data"]["snapshots"].items():
        rows = snapshot["rows"]
        count = f"{rows:,} rows" if isinstance(rows, int) else "data"
        yield f"- data `{name}`: {count} as of {snapshot['as_of']}, `{short(snapshot['digest'])}`"
    for name, step in card["lineage"]["steps"].items():
        code = f", code `{short(step['code'])}`" if step["code"] else ""
        yield f"- step `{name}`: `{short(step['key'])}`{code}"


def _again(card: Mapping[str, Any]) -> Iterator[str]:
    name = card["model_details"]["name"]
    yield from ("", "## How to check this card", "", "```")
    yield f"mlgitops release {name} --dry-run    # makes it again, from the commit of its tag"
    yield "mlgitops verify                     # recomputes what is pinned, by digest"
    yield from ("```", "", "Everything but what was measured on a machine follows from other files")
    yield "of the release: the answers from the ONNX, the numbers from the answers, this page from"
    yield "the numbers."
