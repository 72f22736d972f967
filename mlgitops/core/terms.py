"""On what terms a model is judged: which columns hold what, and which metrics are asked for.

A spec says them before a release, the release's document afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from mlgitops.core.digests import JSON
from mlgitops.core.metrics import Direction, find
from mlgitops.core.specs.models import Evaluation

BESIDE: Final = ("group", "baseline", "scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The columns of the evaluation rows by what they are, and the metrics by name.

    ``target``: one column, or one a label. ``leads``: the metric that counts where one has to be
    chosen. ``beside``: what metrics read beside truth and answer,
    by key. ``custom``: which way the metrics of the users' own get better.
    """

    target: tuple[str, ...]
    row_id: str
    metrics: tuple[str, ...]
    leads: str
    slices: tuple[str, ...] = ()
    cluster: str | None = None
    beside: Mapping[str, str] = field(default_factory=dict)
    custom: Mapping[str, Direction] = field(default_factory=dict)
    search: tuple[str, ...] = ()

    def columns(self) -> dict[str, str]:
        """Return each column that has to be there, by the key that names it."""
        key = "targets" if len(self.target) > 1 else "target"
        named = {"id": self.row_id, **self.beside}
        if self.cluster is not None:
            named["cluster"] = self.cluster
        for name, columns in ((key, self.target), ("slices", self.slices), ("search", self.search)):
            named |= {f"{name}[{n}]" if n else name: one for n, one in enumerate(columns)}
        return named

    def better(self, metric: str) -> Direction | None:
        """Return which way a metric gets better; None for one that nobody knows."""
        known = find(metric)
        return self.custom.get(metric) if known is None else known.direction


def of_spec(asked: Evaluation) -> Terms:
    """Return the terms of a spec."""
    return Terms(
        target=asked.truth,
        row_id=asked.id,
        metrics=tuple(asked.metrics),
        leads=asked.metrics[0],
        slices=tuple(asked.slices),
        cluster=asked.cluster,
        beside=asked.beside,
        custom={name: one.better for name, one in asked.custom.items() if name in asked.metrics},
        search=tuple(asked.search),
    )


def of_document(said: Mapping[str, JSON]) -> Terms:
    """Return the terms of a release, from its document's ``evaluation`` or ``evaluation.json``."""
    targets = cast("list[str] | None", said.get("targets"))
    return Terms(
        target=(str(said["target"]),) if targets is None else tuple(targets),
        row_id=str(said["id"]),
        metrics=tuple(cast("Mapping[str, JSON]", said["metrics"])),
        leads=str(said["leads"]),
        slices=tuple(cast("Sequence[str]", said["slices"])),
        cluster=cast("str | None", said.get("cluster")),
        beside={key: str(said[key]) for key in BESIDE if key in said},
        custom=cast("Mapping[str, Direction]", said.get("custom", {})),
        search=tuple(cast("Sequence[str]", said.get("search", ()))),
    )


def to_json(terms: Terms) -> dict[str, JSON]:
    """Return what a document says of the terms, beside the metrics and the slices."""
    told: dict[str, JSON] = {"id": terms.row_id, "leads": terms.leads}
    if len(terms.target) == 1:
        told["target"] = terms.target[0]
    else:
        told["targets"] = list(terms.target)
    if terms.cluster is not None:
        told["cluster"] = terms.cluster
    told |= terms.beside
    if terms.custom:
        told["custom"] = dict(terms.custom)
    if terms.search:
        told["search"] = list(terms.search)
    return told
