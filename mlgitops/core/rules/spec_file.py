"""A spec has the name that it is looked for under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import PROJECT_FILE, Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

RULE: Final = "spec-file"


_SUFFIXES: Final = re.compile(r"(.*)\.(yml|yaml\.txt|YAML|YML|json)")
_PLACES: Final = re.compile(
    r"(pipelines/[^/]+/(pipeline|model)|pipelines/[^/]+/snapshots/[^/]+"
    r"|environments/(?!templates/)[^/]+/(environment|pins/[^/]+|holds/[^/]+))"
)
_NEAR: Final = {
    "pipelines": {"pipelines.yaml": "pipeline.yaml", "models.yaml": "model.yaml"},
    "environments": {"environments.yaml": "environment.yaml", "env.yaml": "environment.yaml"},
}


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find specs that are not read because of their name, and folders without their spec."""
    names = {"pipelines": "pipeline.yaml", "environments": "environment.yaml"}
    for top, name in names.items():
        folders: dict[str, set[str]] = {}
        for path in draft.tree.paths(top):
            parts = path.split("/")
            if len(parts) > 2 and parts[:2] != ["environments", "templates"]:
                folders.setdefault(f"{top}/{parts[1]}", set()).add("/".join(parts[2:]))
            match = _SUFFIXES.fullmatch(path)
            if match is not None and _PLACES.fullmatch(match[1]):
                yield _not_read(path, f"{match[1]}.yaml")
            elif len(parts) == 3 and parts[2] in _NEAR[top]:
                yield _not_read(path, f"{top}/{parts[1]}/{_NEAR[top][parts[2]]}")
        for folder, files in folders.items():
            needing = sorted(file for file in files if _needs_spec(file))
            if name not in files and needing:
                yield Finding(
                    rule=RULE,
                    message=f"{folder} has no {name}, and {needing[0]} belongs to one",
                    hint=f"add {folder}/{name}",
                    at=Mark(path=f"{folder}/{needing[0]}"),
                )
    if draft.tree.read(PROJECT_FILE) is None and draft.tree.read("mlgitops.yml") is not None:
        yield _not_read("mlgitops.yml", PROJECT_FILE)


def _needs_spec(file: str) -> bool:
    return file.startswith(("snapshots/", "pins/", "holds/"))


def _not_read(path: str, name: str) -> Finding:
    return Finding(
        rule=RULE,
        message=f"{path} is not read: it has the wrong name",
        hint=f"rename it to {name.rpartition('/')[2]}",
        at=Mark(path=path),
    )
