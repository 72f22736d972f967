"""Compare a candidate with the live release: the same rows, paired by id, three answers.

The live ONNX is scored again, on the candidate's evaluation rows. Where the code or parameters
that made those rows changed since, a column of the same name may mean something else: then the
live release's own steps make its rows, from the candidate's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from mlgitops.core import looks
from mlgitops.core.digests import JSON, Digest
from mlgitops.core.errors import MlgitopsError, Refused
from mlgitops.core.gates import Compared, Comparison
from mlgitops.core.releases import Release, ReleaseDocument
from mlgitops.core.signatures import breaks
from mlgitops.core.specs.models import Gate
from mlgitops.core.terms import of_document
from mlgitops.flow.custom import Code, columns, measure, own_of
from mlgitops.flow.evaluation import (
    MIN_SLICE,
    beside,
    frame_of,
    parquet,
    scores_of,
    signature,
    table,
    truth_of,
)
from mlgitops.flow.numbers import rounded
from mlgitops.flow.rebuild import evaluation_rows, same_recipe
from mlgitops.flow.releases import releases
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.intervals import Pair
    from mlgitops.ml.labels import Floats, Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What one gate asks for: some metrics, of all rows or of each slice of some columns.

    ``again``: the confidence of the next look. ``spent``: this one has no error left to spend.
    """

    metrics: tuple[str, ...]
    columns: tuple[str, ...] | None
    margin: float
    confidence: float
    again: float
    spent: bool


def signature_breaks(
    seams: Seams, live: ReleaseDocument, candidate: ReleaseDocument
) -> tuple[str, ...]:
    """Return why a caller of ``live`` cannot call ``candidate``; empty when it can."""
    return breaks(signature(seams, live), signature(seams, candidate))


def compare(
    seams: Seams,
    candidate: ReleaseDocument,
    live: ReleaseDocument,
    gates: Iterable[Gate],
    scored: Digest | None = None,
    *,
    look: int | None = None,
) -> Comparison | None:
    """Return the paired comparison that ``gates`` ask for, or None when they ask for none.

    ``scored``: the live model's recorded predictions. They are scored again and must agree within
    the live release's own tolerance; then the recorded ones are used, so that the numbers are
    those of the record on any machine. What cannot be compared gives ``problem``, never a pass.
    ``look``: how often this model is judged by now, which its confidence pays for; None where
    nothing is decided.
    """
    asked = _asked(candidate, gates, look)
    if not asked:
        return None
    try:
        return replace(_compare(seams, candidate, live, asked, scored), look=look or 1)
    except MlgitopsError as error:
        return Comparison(excluded={}, problem=error.message, look=look or 1)


def look_at(seams: Seams, candidate: Release, live: Release) -> int:
    """Return on how many sets of rows the candidate's very ONNX was released after ``live``.

    Its own set is one of them. Another model has a look of its own: each of them is one more
    question, not the same again; and the same rows give the same answer.
    """
    model = candidate.document.files["model.onnx"]
    sets = {
        one.document.files["evaluation.parquet"]
        for one in releases(seams.repository, candidate.model)
        if live.version < one.version < candidate.version
        and one.document.files["model.onnx"] == model
    }
    return len(sets | {candidate.document.files["evaluation.parquet"]})


def _asked(
    candidate: ReleaseDocument, gates: Iterable[Gate], look: int | None
) -> tuple[_Asked, ...]:
    listed = list(gates)
    metrics = [g.metric for g in listed if g.metric is not None and g.no_worse_than is not None]
    wanted: list[_Asked] = []
    for gate in listed:
        if gate.metric is not None and gate.no_worse_than is not None:
            wanted.append(_asked_for(gate, [gate.metric], None, look))
        if gate.slices is not None:
            columns = tuple(
                str(name) for name in cast("list[JSON]", candidate.evaluation["slices"])
            )
            asked = metrics or [of_document(candidate.evaluation).leads]
            wanted.append(_asked_for(gate, asked, columns, look))
    return tuple(wanted)


def _asked_for(
    gate: Gate, metrics: list[str], columns: tuple[str, ...] | None, look: int | None
) -> _Asked:
    sure = again = gate.confidence
    spent = False
    if look is not None:
        last = min(look, gate.looks or look)
        sure = looks.confidence(gate.confidence, last, gate.looks)
        again = looks.confidence(gate.confidence, min(look + 1, gate.looks or look + 1), gate.looks)
        spent = last < look
    return _Asked(
        metrics=tuple(dict.fromkeys(metrics)),
        columns=columns,
        margin=gate.margin,
        confidence=sure,
        again=again,
        spent=spent,
    )


