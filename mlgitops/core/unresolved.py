"""What a template asks for and nobody gives: found in its text, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from mlgitops.core.findings import did_you_mean
from mlgitops.core.marks import Mark

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes

# Comments come first: a tag inside of one is none.
_TAGS: Final = re.compile(r"\{#.*?(?:#\}|\Z)|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_FEW: Final = 20
_INK: Final = re.compile(r"[^\r\n]")
_LINE_ENDS: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """The text of one template, and the path that messages name."""

    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a template: it cannot be read, or a name in it leads nowhere."""

    kind: Literal["syntax", "name"]
    message: str
    hint: str | None
    at: Mark


def unresolved(
    environment: jinja2.Environment,
    template: Template,
    values: Collection[str],
    beside: Collection[str],
) -> Iterator[Fault]:
    """Yield the names, filters and tests that ``template`` uses and nobody gives.

    A branch that is not taken counts, too. ``beside``: the names that it may include, of which
    those that start with ``_`` are looked up. One fault when the template cannot be read.
    """
    from jinja2 import TemplateSyntaxError, meta

    places = _Places(template)
    try:
        tree = environment.parse(template.text)
        for node, message, known in _tools(environment, tree):
            yield _fault(message, node.name, known, places.take(node.lineno, node.name))
            # So that looking for names does not stop here.
            node.name = next(iter(known))
        unknown = meta.find_undeclared_variables(tree) - {*values, *environment.globals}
    except TemplateSyntaxError as error:
        message, hint = f"not a template: {error.message}", "is a tag, block or quote not closed?"
        yield Fault(kind="syntax", message=message, hint=hint, at=_line(template, error.lineno))
        return
    except RecursionError:
        message, hint = "not a template: nested too deeply", "is a bracket not closed?"
        yield Fault(kind="syntax", message=message, hint=hint, at=_line(template, 1))
        return
    for line, name in _names(tree):
        if name in unknown:
            message = f"the template asks for {name!r}, which it is not given"
            yield _fault(message, name, values, places.take(line, name))
    for line, name in _included(tree):
        if name.startswith("_") and name not in beside:
            message = f"there is no template {name!r} beside this one"
            yield _fault(message, name, beside, places.take(line, name))


def _tools(
    environment: jinja2.Environment, tree: nodes.Template
) -> Iterator[tuple[nodes.Filter | nodes.Test, str, Collection[str]]]:
    """Yield each filter and test that is not there, what to say, and those that are there."""
    from jinja2 import nodes

    for filtered in tree.find_all(nodes.Filter):
        if filtered.name not in environment.filters:
            yield filtered, f"there is no filter {filtered.name!r}", environment.filters
    for tested in tree.find_all(nodes.Test):
        if tested.name not in environment.tests:
            yield tested, f"there is no test {tested.name!r}", environment.tests


def _names(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    from jinja2 import nodes

    for node in tree.find_all(nodes.Name):
        if node.ctx == "load":
            yield node.lineno, node.name


def _included(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield line and name of the templates that have to be there."""
    from jinja2 import nodes

    kinds = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    for node in (one for kind in kinds for one in tree.find_all(kind)):
        assert isinstance(node, kinds)
        optional = isinstance(node, nodes.Include) and node.ignore_missing
        if isinstance(node.template, nodes.Const) and not optional:
            yield node.lineno, str(node.template.value)


def _fault(message: str, name: str, known: Collection[str], at: Mark) -> Fault:
    listed = ", ".join(sorted(known)) if len(known) <= _FEW else "those of Jinja2, and to_json"
    hint = did_you_mean(name, known) or f"there are: {listed or 'none'}"
    return Fault(kind="name", message=message, hint=hint, at=at)


class _Places:
    """Where names stand inside of a template's tags; each place is given once."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._lines = _LINE_ENDS.split(_only_tags(template.text))
        self._taken: dict[tuple[int, str], int] = {}

    def take(self, line: int, name: str) -> Mark:
        """Return the next place of ``name`` in ``line``, or the line when it is not seen there."""
        start = self._taken.get((line, name), 0)
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        found = re.compile(rf"(?<![\w.-]){re.escape(name)}(?!\w)").search(text, start)
        if found is None:
            return _line(self._template, line)
        self._taken[line, name] = found.end()
        path = self._template.path
        return Mark(path=path, line=line, column=found.start() + 1, length=len(name))


def _only_tags(text: str) -> str:
    """Return ``text`` with blanks for every character that is not inside of a tag."""
    parts, end = [], 0
    for tag in _TAGS.finditer(text):
        parts += [_INK.sub(" ", text[end : tag.start()])]
        parts += [_INK.sub(" ", tag[0]) if tag[0].startswith("{#") else tag[0]]
        end = tag.end()
    return "".join((*parts, _INK.sub(" ", text[end:])))


def _line(template: Template, line: int) -> Mark:
    """Return the place of everything that is written in ``line``."""
    lines = _LINE_ENDS.split(template.text)
    text = lines[line - 1] if line <= len(lines) else ""
    column = len(text) - len(text.lstrip()) + 1
    length = max(1, len(text.strip()))
    return Mark(path=template.path, line=line, column=column, length=length)
