"""The repository's own templates of manifests: what each is given, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import TEMPLATES, Draft
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.shapes import allowed_keys, choices
from mlgitops.core.templates import SUFFIX, sandbox
from mlgitops.core.unresolved import Fault, Template, unresolved

KNOWN_TARGETS: Final = choices(Environment, ("target", "type"))

_ALWAYS: Final = ("environment", "model", "version", "digest", "renderer")


def names_given(target: str) -> tuple[str, ...]:
    """Return what a template of this kind of target may ask for."""
    keys = allowed_keys(Environment, ("target", target))
    return (*_ALWAYS, *(key for key in keys if key != "type"))


def faults(draft: Draft) -> Iterator[Fault]:
    """Yield what is wrong with the templates of ``draft`` that some target looks for."""
    for target in KNOWN_TARGETS:
        templates = {
            path.partition("/")[2].removesuffix(SUFFIX): Template(
                path=f"{TEMPLATES}{path}", text=text
            )
            for path, text in draft.templates.items()
            if path.startswith(f"{target}/")
        }
        if templates:
            environment = sandbox(templates)
            for template in templates.values():
                yield from unresolved(environment, template, names_given(target), templates)
