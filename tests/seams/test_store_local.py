"""What only the store on disk can show: its layout, full and read-only disks, and death."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mlgitops.core.digests import hex_of, of_bytes, of_value
from mlgitops.core.errors import StoreError
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
    assert (tmp_path / "keys" / hex_of(KEY)).read_text() == f"{digest}\n"


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
    assert list((tmp_path / "locks").iterdir()) == []
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
    named = [line.split(":")[0].removeprefix(f"{tmp_path}/") for line in store.check()]
    assert named == ["blobs/sha256/notes.txt", f"keys/{hex_of(KEY)}", "keys/zzz", "index.json"]
    assert store.recall(KEY) is None
