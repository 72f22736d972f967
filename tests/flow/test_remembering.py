"""What `validate` found last time holds for as long as nothing that it looked at has changed."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Fix, replacing
from mlgitops.core.marks import Mark
from mlgitops.core.release_documents import message
from mlgitops.files import WorkTree
from mlgitops.flow import remembering
from mlgitops.flow.remembering import Observed, remembered
from mlgitops.flow.validate import validate
from mlgitops.git import Repository
from tests.core.facts import release_document
from tests.support import RunCli, commit, git

BASE = Path(__file__).parents[1] / "data/rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_text() for p in BASE.rglob("*") if p.is_file()}
PIPELINE = "pipelines/churn/pipeline.yaml"
LONG_AGO = 1_500_000_000


@dataclass
class Place:
    """A repository whose findings are remembered; ``looks``: how often they were looked for."""

    root: Path
    looks: int = 0

    def find(self) -> tuple[Finding, ...]:
        def look(seen: Observed, facts: Facts) -> tuple[Finding, ...]:
            self.looks += 1
            return validate(seen, facts)

        return remembered(Repository.open(self.root), WorkTree(self.root), look)

    @property
    def record(self) -> Path:
        return self.root / ".git/mlgitops/findings.json"

    def write(self, record: object, *, sealed: bool = True) -> None:
        body = json.dumps(record).encode()
        seal = hashlib.sha256(body if sealed else b"").hexdigest().encode()
        self.record.write_bytes(seal + b"\n" + body)

    def read(self) -> Any:
        return json.loads(self.record.read_bytes().partition(b"\n")[2])

    def age(self) -> None:
        """Let every file have been written long ago."""
        for path in self.root.rglob("*"):
            if ".git" not in path.parts and path.is_file():
                os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.fixture
def place(repo: Path) -> Place:
    commit(repo, {**FILES, "lib/training.py": "def fit(train, seed): ...\n"})
    return Place(repo)


def test_nothing_changed_and_nothing_is_looked_at_again(place: Place) -> None:
    assert place.find() == place.find() == place.find()
    assert place.looks == 1


def test_what_was_wrong_is_wrong_in_the_same_words(place: Place) -> None:
    path = place.root / PIPELINE
    path.write_text(path.read_text().replace("timeout", "x").replace("train:fit", "train:fitt"))
    (place.root / "environments/dev/pins/churn.yaml").write_text("kind: Pin\n")
    first = place.find()
    assert first
    assert place.find() == first
    assert place.looks == 1


def test_a_finding_comes_back_with_its_fix_and_its_other_places(place: Place) -> None:
    mark = Mark(path="pipelines/\udcff/pipeline.yaml", line=3, column=2, length=5)
    finding = Finding(
        rule="value",
        message="it is — so",
        at=mark,
        related=((mark, "the first one"),),
        fix=Fix(title="write it", edits=(replacing(mark, "é"),)),
        severity="warning",
    )
    repository, tree = Repository.open(place.root), WorkTree(place.root)
    for look in (lambda seen, facts: (finding,), lambda seen, facts: ()):
        assert remembered(repository, tree, look) == (finding,)


def edit(root: Path) -> None:
    path = root / PIPELINE
    path.write_text(path.read_text().replace("seed: 7", "seed: 8"))


def edit_unseen(root: Path) -> None:
    """Other bytes, as many of them, and the time of the file as it was."""
    path = root / PIPELINE
    before = path.stat()
    path.write_text(path.read_text().replace("train:fit", "train:fat"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_code(root: Path) -> None:
    (root / "pipelines/churn/train.py").write_text("def fit(): ...\n")


def add_code_at_the_root(root: Path) -> None:
    (root / "labels.py").write_text("x = 1\n")
    (root / "pipelines/churn/labels.py").unlink()


def add_a_package(root: Path) -> None:
    (root / "pipelines/churn/train").mkdir()
    (root / "pipelines/churn/train/__init__.py").write_text("x = 1\n")


def add_a_spec(root: Path) -> None:
    path = root / "environments/late/environment.yaml"
    path.parent.mkdir()
    path.write_text(FILES["environments/dev/environment.yaml"].replace("dev", "late"))


def delete_a_spec(root: Path) -> None:
    (root / "environments/dev/pins/churn.yaml").unlink()


def rename_a_file(root: Path) -> None:
    (root / PIPELINE).rename((root / PIPELINE).with_suffix(".yml"))


def link(root: Path) -> None:
    (root / "pipelines/churn/more.py").symlink_to("train.py")


def delete_the_project(root: Path) -> None:
    (root / "mlgitops.yaml").unlink()


def forbid(root: Path) -> None:
    (root / PIPELINE).chmod(0)


def release(root: Path) -> None:
    document = message(release_document("1.4.0"))
    git(root, "tag", "--annotate", "--cleanup=verbatim", "-m", document, "churn@v1.4.0")


CHANGES = [
    edit,
    edit_unseen,
    edit_code,
    add_code_at_the_root,
    add_a_package,
    add_a_spec,
    delete_a_spec,
    rename_a_file,
    link,
    delete_the_project,
    forbid,
    release,
]


@pytest.mark.parametrize("old", [False, True], ids=["just written", "written long ago"])
@pytest.mark.parametrize("change", CHANGES, ids=[one.__name__ for one in CHANGES])
def test_whatever_changes_is_looked_at(
    place: Place, change: Callable[[Path], None], old: bool
) -> None:
    if old:
        place.age()
    place.find()
    change(place.root)
    found = place.find()
    assert place.looks == 2
    fresh = Place(place.root)
    fresh.record.unlink()
    assert found == fresh.find()
    assert fresh.looks == 1


def test_a_change_that_no_rule_looks_at_is_not_looked_at(place: Place) -> None:
    place.find()
    (place.root / "README.md").write_text("words\n")
    (place.root / "lib/training.py").write_text("def fit(): ...\n")
    place.find()
    assert place.looks == 1


def test_a_file_that_changes_while_it_is_looked_at_is_looked_at_again(place: Place) -> None:
    repository, tree = Repository.open(place.root), WorkTree(place.root)

    def look(seen: Observed, facts: Facts) -> tuple[Finding, ...]:
        found = validate(seen, facts)
        edit_unseen(place.root)
        return found

    assert "function-exists" not in [found.rule for found in remembered(repository, tree, look)]
    assert "function-exists" in [found.rule for found in place.find()]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b'{"tool": 1}', b"\xff", b"{" * 9999, b"[" * 200_000]
)
def test_a_damaged_record_is_no_record(place: Place, data: bytes) -> None:
    found = place.find()
    place.record.write_bytes(data)
    assert place.find() == found
    assert place.looks == 2


@pytest.mark.parametrize("key", ["tool", "tags", "listings", "files", "findings"])
def test_half_a_record_is_no_record(place: Place, key: str) -> None:
    place.find()
    record = place.read()
    for broken in ({k: v for k, v in record.items() if k != key}, {**record, key: 7}):
        place.write(broken)
        place.find()
    assert place.looks == 3


def test_a_record_that_somebody_changed_is_no_record(place: Place) -> None:
    (place.root / PIPELINE).write_text("kind: Nonsense\n")
    found = place.find()
    place.write({**place.read(), "findings": []}, sealed=False)
    assert place.find() == found
    assert place.looks == 2


def test_a_pipe_in_the_place_of_the_record_is_not_waited_for(place: Place) -> None:
    found = place.find()
    place.record.unlink()
    os.mkfifo(place.record)
    assert place.find() == found


def test_another_mlgitops_looks_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.find()
    monkeypatch.setattr(remembering, "_PACKAGES", ("yaml",))
    place.find()
    assert place.looks == 2


def test_where_nothing_can_be_written_the_findings_are_the_same(place: Place) -> None:
    (place.root / ".git/mlgitops").write_text("a file in the way\n")
    assert place.find() == place.find()
    assert place.looks == 2


def test_no_commit_brings_its_own_verdict(place: Place, run_cli: RunCli) -> None:
    (place.root / PIPELINE).write_text("kind: Nonsense\n")
    assert run_cli(["validate"], place.root).returncode == 1
    place.write({**place.read(), "findings": []})
    clean = place.record.read_text()
    place.record.unlink()
    commit(place.root, {"mlgitops/findings.json": clean, ".mlgitops/findings.json": clean})
    assert run_cli(["validate"], place.root).returncode == 1


def test_the_work_tree_stays_clean(place: Place, run_cli: RunCli) -> None:
    assert run_cli(["validate"], place.root).returncode == 0
    assert place.record.exists()
    assert git(place.root, "status", "--porcelain", "--", ":!.mlgitops").strip() == ""
