"""Compare what a tree holds with what it must hold, and name the first place that differs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from mlgitops.core.digests import JSON
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark
from mlgitops.core.trees import Tree


def differences(
    rule: str, expected: Mapping[str, bytes | None], tree: Tree, *, hint: str
) -> Iterable[Finding]:
    """Yield a finding for each path whose bytes in ``tree`` are not the expected ones.

    None means that the file must not be there. JSON names the key that differs, text the line.
    """
    for path, wanted in sorted(expected.items()):
        there = tree.read(path)
        if there == wanted:
            continue
        at = Mark(path=path)
        if wanted is None:
            message = "must not be there: nothing explains this file"
        elif there is None:
            message = "is missing"
        else:
            line, message = _first(path, wanted, there)
            at = Mark(path=path, line=line)
        yield Finding(rule=rule, message=message, hint=hint, at=at)


def _first(path: str, wanted: bytes, there: bytes) -> tuple[int, str]:
    """Return the line of the first difference, and the difference in words."""
    # Not splitlines: a carriage return or a missing last line end is a difference, too.
    expected, found = wanted.split(b"\n"), there.split(b"\n")
    line = next(
        (n for n, pair in enumerate(zip(expected, found, strict=False), 1) if pair[0] != pair[1]),
        min(len(expected), len(found)) + 1,
    )
    if path.endswith(".json"):
        key = _key(wanted, there)
        if key is not None:
            return line, key
    return line, f"line {line} is {_text(found, line)}, and must be {_text(expected, line)}"


def _text(lines: list[bytes], line: int) -> str:
    if line > len(lines):
        return "not there"
    return repr(lines[line - 1].decode("utf-8", "replace")[:120])


def _key(wanted: bytes, there: bytes) -> str | None:
    try:
        found = json.loads(there)
    except ValueError:
        return "is not JSON any more"
    return first_difference(json.loads(wanted), found)


def first_difference(expected: JSON, found: JSON) -> str | None:
    """Return the first key where ``found`` is not what it must be, in words, or None."""
    for pointer, old, new in _walk(expected, found, ""):
        return f"{pointer} is {json.dumps(new)}, and must be {json.dumps(old)}"
    return None


def _walk(old: JSON, new: JSON, pointer: str) -> Iterable[tuple[str, JSON, JSON]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _walk(old.get(key), new.get(key), f"{pointer}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, pair in enumerate(zip(old, new, strict=True)):
            yield from _walk(*pair, f"{pointer}/{index}")
    elif old != new or type(old) is not type(new):
        yield pointer or "/", old, new
