"""What every store promises, kept by the one on disk and by the fake alike."""

import io
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlgitops.core.digests import Digest, hex_of, of_bytes, of_value
from mlgitops.core.errors import Refused, StoreError
from mlgitops.store import Store
from mlgitops.store.local import LocalStore
from tests.fakes.store import MemoryStore

ABSENT = of_bytes(b"nobody stored this")
KEY = of_value("a step")


@dataclass(frozen=True)
class Subject:
    """A store, and how to spoil or lose bytes behind its back."""

    store: Store
    spoil: Callable[[Digest], None]
    lose: Callable[[Digest], object]


def local(folder: Path) -> Subject:
    store = LocalStore(folder / "store")

    def place(digest: Digest) -> Path:
        return folder / "store/blobs/sha256" / hex_of(digest)

    def spoil(digest: Digest) -> None:
        data = bytearray(place(digest).read_bytes())
        data[len(data) // 2] ^= 1
        place(digest).chmod(0o644)
        place(digest).write_bytes(data)

    return Subject(store, spoil, lambda digest: place(digest).unlink())


def memory(folder: Path) -> Subject:
    store = MemoryStore(folder)

    def spoil(digest: Digest) -> None:
        data = bytearray(store.blobs_here[digest])
        data[len(data) // 2] ^= 1
        store.blobs_here[digest] = bytes(data)

    return Subject(store, spoil, lambda digest: store.blobs_here.pop(digest))


@pytest.fixture(params=[local, memory])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    made: Subject = request.param(tmp_path)
    return made


@pytest.fixture
def store(subject: Subject) -> Store:
    return subject.store


@pytest.mark.parametrize("data", [b"", b"x", b"0123456789" * 300_000])
def test_bytes_come_back_under_their_digest(store: Store, data: bytes) -> None:
    digest = store.put(io.BytesIO(data))
    assert digest == of_bytes(data) == store.put_bytes(data)
    assert store.has(digest)
    assert store.read(digest) == store.path(digest).read_bytes() == data
    with store.open(digest) as stream:
        assert stream.read(4) + stream.read() == data
    assert list(store.check()) == []


def test_what_is_absent_is_said_to_be(store: Store) -> None:
    assert not store.has(ABSENT)
    for read in (store.read, store.path):
        with pytest.raises(StoreError, match=ABSENT):
            read(ABSENT)
    with pytest.raises(StoreError), store.open(ABSENT):
        pass


def test_a_failing_source_leaves_nothing_behind(store: Store) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 0:
                raise ValueError("the network went away")
            return super().read(3)

    with pytest.raises(ValueError, match="went away"):
        store.put(Broken(b"abcdef"))
    assert not store.has(of_bytes(b"abc"))
    assert list(store.check()) == []


def test_a_flipped_bit_is_never_served_and_always_found(subject: Subject) -> None:
    store = subject.store
    digest = store.put_bytes(b"0123456789" * 1000)
    store.path(digest)
    subject.spoil(digest)
    for read in (store.read, store.path):
        with pytest.raises(StoreError, match="damaged"):
            read(digest)
    with pytest.raises(StoreError, match="damaged"), store.open(digest) as stream:
        while stream.read(999):
            pass
    assert [hex_of(digest) in one.message for one in store.check()] == [True]


def test_storing_the_bytes_again_heals_them(subject: Subject) -> None:
    digest = subject.store.put_bytes(b"precious")
    subject.spoil(digest)
    assert subject.store.put_bytes(b"precious") == digest
    assert subject.store.read(digest) == b"precious"
    assert list(subject.store.check()) == []


@pytest.mark.parametrize("move", [False, True])
@pytest.mark.parametrize("data", [b"", b"0123456789" * 300_000])
def test_a_file_is_taken_in(store: Store, tmp_path: Path, data: bytes, move: bool) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert store.put_file(path, move=move) == of_bytes(data)
    assert store.read(of_bytes(data)) == data
    assert store.has(of_bytes(data), len(data))
    assert not store.has(of_bytes(data), len(data) + 1)
    if not move:
        assert path.read_bytes() == data
        assert path.stat().st_mode & 0o200
    assert list(store.check()) == []


def test_only_a_plain_file_is_taken_in(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(Refused, match="plain file"):
            store.put_file(path)


def test_a_placed_file_is_the_steps_own(store: Store, tmp_path: Path) -> None:
    digest = store.put_bytes(b"0123456789" * 100_000)
    for name in ("one", "two", "three"):  # three: verified by now
        store.place(digest, tmp_path / name, executable=name == "two")
        assert os.access(tmp_path / name, os.X_OK) == (name == "two")
        (tmp_path / name).write_bytes(b"overwritten")
    assert len(store.read(digest)) == 1_000_000
    with pytest.raises(StoreError):
        store.place(ABSENT, tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_flipped_bit_is_never_placed(subject: Subject, tmp_path: Path) -> None:
    digest = subject.store.put_bytes(b"0123456789" * 1000)
    subject.store.place(digest, tmp_path / "before")
    subject.spoil(digest)
    with pytest.raises(StoreError, match="damaged"):
        subject.store.place(digest, tmp_path / "after")
    assert not (tmp_path / "after").exists()


def fill(folder: Path) -> dict[str, bytes]:
    """Fill a folder with small and large files, below folders and with odd names."""
    files = {f"deep/{n % 7}/file {n}.txt": b"%d" % n * n for n in range(300)}
    files |= {"large.bin": b"large" * 100_000, "é\n'\"\\": b"odd", "run.sh": b"#!/bin/sh", "0": b""}
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "run.sh").chmod(0o755)
    (folder / "empty/inner").mkdir(parents=True)
    return files


def listed(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_a_folder_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    files = fill(tmp_path / "in")
    before = listed(tmp_path / "in")
    digest = store.put_tree(tmp_path / "in")
    assert listed(tmp_path / "in") == before
    made = store.tree(digest)
    assert set(made.files) == set(files)
    assert made.empty == ("empty/inner",)
    assert {name: one.digest for name, one in made.files.items()} == {
        name: of_bytes(data) for name, data in files.items()
    }
    assert made.size == sum(map(len, files.values()))
    store.place_tree(digest, tmp_path / "out")
    assert listed(tmp_path / "out") == before
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    assert not os.access(tmp_path / "out/0", os.X_OK)
    assert store.put_tree(tmp_path / "out", move=True) == digest
    assert store.has_tree(digest)


def test_one_entry_of_a_folder_is_placed_alone(store: Store, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    digest = store.put_tree(tmp_path / "in")
    everything = listed(tmp_path / "in")
    entries = store.tree(digest).entries()
    assert list(entries) == sorted({path.partition("/")[0] for path in everything})
    for name in entries:
        store.place_tree(digest, tmp_path / "out" / name, only=name)
        assert listed(tmp_path / "out" / name) == {
            path: one
            for path, one in everything.items()
            if path == name or path.startswith(f"{name}/")
        }
        again = store.tree(store.put_tree(tmp_path / "out" / name))
        assert again.entries() == {name: entries[name]}


def test_an_empty_folder_is_one_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    digest = store.put_tree(tmp_path / "in")
    store.place_tree(digest, tmp_path / "out")
    assert listed(tmp_path / "out") == {}


def test_a_link_in_a_folder_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match=r"in/link is a symbolic link"):
        store.put_tree(tmp_path / "in")


def test_a_folder_that_lost_a_part_is_not_there(subject: Subject, tmp_path: Path) -> None:
    fill(tmp_path / "in")
    digest = subject.store.put_tree(tmp_path / "in")
    lost = next(blob for blob, size in subject.store.tree(digest).blobs() if size)
    subject.spoil(lost)
    with pytest.raises(StoreError, match="damaged"):
        subject.store.place_tree(digest, tmp_path / "out")
    subject.lose(lost)
    assert not subject.store.has_tree(digest)
    assert subject.store.put_tree(tmp_path / "in") == digest
    assert subject.store.has_tree(digest)


def test_what_is_no_folder_is_said_to_be_none(store: Store) -> None:
    with pytest.raises(StoreError):
        store.tree(ABSENT)
    assert not store.has_tree(ABSENT)


def test_a_key_is_recalled_until_another_record_replaces_it(store: Store) -> None:
    assert store.recall(KEY) is None
    first, second = store.put_bytes(b"first"), store.put_bytes(b"second")
    store.remember(KEY, first)
    assert store.recall(KEY) == first
    store.remember(KEY, second)
    assert store.recall(KEY) == second
    assert list(store.check()) == []


def test_a_key_whose_record_is_gone_is_found(subject: Subject) -> None:
    record = subject.store.put_bytes(b"record")
    subject.store.remember(KEY, record)
    subject.lose(record)
    assert [hex_of(record)[:12] in one.message for one in subject.store.check()] == [True]


def test_work_is_done_by_one_at_a_time(store: Store) -> None:
    inside, most, waited = [0], [0], threading.Event()

    def work() -> None:
        with store.lock(KEY, waited.set):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            waited.wait(0.02)
            inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert waited.is_set()


def test_other_work_does_not_wait(store: Store) -> None:
    with store.lock(KEY), store.lock(of_value("another step")):
        pass


def test_who_waits_may_give_up(store: Store) -> None:
    def give_up() -> None:
        raise LookupError("I have better things to do")

    caught: list[BaseException] = []

    def other() -> None:
        try:
            with store.lock(KEY, give_up):
                pass
        except LookupError as error:
            caught.append(error)

    with store.lock(KEY):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(caught) == 1
    with store.lock(KEY):
        pass


def test_a_scratch_folder_is_empty_and_goes_away(store: Store) -> None:
    with store.scratch() as one, store.scratch() as two:
        assert one != two
        assert list(one.iterdir()) == []
        (one / "sub").mkdir()
        (one / "sub/file").write_bytes(b"x")
        (one / "sub").chmod(0o500)
    assert not one.exists()
    assert not two.exists()
    assert list(store.check()) == []
