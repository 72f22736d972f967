"""What runs where: one cell for each model and environment, with its reason in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mlgitops.core.digests import JSON
from mlgitops.core.promotions import Action, Pinned
from mlgitops.core.releases import Head, newest, tag_name

NEWEST: Final = "the newest release"

State = Literal["none", "pinned", "mismatch", "promoting", "rolling-back", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A hold: who stopped promotions of a model, and why."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the specs of a tree say of what runs where; pins and holds by (environment, model).

    ``environments`` come in the order of promotion.
    """

    environments: tuple[str, ...]
    models: tuple[str, ...]
    pins: Mapping[tuple[str, str], Pinned]
    holds: Mapping[tuple[str, str], Held]


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An open pull request that would move a model. ``waits``: what it still needs, in words."""

    number: int
    action: Action
    to: Pinned | None
    waits: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One model in one environment. ``pinned`` is what runs there; ``open`` what may follow."""

    state: State
    because: str
    pinned: Pinned | None
    open: Open | None = None

    def to_json(self) -> dict[str, JSON]:
        """Return the form of ``status --json``."""
        following = self.open
        to = following.to if following else None
        return {
            "version": str(self.pinned.version) if self.pinned else None,
            "digest": self.pinned.digest if self.pinned else None,
            "state": self.state,
            "because": self.because,
            "pull": following.number if following else None,
            "to": str(to.version) if to else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model: its newest release, and its cell in each environment."""

    model: str
    released: Head | None
    environments: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All models in all environments, as ``place`` (a branch, the work tree) has them.

    ``environments`` come in the order of promotion. ``notes``: what could not be seen, and why.
    """

    place: str
    commit: str | None
    environments: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def to_json(matrix: Matrix) -> dict[str, JSON]:
    """Return the form of ``status --json``."""
    models: list[JSON] = []
    for row in matrix.rows:
        cells: dict[str, JSON] = {name: cell.to_json() for name, cell in row.environments.items()}
        version = str(row.released.version) if row.released else None
        models.append({"model": row.model, "released": version, "environments": cells})
    return {
        "apiVersion": "mlgitops/v1",
        "place": matrix.place,
        "commit": matrix.commit,
        "environments": list(matrix.environments),
        "models": models,
        "notes": list(matrix.notes),
    }


def cell(
    model: str,
    environment: str,
    pinned: Pinned | None,
    hold: Held | None,
    following: Open | None,
    releases: Sequence[Head],
) -> Cell:
    """Return the state of ``model`` in ``environment``, and why it is that state."""
    tagged = {release.version: release.digest for release in releases}
    state: State
    if pinned is not None and tagged.get(pinned.version, pinned.digest) != pinned.digest:
        tag = tag_name(model, pinned.version)
        state, because = "mismatch", f"the pin's digest is not the one in the tag {tag}"
    elif following is not None and following.action == "rollback":
        state, because = "rolling-back", _following(following)
    elif hold is not None:
        state, because = "held", f"held by {hold.by}: {hold.reason}"
        if following is not None:
            because += f"; {_following(following)}"
    elif following is not None:
        state, because = "promoting", _following(following)
    elif pinned is not None:
        state, because = "pinned", _standing(model, pinned, releases)
    else:
        state, because = "none", _nothing(model, environment, releases)
    return Cell(state=state, because=because, pinned=pinned, open=following)


def _following(following: Open) -> str:
    verb = "moves it" if following.action == "promote" else "rolls it back"
    where = f" to {following.to.version}" if following.to else ""
    waits = f", waits for {', '.join(following.waits)}" if following.waits else ", ready to merge"
    return f"#{following.number} {verb}{where}{waits}"


def _standing(model: str, pinned: Pinned, releases: Sequence[Head]) -> str:
    last = newest(releases)
    if pinned.version not in {release.version for release in releases}:
        return f"the tag {tag_name(model, pinned.version)} is not here: git fetch --tags"
    newer = sum(1 for release in releases if release.version > pinned.version)
    if last is None or newer == 0:
        return NEWEST
    return f"{newer} release{'s' if newer > 1 else ''} behind {last.version}"


def _nothing(model: str, environment: str, releases: Sequence[Head]) -> str:
    if not releases:
        return f"nothing is released yet: mlgitops release {model}"
    return f"nothing was promoted here yet: mlgitops promote {model} --to {environment}"
