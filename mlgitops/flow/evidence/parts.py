"""What evidence is made from at a release, and what it is checked from afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from mlgitops.core.digests import Digest
from mlgitops.core.releases import Lineage, Object, Release, ReleaseDocument
from mlgitops.core.signatures import Signature
from mlgitops.core.specs.models import Model
from mlgitops.core.terms import Terms, of_document, of_spec
from mlgitops.core.workspaces import Workspace, load
from mlgitops.flow.custom import own_of
from mlgitops.flow.evaluation import beside, scores_of, signature, table, truth_of
from mlgitops.flow.seams import Seams

if TYPE_CHECKING:
    import pandas as pd

    from mlgitops.ml.beside import Beside
    from mlgitops.ml.labels import Floats, Scores
    from mlgitops.ml.parity import Parity
    from mlgitops.ml.scoring import Scorer


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A model, exported and proved, from which the files of its release are made.

    ``frame``: the evaluation rows, ``data`` their digest; ``reference``: the rows that drift is
    held against; ``seen``: the rows that training saw, when they hold the features by name.
    ``expected``: the estimator's own answers for ``frame``, ``scores`` the ONNX's; ``truth``: the
    encoded target. ``estimator``, ``expected``, ``parity`` and ``beside`` (the proof on adversarial
    rows) are None for a model that was handed over as ONNX. ``plain``: the model before it was
    optimised, where it was; ``tried``: {way, kept, why} of each way.
    """

    workspace: Workspace
    root: Path
    commit: str
    model: Model
    estimator: Any
    frame: pd.DataFrame
    data: Digest
    reference: pd.DataFrame
    seen: pd.DataFrame | None
    onnx: bytes
    scorer: Scorer
    expected: Scores | None
    scores: Scores
    truth: Floats
    parity: Parity | None
    beside: Beside | None
    plain: bytes | None
    tried: tuple[Object, ...]
    lineage: Lineage

    @property
    def signature(self) -> Signature:
        """What goes in and out."""
        return self.scorer.signature

    @property
    def terms(self) -> Terms:
        """On what terms it is judged."""
        return of_spec(self.model.evaluation)


Files: TypeAlias = "Mapping[str, bytes]"
Maker: TypeAlias = "Callable[[Seams, Made, Files], Files]"


@dataclass(frozen=True, kw_only=True)
class Held:
    """A release that exists, with its bytes at hand; each part is read once, when it is asked for.

    Reading raises StoreError for bytes that are absent or damaged.
    """

    seams: Seams
    release: Release

    @property
    def document(self) -> ReleaseDocument:
        """What the tag says."""
        return self.release.document

    def read(self, name: str) -> bytes:
        """Return the bytes of one of the release's files."""
        return self.seams.store.read(self.document.files[name])

    def json(self, name: str) -> Object:
        """Return one of the release's files in JSON."""
        return cast(Object, json.loads(self.read(name)))

    @cached_property
    def signature(self) -> Signature:
        """What goes in and out."""
        return signature(self.seams, self.document)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The evaluation rows."""
        return table(self.seams, self.document.files["evaluation.parquet"])

    @cached_property
    def answers(self) -> pd.DataFrame:
        """What ONNX (p0 …) and estimator (e0 …) answered, by row id."""
        return table(self.seams, self.document.files["predictions.parquet"])

    @cached_property
    def terms(self) -> Terms:
        """On what terms it was judged."""
        return of_document(self.document.evaluation)

    @cached_property
    def scores(self) -> Scores:
        """The recorded answers of the ONNX, with what else metrics read."""
        answers = scores_of(self.answers, self.document.task)
        found = beside(answers, self.rows, self.terms)
        return replace(found, own=own_of(self.answers, self.terms))

    @cached_property
    def truth(self) -> Floats:
        """The true values."""
        return truth_of(self.rows, self.terms, self.scores.task, self.signature.classes)

    @cached_property
    def expected(self) -> Scores:
        """The recorded answers of the estimator."""
        return scores_of(self.answers, self.document.task, prefix="e")

    @cached_property
    def model(self) -> Model | None:
        """The model's spec at the release's commit; None when that has no such model."""
        draft = load(self.seams.repository.tree(self.release.commit)).draft
        return next((m.spec for m in draft.models if m.spec.name == self.document.model), None)
