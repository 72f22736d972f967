"""What anybody may need is kept; the rest goes, also while others work."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlgitops.core.digests import Digest, of_bytes, of_value
from mlgitops.core.errors import StoreError, TryLater
from mlgitops.core.records import Output
from mlgitops.flow import ledger
from mlgitops.flow.fsck import fsck
from mlgitops.flow.gc import Collected, gc
from mlgitops.flow.run import RunResult
from mlgitops.flow.seams import Seams
from mlgitops.store.local import LocalStore
from tests.flow.conftest import RunTiny, edit, seams_of
from tests.support import commit, git

NOW = datetime.now(UTC)
OLD = (NOW - timedelta(days=100)).timestamp()


@pytest.fixture
def place(root: Path) -> Path:
    return root / ".mlgitops/store"


def age(place: Path) -> None:
    """Let everything in the store be used last a hundred days ago."""
    for folder in ("blobs", "keys"):
        for path in (place / folder).rglob("*"):
            if path.is_file():
                os.utime(path, (OLD, OLD))


def collect(root: Path, *, days: int = 90, dry_run: bool = False) -> Collected:
    return gc(replace(seams_of(root, []), clock=lambda: NOW), days=days, dry_run=dry_run)


def blobs(place: Path) -> set[str]:
    return {path.name for path in (place / "blobs/sha256").iterdir()}


def outputs(result: RunResult) -> dict[str, dict[str, Output]]:
    return {step: dict(record.outputs) for step, record in result.records.items()}


def test_what_was_used_lately_stays(root: Path, place: Path, run_tiny: RunTiny) -> None:
    run_tiny()
    before = blobs(place)
    result = collect(root, days=0)
    assert blobs(place) == before
    assert (result.removed, result.keys_removed) == ((), 0)


def test_old_work_goes_and_a_pinned_snapshot_stays(
    root: Path, place: Path, run_tiny: RunTiny
) -> None:
    first = run_tiny()
    made = outputs(first)
    age(place)
    result = collect(root)
    assert blobs(place) == {made["rows"]["rows"].digest.removeprefix("sha256:")}
    assert result.keys_kept == 0
    assert {share.reason for share in result.removed} >= {"tiny.train", "tiny.features"}
    assert [share.reason for share in result.kept] == ["the files here"]
    assert fsck(seams_of(root, [])) == ()
    assert outputs(run_tiny()) == made


def test_a_dry_run_removes_nothing_and_says_the_same(
    root: Path, place: Path, run_tiny: RunTiny
) -> None:
    run_tiny()
    age(place)
    before = blobs(place)
    told = collect(root, dry_run=True)
    assert blobs(place) == before
    done = collect(root)
    assert (done.kept, done.removed, done.keys_removed) == (
        told.kept,
        told.removed,
        told.keys_removed,
    )


def test_what_is_used_again_stays_with_all_that_it_leads_to(
    root: Path, place: Path, run_tiny: RunTiny
) -> None:
    run_tiny()
    edit(root, "train.py", "sum(train)", "2 * sum(train)")
    second = run_tiny()
    age(place)
    run_tiny()  # recalls the second
    result = collect(root)
    kept = blobs(place)
    for outputs_of in outputs(second).values():
        assert {one.digest.removeprefix("sha256:") for one in outputs_of.values()} <= kept
    assert {share.reason for share in result.removed} == {"tiny.train"}
    assert run_tiny().executed == ()


Keep = Callable[[Path, Digest], None]


def pin_on_a_branch(root: Path, digest: Digest) -> None:
    git(root, "checkout", "-q", "-b", "other")
    pin = f"apiVersion: mlgitops/v1\nkind: Pin\nmodel: m\nversion: 1.0.0\ndigest: {digest}\n"
    commit(root, {"environments/prod/pins/m.yaml": pin}, "Pin it")
    git(root, "checkout", "-q", "main")


def snapshot_on_a_remote_branch(root: Path, digest: Digest) -> None:
    pin_on_a_branch(root, digest)
    git(root, "update-ref", "refs/remotes/elsewhere/other", "other")
    git(root, "branch", "-q", "-D", "other")


def release(root: Path, digest: Digest) -> None:
    git(root, "tag", "-a", "m@v1.0.0", "-m", f'm 1.0.0\n\n{{"digest": "{digest}"}}')


def promotion_record(root: Path, digest: Digest) -> None:
    commit(root, {"environments/prod/records/m/1.json": f'{{"evidence": "{digest}"}}'}, "Record")


def uncommitted(root: Path, digest: Digest) -> None:
    path = root / "pipelines/tiny/snapshots/new.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"digest: {digest}\n")


def in_the_ledger(root: Path, digest: Digest) -> None:
    ledger.append(
        seams_of(root, []).repository, "runs", {"of": str(digest)}, NOW - timedelta(days=80)
    )


def in_a_record_that_is_not_shared(root: Path, digest: Digest) -> None:
    git(root, "remote", "add", "origin", str(root))
    repository = seams_of(root, []).repository
    at = NOW - timedelta(days=80)
    ledger.append_here(repository, "run", {"of": str(digest)}, at, repository.standing())


def by_a_key(root: Path, digest: Digest) -> None:
    store = LocalStore(root / ".mlgitops/store")
    key = of_value("a step")
    store.remember(key, digest)
    age(root / ".mlgitops/store")
    in_the_ledger(root, key)


@pytest.mark.parametrize(
    "keep",
    [
        pin_on_a_branch,
        snapshot_on_a_remote_branch,
        release,
        promotion_record,
        uncommitted,
        in_the_ledger,
        in_a_record_that_is_not_shared,
        by_a_key,
    ],
)
def test_what_is_named_anywhere_stays_with_all_that_it_names(
    root: Path, place: Path, keep: Keep, tmp_path: Path
) -> None:
    store = LocalStore(place)
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(100):
        (folder / str(number)).write_bytes(b"%d" % number)
    tree = store.put_tree(folder)
    manifest = store.put_bytes(f'{{"layers": ["{tree}"]}}'.encode())
    garbage = store.put_bytes(b"garbage")
    age(place)
    keep(root, manifest)
    collect(root)
    assert not store.has(garbage)
    assert store.has(manifest)
    assert store.has_tree(tree)


def test_the_ledger_counts_for_some_days_only(root: Path, place: Path) -> None:
    store = LocalStore(place)
    digest = store.put_bytes(b"a plot")
    age(place)
    in_the_ledger(root, digest)
    collect(root, days=81)
    assert store.has(digest)
    collect(root, days=79)
    assert not store.has(digest)


def test_a_process_at_work_keeps_what_it_found(root: Path, place: Path, run_tiny: RunTiny) -> None:
    run_tiny()
    began = NOW - timedelta(hours=5)
    age(place)
    rival = LocalStore(place)
    with rival.scratch() as folder:
        lock = folder.parent.with_suffix(".lock")
        os.utime(lock, (began.timestamp(), began.timestamp()))
        for path in (place / "keys").rglob("*"):
            if path.is_file():
                os.utime(path, (began.timestamp() + 60, began.timestamp() + 60))
        before = blobs(place)
        collect(root, days=0)
        assert blobs(place) == before
    rival._staging.close()  # type: ignore[union-attr]
    collect(root, days=0)
    assert len(blobs(place)) == 1


def test_two_do_not_collect_at_once(root: Path, place: Path) -> None:
    store = LocalStore(place)
    with store.lock(of_value("gc")), pytest.raises(TryLater):
        collect(root)


def test_nothing_is_removed_when_what_is_needed_cannot_be_told(
    root: Path, place: Path, run_tiny: RunTiny
) -> None:
    result = run_tiny()
    record = next(
        path for path in (place / "blobs/sha256").iterdir() if b'"record"' in path.read_bytes()
    )
    assert result.executed
    data = bytearray(record.read_bytes())
    data[-5] ^= 1
    record.chmod(0o644)
    record.write_bytes(data)
    store = LocalStore(place)
    garbage = store.put_bytes(b"garbage")
    os.utime(place / "blobs/sha256" / garbage.removeprefix("sha256:"), (OLD, OLD))
    with pytest.raises(StoreError, match="cannot be told"):
        collect(root)
    assert store.has(garbage)


def test_releases_are_named_in_the_index(root: Path, place: Path, seams: Seams) -> None:
    assert seams.store.roots() == {}
    store = LocalStore(place)
    store.put_bytes(b"x")
    release(root, of_bytes(b"x"))  # no release document: no name
    collect(root)
    assert seams.store.roots() == {}
