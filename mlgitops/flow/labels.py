"""Labels: the true values that arrive after the answers, from the function that the spec names.

It runs as a step does: a process of its own, the code of the shared branch, its rows in the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlgitops.core.digests import Digest
from mlgitops.core.errors import Refused, SpecError, StepFailed
from mlgitops.core.keys import key_of
from mlgitops.core.specs.base import Located, seconds
from mlgitops.core.specs.models import Labels, Model
from mlgitops.core.specs.pipelines import PythonSource, Step
from mlgitops.core.watches import Labelled
from mlgitops.core.workspaces import Workspace
from mlgitops.files import WorkTree
from mlgitops.flow.evaluation import table
from mlgitops.flow.seams import Seams
from mlgitops.flow.snapshots import iso
from mlgitops.flow.windows import Rows
from mlgitops.flow.workspaces import require

if TYPE_CHECKING:
    import pandas as pd

_STEP: Final = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueValues:
    """``by_id``: true value by row id (text). ``digest``: the table as the function gave it.

    ``contradictory``: ids that came with two different values, and are left out.
    """

    by_id: Mapping[str, object]
    digest: Digest
    contradictory: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Rows whose true value is known: their places among the rows of the window, and the values."""

    places: tuple[int, ...]
    values: tuple[object, ...]
    labelled: Labelled


def labelled_rows(
    seams: Seams, base: str, model: Located[Model], labels: Labels, rows: Rows, as_of: datetime
) -> Joined:
    """Return the rows whose true value was known at ``as_of``; none, and why, when asking fails."""
    if all(one is None for one in rows.ids):
        problem = "no request carried its row id, so no true value can be joined"
        return Joined(places=(), values=(), labelled=Labelled(problem=problem))
    seams.say(f"asking {labels.source} for the true values known at {iso(as_of)} …")
    try:
        truth = true_values(seams, base, model, labels, as_of)
    except (StepFailed, SpecError, Refused) as error:
        seams.say(error.message)
        problem = error.message.splitlines()[0]
        return Joined(places=(), values=(), labelled=Labelled(problem=problem))
    return join(rows, truth, labels, as_of)


def true_values(
    seams: Seams, base: str, model: Located[Model], labels: Labels, as_of: datetime
) -> TrueValues:
    """Return the true values that were known at ``as_of``, asked of the code at commit ``base``.

    Raises StepFailed when the function fails, Refused when its rows lack a column.
    """
    with seams.store.scratch() as scratch:
        root = scratch / "tree"
        root.mkdir()
        seams.repository.export(base, root)
        digest = _ask(seams, require(WorkTree(root)), model, labels, as_of, root)
    return _by_id(table(seams, digest), model, labels, digest)


def _ask(
    seams: Seams,
    workspace: Workspace,
    model: Located[Model],
    labels: Labels,
    as_of: datetime,
    root: Path,
) -> Digest:
    from mlgitops.flow.checkout import Checkout, Node
    from mlgitops.flow.jobs import Work
    from mlgitops.flow.steps import execute

    source = PythonSource(type="python", run=labels.source)
    step = Step.model_validate({"name": _STEP, "source": source, "outputs": {_STEP: "parquet"}})
    checkout = Checkout(seams=seams, workspace=workspace, root=root)
    node = Node(pipeline=workspace.pipelines[model.spec.pipeline], step=step)
    parts = replace(checkout.parts(node, {}), as_of=iso(as_of))
    work = Work(node=node, parts=parts, made={}, threads=1)
    try:
        record = execute(checkout, work, key_of(parts))
    except StepFailed as error:
        raise StepFailed(
            error.message,
            hint=f"monitoring.labels.source of {model.spec.name} is called with as_of alone",
            at=model.mark("monitoring", "labels", "source"),
        ) from error
    return record.outputs[_STEP].digest


def _by_id(
    frame: pd.DataFrame, model: Located[Model], labels: Labels, digest: Digest
) -> TrueValues:
    from mlgitops.ml.labels import class_name

    target = list(model.spec.evaluation.truth)
    for name in (labels.join, *target):
        if name not in frame.columns:
            raise Refused(
                f"{labels.source} gave no column {name!r}",
                hint=f"it gave {', '.join(map(str, frame.columns)) or 'no column'}",
                at=model.mark("monitoring", "labels", "source"),
            )
    known = frame[[labels.join, *target]].dropna()
    values = known[target].itertuples(index=False, name=None)
    by_id: dict[str, object] = {}
    twice: set[str] = set()
    # One missing id turns a whole column of integers into floats: 7.0 must still be row 7.
    for one, several in zip(known[labels.join].map(class_name), values, strict=True):
        value = several if len(target) > 1 else several[0]
        if by_id.setdefault(one, value) != value:
            twice.add(one)
    for one in twice:
        del by_id[one]
    return TrueValues(by_id=by_id, digest=digest, contradictory=frozenset(twice))


def join(rows: Rows, truth: TrueValues, labels: Labels, as_of: datetime) -> Joined:
    """Join rows and true values by row id, without rows that are younger than ``labels.delay``.

    What comes early is no fair sample of what will have come. A row that was asked after ``as_of``
    is replayed, and old in its own time.
    """
    fresh = as_of - timedelta(seconds=seconds(labels.delay))
    known = [place for place, one in enumerate(rows.ids) if one in truth.by_id]
    places = tuple(place for place in known if not fresh < rows.at[place] <= as_of)
    asked = {one for one in rows.ids if one is not None}
    return Joined(
        places=places,
        values=tuple(truth.by_id[str(rows.ids[place])] for place in places),
        labelled=Labelled(
            found=len(places),
            young=len(known) - len(places),
            contradictory=len(truth.contradictory & asked),
            digest=truth.digest,
        ),
    )
