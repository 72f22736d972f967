"""A secret is named, not written: what is in git stays in git."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mlgitops.core.drafts import Draft
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.secrets import secret_in
from mlgitops.core.sources import leaves

RULE: Final = "secret-in-clear"


def check(draft: Draft, facts: Facts) -> Iterator[Finding]:
    """Find values that look like passwords, tokens and private keys, in every spec."""
    for document in draft.documents:
        for keys, value in leaves(document.value):
            if not isinstance(value, str):
                continue
            key = keys[-1] if keys and isinstance(keys[-1], str) else None
            what = secret_in(value, key)
            if what is not None:
                yield Finding(
                    rule=RULE,
                    message=f"{what} is written in clear",
                    hint="revoke it, for git forgets nothing; then name an environment variable",
                    at=document.mark(*keys),
                )
            elif key == "webhook" and "${" not in value:
                yield Finding(
                    rule=RULE,
                    message="the address of a webhook is written in clear",
                    hint='whoever knows it can post there: name a variable, as in "${SLACK_URL}"',
                    at=document.mark(*keys),
                    severity="warning",
                )
