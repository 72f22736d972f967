"""A store on a disk that is full, or read-only: said clearly, nothing half-written, no harm done.

The disks are real ones, a few hundred KiB in memory; where nobody may mount them, this is skipped.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed, StoreError
from mlgitops.flow.fsck import fsck
from mlgitops.flow.gc import gc
from mlgitops.flow.run import RunResult
from tests.flow.conftest import RunTiny, edit, seams_of


def mount(*words: str) -> bool:
    try:
        return subprocess.run(["mount", *words], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 1 MiB with the store on it."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=1m,nr_inodes=400", "tmpfs", str(place)):
        pytest.skip("mounting a small disk is not permitted here")
    monkeypatch.setenv("MLGITOPS_STORE", str(place / "store"))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def digests(result: RunResult) -> dict[str, list[str]]:
    return {
        step: sorted(one.digest for one in record.outputs.values())
        for step, record in result.records.items()
    }


@pytest.mark.parametrize("free", [0, 4, 8, 12, 16, 20, 24, 28, 36, 44])
def test_a_run_on_a_full_disk_says_so_and_goes_on_when_there_is_space(
    root: Path, disk: Path, run_tiny: RunTiny, free: int
) -> None:
    filler = disk / "filler"
    with filler.open("wb") as stream, pytest.raises(OSError, match="No space left"):
        while True:
            os.write(stream.fileno(), b"x" * 4096)
    os.truncate(filler, filler.stat().st_size - free * 1024)
    with pytest.raises((StoreError, StepFailed), match=r"No space left on device|is full"):
        run_tiny()
    assert fsck(seams_of(root, [])) == ()
    filler.unlink()
    assert len(digests(run_tiny())) == 3
    assert fsck(seams_of(root, [])) == ()
    assert run_tiny().executed == ()


def test_a_read_only_store_is_said_to_be_one_and_still_read(
    root: Path, disk: Path, run_tiny: RunTiny
) -> None:
    made = digests(run_tiny())
    assert mount("-o", "remount,ro", str(disk))
    assert run_tiny().executed == ()
    before = (root / "pipelines/tiny/train.py").read_text()
    edit(root, "train.py", "sum(train)", "2 * sum(train)")
    with pytest.raises(StoreError, match="Read-only file system") as caught:
        run_tiny()
    assert "read-only" in (caught.value.hint or "")
    assert fsck(seams_of(root, [])) == ()
    assert mount("-o", "remount,rw", str(disk))
    assert [ran.decision.step for ran in run_tiny().executed] == ["train"]
    (root / "pipelines/tiny/train.py").write_text(before)
    assert digests(run_tiny()) == made


def test_gc_works_on_a_full_disk(root: Path, disk: Path, run_tiny: RunTiny) -> None:
    run_tiny()
    for folder in ("blobs", "keys"):
        for path in (disk / "store" / folder).rglob("*"):
            if path.is_file():
                os.utime(path, (1_000_000_000, 1_000_000_000))
    filler = disk / "filler"
    with filler.open("wb") as stream, pytest.raises(OSError, match="No space left"):
        while True:
            os.write(stream.fileno(), b"x" * 4096)
    later = replace(seams_of(root, []), clock=lambda: datetime.now(UTC))
    result = gc(later, days=90, offline=True)
    assert sum(share.count for share in result.removed) > 0
    assert fsck(seams_of(root, [])) == ()
