"""What a change reaches is never too little: whatever it makes wrong is among what is looked at."""

from pathlib import Path

import pytest

from mlgitops.core.drafts import kinds_of
from mlgitops.core.facts import NO_FACTS
from mlgitops.core.findings import Finding
from mlgitops.core.reach import Reach, reach
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from mlgitops.files import WorkTree
from mlgitops.flow.validate import validate, validate_reached

DATA = Path(__file__).parents[1] / "data" / "rules"
CASES = sorted(path.name for path in DATA.iterdir() if (path / "bad").is_dir())


def files_of(folder: Path) -> dict[str, bytes]:
    tree = WorkTree(folder)
    return {path: tree.read(path) or b"" for path in tree.paths()}


BASE = files_of(DATA / "_base")


def copied(files: dict[str, bytes], name: str) -> dict[str, bytes]:
    """Return the pipeline and model `churn` under another name."""
    return {
        path.replace("/churn/", f"/{name}/"): data.replace(b": churn\n", f": {name}\n".encode())
        for path, data in files.items()
        if path.startswith("pipelines/churn/")
    }


def reached(old: dict[str, bytes], new: dict[str, bytes]) -> Reach:
    touched = {path for path in {*old, *new} if old.get(path) != new.get(path)}
    return reach(MemoryTree(new), old.get, touched)


def seen(files: dict[str, bytes], found: Reach) -> tuple[Finding, ...]:
    tree = MemoryTree(files)
    return validate_reached(tree, found, NO_FACTS, lambda: validate(tree))


def both_ways(old: dict[str, bytes], new: dict[str, bytes]) -> None:
    for before, after in ((old, new), (new, old)):
        was, now = validate(MemoryTree(before)), validate(MemoryTree(after))
        shown = seen(after, reached(before, after))
        # New findings are seen, with their words; nothing is seen that is not there.
        assert [f for f in now if f not in was and f not in shown] == []
        assert [f for f in shown if f not in now] == []


@pytest.mark.parametrize("case", CASES)
def test_what_a_change_makes_wrong_is_seen_without_reading_everything(case: str) -> None:
    old = {**BASE, **copied(BASE, "others"), **files_of(DATA / case / "good")}
    new = {**BASE, **copied(BASE, "others"), **files_of(DATA / case / "bad")}
    both_ways(old, new)


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_judged_by_files_that_it_does_not_touch(case: str) -> None:
    bad = files_of(DATA / case / "bad")
    for path in bad:
        if path in BASE:
            both_ways(BASE, {**BASE, path: bad[path]})
    for path in BASE:
        if path != "mlgitops.yaml":
            both_ways(BASE, {name: data for name, data in BASE.items() if name != path})


def many() -> dict[str, bytes]:
    files = dict(BASE)
    for number in range(30):
        files |= copied(BASE, f"copy-{number}")
    return files


def needed(old: dict[str, bytes], path: str, data: bytes | None) -> set[str]:
    new = {**old, path: data} if data is not None else {k: v for k, v in old.items() if k != path}
    found = reached(old, new).needed
    assert found is not None
    # `churn` is read in any case: a gate of an environment names it.
    return {one for one in found if one.startswith("pipelines/") and "/churn/" not in one}


OWN = {
    "pipelines/copy-7/pipeline.yaml",
    "pipelines/copy-7/model.yaml",
    "pipelines/copy-7/snapshots/customers.yaml",
}


@pytest.mark.parametrize("name", ["pipeline.yaml", "model.yaml", "train.py", "features.py"])
def test_a_change_in_a_pipelines_folder_reads_that_pipeline_alone(name: str) -> None:
    files = many()
    path = f"pipelines/copy-7/{name}"
    assert needed(files, path, files[path] + b"\n# seen\n") == OWN
    assert needed(files, path, None) <= OWN


def test_a_pin_is_judged_with_the_model_that_it_names() -> None:
    files = many()
    pin = b"apiVersion: mlgitops/v1\nkind: Pin\nmodel: copy-7\nversion: 1.0.0\n"
    assert needed(files, "environments/dev/pins/copy-7.yaml", pin) == OWN


def test_a_module_at_the_root_reaches_the_pipelines_that_call_it() -> None:
    files = many()
    path = "pipelines/copy-3/pipeline.yaml"
    files[path] = files[path].replace(b"train:fit", b"lib.training:fit")
    found = needed(files, "lib/training.py", b"def fit(train, seed): ...")
    assert found == {one.replace("copy-7", "copy-3") for one in OWN}


def test_a_name_that_is_written_in_another_way_is_still_found() -> None:
    files = many()
    files["pipelines/else/model.yaml"] = BASE["pipelines/churn/model.yaml"].replace(
        b"pipeline: churn", rb'pipeline: "copy\u002d7"'
    )
    path = "pipelines/copy-7/pipeline.yaml"
    assert "pipelines/else/model.yaml" in needed(files, path, files[path] + b"\n# seen\n")


@pytest.mark.parametrize(
    "path", ["mlgitops.yaml", "environments/dev/environment.yaml", "environments/templates/x/y"]
)
def test_what_every_spec_depends_on_reaches_everything(path: str) -> None:
    files = many()
    found = reached(files, {**files, path: b"# other\n"})
    assert found.paths is None
    assert found.needed is None


def test_a_file_that_no_spec_names_reaches_no_spec() -> None:
    files = many()
    found = reached(files, {**files, "docs/notes.md": b"words"})
    assert {path for path in found.paths or () if kinds_of(path)} == set()


def test_nothing_touched_needs_nothing_read() -> None:
    files = many()
    assert seen(files, reached(files, files)) == ()


def test_what_is_wrong_elsewhere_is_not_shown() -> None:
    files = many()
    wrong = "pipelines/copy-5/model.yaml"
    files[wrong] = files[wrong].replace(b"task:", b"tusk:")
    assert load(MemoryTree(files)).findings
    changed = "pipelines/copy-7/model.yaml"
    found = reached(files, {**files, changed: files[changed] + b"\n"})
    assert seen(files, found) == ()
