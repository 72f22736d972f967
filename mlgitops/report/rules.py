"""The pages of the rules, one a rule: in ``docs/rules`` of the project, and inside of a wheel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from mlgitops.core.errors import UsageError
from mlgitops.core.findings import did_you_mean

_PACKAGE: Final = Path(__file__).parents[1]
_SECTION: Final = re.compile(r"^## (\w+)\n+(.*?)\s*(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SEVERITY: Final = re.compile(r"^Severity: (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What there is to know of one rule; ``what`` and ``why`` are one paragraph of Markdown."""

    rule: str
    severity: str
    what: str
    why: str
    markdown: str


# The pages do not change while a process looks at them, and SARIF holds all of them.
@cache
def names() -> tuple[str, ...]:
    """Return the names of all rules, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("[a-z]*.md")))


@cache
def page(rule: str) -> Page:
    """Return the page of ``rule``; UsageError when there is no such rule."""
    if rule not in names():
        raise UsageError(
            f"there is no rule {rule!r}",
            hint=did_you_mean(rule, names()) or "a finding names its rule in brackets",
        )
    markdown = (_folder() / f"{rule}.md").read_text(encoding="utf-8")
    sections = dict(_SECTION.findall(markdown))
    severity = _SEVERITY.search(markdown)
    return Page(
        rule=rule,
        severity=severity[1] if severity else "error",
        what=" ".join(sections.get("What", "").split()),
        why=" ".join(sections.get("Why", "").split()),
        markdown=markdown,
    )


def _folder() -> Path:
    packaged = _PACKAGE / "docs/rules"
    return packaged if packaged.is_dir() else _PACKAGE.parent / "docs/rules"
