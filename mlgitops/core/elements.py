"""The elements that a step with ``foreach`` runs for, and how they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mlgitops.core.digests import JSON, Digest, canonical

_LONGEST: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One run of a step: the ``argument`` is ``value``. ``label``: as people tell it apart.

    ``part``: what identifies the content of a partition; then ``value`` is its name in its folder.
    """

    argument: str
    value: JSON
    label: str
    part: Digest | None = None


def partitions(argument: str, parts: Mapping[str, Digest]) -> tuple[Element, ...]:
    """Return an element for each entry of a folder."""
    return tuple(
        Element(argument=argument, value=name, label=f"{argument}={name}", part=digest)
        for name, digest in parts.items()
    )


def elements(argument: str, values: Sequence[JSON]) -> tuple[Element, ...]:
    """Return an element for each value, called ``month=3``, or by its place where that is unclear.

    A name that follows from the value stays the same when others are added before it.
    """
    texts = [_text(value) for value in values]
    clear = None not in texts and len(set(texts)) == len(texts)
    return tuple(
        Element(argument=argument, value=value, label=f"{argument}={text}" if clear else str(place))
        for place, (value, text) in enumerate(zip(values, texts, strict=True))
    )


def _text(value: JSON) -> str | None:
    if isinstance(value, list | dict):
        return None
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if len(text) <= _LONGEST and text.isprintable() else None
