"""A template can be read as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.manifest_templates import faults

RULE: Final = "template-syntax"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find templates that Jinja2 cannot read."""
    for fault in faults(draft):
        if fault.kind == "syntax":
            yield Finding(rule=RULE, message=fault.message, hint=fault.hint, at=fault.at)
