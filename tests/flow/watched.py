"""A small regression that is released and pinned, for what happens to it afterwards.

The release is put together here from the real parts, without running its pipeline: 1 s instead of
20. `count` follows from `temp`, `rain` and `kind`, with noise of standard deviation 4.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mlgitops import settings, wiring
from mlgitops.core import manifests, release_documents, signatures
from mlgitops.core.digests import Digest, document
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.core.releases import ReleaseDocument, Version
from mlgitops.core.terms import Terms
from mlgitops.flow.evaluation import evaluation, parquet
from mlgitops.flow.seams import Seams
from mlgitops.ml.export import export
from mlgitops.ml.golden import golden
from mlgitops.ml.labels import encode_target
from mlgitops.ml.parity import estimate
from mlgitops.ml.scoring import Scorer
from mlgitops.server.journal import Journal
from tests.core.facts import lineage
from tests.support import Origin, commit, git

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FEATURES = ["temp", "rain", "kind"]

PIPELINE = """\
apiVersion: mlgitops/v1
kind: Pipeline
name: bikes
steps:
  - {name: rides, source: {type: python, run: "sources:rides"}, outputs: {rides: parquet}}
  - {name: features, run: "features:build", inputs: {rides: rides.rides},
     outputs: {train: parquet, test: parquet}}
  - {name: train, run: "train:fit", inputs: {train: features.train}, outputs: {model: estimator}}
"""
MODEL = """\
apiVersion: mlgitops/v1
kind: Model
name: bikes
pipeline: bikes
artifact: train.model
task: regression
features: [temp, rain, kind]
evaluation: {data: features.test, target: count, id: id, metrics: [mae, rmse]}
"""
# A look that asks for true values costs a process: only those tests pay for it that need them.
MONITORING = """\
monitoring:
  labels: {source: "labels:counts", join: id, delay: 1d}
"""
ENVIRONMENT = """\
apiVersion: mlgitops/v1
kind: Environment
name: prod
target: {type: compose, image: "registry.example.com/server:1"}
"""
LABELS = """\
from pathlib import Path

import pandas as pd


def counts(as_of):
    rows = pd.read_csv(Path(__file__).parent / "counts.csv")
    return rows[pd.to_datetime(rows["known"], utc=True) <= as_of]
"""
FILES = {
    "mlgitops.yaml": "apiVersion: mlgitops/v1\nkind: Project\nname: bikes\n",
    ".gitignore": ".mlgitops/\n",
    "pipelines/bikes/pipeline.yaml": PIPELINE,
    "pipelines/bikes/model.yaml": MODEL,
    "pipelines/bikes/sources.py": "def rides(as_of):\n    return None\n",
    "pipelines/bikes/features.py": "def build(rides):\n    return None\n",
    "pipelines/bikes/train.py": "def fit(train):\n    return None\n",
    "environments/prod/environment.yaml": ENVIRONMENT,
}


def rows(count: int, seed: int, *, warmer: float = 0.0, noise: float = 4.0) -> pd.DataFrame:
    """Rows with their true value; `warmer` moves `temp` by as many of its standard deviations."""
    draw = np.random.default_rng(seed)
    temp = (draw.normal(15 + 8 * warmer, 8, count)).astype(np.float32)
    rain = draw.exponential(2, count).astype(np.float32)
    kind = draw.choice(["day-off", "working-day"], count, p=[0.3, 0.7])
    expected = 20 + 3 * temp - 2 * rain + 10 * (kind == "working-day")
    return pd.DataFrame(
        {
            "id": [f"{seed}-{n}" for n in range(count)],
            "temp": temp,
            "rain": rain,
            "kind": kind,
            "count": expected + draw.normal(0, noise, count),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The clone, the pinned release, and what it answers."""

    clone: Path
    document: ReleaseDocument
    scorer: Scorer

    def seams(self, at: datetime = NOON, said: list[str] | None = None) -> Seams:
        lines = [] if said is None else said
        real = wiring.seams(settings.read(self.clone), say=lines.append)
        return replace(real, clock=lambda: at)

    @property
    def journal(self) -> Path:
        return self.clone / ".mlgitops/journal/prod/bikes"

    def serve(
        self,
        frame: pd.DataFrame,
        *,
        at: datetime = NOON - timedelta(days=2),
        digest: Digest | None = None,
        ids: bool = True,
    ) -> None:
        """Answer the rows as the server does, a request for every hundred of them."""
        journal = Journal(self.journal)
        for start in range(0, len(frame), 100):
            part = frame.iloc[start : start + 100]
            answers = self.scorer.score(part).values.astype(np.float32)
            journal.append(
                at,
                request=f"r{start}",
                model="bikes",
                version="1.0.0",
                digest=digest or self.document.digest,
                row_ids=part["id"].tolist() if ids else None,
                inputs={
                    "temp": part["temp"].to_numpy(),
                    "rain": part["rain"].to_numpy(),
                    "kind": part["kind"].to_numpy(dtype=object),
                },
                outputs={"prediction": answers},
            )
        journal.close()

    def label(self, frame: pd.DataFrame, known: datetime = NOON - timedelta(days=1)) -> None:
        """Let the true values of the rows arrive, on the shared branch."""
        table = frame[["id", "count"]].assign(known=known.isoformat())
        self.labels_are(LABELS, table.to_csv(index=False))

    def labels_are(self, code: str, counts: str = "id,count,known\n") -> None:
        """Name `labels:counts` as the source of true values, with this code and these values."""
        files = {
            "pipelines/bikes/model.yaml": MODEL + MONITORING,
            "pipelines/bikes/labels.py": code,
            "pipelines/bikes/counts.csv": counts,
        }
        commit(self.clone, files, "Labels")
        git(self.clone, "push", "--quiet")