def _compare(
    seams: Seams,
    candidate: ReleaseDocument,
    live: ReleaseDocument,
    asked: tuple[_Asked, ...],
    scored: Digest | None,
) -> Comparison:
    row_id = of_document(candidate.evaluation).row_id
    rows = table(seams, candidate.files["evaluation.parquet"])
    answers = table(seams, candidate.files["predictions.parquet"])
    theirs, how = _live_answers(seams, candidate, live)
    if scored is None:
        theirs = _with_own(seams, candidate, rows, theirs)
        digest = seams.store.put_bytes(parquet(theirs))
    else:
        theirs, digest = _recorded(seams, live, theirs, scored), scored
    joined = rows.merge(answers, left_on=row_id, right_on="id", suffixes=("", "_answer"))
    joined = joined.merge(
        theirs.add_prefix("live_"), how="left", left_on=row_id, right_on="live_id"
    )
    kept, excluded = _exclude(seams, candidate, live, joined, row_id)
    _refuse_wholes(kept, excluded, asked)
    return Comparison(
        rows=len(kept),
        how=how,
        predictions=digest,
        excluded=excluded,
        compared=tuple(one for want in asked for one in _measure(seams, candidate, kept, want)),
        problem=None if len(kept) else "no row is left that neither model was trained on",
    )


def _live_answers(
    seams: Seams, candidate: ReleaseDocument, live: ReleaseDocument
) -> tuple[pd.DataFrame, str]:
    """Return what the live model answers for the candidate's rows, by id, and on which rows."""
    from mlgitops.ml.scoring import Scorer

    if same_recipe(candidate, live):
        rows = table(seams, candidate.files["evaluation.parquet"])
        how = "the candidate's evaluation rows"
    else:
        rows = evaluation_rows(seams, live, candidate)
        how = f"rows made by {live.version}'s own steps from the candidate's data"
    scorer = Scorer(seams.store.read(live.files["model.onnx"]), signature(seams, live))
    return frame_of(scorer.score(rows), rows[str(live.evaluation["id"])]), how


def _with_own(
    seams: Seams, candidate: ReleaseDocument, rows: pd.DataFrame, theirs: pd.DataFrame
) -> pd.DataFrame:
    """Return the live model's answers with the candidate's custom metrics of them.

    The functions are those of the candidate's commit; NaN where it has no row of that id.
    """
    from mlgitops.files import WorkTree
    from mlgitops.flow.workspaces import require

    terms = of_document(candidate.evaluation)
    if not terms.custom:
        return theirs
    both = rows.merge(theirs, left_on=terms.row_id, right_on="id", suffixes=("", "_answer"))
    classes = signature(seams, candidate).classes
    scores = beside(scores_of(both, candidate.task), both, terms)
    truth = truth_of(both, terms, scores.task, classes)
    with seams.store.scratch() as scratch:
        root = scratch / "tree"
        root.mkdir()
        seams.repository.export(candidate.lineage.commit, root)
        workspace = require(WorkTree(root))
        model = workspace.models[candidate.model].spec
        code = Code(workspace=workspace, root=root, model=model)
        scores = measure(seams, code, terms, both[list(rows.columns)], truth, scores)
    told = both[["id"]].assign(**columns(scores))
    return theirs.merge(told, how="left", on="id")


def _recorded(
    seams: Seams, live: ReleaseDocument, again: pd.DataFrame, scored: Digest
) -> pd.DataFrame:
    """Return the recorded predictions after holding them against those made just now."""
    import numpy as np

    recorded = table(seams, scored)
    # What a custom metric said of them needs its code: it is taken as it was recorded.
    named = [name for name in recorded.columns if ":" not in name]
    same = named == list(again.columns) and len(recorded) == len(again)
    if same and bool((recorded["id"].to_numpy() == again["id"].to_numpy()).all()):
        tolerance = float(cast(float, live.parity["atol"]))
        relative = max(float(cast(float, live.parity["rtol"])), 1e-6)
        left, right = recorded[named].drop(columns="id"), again.drop(columns="id")
        same = bool(np.allclose(left, right, atol=tolerance, rtol=relative))
    if not same:
        raise Refused(
            "the recorded predictions of the live model are not what its ONNX answers",
            hint="the record was made from something else: promote again",
        )
    return recorded


