"""Templates of manifests: Jinja2 in a sandbox, where a value can never become structure.

A pure function of templates and values: no clock, no random, no file, nothing to include but the
templates beside it. A name that nobody gave is an error with its line, not an empty string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from mlgitops.core.digests import JSON
from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark
from mlgitops.core.scalars import scalar
from mlgitops.core.sources import parse
from mlgitops.core.unresolved import Template, unresolved

if TYPE_CHECKING:
    import jinja2

__all__ = ["SUFFIX", "Template", "files", "sandbox"]

SUFFIX: Final = ".j2"

# What may stand in YAML as it is: no blank, quote, bracket, '#' or line end, no ':' at the end.
_INERT = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._/@:+-]*[A-Za-z0-9])?)?")
# These would make the same input give other bytes, or pass a value by the check below.
_NO_FILTERS = ("random", "safe", "pprint")
_GLOBALS = ("range", "dict", "namespace")


class _Yaml(str):
    """Text that ``to_json`` made: the only text that a template may put out unseen."""

    __slots__ = ()


def files(
    templates: Mapping[str, Template], values: Mapping[str, JSON], *, header: str
) -> dict[str, bytes]:
    """Return file name to YAML, for every template whose name starts with no ``_``.

    ``templates`` are keyed by file name (``deployment.yaml``, with or without ``.j2``) and may
    include one another by it. ``header`` is the comment that every file starts with. Raises
    SpecError with path and line for a syntax error, a name that is not in ``values`` (with a
    did-you-mean), a value put out bare that YAML could read as something else, and a result that
    is not YAML.
    """
    named = {name.removesuffix(SUFFIX): one for name, one in templates.items()}
    environment = sandbox(named)
    made: dict[str, bytes] = {}
    for name, template in sorted(named.items()):
        for fault in unresolved(environment, template, values, named):
            raise SpecError(fault.message, hint=fault.hint, at=fault.at)
        if name.startswith("_"):
            continue
        if not name.endswith((".yaml", ".yml")):
            raise SpecError(
                f"{name} is no YAML file",
                hint="a manifest is called like deployment.yaml or deployment.yaml.j2",
                at=Mark(path=template.path),
            )
        body = _render(environment, named, name, values).strip("\n")
        made[name] = f"{header}\n{body}\n".encode()
        _check_result(made[name], template, name)
    return made


def sandbox(templates: Mapping[str, Template]) -> jinja2.Environment:
    """Return the environment that templates are rendered in, keyed by name without ``.j2``."""
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(
            # The path as file name, so that a traceback names the place in the repository.
            lambda name: (
                (templates[name].text, templates[name].path, lambda: True)
                if name in templates
                else None
            )
        ),
        finalize=_checked,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in _NO_FILTERS:
        environment.filters.pop(name, None)
    for name in set(environment.globals) - set(_GLOBALS):
        del environment.globals[name]
    environment.filters["to_json"] = environment.filters["tojson"] = _to_json
    return environment


class _Bare(Exception):
    """A value was put out bare that YAML could read as something else."""


def _checked(value: object) -> object:
    import jinja2

    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises UndefinedError
    if isinstance(value, _Yaml) or (isinstance(value, int | float) and value == value):
        return _to_json(value)
    if isinstance(value, str) and _INERT.fullmatch(value):
        return value
    raise _Bare(f"{value!r} cannot stand in YAML as it is")


def _to_json(value: object) -> _Yaml:
    import jinja2

    if isinstance(value, _Yaml):
        return value
    if isinstance(value, jinja2.Undefined):
        str(value)  # raises UndefinedError
    try:
        return _Yaml(scalar(value))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise _Bare(str(error)) from None


def _render(
    environment: jinja2.Environment,
    templates: Mapping[str, Template],
    name: str,
    values: Mapping[str, JSON],
) -> str:
    try:
        return environment.get_template(name).render(values)
    except Exception as error:
        # A template is somebody's program: whatever it raises is a fault of the template.
        at = _place(error, templates, templates[name].path)
        if isinstance(error, _Bare):
            raise SpecError(str(error), hint="write {{ … | to_json }}", at=at) from None
        raise SpecError(f"the template fails: {error}", at=at) from None


def _place(error: Exception, templates: Mapping[str, Template], otherwise: str) -> Mark:
    paths = {template.path for template in templates.values()}
    mark = Mark(path=otherwise)
    step = error.__traceback__
    while step is not None:
        path = step.tb_frame.f_code.co_filename
        if path in paths:
            mark = Mark(path=path, line=max(1, step.tb_lineno))
        step = step.tb_next
    return mark


def _check_result(data: bytes, template: Template, name: str) -> None:
    try:
        documents = parse(data, name)
    except SpecError as error:
        where = f" at line {error.at.line} of the result" if error.at else ""
        raise SpecError(
            f"the template does not give YAML: {error.message}{where}",
            hint=error.hint,
            at=Mark(path=template.path),
        ) from None
    if not documents or not all(isinstance(one.value, dict) for one in documents):
        raise SpecError(
            "the template gives no manifest: not a mapping", at=Mark(path=template.path)
        )
