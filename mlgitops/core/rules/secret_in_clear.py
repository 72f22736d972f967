"""A secret is named, not written: what is in git stays in git."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from mlgitops.core.digests import JSON
from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.secrets import secret_in
from mlgitops.core.sources import Key, Keys

RULE: Final = "secret-in-clear"


# A path of keys from the innermost one outwards, so that one more costs the same at any depth.
_Path: TypeAlias = "tuple[Key, _Path | None]"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find values that look like passwords, tokens and private keys, in every spec."""
    for document in draft.documents:
        for value, path in _texts(document.value):
            key = path[0] if path is not None and isinstance(path[0], str) else None
            what = secret_in(value, key)
            if what is not None:
                yield Finding(
                    rule=RULE,
                    message=f"{what} is written in clear",
                    hint="revoke it, for git forgets nothing; then name an environment variable",
                    at=document.mark(*_keys(path)),
                )
            elif key == "webhook" and "${" not in value:
                yield Finding(
                    rule=RULE,
                    message="the address of a webhook is written in clear",
                    hint='whoever knows it can post there: name a variable, as in "${SLACK_URL}"',
                    at=document.mark(*_keys(path)),
                    severity="warning",
                )


def _texts(value: JSON) -> Iterator[tuple[str, _Path | None]]:
    """Yield every text of ``value`` with its path."""
    todo: list[tuple[JSON, _Path | None]] = [(value, None)]
    while todo:
        one, path = todo.pop()
        if isinstance(one, str):
            yield one, path
        elif isinstance(one, dict):
            todo += [(item, (key, path)) for key, item in one.items()]
        elif isinstance(one, list):
            todo += [(item, (index, path)) for index, item in enumerate(one)]


def _keys(path: _Path | None) -> Keys:
    keys: list[Key] = []
    while path is not None:
        keys.append(path[0])
        path = path[1]
    return tuple(reversed(keys))
