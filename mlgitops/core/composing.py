"""YAML events to plain values and places, within bounds of size, depth and growth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias, cast

import yaml

from mlgitops.core import wording
from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark

try:
    # libyaml is 5 to 10 times faster; PyYAML's parser gives the same events where it is missing.
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - depends on how PyYAML was built
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

Key: TypeAlias = "str | int"
Keys: TypeAlias = "tuple[Key, ...]"
# Line, column and length as in ``Mark``: most places are never looked at, so a mark is made of one
# only when somebody asks.
Span: TypeAlias = "tuple[int, int, int]"
Places: TypeAlias = "dict[Keys, tuple[Span, Span]]"
Found: TypeAlias = "str | bool | int | float | wording.Unusable | None"

MAX_VALUES: Final = 50_000
MAX_LEVELS: Final = 60
_TAG: Final = "tag:yaml.org,2002:"
_RESOLVER: Final = _Loader("")
# A date stays the text that was written: one meaning, whatever the YAML library.
_TEXT: Final = frozenset({"str", "timestamp", "merge", "value"})


@dataclass(frozen=True, slots=True)
class _Anchor:
    """A value that ``&name`` marks: where it stands in the order of places."""

    keys: Keys
    value: JSON
    start: int
    end: int


class Composer:
    """Turns the events of one file into values, and collects the problems that do not stop it.

    The library's own composer is not used: with libyaml it recurses in C, and 100,000 brackets
    end the process.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[SpecError] = []
        self._count = 0
        self._places: Places = {}
        self._order: list[Keys] = []
        self._anchors: dict[str, _Anchor | None] = {}
        # Where the brackets stand that are not closed yet, the innermost one last.
        self._brackets: list[tuple[int, int]] = []

    def documents(self, source: str) -> Iterator[tuple[JSON, Places]]:
        """Yield value and places of each document; SpecError when the file cannot be read on."""
        try:
            yield from self._documents(source)
        except yaml.MarkedYAMLError as error:
            message, hint, line, column = wording.syntax(error, source, self._brackets)
        except yaml.reader.ReaderError as error:
            message, hint, line, column = wording.character(error, source)
        else:
            return
        raise self._error(message, hint, (line, column, 1))

    def _documents(self, source: str) -> Iterator[tuple[JSON, Places]]:
        self._loader = _Loader(source)
        # After the end of the stream it gives None, and nobody asks on.
        self._next = cast("Callable[[], yaml.Event]", self._loader.get_event)
        try:
            while not isinstance(event := self._next(), yaml.StreamEndEvent):
                if isinstance(event, yaml.DocumentStartEvent):
                    self._places, self._order, self._anchors = {}, [], {}
                    value = self._value(self._next(), (), None)
                    yield value, self._places
        finally:
            # What is left of a document half read holds on to the whole text.
            self._loader.dispose()

    def _value(self, event: yaml.Event, keys: Keys, key: Span | None) -> JSON:
        at = _span(event)
        if isinstance(event, yaml.ScalarEvent):
            if event.anchor is None:
                # Nearly all values: this way is kept short.
                self._grow(1, at)
                self._places[keys] = (key or at, at)
                self._order.append(keys)
                return self._scalar(event, at)
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", keys, key, at)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        self._grow(1, at)
        self._place(keys, key or at, at)
        start, name, value = len(self._order) - 1, event.anchor, None
        if name is not None:
            self._anchors[name] = None
        if isinstance(event, yaml.CollectionStartEvent):
            value = self._collection(event, keys, key, at)
        else:
            value = self._scalar(event, at)
        if name is not None:
            self._anchors[name] = _Anchor(keys, value, start, len(self._order))
        return value

    def _collection(
        self, event: yaml.CollectionStartEvent, keys: Keys, key: Span | None, at: Span
    ) -> JSON:
        if len(keys) >= MAX_LEVELS:
            raise self._error(
                f"nested too deeply: more than {MAX_LEVELS} levels", "is a bracket not closed?", at
            )
        if event.tag not in (None, "!", _TAG + "map", _TAG + "seq"):
            self._tag(event.tag or "", at)
        if event.flow_style:
            self._brackets.append(at[:2])
        value: JSON
        if isinstance(event, yaml.MappingStartEvent):
            value, last = self._mapping(keys)
        else:
            value, last = self._sequence(keys)
        if event.flow_style:
            self._brackets.pop()
            whole = _span(event, last)
            self._places[keys] = (key or whole, whole)
        return value

    def _sequence(self, keys: Keys) -> tuple[list[JSON], yaml.Event]:
        items: list[JSON] = []
        while not isinstance(event := self._next(), yaml.CollectionEndEvent):
            items.append(self._value(event, (*keys, len(items)), None))
        return items, event

    def _mapping(self, keys: Keys) -> tuple[dict[str, JSON], yaml.Event]:
        result: dict[str, JSON] = {}
        while not isinstance(event := self._next(), yaml.CollectionEndEvent):
            at = _span(event)
            key = self._key(event, keys, at)
            if key is not None and key in result:
                first = self._places[(*keys, key)][0]
                hint = f"the first one is at line {first[0]}"
                self._problem(f"the key {key!r} is given twice", hint, at)
                self.problems[-1].first = mark(self.path, first)
                key = None
            if key is None:
                self._value(self._next(), self._aside(keys), at)
            else:
                result[key] = self._value(self._next(), (*keys, key), at)
        return result, event

    def _key(self, event: yaml.Event, keys: Keys, at: Span) -> str | None:
        """Return the text of a key, or None after a problem."""
        if (
            isinstance(event, yaml.ScalarEvent)
            and event.anchor is None
            and (not event.implicit[0] or _plain(event.value)[0] == "str")
        ):
            return event.value
        if not isinstance(event, yaml.ScalarEvent):
            self._problem("a key must be text", "write it as 'key: value'", at)
            self._value(event, self._aside(keys), at)
            return None
        if event.anchor is not None:
            end = len(self._order)
            self._anchors[event.anchor] = _Anchor((), event.value, end, end)
        if not event.implicit[0]:
            return event.value
        if event.value == "<<":
            self._problem("merge keys (<<) are not used here", "write the keys out", at)
            return None
        if _plain(event.value)[0] not in _TEXT:
            # YAML 1.1 reads on, off, yes, no and bare numbers as something else than text.
            hint = f'write "{event.value}"' if event.value else "a key stands before the ':'"
            self._problem(f"the key {event.value or '(empty)'} is not text", hint, at)
            return None
        return event.value

    def _aside(self, keys: Keys) -> Keys:
        """Return a place for a value that no key leads to."""
        return (*keys, f"?{len(self._order)}")

    def _alias(self, name: str, keys: Keys, key: Span | None, at: Span) -> JSON:
        if name not in self._anchors:
            self._grow(1, at)
            self._place(keys, key or at, at)
            known = ", ".join(f"&{anchor}" for anchor in list(self._anchors)[:5]) or "none"
            self._problem(f"there is no anchor &{name} before *{name}", f"there are: {known}", at)
            return None
        anchor = self._anchors[name]
        if anchor is None:
            raise self._error(
                f"the alias *{name} stands inside of what it names", "write it out", at
            )
        # What an alias stands for counts at each use, so a "billion laughs" file ends here.
        self._grow(max(1, anchor.end - anchor.start), at)
        self._place(keys, key or at, at)
        for place in self._order[anchor.start + 1 : anchor.end]:
            self._place((*keys, *place[len(anchor.keys) :]), *self._places[place])
        return anchor.value

    def _scalar(self, event: yaml.ScalarEvent, at: Span) -> JSON:
        tag = event.tag
        found: Found = event.value
        if tag is None or tag == "!":
            if not event.implicit[0]:
                return event.value
            kind, found = _plain(event.value)
        elif (kind := str(tag).removeprefix(_TAG)) not in _TEXT:
            found = wording.plain(kind, event.value)
        if not isinstance(found, wording.Unusable):
            return found
        if found.message:
            self._problem(found.message, found.hint, at)
        else:
            self._tag(event.tag or kind, at)
        return None

    def _tag(self, tag: str, at: Span) -> None:
        name = tag.replace(_TAG, "!!")
        self._problem(f"the tag {name} is not allowed", "write plain values", at)

    def _grow(self, by: int, at: Span) -> None:
        self._count += by
        if self._count > MAX_VALUES:
            raise self._error(
                f"too large: more than {MAX_VALUES:,} values",
                "do aliases (*name) repeat one another?",
                at,
            )

    def _place(self, keys: Keys, key: Span, value: Span) -> None:
        self._places[keys] = (key, value)
        self._order.append(keys)

    def _problem(self, message: str, hint: str | None, at: Span) -> None:
        self.problems.append(self._error(message, hint, at))

    def _error(self, message: str, hint: str | None, at: Span) -> SpecError:
        return SpecError(message, hint=hint, at=mark(self.path, at))


def _plain(text: str) -> tuple[str, Found]:
    """Return what a scalar without quotes and tag is to YAML 1.1 ("str", "int", …), and its value.

    A long one is not remembered: it is hardly written twice, and what is remembered stays.
    """
    return _known(text) if len(text) <= 64 else _known.__wrapped__(text)


# Keys, names and words repeat from file to file, and what they are is a search through patterns.
@lru_cache(maxsize=8192)
def _known(text: str) -> tuple[str, Found]:
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    kind = str(tag).removeprefix(_TAG)
    if kind not in _TEXT:
        return kind, wording.plain(kind, text)
    hint = wording.number_trap(text)
    if hint is None:
        return kind, text
    return kind, wording.Unusable(message=f"{text} is text to YAML, not a number", hint=hint)


def mark(path: str, span: Span) -> Mark:
    """Return the place of ``span`` in the file ``path``."""
    line, column, length = span
    return Mark(path=path, line=line, column=column, length=length)


def _span(event: yaml.Event, last: yaml.Event | None = None) -> Span:
    start, end = event.start_mark, (last or event).end_mark
    if start is None or end is None:
        return 1, 1, 1
    length = end.column - start.column if start.line == end.line else 1
    return start.line + 1, start.column + 1, length if length > 1 else 1
