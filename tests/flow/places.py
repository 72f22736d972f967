"""A model `churn` with releases and environments dev → staging → prod, moved by real pull requests.

Nothing is trained: the releases are tags with a document, which is all that who moved what when
and where it came from is told from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mlgitops import settings, wiring
from mlgitops.core.digests import Digest, document, of_bytes
from mlgitops.core.pins import hold_bytes, hold_path, pin_bytes, pin_path
from mlgitops.core.promotions import Pinned, Promotion, branch_name, commit_message, record_path
from mlgitops.core.release_documents import message
from mlgitops.core.releases import ReleaseDocument, StepLineage, Version, tag_name
from mlgitops.flow.seams import Seams
from mlgitops.forge import Change, Check, Merged, PullRequest
from mlgitops.git import Published, RefUpdate
from tests.core.facts import release_document
from tests.support import commit, git

FILES = {
    "mlgitops.yaml": """\
apiVersion: mlgitops/v1
kind: Project
name: example
forge: {type: local, rules: {approvals: 0, checks: []}}
""",
    ".gitignore": ".mlgitops/\n",
    "pipelines/churn/pipeline.yaml": """\
apiVersion: mlgitops/v1
kind: Pipeline
name: churn
params: {seed: 7}
steps:
  - name: rows
    source: {type: python, run: "sources:rows", as_of: "2026-01-01"}
    outputs: {rows: parquet}
  - name: features
    run: "features:build"
    inputs: {rows: rows.rows}
    outputs: {train: parquet, test: parquet}
  - name: train
    run: "train:fit"
    inputs: {train: features.train}
    params: [seed]
    outputs: {model: estimator}
""",
    "pipelines/churn/model.yaml": """\
apiVersion: mlgitops/v1
kind: Model
name: churn
pipeline: churn
artifact: train.model
task: regression
features: [age]
evaluation: {data: features.test, target: y, id: id, metrics: [mae]}
""",
    "pipelines/churn/sources.py": "def rows(as_of):\n    return None\n",
    "pipelines/churn/features.py": "def build(rows):\n    return None\n",
    "pipelines/churn/train.py": "def fit(train, seed):\n    return None\n",
    "environments/dev/environment.yaml": """\
apiVersion: mlgitops/v1
kind: Environment
name: dev
target: {type: compose, image: "registry.example.com/server:1"}
""",
    "environments/staging/environment.yaml": """\
apiVersion: mlgitops/v1
kind: Environment
name: staging
after: [dev]
target: {type: kubernetes, namespace: ml, image: "registry.example.com/server:1"}
""",
    "environments/prod/environment.yaml": """\
apiVersion: mlgitops/v1
kind: Environment
name: prod
after: [staging]
target: {type: kserve, namespace: ml, registry: "oci://registry.example.com/models"}
""",
}


def step(name: str, inputs: Mapping[str, Digest], params: Mapping[str, int]) -> StepLineage:
    return StepLineage(
        key=of_bytes(f"key of {name}".encode()),
        code=of_bytes(f"code of {name}".encode()),
        params=dict(params),
        inputs=inputs,
        lock=of_bytes(b"lock"),
    )


@dataclass(slots=True)
class Place:
    """A clone, its seams, and the verbs of the story in short."""

    root: Path
    seams: Seams

    @classmethod
    def make(cls, root: Path) -> "Place":
        commit(root, FILES, "Lay out the project")
        if git(root, "remote"):
            git(root, "push", "--quiet")
        return cls(root, cls.seams_of(root))

    @staticmethod
    def seams_of(root: Path) -> Seams:
        return wiring.seams(settings.read(root), say=lambda line: None)

    def document(self, version: str, made_at: str) -> ReleaseDocument:
        document = release_document(version, onnx=version.encode())
        rows, train = of_bytes(b"rows"), of_bytes(b"train")
        lineage = replace(
            document.lineage,
            commit=made_at,
            steps={
                "rows": step("rows", {}, {}),
                "features": step("features", {"rows": rows}, {}),
                "train": step("train", {"train": train}, {"seed": 7}),
            },
        )
        return replace(document, lineage=lineage)

    def release(self, version: str) -> ReleaseDocument:
        """Tag a release of what is committed."""
        repository = self.seams.repository
        head = git(self.root, "rev-parse", "HEAD")
        document = self.document(version, head)
        tag = repository.tag_object(tag_name("churn", document.version), head, message(document))
        ref = f"refs/tags/{tag_name('churn', document.version)}"
        answer = repository.publish([RefUpdate(ref=ref, old=None, new=tag)])
        assert isinstance(answer, Published)
        return document

    def propose(
        self, environment: str, version: str, before: str | None = None, *, back: bool = False
    ) -> PullRequest:
        """Open the pull request that pins `version`; `back`: as a rollback, with a hold."""
        repository = self.seams.repository
        base = repository.base("main")
        action = "rollback" if back else "promote"
        promotion = Promotion(
            action="rollback" if back else "promote",
            environment=environment,
            model="churn",
            before=self.pinned(before) if before else None,
            after=self.pinned(version),
            policy=of_bytes(b"policy"),
            renderer=1,
        )
        record = record_path(promotion, 1)
        gates = [{"state": "pass"}, {"state": "pass"}, {"state": "waiting"}]
        files = {
            pin_path(environment, "churn"): pin_bytes("churn", version, promotion.after.digest),
            record: document({"gates": [dict(gate) for gate in gates]}),
        }
        if back:
            files[hold_path(environment, "churn")] = hold_bytes("churn", "it broke", "Rui")
        made = repository.commit(base, files, commit_message(promotion, record))
        branch = branch_name("rollback" if back else "promote", environment, "churn")
        ref = f"refs/heads/{branch}"
        assert isinstance(repository.publish([RefUpdate(ref=ref, old=None, new=made)]), Published)
        change = Change(head=branch, base="main", title=promotion.title, body=action)
        return self.seams.forge.open(change, author="Ada")

    def pinned(self, version: str) -> Pinned:
        digest = release_document(version, onnx=version.encode()).digest
        return Pinned(version=Version.parse(version), digest=digest)

    def check(self, pull: PullRequest, name: str, state: str, detail: str = "") -> None:
        check = Check(name=name, state=state, detail=detail)  # type: ignore[arg-type]
        self.seams.forge.check(pull.number, {name: check}, commit=pull.head_commit)

    def merge(self, pull: PullRequest, by: str = "Mia") -> str:
        answer = self.seams.forge.merge(pull.number, expect_head=pull.head_commit, by=by)
        assert isinstance(answer, Merged), answer
        return answer.commit

    def ship(self, environment: str, version: str, before: str | None = None) -> str:
        return self.merge(self.propose(environment, version, before))
