"""All specs of a tree are read together, in whatever state the tree is."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlgitops.core.drafts import MAX_FINDINGS_OF_A_FILE
from mlgitops.core.errors import NotAllowed, Refused
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from mlgitops.files import WorkTree
from mlgitops.flow.workspaces import require
from mlgitops.git import Repository
from tests.support import commit, git

BASE = Path(__file__).parents[1] / "data/rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_bytes() for p in BASE.rglob("*") if p.is_file()}
TEMPLATE = "environments/templates/kserve/inferenceservice.yaml.j2"


def told(files: dict[str, bytes]) -> list[str]:
    return [f"{f.at}: {f.message}" for f in load(MemoryTree(files)).findings]


def test_a_workspace_holds_the_specs_by_name() -> None:
    workspace = require(MemoryTree({**FILES, TEMPLATE: b"kind: InferenceService\n"}))
    assert workspace.project.spec.name == "telephones"
    assert set(workspace.pipelines) == {"churn"}
    assert set(workspace.models) == {"churn"}
    assert set(workspace.environments) == {"dev", "prod"}
    assert workspace.pins["dev", "churn"].spec.version == "1.4.0"
    assert workspace.holds["prod", "churn"].spec.by == "ada"
    assert workspace.snapshots["churn", "customers"].spec.rows == 7043
    assert workspace.templates == {"kserve/inferenceservice.yaml.j2": "kind: InferenceService\n"}
    assert str(workspace.models["churn"].mark("artifact")) == "pipelines/churn/model.yaml:5:11"


def test_a_file_may_hold_several_documents() -> None:
    files = dict(FILES)
    model = files.pop("pipelines/churn/model.yaml")
    files["pipelines/churn/pipeline.yaml"] += b"---\n" + model
    workspace = require(MemoryTree(files))
    assert str(workspace.models["churn"].mark("name")) == "pipelines/churn/pipeline.yaml:22:7"


def test_the_same_is_read_from_memory_a_work_tree_and_a_commit(repo: Path) -> None:
    commit(repo, {path: data.decode() for path, data in FILES.items()})
    trees = (WorkTree(repo), Repository.open(repo).tree(git(repo, "rev-parse", "HEAD")))
    expected = require(MemoryTree(FILES))
    for tree in trees:
        found = require(tree)
        assert found.models["churn"].spec == expected.models["churn"].spec
        assert found.pins.keys() == expected.pins.keys()


def test_a_tree_without_specs_gives_one_finding() -> None:
    assert told({}) == [
        "mlgitops.yaml:1:1: there is no mlgitops.yaml at the root of this repository"
    ]


def test_mistakes_of_all_files_come_at_once_in_order_of_their_place() -> None:
    files = dict(FILES)
    files["environments/dev/environment.yaml"] += b"wich: x\n"
    files["mlgitops.yaml"] = b"apiVersion: mlgitops/v1\nkind: Project\nname: A\n"
    files["pipelines/churn/model.yaml"] = files["pipelines/churn/model.yaml"].replace(
        b"features.test", b"features.tst"
    )
    assert told(files) == [
        "environments/dev/environment.yaml:7:1: unknown key 'wich'",
        "mlgitops.yaml:3:7: 'A' is not a name",
        "pipelines/churn/model.yaml:9:18: step 'features' of 'churn' has no output 'tst'",
    ]


def test_what_yaml_and_the_spec_both_dislike_is_said_once() -> None:
    files = dict(FILES)
    files["environments/prod/environment.yaml"] = files[
        "environments/prod/environment.yaml"
    ].replace(b"margin: 0.005", b"margin: .nan")
    assert told(files) == [
        "environments/prod/environment.yaml:7:52: .nan is not a number that can be used"
    ]


def test_a_file_that_is_wrong_from_end_to_end_does_not_bury_the_others() -> None:
    files = dict(FILES)
    files["environments/dev/environment.yaml"] += b"".join(
        b"key%d: 1\n" % number for number in range(300)
    )
    files["mlgitops.yaml"] += b"also: wrong\n"
    found = told(files)
    assert len(found) == MAX_FINDINGS_OF_A_FILE + 2
    assert found[-2].endswith("and 250 more in this file")
    assert found[-1] == "mlgitops.yaml:4:1: unknown key 'also'"


@pytest.mark.parametrize("data", [b"", b"# nothing yet\n"])
def test_an_empty_file_says_what_belongs_into_it(data: bytes) -> None:
    [finding] = load(MemoryTree({**FILES, "environments/dev/environment.yaml": data})).findings
    assert (finding.message, finding.hint) == (
        "the file is empty",
        "begin with 'kind: Environment', or delete the file",
    )


def test_a_verb_refuses_a_repository_with_errors_and_shows_the_first_three() -> None:
    files = dict(FILES)
    files["mlgitops.yaml"] += b"a: 1\nb: 1\nc: 1\nd: 1\n"
    with pytest.raises(Refused) as refused:
        require(MemoryTree(files))
    assert refused.value.message == (
        "the specs have 4 errors:\n"
        "  mlgitops.yaml:4:1: unknown key 'a'\n"
        "  mlgitops.yaml:5:1: unknown key 'b'\n"
        "  mlgitops.yaml:6:1: unknown key 'c'\n"
        "  and 1 more"
    )
    assert refused.value.hint == "'mlgitops validate' shows all of them with the lines"


def test_warnings_refuse_nothing() -> None:
    files = dict(FILES)
    del files["pipelines/churn/snapshots/customers.yaml"]
    checked = load(MemoryTree(files))
    assert [finding.severity for finding in checked.findings] == ["warning"]
    assert checked.workspace is not None


# -- trees that are not what they seem --------------------------------------------------------


@dataclass(frozen=True)
class Vanishing:
    """A tree whose file is listed, and gone when it is read; or cannot be read at all."""

    path: str
    error: NotAllowed | None = None

    def paths(self, prefix: str = "") -> Iterable[str]:
        return MemoryTree(FILES).paths(prefix)

    def read(self, path: str, at_most: int | None = None) -> bytes | None:
        if path != self.path:
            return MemoryTree(FILES).read(path, at_most)
        if self.error is not None:
            raise self.error
        return None

    def links(self, prefix: str = "") -> Iterable[str]:
        return ()


def test_a_file_that_vanishes_while_it_is_read_is_told() -> None:
    [finding] = load(Vanishing("pipelines/churn/pipeline.yaml")).findings
    assert str(finding.at) == "pipelines/churn/pipeline.yaml:1:1"
    assert finding.message == "the file was deleted while it was read"


def test_a_file_that_may_not_be_read_is_told() -> None:
    denied = NotAllowed("the file cannot be read: Permission denied")
    [finding] = load(Vanishing("pipelines/churn/pipeline.yaml", denied)).findings
    assert finding.message == "the file cannot be read: Permission denied"


def test_links_are_told_and_not_followed(repo: Path, tmp_path: Path) -> None:
    commit(repo, {path: data.decode() for path, data in FILES.items()})
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    (repo / "environments/dev/environment.yaml").unlink()
    (repo / "environments/dev/environment.yaml").symlink_to(secret)
    (repo / "environments/staging").symlink_to(tmp_path)
    (repo / "pipelines/churn/notes").symlink_to(tmp_path)
    head = commit(repo, {})
    for tree in (WorkTree(repo), Repository.open(repo).tree(head)):
        links = [f for f in load(tree).findings if f.rule == "symlink"]
        assert [(f.at.path, f.severity) for f in links] == [
            ("environments/dev/environment.yaml", "error"),
            ("environments/staging", "error"),
            ("pipelines/churn/notes", "warning"),
        ]
        assert "hunter2" not in str(load(tree).findings)


def test_a_whole_folder_of_specs_may_not_be_a_link(repo: Path, tmp_path: Path) -> None:
    commit(repo, {"mlgitops.yaml": FILES["mlgitops.yaml"].decode()})
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "dev").mkdir(parents=True)
    (elsewhere / "dev/environment.yaml").write_bytes(FILES["environments/dev/environment.yaml"])
    (repo / "environments").symlink_to(elsewhere)
    checked = load(WorkTree(repo))
    assert checked.draft.environments == ()
    assert "symlink" in {finding.rule for finding in checked.findings}


@pytest.mark.parametrize("name", ["../../prod", "a/b", "..", ".", "/etc", "-rf", "a\0b", "a\nb"])
def test_names_that_climb_out_of_the_tree_are_refused(name: str) -> None:
    for path, key in {
        "pipelines/churn/pipeline.yaml": "name",
        "pipelines/churn/model.yaml": "name",
        "environments/dev/environment.yaml": "name",
        "environments/dev/pins/churn.yaml": "model",
        "environments/prod/holds/churn.yaml": "model",
        "pipelines/churn/snapshots/customers.yaml": "source",
    }.items():
        name_of = (
            "dev" if "/environment.yaml" in path else "customers" if key == "source" else "churn"
        )
        quoted = name.replace("\0", "\\0").replace("\n", "\\n")
        data = FILES[path].replace(f"{key}: {name_of}".encode(), f'{key}: "{quoted}"'.encode(), 1)
        assert data != FILES[path]
        checked = load(MemoryTree({**FILES, path: data}))
        assert checked.workspace is None
        assert any(f.at.path == path and f.rule == "value" for f in checked.findings)


def test_a_misspelt_key_hides_nothing_that_is_wrong_behind_it() -> None:
    path = "pipelines/churn/pipeline.yaml"
    text = FILES[path].replace(b"inputs: {train", b"input: {trian").replace(b"fit", b"fitt")
    text = text.replace(b"  - name: train\n", b"  - name: train\n    retires: 2\n")
    text = text.replace(b"outputs: {model", b"output: {modle")
    assert told({**FILES, path: text}) == [
        "pipelines/churn/model.yaml:5:17: step 'train' of 'churn' has no output 'model'",
        f"{path}:15:5: unknown key 'retires' in item 3 of 'steps'",
        f"{path}:16:17: pipelines/churn/train.py has no function 'fitt'",
        f"{path}:17:5: unknown key 'input' in item 3 of 'steps'",
        f"{path}:19:5: unknown key 'output' in item 3 of 'steps'",
    ]


def test_what_is_not_certainly_meant_is_not_judged_further() -> None:
    path = "pipelines/churn/pipeline.yaml"
    text = FILES[path].replace(b"inputs: {train", b"reads: {train").replace(b"fit", b"fitt")
    assert [one.partition(": ")[2] for one in told({**FILES, path: text})] == [
        "unknown key 'reads' in item 3 of 'steps'"
    ]
