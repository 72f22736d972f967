"""Lineage: a release down to its data, code and parameters, and up to where it runs."""

import io
import json
import re

import pytest

from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import UsageError
from mlgitops.core.lineages import to_json
from mlgitops.core.pins import pin_path
from mlgitops.flow.lineage import lineage
from mlgitops.report.lineage import mermaid, page
from tests.flow.places import Place
from tests.support import Origin, RunCli, commit, git


@pytest.fixture
def place(origin: Origin) -> Place:
    return Place.make(origin.clone)


def test_steps_come_in_the_order_of_work_with_what_each_reads(place):
    place.release("1.0.0")
    trace = lineage(place.seams, "churn")
    assert trace.steps == ("rows", "features", "train")
    assert trace.edges == (("rows", "features"), ("features", "train"))
    assert (trace.maker, trace.judge) == ("train", "features")


def test_without_a_version_the_newest_release_is_meant(place):
    place.release("1.9.0")
    place.release("1.10.0")
    assert str(lineage(place.seams, "churn").release.version) == "1.10.0"
    for reference in ("churn@1.9.0", "churn@v1.9.0"):
        assert str(lineage(place.seams, reference).release.version) == "1.9.0"


def test_the_graph_is_that_of_the_released_commit_and_not_of_today(place):
    place.release("1.0.0")
    text = (place.root / "pipelines/churn/pipeline.yaml").read_text()
    commit(place.root, {"pipelines/churn/pipeline.yaml": text.replace("features", "columns")})
    assert lineage(place.seams, "churn").edges == (("rows", "features"), ("features", "train"))


def test_it_says_where_the_release_runs_now(place):
    place.release("1.0.0")
    place.release("1.1.0")
    place.ship("dev", "1.0.0")
    place.ship("staging", "1.0.0")
    place.ship("dev", "1.1.0", "1.0.0")
    assert lineage(place.seams, "churn@1.0.0").pinned == ("staging",)
    assert lineage(place.seams, "churn@1.1.0").pinned == ("dev",)


def test_a_pin_of_the_same_version_with_another_digest_is_not_this_release(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    git(place.root, "pull", "--quiet")
    path = pin_path("dev", "churn")
    text = (place.root / path).read_text()
    commit(place.root, {path: re.sub(r"sha256:\w+", "sha256:" + "0" * 64, text)})
    git(place.root, "push", "--quiet")
    assert lineage(place.seams, "churn").pinned == ()


def test_it_says_whether_the_bytes_are_here(place):
    document = place.release("1.0.0")
    assert not lineage(place.seams, "churn").present
    blobs = [b"manifest1.0.0", b"1.0.0"]
    blobs += [name.encode() for name in document.files if name != "model.onnx"]
    for blob in blobs:
        place.seams.store.put(io.BytesIO(blob))
    assert lineage(place.seams, "churn").present


def test_a_commit_that_is_not_here_leaves_the_document_readable(place):
    repository = place.seams.repository
    document = place.document("1.0.0", "f" * 40)
    from mlgitops.core.release_documents import message
    from mlgitops.git import RefUpdate

    head = git(place.root, "rev-parse", "HEAD")
    tag = repository.tag_object("churn@v1.0.0", head, message(document))
    repository.publish([RefUpdate(ref="refs/tags/churn@v1.0.0", old=None, new=tag)])
    trace = lineage(place.seams, "churn")
    assert (trace.commit, trace.edges) == (None, ())
    assert trace.steps == ("features", "rows", "train")
    assert "commit ffffffffffff, which is not here" in page(trace)
    assert "-->" not in mermaid(trace).replace("--> release", "")


def test_an_unreleased_model_is_a_usage_error(place):
    with pytest.raises(UsageError, match="no release here"):
        lineage(place.seams, "churn")


def test_the_tree_names_data_code_and_parameters(place):
    document = place.release("1.0.0")
    place.ship("dev", "1.0.0")
    text = page(lineage(place.seams, "churn"))
    assert text.splitlines()[0] == f"churn 1.0.0  {document.digest}"
    short = of_bytes(b"rows")[7:19]
    for line in (
        "├─ runs in dev",
        "├─ judged on 400 rows of features",
        "│  └─ mae 10  [9, 11]",
        "└─ pipeline churn",
        f"   │  ├─ 10 rows as of 2026-01-01 {short}",
        "   ├─ features ← rows",
        f"   │  ├─ input rows {short}",
        "   └─ train ← features  (makes the model)",
        '      ├─ params {"seed": 7}',
    ):
        assert line in text.splitlines(), text


def test_the_picture_goes_from_the_data_to_where_it_runs(place):
    place.release("1.0.0")
    place.ship("dev", "1.0.0")
    lines = [line.strip() for line in mermaid(lineage(place.seams, "churn")).splitlines()]
    assert lines[0] == "flowchart LR"
    assert lines[1].startswith('s0[("rows<br/>10 rows as of 2026-01-01')
    edges = [line for line in lines if "->" in line]
    assert edges == [
        "s0 --> s1",
        "s1 --> s2",
        "s2 --> release",
        "s1 -. judges .-> release",
        "release --> e0",
    ]
    assert 'e0{{"dev"}}' in lines


def test_the_command_prints_each_form(place, run_cli: RunCli):
    place.release("1.0.0")
    done = run_cli(["lineage", "churn@1.0.0", "--json"], place.root)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told == to_json(lineage(place.seams, "churn"))
    assert told["release"]["version"] == "1.0.0"
    assert told["edges"] == [["rows", "features"], ["features", "train"]]
    picture = run_cli(["lineage", "churn", "--format", "mermaid"], place.root).stdout
    assert picture.startswith("flowchart LR\n")
