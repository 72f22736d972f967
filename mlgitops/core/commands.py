"""The placeholders in the words of a command: ``{inputs.NAME}`` and the like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mlgitops.core.findings import closest
from mlgitops.core.specs.pipelines import Step

_GROUPS: Final = ("inputs", "outputs", "params")
_PLACEHOLDER: Final = re.compile(r"\{(?P<name>(?P<group>[A-Za-z]+)\.[^{}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """``{group.name}`` in the word number ``place``, which ``start`` and ``end`` cut out of it."""

    name: str
    place: int
    word: str
    start: int
    end: int


def placeholders(step: Step) -> Iterator[Placeholder]:
    """Yield what the command of ``step`` asks for. ``{input.x}`` is meant as one, ``{a.b}`` not."""
    for place, word in enumerate(step.command or ()):
        for match in _PLACEHOLDER.finditer(word):
            if match["group"] in _GROUPS or closest(match["group"], _GROUPS):
                yield Placeholder(
                    name=match["name"],
                    place=place,
                    word=word,
                    start=match.start("name"),
                    end=match.end("name"),
                )


def given(step: Step) -> tuple[str, ...]:
    """Return what the placeholders of ``step`` may name."""
    return (
        *(f"inputs.{name}" for name in step.inputs),
        *(f"outputs.{name}" for name in step.outputs),
        *(f"params.{name}" for name in step.params),
        # An element is a path or a value, as what it is an element of.
        *(f"{group}.{name}" for name in step.foreach or () for group in ("params", "inputs")),
    )
