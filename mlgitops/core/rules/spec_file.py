"""A spec has the name that it is looked for under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft, kinds_of
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

RULE: Final = "spec-file"

_ALMOST: Final = re.compile(
    r"(?P<folder>pipelines/[^/]+/|environments/(?!templates/)[^/]+/)?"
    r"(?P<inner>(snapshots|contracts|pins|holds)/[^/]+|pipeline|model|environment|mlgitops)s?\.ya?ml",
    re.IGNORECASE,
)
_WRITTEN: Final = re.compile(
    r"(?P<folder>(?P<kind>pipeline|environment)s/[^/]+)/(snapshots|contracts|pins|holds)/[^/]+"
)


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find specs that are not read because of their name, and folders without their spec."""
    paths = list(draft.files)
    if draft.tree.read("mlgitops.yml") is not None:
        paths.append("mlgitops.yml")
    known = set(paths)
    lonely: set[str] = set()
    for path in paths:
        almost, written = _ALMOST.fullmatch(path), _WRITTEN.fullmatch(path)
        if almost is not None and not kinds_of(path):
            name = (almost["folder"] or "") + almost["inner"] + ".yaml"
            yield Finding(
                rule=RULE,
                message=f"{path} is not read: it has the wrong name",
                hint=f"rename it to {name.lower()}",
                at=Mark(path=path),
            )
        elif written is not None and written["folder"] not in lonely:
            spec = f"{written['folder']}/{written['kind']}.yaml"
            if spec not in known:
                lonely.add(written["folder"])
                yield Finding(
                    rule=RULE,
                    message=f"{path} belongs to {spec}, and there is none",
                    hint=f"add {spec}, or delete the folder",
                    at=Mark(path=path),
                )
