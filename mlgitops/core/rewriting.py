"""Fixes of what stands in a document: one edit, and nothing else of the line is touched.

Each function returns None where the text is not what it looks like (escapes, an anchor, a block of
lines, an alias): then no fix is certain.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable
from dataclasses import replace
from typing import Final

from mlgitops.core.budgets import spend
from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.fixes import Edit, Fix, deleting_line, inserting, replacing
from mlgitops.core.marks import Mark
from mlgitops.core.sources import Document, Keys, parse
from mlgitops.core.spelling import name_meant

_QUOTES: Final = ("'", '"')
# An entry of a mapping in brackets that is one line and no more: `seed: 7`.
_ENTRY: Final = re.compile(r"""[\w.-]+\s*:\s+([\w.+-]+|"[^"\\]*"|'[^']*')(?=\s*[,}])""")


def respelt(
    document: Document,
    keys: Keys,
    word: str,
    known: Iterable[str],
    *,
    sure: Container[str] = (),
    taken: Container[str] = (),
    beside: Iterable[Document] = (),
) -> Fix | None:
    """Return the fix that writes the name of ``known`` that ``word`` at ``keys`` certainly means.

    A name that leads nowhere may be right, and misspelt where it is defined. So what is meant has
    to be one of ``sure``, or to stand twice in the files of ``document`` and those ``beside`` it,
    and what is written only once. ``taken``: names that would be wrong here. ``word`` may be a
    part of the text at ``keys``, when it stands in it once.
    """
    meant = name_meant(word, known)
    if meant is None or meant in taken:
        return None
    texts = list({one.path: one.text for one in (document, *beside)}.values())
    if not _is_attested(word, meant, sure, texts):
        return None
    return spelt(document, document.mark(*keys), word, meant)


def _is_attested(word: str, meant: str, sure: Container[str], texts: Collection[str]) -> bool:
    parts = zip(word.split("."), meant.split("."), strict=False)
    written, wanted = next(((one, other) for one, other in parts if one != other), (word, meant))
    if meant in sure or wanted in sure:
        return True
    return _count(written, texts) == 1 and _count(wanted, texts) > 1


