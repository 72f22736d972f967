"""A template asks for what it is given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.manifest_templates import faults

RULE: Final = "template-name"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find names, filters and included templates that nobody gives, without rendering."""
    for fault in faults(draft):
        if fault.kind == "name":
            yield Finding(rule=RULE, message=fault.message, hint=fault.hint, at=fault.at)