def _exclude(
    seams: Seams,
    candidate: ReleaseDocument,
    live: ReleaseDocument,
    joined: pd.DataFrame,
    row_id: str,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out rows that one of the models has seen in training, or could not be scored on."""
    excluded: dict[str, int] = {}
    seen = _trained_on(seams, candidate, row_id) | _trained_on(seams, live, row_id)
    trained = joined[row_id].isin(seen)
    lost = joined["live_p0"].isna() & ~trained
    for reason, mask in (("trained on", trained), ("not scored by both", lost)):
        if int(mask.sum()):
            excluded[reason] = int(mask.sum())
    return joined[~(trained | lost)].reset_index(drop=True), excluded


def _refuse_wholes(
    kept: pd.DataFrame, excluded: Mapping[str, int], asked: tuple[_Asked, ...]
) -> None:
    """Refuse to compare a part of the rows by a function that gave one number for all of them."""
    wholes = {name.partition(":")[2] for name in kept.columns if name.startswith("block:")}
    for want in asked:
        found = wholes & set(want.metrics)
        if found and (excluded or (want.columns is not None and found == set(want.metrics))):
            raise Refused(
                f"{min(found)} is one number for all rows, and only some of them can be compared",
                hint="let its function return a number for each row",
            )


def _trained_on(seams: Seams, document: ReleaseDocument, row_id: str) -> set[object]:
    import pyarrow.parquet as pq

    seen: set[object] = set()
    for digest in document.lineage.training:
        path = seams.store.path(digest)
        if row_id in pq.read_schema(path).names:
            seen.update(table(seams, digest, [row_id])[row_id])
    return seen


def _measure(
    seams: Seams, candidate: ReleaseDocument, kept: pd.DataFrame, want: _Asked
) -> list[Compared]:
    from mlgitops.ml.intervals import surely_worse

    if not len(kept):
        return []
    found: list[tuple[tuple[str, str] | None, Pair]] = []
    for metric in want.metrics:
        if want.columns is None:
            found.append((None, _pair(seams, candidate, kept, metric)))
        for column in want.columns or ():
            for value, group in kept.groupby(column, sort=True):
                # Too few rows, or one class only: the release's own slices say so, no gate can ask.
                if len(group) >= MIN_SLICE and not _undefined(seams, candidate, group, metric):
                    pair = _pair(seams, candidate, group, metric)
                    found.append(((column, str(value)), pair))
    worse = surely_worse([pair for _, pair in found], want.margin, want.confidence)
    return [_told(pair, want, where, n in worse) for n, (where, pair) in enumerate(found)]


def _undefined(
    seams: Seams, candidate: ReleaseDocument, rows: pd.DataFrame, metric: str
) -> str | None:
    from mlgitops.ml.metrics import undefined

    truth, ours = _truth(seams, candidate, rows)
    own = ours.own.get(metric)
    if own is not None and own.blocks is not None:
        return "its function gives one number for all rows"
    return undefined(metric, truth, ours)


def _truth(seams: Seams, candidate: ReleaseDocument, rows: pd.DataFrame) -> tuple[Floats, Scores]:
    terms = of_document(candidate.evaluation)
    ours = beside(scores_of(rows, candidate.task), rows, terms)
    ours = replace(ours, own=own_of(rows, terms))
    return truth_of(rows, terms, ours.task, signature(seams, candidate).classes), ours


def _pair(seams: Seams, candidate: ReleaseDocument, rows: pd.DataFrame, metric: str) -> Pair:
    from mlgitops.ml.clusters import codes_of
    from mlgitops.ml.intervals import pair

    truth, ours = _truth(seams, candidate, rows)
    terms = of_document(candidate.evaluation)
    answers = rows.filter(regex=r"^live_p\d+$").rename(columns=lambda name: name[5:])
    theirs = beside(scores_of(answers, candidate.task), rows, terms)
    theirs = replace(theirs, own=own_of(rows, terms, prefix="live_"))
    clusters = None if terms.cluster is None else codes_of(rows[terms.cluster])
    return pair(metric, truth, theirs, ours, clusters)


def _told(pair: Pair, want: _Asked, where: tuple[str, str] | None, worse: bool) -> Compared:
    """Return the verdict; ``worse``: surely so, among all that the gate asks for."""
    from mlgitops.ml.clusters import count

    answer = pair.judge(want.margin, want.confidence, want.again)
    chance = want.spent or (answer.verdict == "fail" and not worse)
    return Compared(
        metric=answer.metric,
        slice=where,
        live=rounded(answer.live),
        candidate=rounded(answer.candidate),
        delta=rounded(answer.delta),
        low=rounded(answer.low),
        high=rounded(answer.high),
        limit=answer.limit,
        higher_is_better=answer.better == "higher",
        verdict="inconclusive" if chance else answer.verdict,
        n=answer.n,
        n_needed=None if want.spent else answer.n_needed,
        confidence=rounded(answer.confidence),
        spent=want.spent,
        clusters=None if pair.clusters is None else count(pair.clusters, pair.n),
    )
