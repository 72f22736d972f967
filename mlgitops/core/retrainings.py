"""A retraining: new snapshots of a pipeline's sources, as one reviewable change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlgitops.core.digests import Digest, of_value
from mlgitops.core.specs.environments import Snapshot
from mlgitops.core.watches import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One source's snapshot before and after; None: it was not pinned yet."""

    source: str
    before: Snapshot | None
    after: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """Move the snapshots of ``pipeline``, for the sake of ``model``.

    ``told``: the newest verdict on the model; ``asked``: what a person gave as the reason.
    """

    pipeline: str
    model: str
    moved: tuple[Moved, ...]
    told: Told | None
    asked: str | None

    @property
    def branch(self) -> str:
        """One branch a pipeline: at most one open pull request with new data."""
        return branch_name(self.pipeline)

    @property
    def fingerprint(self) -> Digest:
        """Equal for equal data, whoever asks for it, when and why."""
        contents = {one.source: content(one.after) for one in self.moved}
        return of_value({"pipeline": self.pipeline, "snapshots": dict(contents)})

    @property
    def title(self) -> str:
        """The pull request's title."""
        newest = max(one.after.as_of for one in self.moved)
        return f"data({self.pipeline}): as of {newest}"

    @property
    def message(self) -> str:
        """The message of the one commit, with trailers for `history`."""
        trailers: Mapping[str, str] = {
            "Mlgitops-Action": "retrain",
            "Mlgitops-Pipeline": self.pipeline,
            "Mlgitops-Model": self.model,
            "Mlgitops-Fingerprint": self.fingerprint,
        }
        lines = "\n".join(f"{key}: {value}" for key, value in trailers.items())
        return f"{self.title}\n\n{lines}\n"


def branch_name(pipeline: str) -> str:
    """Return the branch of a pipeline's new data."""
    return f"mlgitops/data/{pipeline}"


def content(snapshot: Snapshot) -> str:
    """Return what makes two snapshots the same data: the rows where known, else the bytes."""
    return snapshot.content or snapshot.digest
