"""Who may change what together: a change of the rules never travels with what the rules decide."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mlgitops.core.findings import Finding
from mlgitops.core.marks import Mark

_DECIDED = re.compile(r"environments/[^/]+/(pins|rendered|records)/")
_MOVES = re.compile(r"environments/[^/]+/(pins|records)/")
_DECIDES = re.compile(
    r"environments/[^/]+/environment\.yaml|environments/templates/.*|\.github/.*"
    r"|(\.github/|docs/)?CODEOWNERS|mlgitops\.yaml|pipelines/[^/]+/model\.yaml"
)


def mixed(changed: Iterable[str], *, environment: str | None) -> Iterable[Finding]:
    """Yield a finding for each path that must not stand in this change.

    ``environment``: the one that a promotion may touch; None for any other pull request, which may
    touch no pins, rendered manifests or records together with the rules (and see ``moves``).
    """
    paths = sorted(changed)
    decided = [path for path in paths if _DECIDED.match(path)]
    decides = [path for path in paths if _DECIDES.fullmatch(path)]
    if decided and decides:
        for path in decides:
            yield Finding(
                rule="mlgitops/policy",
                message=f"changes the rules together with {decided[0]}, which they decide",
                hint="make two pull requests: first the rules, then the promotion",
                at=Mark(path=path),
            )
    if environment is not None:
        for path in paths:
            if not path.startswith(f"environments/{environment}/"):
                yield Finding(
                    rule="mlgitops/policy",
                    message=f"a promotion into {environment} may not touch this file",
                    at=Mark(path=path),
                )


def moves(changed: Iterable[str]) -> Iterable[Finding]:
    """Yield a finding for each pin and record in a pull request that promotes nothing.

    Such a change was asked for no gate and no approval of its environment.
    """
    for path in sorted(changed):
        if _MOVES.match(path):
            yield Finding(
                rule="mlgitops/policy",
                message="only the pull request of a promotion or a rollback may touch this file",
                hint="mlgitops promote, or mlgitops rollback",
                at=Mark(path=path),
            )
