"""What was worked out once is known again, and whatever happens to its file is never an answer."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlgitops.files.memory import Memory, maker


def test_a_value_is_known_by_its_key_and_by_no_other(tmp_path: Path) -> None:
    Memory(tmp_path, "told", "a", "1").keep({"x": [1, None, "é"]})
    assert Memory(tmp_path, "told", "a", "1").recall() == {"x": [1, None, "é"]}
    assert Memory(tmp_path, "told", "a", "2").recall() is None
    assert Memory(tmp_path, "other", "a", "1").recall() is None


def test_every_byte_that_is_changed_or_lost_is_noticed(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "told", "k")
    memory.keep(["some", "value"])
    (place,) = (tmp_path / "mlgitops").iterdir()
    whole = place.read_bytes()
    for at in range(len(whole)):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert memory.recall() is None
        place.write_bytes(whole[:at])
        assert memory.recall() is None
    place.write_bytes(b"[" * 100_000)
    assert memory.recall() is None


def test_where_nothing_can_be_written_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "mlgitops").write_text("a file, where a folder should be")
    memory = Memory(tmp_path, "told", "k")
    memory.keep(1)
    assert memory.recall() is None


def test_many_writers_at_once_leave_one_whole_value_and_no_litter(tmp_path: Path) -> None:
    def work(number: int) -> object:
        Memory(tmp_path, "told", "k").keep(["x" * 10_000, number])
        return Memory(tmp_path, "told", "k").recall()

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(work, range(64)))
    assert all(isinstance(one, list) and len(one) == 2 for one in seen)
    assert [path.name for path in (tmp_path / "mlgitops").iterdir()] == ["told"]


def test_other_code_is_another_maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rules.py").write_text("x = 1\n")
    monkeypatch.setattr("mlgitops.core.__path__", [str(tmp_path)])
    maker.cache_clear()
    before = maker()
    (tmp_path / "rules.py").write_text("x = 22\n")
    maker.cache_clear()
    assert maker() != before
    maker.cache_clear()