def _count(name: str, texts: Collection[str]) -> int:
    """Return how often ``name`` stands in ``texts`` as a word of its own."""
    if not spend(sum(map(len, texts)) // 16):
        return 0
    whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return sum(len(whole.findall(text)) for text in texts)


def spelt(document: Document, at: Mark, word: str, meant: str) -> Fix | None:
    """Return the fix that writes ``meant`` in place of ``word`` in what stands at ``at``."""
    written = document.written(at)
    quoted = _quote(written)
    inner = written[1:-1] if quoted else written
    if inner.count(word) != 1 or (word != inner and not quoted and not is_plain(inner)):
        return None
    if "\\" in inner or not is_plain(meant):
        return None
    start = inner.index(word) + len(quoted)
    place = replace(at, column=at.column + start, length=len(word))
    return _fix(f"write {meant!r}", replacing(place, meant))


def written_as(document: Document, keys: Keys, token: str, title: str) -> Fix | None:
    """Return the fix that writes ``token``, quotes and all, for the one-line value at ``keys``."""
    at = document.mark(*keys)
    return None if bare(document, keys) is None else _fix(title, replacing(at, token))


def bare(document: Document, keys: Keys) -> str | None:
    """Return the scalar at ``keys`` as it is written, without its quotes, if that is all of it."""
    written, value = document.written(document.mark(*keys)), found_at(document.value, keys)
    text = written[1:-1] if _quote(written) else written
    if isinstance(value, str):
        return text if text == value else None
    return None if isinstance(value, dict | list) or text[:1] in "&*!" else text


def is_quoted(document: Document, keys: Keys) -> bool:
    """Return whether the value at ``keys`` is one line in quotes."""
    return bool(_quote(document.written(document.mark(*keys))))


def is_plain(text: str) -> bool:
    """Return whether ``text`` without quotes is that text, in brackets too."""
    try:
        return [document.value for document in parse(f"[{text}]", "")] == [[text]]
    except SpecError:
        return False


def without_item(document: Document, keys: Keys) -> Fix | None:
    """Return the fix that takes the item of a list at ``keys`` out; not the first one."""
    *parents, index = keys
    assert isinstance(index, int) and index > 0
    at, before = document.mark(*keys), document.mark(*parents, index - 1)
    written = document.written(at)
    if bare(document, keys) is None or bare(document, (*parents, index - 1)) is None:
        return None
    title = f"delete the second {written}"
    if re.fullmatch(rf"\s*-\s+{re.escape(written)}\s*", document.line(at.line)):
        return _fix(title, deleting_line(at.path, at.line))
    end = before.column + before.length
    between = document.line(at.line)[end - 1 : at.column - 1]
    if before.line != at.line or not re.fullmatch(r"\s*,\s*", between):
        return None
    place = replace(at, column=end, length=at.column + at.length - end)
    return _fix(title, replacing(place, ""))


def without_repetition(document: Document, first: Mark, second: Mark) -> Fix | None:
    """Return the fix that takes the second of two keys out, if both entries are the same text."""
    one, two = (document.line(at.line)[at.column - 1 :] for at in (first, second))
    title = f"delete the second {document.written(second)!r}"
    before = document.line(second.line)[: second.column - 1]
    if not before.strip():
        alone = all(_ends_on_its_line(document, at) for at in (first, second))
        same = one.rstrip() == two.rstrip() and _is_entry(two)
        return _fix(title, deleting_line(second.path, second.line)) if alone and same else None
    entry, twin = _ENTRY.match(two), _ENTRY.match(one)
    comma = re.search(r"\s*,\s*$", before)
    if entry is None or twin is None or comma is None or entry[0] != twin[0]:
        return None
    start = comma.start() + 1
    place = replace(second, column=start, length=second.column + len(entry[0]) - start)
    return _fix(title, replacing(place, ""))


def with_header(document: Document, key: str, text: str) -> Fix | None:
    """Return the fix that writes the line ``key: text`` as the first one, ``kind`` as the second.

    Not for a document in brackets.
    """
    value = document.value
    if not isinstance(value, dict) or not value or document.written(document.mark())[:1] == "{":
        return None
    line, title = f"{key}: {text}", f"add '{key}: {text}'"
    first = document.mark_key(next(iter(value)))
    indent = document.line(first.line)[: first.column - 1]
    if indent.strip():
        return None
    above = document.mark_key("apiVersion")
    same_line = document.mark("apiVersion").line == above.line and "apiVersion" in value
    if key == "kind" and same_line and bare(document, ("apiVersion",)) is not None:
        end = len(document.line(above.line)) + 1
        return _fix(title, inserting(document.path, above.line, end, f"\n{indent}{line}"))
    return _fix(title, inserting(document.path, first.line, 1, f"{indent}{line}\n"))


def replaced(value: JSON, keys: Keys, new: JSON) -> JSON:
    """Return ``value`` with ``new`` at ``keys``; nothing is changed in place."""
    if not keys:
        return new
    key, rest = keys[0], keys[1:]
    if isinstance(value, dict):
        return {**value, str(key): replaced(value[str(key)], rest, new)}
    assert isinstance(value, list) and isinstance(key, int)
    return [*value[:key], replaced(value[key], rest, new), *value[key + 1 :]]


def found_at(value: JSON, keys: Keys) -> JSON:
    """Return what ``value`` has at ``keys``."""
    for key in keys:
        if isinstance(value, dict):
            value = value[str(key)]
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key]
    return value


def _fix(title: str, edit: Edit) -> Fix:
    return Fix(title=title, edits=(edit,))


def _quote(written: str) -> str:
    """Return the quote that a token stands in, or nothing."""
    if len(written) > 1 and written[0] in _QUOTES and written[-1] == written[0]:
        return written[0]
    return ""


def _ends_on_its_line(document: Document, key: Mark) -> bool:
    """Return whether the entry at ``key`` has no comment and does not go on in the next line."""
    following = document.line(key.line + 1)
    deeper = len(following) - len(following.lstrip()) >= key.column
    return "#" not in document.line(key.line) and not (following.strip() and deeper)


def _is_entry(text: str) -> bool:
    """Return whether ``text`` is one key with a value, whole on one line."""
    try:
        values = [document.value for document in parse(text, "")]
    except SpecError:
        return False
    return len(values) == 1 and isinstance(values[0], dict) and None not in values[0].values()
