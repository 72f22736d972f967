"""A promotion: its identity, its names, and the record that is committed with it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlgitops.core.attestations import Trusted
from mlgitops.core.digests import JSON, Digest, hex_of, of_value
from mlgitops.core.releases import Release, Version
from mlgitops.core.trees import Tree

if TYPE_CHECKING:
    from mlgitops.core.gates import Comparison, GateResult, State

Action = Literal["promote", "rollback"]

_TITLE_MAX = 120
_BRANCH = re.compile(r"mlgitops/(promote|rollback)/([a-z0-9-]+)/([a-z0-9-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A version and the digest of its release."""

    version: Version
    digest: Digest

    def to_json(self) -> dict[str, JSON]:
        """Return the form that a promotion record keeps."""
        return {"version": str(self.version), "digest": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """Move ``model`` in ``environment`` from one release to another.

    ``policy``: the digest of everything on the base that decides (environment, model, templates).
    """

    action: Action
    environment: str
    model: str
    before: Pinned | None
    after: Pinned
    policy: Digest
    renderer: int

    @property
    def branch(self) -> str:
        """One branch for each action, environment and model: at most one open pull request."""
        return branch_name(self.action, self.environment, self.model)

    @property
    def fingerprint(self) -> Digest:
        """Equal for equal promotions, whoever opens them and when."""
        return of_value(
            {
                "action": self.action,
                "environment": self.environment,
                "model": self.model,
                "from": self.before.to_json() if self.before else None,
                "to": self.after.to_json(),
                "policy": self.policy,
                "renderer": self.renderer,
            }
        )

    @property
    def title(self) -> str:
        """The pull request's title; the model's name is cut in the middle, never the versions."""
        head = f"{self.action}({self.environment}): "
        before = f"{self.before.version} → " if self.before else ""
        tail = f" {before}{self.after.version}"
        return head + _cut(self.model, _TITLE_MAX - len(head) - len(tail)) + tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """A promotion, what each gate says of it, and the files that it would commit (None deletes).

    ``reason``: why, as the person who rolls back gave it.
    """

    promotion: Promotion
    candidate: Release
    live: Release | None
    results: tuple[GateResult, ...]
    comparison: Comparison | None
    files: Mapping[str, bytes | None]
    record: str
    reason: str | None = None

    @property
    def state(self) -> State:
        """What its worst gate says."""
        from mlgitops.core.gates import overall  # who asks what runs where reads no gate

        return overall(self.results)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the body of a promotion's pull request is written from.

    ``diffs``: rendered manifest to its unified diff. ``approvals``: how many it needs.
    ``journey``: (environment, version there now) for the environments before this one.
    """

    assessment: Assessment
    diffs: Mapping[str, str]
    approvals: int
    journey: tuple[tuple[str, str], ...]


def branch_name(action: Action, environment: str, model: str) -> str:
    """Return the branch of a promotion."""
    return f"mlgitops/{action}/{environment}/{model}"


def parse_branch(branch: str) -> tuple[Action, str, str] | None:
    """Return (action, environment, model) of a promotion's branch, or None for any other."""
    match = _BRANCH.fullmatch(branch)
    if match is None:
        return None
    return ("promote" if match[1] == "promote" else "rollback"), match[2], match[3]


def _cut(text: str, room: int) -> str:
    if len(text) <= room:
        return text
    left = (room - 1) // 2
    return f"{text[:left]}…{text[len(text) - (room - 1 - left) :]}"


def policy_digest(
    tree: Tree, environment: str, model_path: str, trusted: Sequence[Trusted]
) -> Digest:
    """Return the digest of what on the base decides a promotion: files, and who is trusted."""
    paths = [f"environments/{environment}/environment.yaml", model_path]
    paths += tree.paths("environments/templates")
    found = {path: tree.read(path) for path in paths}
    decides: dict[str, JSON] = {
        path: data.decode("utf-8", "replace") for path, data in found.items() if data is not None
    }
    if trusted:
        decides["trusted"] = [one.to_json() for one in trusted]
    return of_value(decides)


def record(
    promotion: Promotion, gates: Sequence[GateResult], comparison: Comparison | None
) -> dict[str, JSON]:
    """Return the record of a promotion: what was claimed when it was opened, no clock in it.

    Gates that only people or time decide are not part of it: they are asked again at the merge.
    """
    return {
        "apiVersion": "mlgitops/v1",
        "kind": "Promotion",
        "action": promotion.action,
        "environment": promotion.environment,
        "model": promotion.model,
        "from": promotion.before.to_json() if promotion.before else None,
        "to": promotion.after.to_json(),
        "policy": promotion.policy,
        "renderer": promotion.renderer,
        "fingerprint": promotion.fingerprint,
        "gates": [gate.to_json() for gate in gates if gate.kind == "proposed"],
        "comparison": comparison.to_json() if comparison else None,
    }


def recorded(data: bytes) -> str | None:
    """Return the digest that a record brought into its environment; None when it says none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    brought = value.get("to") if isinstance(value, dict) else None
    digest = brought.get("digest") if isinstance(brought, dict) else None
    return digest if isinstance(digest, str) else None


def record_path(promotion: Promotion, number: int) -> str:
    """Return where the record stands: one file a promotion, so that two never conflict."""
    name = f"{number:04d}-{hex_of(promotion.fingerprint)[:12]}.json"
    return f"environments/{promotion.environment}/records/{promotion.model}/{name}"


def commit_message(promotion: Promotion, evidence: str) -> str:
    """Return the message of the promotion's one commit, with trailers for `history`."""
    trailers: Mapping[str, str] = {
        "Mlgitops-Action": promotion.action,
        "Mlgitops-Env": promotion.environment,
        "Mlgitops-Model": promotion.model,
        "Mlgitops-From": str(promotion.before.version) if promotion.before else "none",
        "Mlgitops-To": str(promotion.after.version),
        "Mlgitops-Fingerprint": promotion.fingerprint,
        "Mlgitops-Evidence": evidence,
    }
    lines = "\n".join(f"{key}: {value}" for key, value in trailers.items())
    return f"{promotion.title}\n\n{lines}\n"
