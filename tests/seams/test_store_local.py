"""What only the store on disk can show: its layout, full and read-only disks, and death."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgitops.core.digests import hex_of, of_bytes, of_value
from mlgitops.core.errors import StoreError
from mlgitops.files import copying
from mlgitops.store.local import LocalStore

KEY = of_value("a step")


def python(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *args], stdout=subprocess.PIPE, text=True
    )


def test_it_is_an_oci_layout_of_files_that_nobody_writes_to(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    digest = store.put_bytes(b"hello")
    assert json.loads((tmp_path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    assert json.loads((tmp_path / "index.json").read_text())["manifests"] == []
    blob = tmp_path / "blobs/sha256" / hex_of(digest)
    assert blob.read_bytes() == b"hello"
    assert blob.stat().st_mode & 0o222 == 0
    store.remember(KEY, digest)
    assert (tmp_path / "keys" / hex_of(KEY)[:2] / hex_of(KEY)).read_text() == f"{digest}\n"


def test_keys_of_an_older_store_are_known(tmp_path: Path) -> None:
    digest = LocalStore(tmp_path).put_bytes(b"a record")
    (tmp_path / "keys" / hex_of(KEY)).write_text(f"{digest}\n")
    store = LocalStore(tmp_path)
    assert store.recall(KEY) == digest
    newer = store.put_bytes(b"another record")
    store.remember(KEY, newer)
    assert store.recall(KEY) == newer
    assert list(store.check()) == []


def test_looking_into_a_store_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    assert not store.has(of_bytes(b"x"))
    assert store.recall(KEY) is None
    assert list(store.check()) == []
    assert not (tmp_path / "store").exists()


def test_what_a_killed_process_left_is_gone_at_the_next_opening(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from mlgitops.core.digests import of_value
        from mlgitops.store.local import LocalStore
        store = LocalStore(Path(sys.argv[1]))
        with store.scratch() as folder, store.lock(of_value("a step")):
            (folder / "half").write_bytes(b"x" * 1000)
            print("ready", flush=True)
            sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"

    LocalStore(tmp_path)  # another process at work: its folder is let alone
    assert len(list((tmp_path / "tmp").glob("*/*/half"))) == 1

    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    store = LocalStore(tmp_path)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(store.check()) == []
    with store.lock(KEY):  # the system freed it
        pass


def test_a_disk_that_fills_up_in_the_middle_leaves_nothing_half_written(tmp_path: Path) -> None:
    code = """
        import resource, sys
        from pathlib import Path
        from mlgitops.core.errors import StoreError
        from mlgitops.store.local import LocalStore
        store = LocalStore(Path(sys.argv[1]))
        store.put_bytes(b"small")
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        try:
            store.put_bytes(b"x" * 300_000)
        except StoreError as error:
            print(error.message)
            print(error.hint)
        print(store.has(store.put_bytes(b"works again")))
    """
    child = python(code, str(tmp_path))
    message, hint, works = str(child.communicate()[0]).splitlines()
    assert message == f"cannot take in bytes in the store at {tmp_path}: File too large"
    assert "is the disk full or read-only?" in hint
    assert works == "True"
    store = LocalStore(tmp_path)
    assert len(list((tmp_path / "blobs/sha256").iterdir())) == 2
    assert list(store.check()) == []


@pytest.mark.parametrize("doing", ["put", "remember", "lock", "scratch"])
def test_a_read_only_disk_is_said_to_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    digest = LocalStore(tmp_path).put_bytes(b"old")
    real = os.open

    def refuse(path: str, flags: int, *rest: object, **more: object) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(30, "Read-only file system", path)
        return real(path, flags, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refuse)
    store = LocalStore(tmp_path)
    assert store.read(digest) == b"old"
    with pytest.raises(StoreError, match="Read-only file system"):
        match doing:
            case "put":
                store.put_bytes(b"new")
            case "remember":
                store.remember(KEY, digest)
            case "lock":
                with store.lock(KEY):
                    pass
            case _:
                with store.scratch():
                    pass


def test_two_processes_fill_one_store(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from mlgitops.core.digests import of_value
        from mlgitops.store.local import LocalStore
        for n in range(40):
            store = LocalStore(Path(sys.argv[1]))
            digest = store.put_bytes(str(n).encode() * 1000)
            with store.lock(of_value(n)), store.scratch() as folder:
                (folder / "x").touch()
                store.remember(of_value(n), digest)
    """
    children = [python(code, str(tmp_path)) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    store = LocalStore(tmp_path)
    assert len(list((tmp_path / "blobs/sha256").iterdir())) == 40
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(store.check()) == []


def test_strangers_in_the_store_are_named(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_bytes(b"x")
    (tmp_path / "blobs/sha256/notes.txt").write_text("hi")
    (tmp_path / "keys/zzz").write_text("hi")
    (tmp_path / "keys" / hex_of(KEY)).write_text("torn")
    (tmp_path / "index.json").write_text("{")
    named = [str(Path(one.path).relative_to(tmp_path)) for one in store.check()]
    assert named == ["blobs/sha256/notes.txt", f"keys/{hex_of(KEY)}", "keys/zzz", "index.json"]
    assert store.recall(KEY) is None


def test_a_file_is_moved_in_when_nobody_else_knows_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    blob = tmp_path / "store/blobs/sha256" / hex_of(of_bytes(b"mine"))
    (tmp_path / "mine").write_bytes(b"mine")
    number = (tmp_path / "mine").stat().st_ino
    store.put_file(tmp_path / "mine", move=True)
    assert not (tmp_path / "mine").exists()
    assert blob.stat().st_ino == number
    assert blob.stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("other", [Path.hardlink_to, Path.symlink_to])
def test_a_file_that_has_another_name_is_copied(
    tmp_path: Path, other: Callable[[Path, Path], None]
) -> None:
    store = LocalStore(tmp_path / "store")
    (tmp_path / "one").write_bytes(b"shared")
    other(tmp_path / "two", tmp_path / "one")
    digest = store.put_file(tmp_path / "two", move=True)
    (tmp_path / "one").write_bytes(b"changed")
    assert store.read(digest) == b"shared"


def test_small_files_are_packed_and_a_change_touches_one_pack(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    for number in range(1000):
        (tmp_path / f"in/{number % 10}").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"in/{number % 10}/{number}").write_bytes(b"%d" % number)
    before = store.tree(store.put_tree(tmp_path / "in"))
    assert 8 < len(before.packs) <= 32
    blobs = len(list((tmp_path / "store/blobs/sha256").iterdir()))
    (tmp_path / "in/7/77").write_bytes(b"changed")
    after = store.tree(store.put_tree(tmp_path / "in"))
    assert len({*after.packs} - {*before.packs}) == 1
    assert len(list((tmp_path / "store/blobs/sha256").iterdir())) == blobs + 2  # and the manifest


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    blob = tmp_path / "blobs/sha256" / hex_of(store.put_bytes(b"x"))
    before = blob.stat()
    store.put_bytes(b"x")
    assert blob.stat() == before


def test_what_is_used_again_is_marked_as_used(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    digest = store.put_bytes(b"x")
    store.remember(KEY, digest)
    blob = tmp_path / "blobs/sha256" / hex_of(digest)
    key = tmp_path / "keys" / hex_of(KEY)[:2] / hex_of(KEY)
    for path, use in ((blob, lambda: store.put_bytes(b"x")), (key, lambda: store.recall(KEY))):
        os.utime(path, (1000, 1000))
        use()
        assert time.time() - path.stat().st_mtime < 100


def test_flushing_asks_the_disk_once_and_only_when_something_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(copying, "make_durable", asked.append)
    store = LocalStore(tmp_path)
    store.flush()
    for number in range(10):
        store.put_bytes(b"%d" % number)
    store.flush()
    store.flush()
    assert asked == [tmp_path]


def test_flushing_works_here(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_bytes(b"x")
    store.flush()
