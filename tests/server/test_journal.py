"""The journal keeps whole lines, whatever happens to a writer."""

import resource
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mlgitops.core.errors import MlgitopsError
from mlgitops.server.journal import Entry, Journal, read

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def append(journal: Journal, at: datetime, request: str) -> None:
    journal.append(
        at,
        request=request,
        model="flight-delay",
        version="1.4.0",
        digest="sha256:00",
        row_ids=["AA1", "UA2"],
        inputs={
            "temperature": np.array([0.1, np.nan], dtype=np.float32),
            "carrier": np.array(["AA", 'x{"at":"'], dtype=object),
        },
        outputs={"score": np.array([0.2, 1e-7], dtype=np.float32)},
    )


def requests(directory: Path, **bounds: datetime) -> list[str]:
    since, until = bounds.get("since", NOON - 9 * DAY), bounds.get("until", NOON + 9 * DAY)
    return [entry.request for entry in read(directory, since, until)]


def test_an_entry_comes_back_as_it_was_answered(tmp_path: Path) -> None:
    append(Journal(tmp_path), NOON, "r1")
    assert list(read(tmp_path, NOON, NOON + DAY)) == [
        Entry(
            at=NOON,
            request="r1",
            model="flight-delay",
            version="1.4.0",
            digest="sha256:00",
            row_ids=["AA1", "UA2"],
            inputs={"temperature": [0.1, None], "carrier": ["AA", 'x{"at":"']},
            outputs={"score": [0.2, 1e-7]},
        )
    ]


def test_each_day_has_its_file_and_a_reader_takes_what_lies_between(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    for day in range(4):
        append(journal, NOON + day * DAY, f"r{day}")
    names = [path.name for path in sorted(tmp_path.iterdir())]
    assert names == [f"2026-01-0{day}.jsonl" for day in (5, 6, 7, 8)]
    assert requests(tmp_path, since=NOON + DAY, until=NOON + 3 * DAY) == ["r1", "r2"]
    assert requests(tmp_path, since=NOON + timedelta(seconds=1)) == ["r1", "r2", "r3"]


def test_a_torn_last_line_is_skipped_told_and_spoils_no_later_one(tmp_path: Path) -> None:
    append(Journal(tmp_path), NOON, "r1")
    append(Journal(tmp_path), NOON, "torn")
    file = tmp_path / "2026-01-05.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert requests(tmp_path) == ["r1"]
    append(Journal(tmp_path), NOON, "r2")
    torn: list[tuple[Path, int]] = []
    found = read(tmp_path, NOON, NOON + DAY, lambda path, line: torn.append((path, line)))
    assert [entry.request for entry in found] == ["r1", "r2"]
    assert torn == [(file, 2)]


def test_a_line_behind_another_writers_torn_one_is_found(tmp_path: Path) -> None:
    first, second = Journal(tmp_path), Journal(tmp_path)
    append(second, NOON, "r0")
    append(first, NOON, "torn")
    file = tmp_path / "2026-01-05.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    append(second, NOON, "r1")
    torn: list[int] = []
    found = read(tmp_path, NOON, NOON + DAY, lambda _path, line: torn.append(line))
    assert [entry.request for entry in found] == ["r0", "r1"]
    assert torn == [2]


def test_a_full_disk_is_an_error_and_the_next_line_is_whole_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    append(journal, NOON, "r1")
    size = (tmp_path / "2026-01-05.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(OSError, match="only 10 of"):
            append(journal, NOON, "torn")
        with pytest.raises(OSError):
            append(journal, NOON, "nothing of it")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    append(journal, NOON, "r2")
    assert requests(tmp_path) == ["r1", "r2"]


def write_many(directory: Path, name: str) -> None:
    journal = Journal(directory)
    for number in range(500):
        append(journal, NOON, f"{name}{number}")


def test_processes_share_a_journal(tmp_path: Path) -> None:
    context = get_context("spawn")
    writers = [context.Process(target=write_many, args=(tmp_path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = requests(tmp_path)
    assert len(found) == 1500
    for name in "abc":
        own = [request for request in found if request.startswith(name)]
        assert own == [f"{name}{number}" for number in range(500)]


def test_an_empty_or_missing_directory_has_no_entries(tmp_path: Path) -> None:
    assert requests(tmp_path) == requests(tmp_path / "none") == []


@pytest.mark.parametrize("line", ["[]", '{"at": "2026-01-05T12:00:00"}', '{"at": 5}', '"text"'])
def test_what_is_no_journal_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    append(Journal(tmp_path), NOON, "r1")
    with (tmp_path / "2026-01-05.jsonl").open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(MlgitopsError, match=r"2026-01-05.jsonl:2: not a journal entry"):
        requests(tmp_path)
