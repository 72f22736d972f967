"""Strategies of whole projects: made from the grammar, or real ones with other bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from mlgitops.core.drafts import kinds_of
from tests.fuzz.grammar import RAW, WORDS, spec, written

ROOT: Final = Path(__file__).parents[2]
RULES: Final = ROOT / "tests/data/rules"
Files = dict[str, bytes]

PATHS: Final = (
    "mlgitops.yaml",
    "pipelines/churn/pipeline.yaml",
    "pipelines/churn/model.yaml",
    "pipelines/churn/snapshots/customers.yaml",
    "pipelines/other/pipeline.yaml",
    "environments/dev/environment.yaml",
    "environments/prod/environment.yaml",
    "environments/dev/pins/churn.yaml",
    "environments/prod/holds/churn.yaml",
)
TEMPLATE: Final = "environments/templates/kserve/inferenceservice.yaml.j2"
MODULES: Final = (
    b"def fit(**given): pass\n",
    b"def fit(train, *, seed=1): pass\n",
    b"async def fit(): pass\n",
    b"from x import *\n",
    b"fit = 1\n",
    b"def fit(:\n",
    b"\xff",
    b"\0",
    b"(" * 300,
    b"-" * 5000 + b"1",
)
TEMPLATES: Final = (
    b"a: {{ model }}\n",
    b"a: {{ modell }}\n",
    b"{% include 'x' %}\n",
    b"{% for a in range(9) %}\n",
    b"{{ ''.__class__ }}\n",
    b"{{",
    b"{% raw %}",
    b"\xff",
    b"{{ " + b"(" * 3000,
)


def read(folder: Path) -> Files:
    """The files below ``folder`` that are specs or code."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink() and path.suffix in (".yaml", ".py", ".j2")
    }


BASE: Final = read(RULES / "_base")


def _real() -> tuple[Files, ...]:
    here = {
        path: data
        for folder in ("pipelines", "environments")
        for path, data in {f"{folder}/{n}": d for n, d in read(ROOT / folder).items()}.items()
    }
    sides = (side for rule in sorted(RULES.iterdir()) for side in sorted(rule.glob("[bg]*")))
    return (
        {**here, "mlgitops.yaml": (ROOT / "mlgitops.yaml").read_bytes()},
        *(BASE | changed for side in sides if (changed := read(side))),
    )


REAL: Final = _real()
_MODELS: Final = {path: kinds_of(path) for path in PATHS}
_SPECS: Final = {kind: spec(kind) for kinds in _MODELS.values() for kind in kinds}


@st.composite
def generated(draw: st.DrawFn) -> Files:
    """The good repository with one to three of its files written anew."""
    files = dict(BASE)
    for path in draw(st.lists(st.sampled_from(PATHS), min_size=1, max_size=3, unique=True)):
        count = draw(st.sampled_from((1, 1, 1, 2)))
        parts = [draw(_SPECS[draw(st.sampled_from(_MODELS[path]))].flatmap(written))]
        parts += [draw(_SPECS[_MODELS[path][0]].flatmap(written)) for _ in range(count - 1)]
        files[path] = b"\n---\n".join(parts)
    if draw(st.integers(0, 4)) == 0:
        files["pipelines/churn/train.py"] = draw(st.sampled_from(MODULES))
    if draw(st.integers(0, 4)) == 0:
        files[TEMPLATE] = draw(st.sampled_from(TEMPLATES))
    return files


_PIECES: Final = tuple(
    word.encode("utf-8", "surrogatepass") for word in (*RAW, *WORDS, "\n", "  ", "- ", ": ", ",")
)


def _flipped(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]


def _inserted(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data[:at] + draw(st.sampled_from(_PIECES)) + data[at:]


def _cut(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data[:at] + data[at + draw(st.integers(1, 40)) :]


def _repeated(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    piece = data[at : at + draw(st.integers(1, 60))]
    return data[:at] + piece * draw(st.sampled_from((2, 3, 50))) + data[at:]


def _ended(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data[:at]


def _encoded(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(
        draw(st.sampled_from(("utf-16", "utf-32", "utf-8-sig", "cp1252"))), "replace"
    )


def _ending(draw: st.DrawFn, data: bytes, at: int) -> bytes:
    return data.replace(b"\n", draw(st.sampled_from((b"\r\n", b"\r", b"\xc2\x85", b"\n\n"))))


_CHANGES: Final[tuple[Callable[[st.DrawFn, bytes, int], bytes], ...]] = (
    *(_flipped, _flipped, _inserted, _inserted, _inserted, _cut, _cut, _repeated),
    *(_ended, _encoded, _ending),
)


@st.composite
def mutated(draw: st.DrawFn) -> Files:
    """A real repository with one to four changes in the bytes of one of its files."""
    files = dict(draw(st.sampled_from(REAL)))
    path = draw(st.sampled_from(sorted(files)))
    data = files[path]
    for _ in range(draw(st.integers(1, 4))):
        change = draw(st.sampled_from(_CHANGES))
        data = change(draw, data, draw(st.integers(0, max(0, len(data) - 1))))
    return files | {path: data}
