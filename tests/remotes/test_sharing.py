"""Work is done once anywhere: clones that share a remote, and what they believe of each other."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlgitops.cli import main
from mlgitops.core.digests import hex_of, of_bytes
from mlgitops.core.errors import Refused, StoreError, UsageError
from mlgitops.core.plans import Reuse
from mlgitops.core.records import from_bytes, to_bytes
from mlgitops.core.remotes import Bundle, read_step, step_bundle
from mlgitops.files import WorkTree
from mlgitops.flow.gc_remote import fsck_remote, gc_remote
from mlgitops.flow.plan import plan
from mlgitops.flow.pull import pull
from mlgitops.flow.push import push
from mlgitops.flow.run import run
from mlgitops.flow.seams import Seams
from mlgitops.flow.sharing import Sent
from mlgitops.flow.workspaces import require
from tests.remotes.conftest import NOW, Project, ran, run_in, seams_of
from tests.signing.test_keys import key
from tests.support import commit, git


def push_from(root: Path, *, everything: bool = False) -> Sent:
    return push(seams_of(root), require(WorkTree(root)), root, everything=everything)


def blobs_here(root: Path) -> int:
    folder = root / ".mlgitops/store/blobs/sha256"
    return len(list(folder.iterdir())) if folder.exists() else 0


def shared_pins(project: Project, root: Path) -> None:
    """The first run wrote the pin of the source: share it as people do."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "Pin the rows")
    git(root, "push", "--quiet", "origin", "HEAD:main")


def test_a_fresh_clone_runs_nothing_that_anyone_has_done(project: Project) -> None:
    first = project.start()
    assert ran(run_in(first)) == ["features", "rows", "train"]
    shared_pins(project, first)
    sent = push_from(first)
    assert (sent.new, sent.left_out) == (3, [])
    second = project.clone("second")
    assert ran(run_in(second)) == []
    # The records alone say so: of what the steps made, nothing is fetched.
    assert blobs_here(second) == 3
    assert ran(run_in(second)) == []
    again = push_from(first)
    assert (again.new, again.blobs, again.known) == (0, 0, 3)
    assert fsck_remote(seams_of(first), read=True) == ()


def test_only_what_a_stale_step_reads_is_fetched(project: Project) -> None:
    first = project.start()
    run_in(first)
    shared_pins(project, first)
    push_from(first)
    second = project.clone("second")
    run_in(second)
    before = blobs_here(second)
    (second / "pipelines/tiny/train.py").write_text(
        "def fit(train, seed):\n    return {'sum': sum(train), 'seed': seed}\n"
    )
    result = run_in(second)
    assert ran(result) == ["train"]
    # Its one input; beside it the new model, its record and what it printed.
    read = result.records["features"].outputs["train"]
    assert seams_of(second, offline=True).store.is_here(read.digest, read.size)
    assert not seams_of(second, offline=True).store.is_here(
        result.records["features"].outputs["test"].digest
    )
    assert blobs_here(second) - before <= 4


