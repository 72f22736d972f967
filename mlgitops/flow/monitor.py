"""Monitor: hold what a model sees and answers now against its release, and say one word about it.

Everything that the verdict is made from is read here; ``core.verdicts`` decides, the ledger keeps.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from mlgitops.core.digests import JSON
from mlgitops.core.errors import MlgitopsError, UsageError
from mlgitops.core.gates import applying
from mlgitops.core.releases import Release
from mlgitops.core.signatures import Field, Signature
from mlgitops.core.specs.base import Located
from mlgitops.core.specs.models import Model
from mlgitops.core.verdicts import judge, limits
from mlgitops.core.watches import (
    KIND,
    Evidence,
    Labelled,
    Measured,
    Quality,
    Shift,
    Watch,
    to_json,
)
from mlgitops.core.workspaces import Workspace
from mlgitops.flow import ledger
from mlgitops.flow.assess import environment_of
from mlgitops.flow.evaluation import signature
from mlgitops.flow.labels import Joined, labelled_rows
from mlgitops.flow.numbers import rounded
from mlgitops.flow.seams import Seams
from mlgitops.flow.serve import journal_of, pinned
from mlgitops.flow.snapshots import iso
from mlgitops.flow.windows import Rows, gather
from mlgitops.flow.workspaces import model_of, require

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.drift import ColumnDrift
    from mlgitops.ml.performance import Performance

WINDOW: Final = timedelta(days=30)


def monitor(
    seams: Seams,
    model: str,
    environment: str,
    *,
    journal: Path | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
) -> Watch:
    """Look at the release that ``environment`` pins, over the journal of ``since`` to ``until``.

    ``until`` is now by default and ``since`` 30 days before it; ``as_of``, now by default, is until
    when true values were known. Raises UsageError when nothing is pinned or the journal given is
    no folder. Nothing is written, see ``keep``.
    """
    seams.repository.fetch()
    base = seams.repository.base(seams.branch)
    workspace = require(seams.repository.tree(base))
    environment_of(workspace, environment)
    spec = model_of(workspace, model)
    live = pinned(seams, model, environment)
    now = seams.clock()
    until = until or now
    known = (as_of or now).astimezone(UTC)
    place = _place(seams, journal, model, environment)
    rows = gather(
        place, since or until - WINDOW, until, live.digest, signature(seams, live.document)
    )
    evidence = _evidence(seams, workspace, base, environment, spec, live, rows, known)
    return Watch(
        model=model,
        environment=environment,
        version=str(live.version),
        digest=live.digest,
        as_of=iso(known),
        evidence=evidence,
        verdict=judge(evidence),
    )


def keep(seams: Seams, watch: Watch) -> None:
    """Append the look to the ledger: it is evidence from then on."""
    ledger.append(seams.repository, KIND, to_json(watch), seams.clock())


def _place(seams: Seams, journal: Path | None, model: str, environment: str) -> Path:
    if journal is not None and not journal.is_dir():
        raise UsageError(
            f"there is no folder {journal}", hint="name the one that `mlgitops serve` writes to"
        )
    place = journal or journal_of(seams, model, environment)
    if not place.is_dir():
        seams.say(f"there is no journal at {place} yet; `mlgitops serve` writes it")
    return place


def _evidence(
    seams: Seams,
    workspace: Workspace,
    base: str,
    environment: str,
    model: Located[Model],
    live: Release,
    rows: Rows,
    known: datetime,
) -> Evidence:
    from mlgitops.ml.drift import drift

    spec, described = model.spec, signature(seams, live.document)
    profile = json.loads(seams.store.read(live.document.files["profile.json"]))
    found = drift(profile, described, rows.frame, rows.scores, alpha=spec.monitoring.drift.alpha)
    gates = [*workspace.environments[environment].spec.gates, *spec.gates]
    asked = limits(applying(gates, spec.name))
    joined = None
    if spec.monitoring.labels is not None and rows.ids:
        joined = labelled_rows(seams, base, model, spec.monitoring.labels, rows, known)
    # The first metric of the evaluation is the one that counts; a custom one needs its code.
    leading = [name for name in spec.evaluation.metrics if name not in spec.evaluation.custom]
    first, *others = dict.fromkeys([*leading[:1], *(one.metric for one in asked)]) or [
        spec.evaluation.metrics[0]
    ]
    measured, labelled = _measure(joined, profile, described, rows, first)
    gated = [_measure(joined, profile, described, rows, one)[0] for one in others]
    return Evidence(
        window=rows.window,
        needed=found.needed,
        shifts=tuple(_shift(one) for one in found.columns),
        measured=measured,
        gated=tuple(one for one in gated if one is not None),
        labelled=labelled,
        quality=tuple(_quality(rows.frame[one.name], one) for one in described.inputs),
        limits=asked,
    )


def _shift(one: ColumnDrift) -> Shift:
    return Shift(
        name=one.name,
        topic="inputs" if one.part == "input" else "predictions",
        method=one.method,
        effect=rounded(one.effect),
        p=rounded(one.p),
        q=rounded(one.q),
        drifted=one.drifted,
        then=one.reference,
        now=one.current,
        unseen=one.unseen,
    )


def _measure(
    joined: Joined | None, profile: JSON, described: Signature, rows: Rows, metric: str
) -> tuple[Measured | None, Labelled | None]:
    """Return performance on the rows whose true value is known, and how many those are."""
    from mlgitops.ml.labels import encode_target
    from mlgitops.ml.performance import performance

    if joined is None:
        return None, None
    if not joined.places:
        return None, joined.labelled
    try:
        target = encode_target(described.task, described.classes, joined.values)
        scores = rows.scores.take(np.array(joined.places, dtype=np.int64))
        found = performance(profile, target, scores, metric)
    except MlgitopsError as error:
        return None, replace(joined.labelled, problem=error.message)
    if found.now is None:
        return None, replace(joined.labelled, problem=found.reason)
    return _measured(found), joined.labelled


def _measured(found: Performance) -> Measured:
    assert found.now is not None and found.low is not None and found.high is not None
    return Measured(
        metric=found.metric,
        higher_is_better=found.better == "higher",
        then=rounded(found.then),
        now=rounded(found.now),
        low=rounded(found.low),
        high=rounded(found.high),
        confidence=found.confidence,
        tolerated=rounded(found.tolerated),
        rows=found.rows,
        standing=found.standing,
        needed=found.needed,
    )


def _quality(series: pd.Series[Any], described: Field) -> Quality:
    missing = int(series.isna().sum())
    known = series[series.notna()]
    outside = known.iloc[:0]
    seen = ""
    if described.categories is not None:
        seen = f"its {len(described.categories)} categories"
        outside = known[~known.isin(described.categories)]
    elif described.low is not None and described.high is not None:
        seen = f"{described.low:g} to {described.high:g}"
        # At the precision of the model, in which the bounds were read too.
        low, high = np.float32(described.low), np.float32(described.high)
        outside = known[(known < low) | (known > high)]
    return Quality(name=described.name, missing=missing, outside=len(outside), range=seen)
