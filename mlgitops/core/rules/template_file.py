"""A template gives one YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import TEMPLATES, Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.manifest_templates import KNOWN_TARGETS
from mlgitops.core.marks import Mark
from mlgitops.core.templates import SUFFIX

RULE: Final = "template-file"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find templates that give no YAML file, and two that give the same one."""
    for path in draft.templates:
        target, _, file = path.partition("/")
        name = file.removesuffix(SUFFIX)
        if target not in KNOWN_TARGETS or not name:
            continue
        if not name.startswith("_") and not name.endswith((".yaml", ".yml")):
            yield Finding(
                rule=RULE,
                message=f"{name} is no YAML file, and a manifest is one",
                hint=f"call it {name.partition('.')[0]}.yaml{SUFFIX}, or _{name} if others "
                "include it",
                at=Mark(path=f"{TEMPLATES}{path}"),
            )
        elif file != name and f"{target}/{name}" in draft.templates:
            yield Finding(
                rule=RULE,
                message=f"{name} has two templates: with and without {SUFFIX}",
                hint="delete one of them",
                at=Mark(path=f"{TEMPLATES}{path}"),
                related=((Mark(path=f"{TEMPLATES}{target}/{name}"), "the other one is here"),),
            )