def test_a_run_shares_each_result_as_it_comes(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = project.start()
    assert main(["-C", str(first), "run", "--push"]) == 0
    assert "shared 3 results" in capsys.readouterr().err
    shared_pins(project, first)
    second = project.clone("second")
    assert main(["-C", str(second), "run", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [one["action"] for one in steps] == ["reuse"] * 3


def test_nothing_is_asked_for_offline(project: Project) -> None:
    first = project.start()
    run_in(first)
    shared_pins(project, first)
    push_from(first)
    second = project.clone("second")
    seams = seams_of(second, offline=True)
    found = plan(seams, require(WorkTree(second)), second)
    assert not any(isinstance(one, Reuse) for one in found)
    with pytest.raises(UsageError):
        push(seams, require(WorkTree(second)), second)


def test_pull_brings_everything_for_a_machine_without_a_network(project: Project) -> None:
    first = project.start()
    run_in(first)
    shared_pins(project, first)
    push_from(first)
    second = project.clone("second")
    pulled = pull(seams_of(second), require(WorkTree(second)), second)
    assert pulled.blobs >= 4
    found = plan(seams_of(second, offline=True), require(WorkTree(second)), second)
    # Not vouched for, and so remembered apart; offline it is known all the same.
    assert len(found) == 3
    assert pull(seams_of(second), require(WorkTree(second)), second).blobs == 0


def test_a_folder_is_shared_with_all_that_is_in_it(project: Project) -> None:
    spec = (
        "apiVersion: mlgitops/v1\nkind: Pipeline\nname: tree\nsteps:\n"
        "  - name: make\n    command: [python, make.py, '{outputs.files}']\n"
        "    outputs: {files: directory}\n"
        "  - name: count\n    run: 'count:count'\n    inputs: {files: make.files}\n"
        "    params: [by]\n    outputs: {number: json}\nparams: {by: 1}\n"
    )
    make = (
        "import pathlib, sys\n"
        "for n in range(150):\n"
        "    pathlib.Path(sys.argv[1], f'{n}.txt').write_text('x' * n)\n"
        "pathlib.Path(sys.argv[1], 'large').write_bytes(b'0123456789' * 20000)\n"
    )
    count = "def count(files, by):\n    return len(list(files.iterdir())) * by\n"
    files = {
        "pipelines/tree/pipeline.yaml": spec,
        "pipelines/tree/make.py": make,
        "pipelines/tree/count.py": count,
    }
    first = project.start(files=files)
    run_in(first, pipeline="tree")
    push(seams_of(first), require(WorkTree(first)), first, pipeline="tree")
    second = project.clone("second")
    assert ran(run_in(second, pipeline="tree")) == []
    result = run_in(second, pipeline="tree", params={"by": 2})
    assert ran(result) == ["count"]
    made = result.records["count"].outputs["number"]
    assert seams_of(second).store.read(made.digest) == b"302\n"


def test_a_remote_that_does_not_answer_is_said_and_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgitops.store.remote.trying.FIRST_PAUSE", 0.001)
    project = Project(tmp_path, "oci://127.0.0.1:9/acme/nobody")
    root = project.start()
    said: list[str] = []
    seams = seams_of(root, said)
    assert ran(run(seams, require(WorkTree(root)), root)) == ["features", "rows", "train"]
    said = [line for line in said if line.startswith("note: only")]
    assert [line for line in said if "only what is here is used" in line and "127.0.0.1:9" in line]
    assert len(said) == 1
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9 does not answer"):
        push(seams_of(root), require(WorkTree(root)), root)


# -- trust -----------------------------------------------------------------------------------------


def poison(seams: Seams, attacked: Path, label: str) -> None:
    """Publish a record that claims another result for a step that nobody has shared yet."""
    workspace = require(WorkTree(attacked))
    made = {one.step: one for one in plan(seams_of(attacked), workspace, attacked)}
    real = made[label]
    assert isinstance(real, Reuse)
    bad = b'{"mean": 666, "seed": 7}'
    digest = of_bytes(bad)
    name, output = next(iter(real.record.outputs.items()))
    outputs = {**real.record.outputs, name: replace(output, digest=digest, size=len(bad))}
    forged = replace(real.record, outputs=outputs, log=None)
    store = seams_of(attacked).store
    data = {
        one.digest: bad if one.digest == digest else store.read(one.digest)
        for one in outputs.values()
    }
    bundle = step_bundle(real.record.key, forged, {one: len(data[one]) for one in data}, {})
    publish(seams, bundle, {**data, of_bytes(to_bytes(forged)): to_bytes(forged)})


def test_a_record_of_other_work_is_none(project: Project) -> None:
    first = project.start()
    run_in(first)
    shared_pins(project, first)
    made = {one.step: one for one in plan(seams_of(first), require(WorkTree(first)), first)}
    other, real = made["features"], made["train"]
    assert isinstance(other, Reuse) and isinstance(real, Reuse)
    store = seams_of(first).store
    data = {one.digest: store.read(one.digest) for one in other.record.outputs.values()}
    forged = replace(other.record, log=None)
    bundle = step_bundle(real.record.key, forged, {one: len(data[one]) for one in data}, {})
    publish(seams_of(first), bundle, {**data, of_bytes(to_bytes(forged)): to_bytes(forged)})
    second = project.clone("second")
    assert ran(run_in(second)) == ["features", "rows", "train"]


def publish(seams: Seams, bundle: Bundle, data: dict) -> None:
    import io

    assert seams.remote is not None
    for digest, content in data.items():
        seams.remote.send(digest, len(content), io.BytesIO(content), lambda _: None)
    assert seams.remote.publish(bundle.name, bundle.manifest)


@pytest.mark.parametrize(("trust", "taken"), [("", False), (", trust: writers", True)])
def test_a_poisoned_result_is_taken_only_as_the_policy_says(
    project: Project, trust: str, taken: bool
) -> None:
    first = project.start(extra=trust)
    run_in(first)
    shared_pins(project, first)
    poison(seams_of(first), first, "train")
    victim = project.clone("victim")
    run_in(victim, until="features", pipeline="tiny")
    seams = seams_of(victim)
    workspace = require(WorkTree(victim))
    # A run takes it, as it takes whatever was shared.
    found = {one.step: one for one in plan(seams, workspace, victim)}
    assert isinstance(found["train"], Reuse)
    # A release looks at the store so, before and after the result came here.
    for _ in range(2):
        strict = replace(seams_of(victim), store=seams_of(victim).store.vouched())
        seen = {one.step: one for one in plan(strict, workspace, victim)}
        assert isinstance(seen["train"], Reuse) is taken


def test_nobodys_claim_becomes_ours_by_passing_through(project: Project) -> None:
    first = project.start(extra=f', previews: "{project.remote}-previews"')
    run_in(first)
    shared_pins(project, first)
    seams = seams_of(first)
    sent = push(seams, require(WorkTree(first)), first, previews=True)
    assert sent.new == 3
    second = project.clone("second")
    assert ran(run_in(second)) == []
    passed = push_from(second)
    assert passed.new == 0
    assert [one.name for one in seams_of(second).remote.names("step-")] == []  # type: ignore[union-attr]
    # And what is done here is: its input came from others, and its key says which.
    (second / "pipelines/tiny/train.py").write_text("def fit(train, seed):\n    return seed\n")
    assert ran(run_in(second)) == ["train"]
    assert push_from(second).new == 1


def test_a_signed_result_counts_for_who_trusts_the_signer(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, trusted = key(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout")
    monkeypatch.setenv("MLGITOPS_SIGNING_KEY", private)
    spec = "signing: {with: key, trusted: [{name: bot, key: keys/bot.pub}]}\n"
    first = project.start(extra=", trust: signed")
    path = first / "mlgitops.yaml"
    commit(
        first,
        {"mlgitops.yaml": path.read_text() + spec, "keys/bot.pub": trusted.key.decode()},
        "Sign",
    )
    run_in(first)
    shared_pins(project, first)
    push_from(first)
    second = project.clone("second")
    strict = replace(seams_of(second), store=seams_of(second).store.vouched())
    workspace = require(WorkTree(second))
    assert all(isinstance(one, Reuse) for one in plan(strict, workspace, second))
    # The signature of one record says nothing about another.
    remote = seams_of(second).remote
    assert remote is not None
    for one in list(remote.names("step-")):
        step = read_step(remote.manifest(one.name) or b"")
        assert step.signatures and step.data is not None
        record = replace(from_bytes(step.data), wall=99.0)
        forged = step_bundle(record.key, record, {}, step.signatures)
        remote.unpublish(one.name)
        sizes = {of_bytes(to_bytes(record)): to_bytes(record)}
        publish(seams_of(second), forged, sizes)
    third = project.clone("third")
    strict = replace(seams_of(third), store=seams_of(third).store.vouched())
    found = {one.step: one for one in plan(strict, workspace, third)}
    # What is pinned needs nobody's word: its digest stands in git.
    assert [step for step, one in found.items() if isinstance(one, Reuse)] == ["rows"]


# -- keeping ---------------------------------------------------------------------------------------


def test_gc_of_the_remote_keeps_what_is_named_and_removes_the_rest(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgitops.flow.sharing._DEAD", 0.1)
    first = project.start()
    run_in(first)
    shared_pins(project, first)
    run_in(first, params={"keep": 3})
    push_from(first, everything=True)
    seams = seams_of(first)
    assert seams.remote is not None
    names = {one.name for one in seams.remote.names("step-")}
    assert len(names) == 5
    assert not gc_remote(seams, days=30).removed
    later = replace(seams, clock=lambda: NOW.replace(year=2126))
    would = gc_remote(later, days=30, dry_run=True)
    assert sum(one.count for one in would.removed) == 4
    assert {one.name for one in seams.remote.names("step-")} == names
    done = gc_remote(later, days=30)
    assert (done.kept, done.removed) == (would.kept, would.removed)
    assert [one.reason for one in done.kept] == ["the files here"]
    assert len(list(seams.remote.names("step-"))) == 1
    assert (done.blobs is None) == project.remote.startswith("oci:")
    assert fsck_remote(seams, read=True) == ()
    assert main(["-C", str(first), "gc", "--remote", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["kept"] and shown["place"] == project.remote
    # What is gone there is sent again.
    assert push_from(first).new == 2


def test_fsck_of_the_remote_finds_what_is_gone_and_what_differs(tmp_path: Path) -> None:
    project = Project(tmp_path, f"file://{tmp_path}/shared")
    first = project.start()
    result = run_in(first)
    shared_pins(project, first)
    push_from(first)
    blobs = tmp_path / "shared/blobs/sha256"
    gone = result.records["train"].outputs["model"].digest
    (blobs / hex_of(gone)).unlink()
    changed = blobs / hex_of(result.records["features"].outputs["test"].digest)
    changed.write_bytes(changed.read_bytes()[:-1] + b"}")
    found = fsck_remote(seams_of(first))
    assert [gone in one.message for one in found] == [True]
    assert len(fsck_remote(seams_of(first), read=True)) == 2
    assert main(["-C", str(first), "fsck", "--remote", "--json"]) == 1


def test_other_bytes_are_never_taken_from_a_remote(tmp_path: Path) -> None:
    project = Project(tmp_path, f"file://{tmp_path}/shared")
    first = project.start()
    result = run_in(first)
    shared_pins(project, first)
    push_from(first)
    blob = result.records["features"].outputs["train"].digest
    place = tmp_path / "shared/blobs/sha256" / hex_of(blob)
    place.write_bytes(b"9" * place.stat().st_size)
    second = project.clone("second")
    store = seams_of(second).store
    run_in(second)
    with pytest.raises(StoreError, match="sends other bytes"):
        store.read(blob)
    assert not store.is_here(blob)
    assert list(store.check()) == []


def test_what_a_remote_has_lost_is_made_again(tmp_path: Path) -> None:
    project = Project(tmp_path, f"file://{tmp_path}/shared")
    first = project.start()
    result = run_in(first)
    shared_pins(project, first)
    push_from(first)
    second = project.clone("second")
    assert ran(run_in(second)) == []
    blob = result.records["features"].outputs["train"].digest
    (tmp_path / "shared/blobs/sha256" / hex_of(blob)).unlink()
    with pytest.raises(StoreError, match=r"mlgitops run|is not at"):
        seams_of(second).store.read(blob)
    # What was believed to be there is not believed any more, and its step runs again.
    assert ran(run_in(second)) == ["features"]
    assert seams_of(second).store.is_here(blob)


def test_two_places_are_two(tmp_path: Path) -> None:
    project = Project(tmp_path, f"file://{tmp_path}/shared")
    with pytest.raises(Refused, match="same place"):
        seams_of(project.start(extra=f', previews: "{project.remote}"'))
