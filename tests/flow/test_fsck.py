"""Every flipped bit is found, none is served, and what is taken out of use is made again."""

import random
from pathlib import Path

import pytest

from mlgitops.core.digests import Digest
from mlgitops.core.errors import StoreError
from mlgitops.flow.fsck import fsck
from mlgitops.store.local import LocalStore
from tests.flow.conftest import RunTiny, seams_of


def files(store: Path) -> list[Path]:
    """Return the files of a store that say something."""
    found = [path for path in store.rglob("*") if path.is_file() and path.stat().st_size]
    return sorted(path for path in found if "tmp" not in path.relative_to(store).parts)


def flip(path: Path, at: int, bit: int) -> bytes:
    """Flip one bit of a file; return what was there."""
    before = path.read_bytes()
    data = bytearray(before)
    data[at] ^= 1 << bit
    path.chmod(0o644)
    path.write_bytes(data)
    return before


def test_each_of_a_hundred_flipped_bits_is_found_and_none_is_served(
    root: Path, run_tiny: RunTiny, tmp_path: Path
) -> None:
    run_tiny()
    place = root / ".mlgitops/store"
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(200):
        (folder / str(number)).write_bytes(b"%d" % number * 20)
    LocalStore(place).put_tree(folder)
    seams = seams_of(root, [])
    assert fsck(seams) == ()
    chance = random.Random(7)
    choice = files(place)
    assert len(choice) > 15
    for _ in range(100):
        path = chance.choice(choice)
        at, bit = chance.randrange(path.stat().st_size), chance.randrange(8)
        before = flip(path, at, bit)
        found = fsck(seams)
        assert path in {one.defect.path for one in found}, (path, at, bit)
        if path.parent.name == "sha256":
            digest = Digest(f"sha256:{path.name}")
            for read in (seams.store.read, seams.store.path):
                with pytest.raises(StoreError, match="damaged"):
                    read(digest)
        elif "keys" in path.parts:
            record = seams.store.recall(Digest(f"sha256:{path.name}"))
            assert record is None or not seams.store.has(record)
        path.write_bytes(before)
    assert fsck(seams) == ()


def test_repairing_lets_the_next_run_make_the_same_again(root: Path, run_tiny: RunTiny) -> None:
    first = run_tiny()
    made = {step: dict(record.outputs) for step, record in first.records.items()}
    place = root / ".mlgitops/store"
    for path in files(place):
        flip(path, path.stat().st_size // 2, 3)
    seams = seams_of(root, [])
    found = fsck(seams, repair=True)
    assert all(one.repaired for one in found)
    assert fsck(seams) == ()
    again = run_tiny()
    assert {step: dict(record.outputs) for step, record in again.records.items()} == made
    assert fsck(seams_of(root, [])) == ()
    assert len(list((place / "damaged").iterdir())) > 3


def test_it_says_whose_bytes_were_lost_and_what_brings_them_back(
    root: Path, run_tiny: RunTiny
) -> None:
    ran = run_tiny().records
    place = root / ".mlgitops/store/blobs/sha256"
    for digest in (ran["train"].outputs["model"].digest, ran["rows"].outputs["rows"].digest):
        flip(place / digest.removeprefix("sha256:"), 0, 0)
    said = {one.of: (one.then, one.rebuilt) for one in fsck(seams_of(root, []))}
    assert said["model of tiny.train"] == ("`mlgitops run` makes it again", True)
    assert "may not have these rows any more" in said["rows of tiny.rows"][0]
    assert said["rows of tiny.rows"][1] is False


def test_strangers_are_let_alone(root: Path, run_tiny: RunTiny) -> None:
    run_tiny()
    stranger = root / ".mlgitops/store/blobs/sha256/notes.txt"
    stranger.write_text("mine")
    (one,) = fsck(seams_of(root, []), repair=True)
    assert (one.repaired, one.rebuilt) == (False, False)
    assert stranger.read_text() == "mine"


def test_a_run_after_a_loss_of_power_does_the_work_again(root: Path, run_tiny: RunTiny) -> None:
    first = run_tiny().records
    pinned = first["rows"].outputs["rows"].digest  # made durable before its pin was written
    for path in (root / ".mlgitops/store/blobs/sha256").iterdir():
        if path.name not in pinned:
            path.chmod(0o644)
            path.write_bytes(b"")
    again = run_tiny().records
    assert {step: one.outputs for step, one in again.items()} == {
        step: one.outputs for step, one in first.items()
    }
