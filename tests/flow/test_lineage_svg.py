"""The picture of a lineage: whole XML, no box over another, the same bytes each time."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest

from mlgitops.core.lineages import Trace
from mlgitops.core.releases import Lineage, Release
from mlgitops.report.lineage_svg import svg
from tests.core.facts import release_document, step

SVG = "{http://www.w3.org/2000/svg}"


def trace(steps: dict[str, tuple[str, ...]], pinned: tuple[str, ...] = ("dev", "prod")) -> Trace:
    """A release whose pipeline is ``steps``: name to what it reads; the last one makes it."""
    document = release_document()
    came: Lineage = replace(document.lineage, steps={name: step(name) for name in steps})
    release = Release(
        document=replace(document, lineage=came),
        tag="churn@v1.0.0",
        tag_object="a" * 40,
        commit="c" * 40,
        released_at="2026-01-05T10:00:00+00:00",
        released_by="Ada",
    )
    return Trace(
        release=release,
        commit=None,
        steps=tuple(steps),
        edges=tuple((before, name) for name, reads in steps.items() for before in reads),
        maker=list(steps)[-1],
        judge=next(iter(steps)),
        pinned=pinned,
        present=True,
    )


def chain(count: int) -> dict[str, tuple[str, ...]]:
    """Steps that each read the one before, every third also the first."""
    names = [f"step-{n}" for n in range(count)]
    return {
        name: tuple(dict.fromkeys([*names[n - 1 : n], *(names[:1] if n % 3 == 0 and n else [])]))
        for n, name in enumerate(names)
    }


def boxes(picture: str) -> list[tuple[int, int, int, int]]:
    found = []
    for rect in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
        x, y, wide, high = (int(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        found.append((x, y, x + wide, y + high))
    return found


@pytest.mark.parametrize("count", [1, 3, 12, 40])
def test_no_box_lies_over_another_and_all_lie_in_the_picture(count):
    picture = svg(trace(chain(count)))
    found = boxes(picture)
    assert len(found) == count + 3, "steps, the release, two environments"
    size = ElementTree.fromstring(picture).attrib
    for left, top, right, bottom in found:
        assert left >= 0 and top >= 0
        assert right <= int(size["width"]) and bottom <= int(size["height"])
    for one, other in combinations(found, 2):
        apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert apart, (one, other)


def test_an_edge_over_several_layers_crosses_no_box():
    picture = svg(trace(chain(10)))
    found = boxes(picture)
    straight = re.findall(r"(\d+) (\d+) L(\d+) (\d+) C", picture)
    assert straight, "there is an edge that passes by a layer"
    for x, y, to_x, to_y in (map(int, one) for one in straight):
        assert y == to_y
        inside = [b for b in found if b[0] < to_x and x < b[2] and b[1] < y < b[3]]
        assert not inside, (x, y, inside)


def test_the_same_lineage_gives_the_same_bytes_and_odd_names_stay_text():
    steps = {"rows": (), 'a<b> & "c"': ("rows",), "x" * 60: ('a<b> & "c"',)}
    picture = svg(trace(steps))
    assert picture == svg(trace(steps))
    titles = [one.text for one in ElementTree.fromstring(picture).iter(f"{SVG}title")]
    assert any(title and title.startswith('a<b> & "c"') for title in titles)
    assert any(title and title.startswith("x" * 60) for title in titles)


def test_a_release_whose_commit_is_gone_is_drawn_without_edges():
    bare = replace(trace(chain(3), pinned=()), edges=(), maker=None, judge=None)
    assert "marker-end" not in svg(bare)
