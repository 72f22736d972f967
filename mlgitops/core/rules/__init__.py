"""Rules between the parts of a repository: one file a rule, each with its page in docs/rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding

Check: TypeAlias = Callable[[Draft, Facts], Iterator[Finding]]

RULES: Final[Mapping[str, Check]] = MappingProxyType({})


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Hold the draft against every rule."""
    for rule in RULES.values():
        yield from rule(draft, facts)
