"""A release's lineage as an SVG picture: data → steps → release → environments, left to right.

Layers by the longest path, rows by the mean place of the neighbours (Sugiyama, 1981). Equal
lineages give equal bytes; colours follow the reader's light or dark setting.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from xml.sax.saxutils import escape

from mlgitops.core.digests import short
from mlgitops.core.lineages import Trace
from mlgitops.report.lineage import snapshot_words

Kind: TypeAlias = Literal["data", "step", "release", "environment", "bend"]

_WIDE: Final = 210
_HIGH: Final = 48
# An edge that passes by a layer needs this much of its height.
_BEND: Final = 8
_ACROSS: Final = 60
_BETWEEN: Final = 16
_EDGE: Final = 20
_LETTERS: Final = 30
_SWEEPS: Final = 6
_STYLE: Final = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .name { font-weight: 600; }
  .fact { fill: #59636e; font-size: 11px; }
  rect { fill: #f6f8fa; stroke: #d1d9e0; }
  .data rect { fill: #ddf4ff; stroke: #54aeff; }
  .release rect { fill: #dafbe1; stroke: #4ac26b; }
  .environment rect { fill: #fff8c5; stroke: #d4a72c; }
  path { fill: none; stroke: #818b98; stroke-width: 1.5; }
  .judges { stroke-dasharray: 4 4; }
  marker path { fill: #818b98; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .fact { fill: #9198a1; }
    rect { fill: #212830; stroke: #3d444d; }
    .data rect { fill: #0c2d6b; stroke: #388bfd; }
    .release rect { fill: #0f5323; stroke: #3fb950; }
    .environment rect { fill: #4b2900; stroke: #d29922; }
  }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    """A box with a name and a fact; a ``bend`` is where an edge passes by a layer."""

    key: str
    kind: Kind
    layer: int
    name: str = ""
    fact: str = ""

    @property
    def height(self) -> int:
        return _BEND if self.kind == "bend" else _HIGH


_Edge: TypeAlias = "tuple[str, str, bool]"


def svg(trace: Trace) -> str:
    """Return the picture; its size grows with the number of steps, at 100 % of its own pixels."""
    boxes, edges = _graph(trace)
    boxes, chains = _bent(boxes, edges)
    rows = _ordered(boxes, chains)
    places = _placed(rows)
    wide = _EDGE * 2 + len(rows) * _WIDE + (len(rows) - 1) * _ACROSS
    high = _EDGE * 2 + max(_tall(row) for row in rows)
    document = trace.release.document
    title = escape(f"Lineage of {document.model} {document.version}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}"'
        f' height="{high}" role="img" aria-label="{title}">',
        f"<title>{title}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"'
        ' markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    ]
    lines += [_path([places[key] for key in chain], judges) for chain, judges in chains]
    lines += [_drawn(box, *places[box.key][:2]) for row in rows for box in row]
    return "\n".join([*(line for line in lines if line), "</svg>"]) + "\n"


def _graph(trace: Trace) -> tuple[list[_Box], list[_Edge]]:
    document = trace.release.document
    layers: dict[str, int] = {}
    boxes = []
    for name in trace.steps:
        layers[name] = max((layers[before] + 1 for before in trace.sources_of(name)), default=0)
        snapshot = document.lineage.snapshots.get(name)
        code = document.lineage.steps[name].code
        fact = f"code {short(code)}" if code else ""
        boxes.append(
            _Box(
                key=f"s {name}",
                kind="step" if snapshot is None else "data",
                layer=layers[name],
                name=name,
                fact=fact if snapshot is None else snapshot_words(snapshot),
            )
        )
    edges: list[_Edge] = [(f"s {before}", f"s {after}", False) for before, after in trace.edges]
    last = max(layers.values(), default=-1) + 1
    title = f"{document.model} {document.version}"
    boxes.append(_Box(key="r", kind="release", layer=last, name=title, fact=short(document.digest)))
    if trace.maker is not None:
        edges.append((f"s {trace.maker}", "r", False))
    if trace.judge is not None and trace.judge != trace.maker:
        edges.append((f"s {trace.judge}", "r", True))
    for name in trace.pinned:
        boxes.append(
            _Box(key=f"e {name}", kind="environment", layer=last + 1, name=name, fact="runs it")
        )
        edges.append(("r", f"e {name}", False))
    return boxes, edges


def _bent(
    boxes: Sequence[_Box], edges: Iterable[_Edge]
) -> tuple[list[_Box], list[tuple[list[str], bool]]]:
    """Give an edge over several layers a place in each, so that it crosses no box."""
    layer = {box.key: box.layer for box in boxes}
    all_boxes, chains = list(boxes), []
    for before, after, judges in edges:
        chain = [before]
        for between in range(layer[before] + 1, layer[after]):
            bend = _Box(key=f"b {before} {after} {between} {judges}", kind="bend", layer=between)
            all_boxes.append(bend)
            chain.append(bend.key)
        chains.append(([*chain, after], judges))
    return all_boxes, chains


def _ordered(
    boxes: Sequence[_Box], chains: Iterable[tuple[Sequence[str], bool]]
) -> list[list[_Box]]:
    """Return the boxes by layer, each row in an order that lets few edges cross."""
    rows: list[list[_Box]] = [[] for _ in range(max(box.layer for box in boxes) + 1)]
    for box in boxes:
        rows[box.layer].append(box)
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for chain, _ in chains:
        for one, next_ in itertools.pairwise(chain):
            after.setdefault(one, []).append(next_)
            before.setdefault(next_, []).append(one)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = before if down else after
        for row in rows if down else reversed(rows):
            place = {box.key: n / max(len(r), 1) for r in rows for n, box in enumerate(r)}
            row.sort(key=lambda box: (_mean(near.get(box.key, ()), place, place[box.key]), box.key))
    return rows


def _mean(keys: Sequence[str], place: Mapping[str, float], alone: float) -> float:
    return sum(place[key] for key in keys) / len(keys) if keys else alone


def _tall(row: Sequence[_Box]) -> int:
    return sum(box.height for box in row) + _BETWEEN * (len(row) - 1)


def _placed(rows: Sequence[Sequence[_Box]]) -> dict[str, tuple[int, int, int]]:
    """Return left, top and height of each box; rows stand in the middle of the tallest."""
    tallest = max(_tall(row) for row in rows)
    places = {}
    for column, row in enumerate(rows):
        left = _EDGE + column * (_WIDE + _ACROSS)
        top = _EDGE + (tallest - _tall(row)) // 2
        for box in row:
            places[box.key] = (left, top, box.height)
            top += box.height + _BETWEEN
    return places


def _path(places: Sequence[tuple[int, int, int]], judges: bool) -> str:
    words: list[str] = []
    for (left, top, high), (next_left, next_top, next_high) in itertools.pairwise(places):
        x, y, to_x, to_y = left + _WIDE, top + high // 2, next_left, next_top + next_high // 2
        # Straight past a layer, in a curve between two.
        words.append(f"M{x} {y}" if not words else f"L{x} {y}")
        words.append(f"C{x + _ACROSS // 2} {y} {to_x - _ACROSS // 2} {to_y} {to_x} {to_y}")
    kind = ' class="judges"' if judges else ""
    return f'<path{kind} d="{" ".join(words)}" marker-end="url(#arrow)"/>'


def _drawn(box: _Box, left: int, top: int) -> str:
    if box.kind == "bend":
        return ""
    whole = escape(f"{box.name}: {box.fact}" if box.fact else box.name)
    words = [f'<text class="name" x="{left + 12}" y="{top + 20}">{_cut(box.name)}</text>']
    if box.fact:
        words.append(f'<text class="fact" x="{left + 12}" y="{top + 37}">{_cut(box.fact)}</text>')
    rect = f'<rect x="{left}" y="{top}" width="{_WIDE}" height="{_HIGH}" rx="6"/>'
    return f'<g class="{box.kind}"><title>{whole}</title>{rect}{"".join(words)}</g>'


def _cut(text: str) -> str:
    return escape(text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…")
