"""YAML with positions: every value that a person wrote knows its ``path:line:column``."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import yaml

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark as Mark

try:
    # libyaml is 5 to 10 times faster; PyYAML's own parser gives the same nodes where it is missing.
    from yaml import CSafeLoader as _Loader
except ImportError:  # pragma: no cover - depends on how PyYAML was built
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

Key: TypeAlias = "str | int"

MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 50_000
MAX_DEPTH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One YAML document: its plain value, and where each part of it stands.

    ``places`` maps a path of keys and indices to (mark of the key, mark of the value).
    """

    path: str
    value: JSON
    places: dict[tuple[Key, ...], tuple[Mark, Mark]]

    def mark(self, *keys: Key) -> Mark:
        """Return where the value at ``keys`` stands, or its nearest parent that exists."""
        return self._nearest(keys)[1]

    def mark_key(self, *keys: Key) -> Mark:
        """Return where the *key* at ``keys`` stands, or the nearest parent's that exists."""
        return self._nearest(keys)[0]

    def _nearest(self, keys: tuple[Key, ...]) -> tuple[Mark, Mark]:
        for end in range(len(keys), -1, -1):
            found = self.places.get(keys[:end])
            if found is not None:
                return found
        start = Mark(path=self.path)
        return start, start


def parse(text: bytes | str, path: str) -> tuple[Document, ...]:
    """Return the documents of one YAML file.

    Raises SpecError with the place for: bytes that are not UTF-8, a file over 1 MB, a syntax error,
    a tab used for indentation, a key given twice, aliases that grow without bound, NaN or infinity,
    a key that is no string, a tag that asks for code.
    """
    source = _decode(text, path)
    loader = _Loader(source)
    try:
        documents = []
        while loader.check_node():
            documents.append(_document(loader.get_node(), path))
        return tuple(documents)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, source, path) from None
    except yaml.YAMLError as error:
        raise SpecError(f"not YAML: {error}", at=Mark(path=path)) from None
    except RecursionError:
        raise SpecError("nested too deeply", at=Mark(path=path)) from None
    finally:
        loader.dispose()


def _decode(text: bytes | str, path: str) -> str:
    if len(text) > MAX_BYTES:
        raise SpecError(
            f"the file has {len(text):,} bytes",
            hint=f"a spec may have {MAX_BYTES:,}; data belongs in a source, not in YAML",
            at=Mark(path=path),
        )
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise SpecError("not UTF-8 text", at=Mark(path=path, line=line)) from None


def _syntax(error: yaml.MarkedYAMLError, source: str, path: str) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = source.splitlines()
    text = lines[line - 1] if line <= len(lines) else ""
    hint = None
    if "\t" in text[: len(text) - len(text.lstrip())] or "'\\t'" in str(error.problem):
        hint = "YAML is indented with spaces, never with a tab"
    message = " ".join(str(error.problem or "not YAML").split())
    return SpecError(message, hint=hint, at=Mark(path=path, line=line, column=column))


class _Builder:
    """Turns a node tree into plain values and places, within bounds."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.places: dict[tuple[Key, ...], tuple[Mark, Mark]] = {}
        self.count = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, keys: tuple[Key, ...], key_mark: Mark | None) -> JSON:
        at = self._mark(node)
        self.places.setdefault(keys, (key_mark or at, at))
        # Aliases are walked again at each use, so a "billion laughs" file runs into this bound.
        self.count += 1
        if self.count > MAX_NODES or len(keys) > MAX_DEPTH:
            raise SpecError(
                "too large: more than "
                + (f"{MAX_NODES:,} values" if self.count > MAX_NODES else f"{MAX_DEPTH} levels"),
                hint="do aliases (*name) repeat one another?",
                at=at,
            )
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*keys, n), None) for n, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        return self._scalar(node, at)

    def _mapping(self, node: yaml.MappingNode, keys: tuple[Key, ...]) -> JSON:
        result: dict[str, JSON] = {}
        for key_node, value_node in node.value:
            at = self._mark(key_node)
            key = self._scalar(key_node, at) if isinstance(key_node, yaml.ScalarNode) else None
            if not isinstance(key, str):
                # YAML 1.1 reads on, off, yes, no and bare numbers as something else than text.
                text = getattr(key_node, "value", "")
                if not isinstance(text, str) or key is None:
                    raise SpecError("a key must be text", at=at)
                raise SpecError(f"the key {text} is not text", hint=f'write "{text}"', at=at)
            if key == "<<":
                raise SpecError("merge keys (<<) are not used here", hint="write it out", at=at)
            if key in result:
                first = self.places[(*keys, key)][0]
                raise SpecError(
                    f"the key {key!r} is given twice",
                    hint=f"the first one is at line {first.line}",
                    at=at,
                )
            result[key] = self.build(value_node, (*keys, key), at)
        return result

    def _scalar(self, node: yaml.ScalarNode, at: Mark) -> JSON:
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if tag == "null":
            return None
        if tag in ("str", "timestamp", "merge"):
            # A date stays the text that was written: one meaning, whatever the YAML library.
            return str(node.value)
        try:
            if tag == "bool":
                return bool(self._constructor.construct_yaml_bool(node))
            if tag == "int":
                return int(self._constructor.construct_yaml_int(node))
            if tag == "float":
                number = float(self._constructor.construct_yaml_float(node))
                if not math.isfinite(number):
                    raise SpecError(f"{node.value} is not a number that can be used", at=at)
                return number
        except (ValueError, IndexError):
            raise SpecError(f"{node.value!r} cannot be read as {tag}", at=at) from None
        raise SpecError(f"the tag {node.tag} is not allowed", hint="use plain values", at=at)

    def _mark(self, node: yaml.Node) -> Mark:
        start, end = node.start_mark, node.end_mark
        same = start.line == end.line
        return Mark(
            path=self.path,
            line=start.line + 1,
            column=start.column + 1,
            length=max(1, end.column - start.column) if same else 1,
        )


def _document(node: yaml.Node | None, path: str) -> Document:
    if node is None:
        return Document(path=path, value=None, places={})
    builder = _Builder(path)
    value = builder.build(node, (), None)
    return Document(path=path, value=value, places=builder.places)


def leaves(value: JSON, keys: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], JSON]]:
    """Yield every scalar of ``value`` with its path of keys and indices."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*keys, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*keys, index))
    else:
        yield keys, value