def build(origin: Origin) -> Watched:
    """Release `bikes` 1.0.0 and pin it in `prod`, on the shared branch of `origin`."""
    clone = origin.clone
    head = commit(clone, FILES, "Add bikes")
    seams = wiring.seams(settings.read(clone), say=lambda _: None)
    trained, test = rows(3000, seed=1), rows(2000, seed=2)
    columns = ColumnTransformer(
        [("numbers", StandardScaler(), ["temp", "rain"]), ("words", OneHotEncoder(), ["kind"])]
    )
    estimator = make_pipeline(columns, LinearRegression()).fit(trained[FEATURES], trained["count"])
    exported = export(estimator, test[FEATURES], task="regression", row_id="id", tolerance=1e-3)
    scorer = Scorer(exported.onnx, exported.signature)
    made = _document(seams, estimator, test, scorer, exported.onnx, head)
    tag = seams.repository.tag_object("bikes@v1.0.0", head, release_documents.message(made))
    git(clone, "update-ref", "refs/tags/bikes@v1.0.0", tag)
    pin = pin_bytes("bikes", "1.0.0", made.digest).decode()
    commit(clone, {pin_path("prod", "bikes"): pin}, "Pin")
    git(clone, "push", "--quiet", "--tags", "origin", "main")
    return Watched(clone=clone, document=made, scorer=scorer)


def _document(
    seams: Seams, estimator: object, test: pd.DataFrame, scorer: Scorer, onnx: bytes, head: str
) -> ReleaseDocument:
    from mlgitops.ml.profiles import profile

    signature = scorer.signature
    scores = scorer.score(test)
    truth = encode_target("regression", (), test["count"].to_numpy())
    blobs = {
        "model.onnx": onnx,
        "signature.json": document(signatures.to_json(signature)),
        "golden.json": document(golden(test, signature, estimate(estimator, test, "regression"))),
        "evaluation.parquet": parquet(test),
        "profile.json": document(profile(test, signature, scores, truth)),
    }
    files = {name: seams.store.put_bytes(data) for name, data in blobs.items()}
    sizes = {name: len(data) for name, data in blobs.items()}
    config = seams.store.put_bytes(manifests.config())
    numbers = evaluation(
        test,
        scores,
        (),
        Terms(target=("count",), row_id="id", metrics=("mae", "rmse"), leads="mae"),
    )
    return ReleaseDocument(
        model="bikes",
        version=Version(1, 0, 0),
        digest=seams.store.put_bytes(manifests.manifest("bikes", config, files, sizes)),
        size=len(onnx),
        task="regression",
        files=files,
        features=tuple(FEATURES),
        evaluation=json.loads(json.dumps(numbers)),
        parity={},
        lineage=replace(lineage(), commit=head, pipeline="bikes"),
        bump="first",
        because=("the first release",),
        measured={},
    )
