"""Files that did not change are not read again; files that did always are."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgitops.core.digests import Digest, of_bytes, of_value
from mlgitops.core.errors import NotAllowed, Refused
from mlgitops.files import WorkTree
from mlgitops.files.stats import Stats

MEGA = 1 << 20


class Looked(Stats):
    """Tells which files were read."""

    def __init__(self, root: Path) -> None:
        super().__init__(WorkTree(root), root.parent / "memory")
        self.read: list[str] = []

    def look(self, path: str) -> tuple[Digest | None, list[str]]:
        self.read = []
        return self.digest(path), self.read

    def _read(self, path: str, *, seen: bool = False) -> Digest | None:
        self.read.append(path)
        return super()._read(path, seen=seen)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work/data/deep").mkdir(parents=True)
    for name in ("a", "b", "deep/c"):
        write(tmp_path / "work/data" / name, name.encode())
    write(tmp_path / "work/large", b"x" * MEGA)
    return tmp_path / "work"


def write(path: Path, data: bytes, age: int = 10) -> None:
    """Write a file in the past, as far as its time of writing tells."""
    path.write_bytes(data)
    os.utime(path, ns=(0, path.stat().st_mtime_ns - age * 10**9))


@pytest.fixture(autouse=True)
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything was changed some while ago: nobody can set a file's time of change."""
    import time

    real = time.time_ns
    monkeypatch.setattr("mlgitops.files.stats.time.time_ns", lambda: real() + 10**10)


def test_what_did_not_change_is_not_read_again(root: Path) -> None:
    inside = of_value({name: str(of_bytes(name.encode())) for name in ("a", "b", "deep/c")})
    assert Looked(root).look("data") == (inside, ["data/a", "data/b", "data/deep/c"])
    assert Looked(root).look("data") == (inside, [])
    large = of_bytes(b"x" * MEGA)
    assert Looked(root).look("large") == (large, ["large"])
    assert Looked(root).look("large") == (large, [])
    assert Looked(root).look("absent") == (None, [])


def test_a_large_file_is_kept_with_the_same_reading(root: Path) -> None:
    kept: list[str] = []

    def keep(path: str) -> Digest:
        kept.append(path)
        return of_bytes(b"x" * MEGA)

    for _ in range(2):
        assert Stats(WorkTree(root), root.parent / "memory").digest("large", keep) == keep("")
        Stats(WorkTree(root), root.parent / "memory").digest("data/a", keep)
    assert kept == ["large", "", ""]


def edit(path: Path) -> None:
    write(path, b"B" * path.stat().st_size)


def back_in_time(path: Path) -> None:
    before = path.stat()
    edit(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path: Path) -> None:
    write(path.with_name("new"), b"B" * path.stat().st_size)
    path.with_name("new").replace(path)


@pytest.mark.parametrize("change", [edit, back_in_time, replace, Path.unlink])
def test_a_change_is_seen_and_only_that_file_is_read(
    root: Path, change: Callable[[Path], None]
) -> None:
    before, _ = Looked(root).look("data")
    change(root / "data/b")
    after, read = Looked(root).look("data")
    assert after != before
    assert read == ([] if change is Path.unlink else ["data/b"])
    assert after == Stats(WorkTree(root), None).digest("data")


def test_a_new_file_and_a_new_name_are_seen(root: Path) -> None:
    before, _ = Looked(root).look("data")
    write(root / "data/deep/d", b"d")
    (root / "data/a").rename(root / "data/z")
    after, read = Looked(root).look("data")
    assert after == Stats(WorkTree(root), None).digest("data") != before
    assert "data/deep/d" in read


def test_what_was_written_this_moment_is_not_believed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    (root / "data/b").write_bytes(b"one")
    (root / "large").write_bytes(b"1" * MEGA)
    first, _ = Looked(root).look("data")
    Looked(root).look("large")
    state = (root / "data/b").stat()
    (root / "data/b").write_bytes(b"two")
    os.utime(root / "data/b", ns=(state.st_atime_ns, state.st_mtime_ns))
    second, read = Looked(root).look("data")
    assert second != first
    assert "data/b" in read
    assert Looked(root).look("large")[1] == ["large"]


@pytest.mark.parametrize("name", ["data", "large"])
def test_a_damaged_memory_is_ignored(root: Path, name: str) -> None:
    expected, _ = Looked(root).look(name)
    for place in (root.parent / "memory").iterdir():
        data = place.read_bytes()
        for at in range(0, len(data), 7):
            place.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            assert Looked(root).look(name)[0] == expected
            place.write_bytes(data[:at])
            assert Looked(root).look(name)[0] == expected


def test_links_do_not_count_and_pipes_are_said(root: Path) -> None:
    before, _ = Looked(root).look("data")
    (root / "data/link").symlink_to("/etc/passwd")
    assert Looked(root).look("data")[0] == before
    os.mkfifo(root / "data/pipe")
    with pytest.raises(NotAllowed, match="pipe"):
        Looked(root).look("data")


def test_a_name_that_is_no_text_is_refused_by_name(root: Path) -> None:
    Path(os.fsdecode(os.fsencode(root) + b"/data/\xff\xfe")).write_bytes(b"x")
    with pytest.raises(Refused, match=r"not UTF-8: b'\\xff\\xfe'"):
        Looked(root).digest("data")
