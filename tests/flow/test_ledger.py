"""The ledger: whatever happens at the same time, no record is lost, and none is written twice."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlgitops.core.errors import NotAllowed
from mlgitops.flow.ledger import append, damaged, read
from mlgitops.git import RefUpdate, Repository
from tests.seams.rivals import killed_at, race
from tests.support import Origin, git, write

AT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
REF = "refs/mlgitops/ledger/2026"
WRITERS = 16


def test_what_was_added_is_read_by_everybody_oldest_first(origin: Origin) -> None:
    here = Repository.open(origin.clone)
    later = append(here, "monitor", {"verdict": "degraded"}, AT)
    append(here, "deploy", {"environment": "prod"}, AT)
    first = append(here, "monitor", {"verdict": "healthy"}, AT - timedelta(days=400))
    git(origin.bare, "clone", "--quiet", str(origin.bare), str(origin.clone.with_name("other")))
    there = Repository.open(origin.clone.with_name("other"))
    there.fetch()
    for repository in (here, there):
        assert [one.path for one in read(repository, "monitor")] == [first, later]
        assert [one.body for one in read(repository, "deploy")] == [{"environment": "prod"}]
        assert len(read(repository)) == 3
        assert damaged(repository) == ()
    assert sorted(here.refs("refs/mlgitops/ledger/")) == ["refs/mlgitops/ledger/2025", REF]


@pytest.mark.parametrize("shared", [True, False], ids=["remote", "alone"])
def test_adding_the_same_twice_writes_once(origin: Origin, repo: Path, shared: bool) -> None:
    root = origin.clone if shared else repo
    path = append(Repository.open(root), "monitor", {"n": 1}, AT)
    before = git(root, "show-ref"), git(root, "count-objects", "-v")
    assert append(Repository.open(root), "monitor", {"n": 1}, AT) == path
    assert (git(root, "show-ref"), git(root, "count-objects", "-v")) == before


def test_a_record_that_another_clone_added_is_not_added_again(origin: Origin) -> None:
    other = origin.clone.with_name("other")
    git(origin.bare, "clone", "--quiet", str(origin.bare), str(other))
    append(Repository.open(other), "monitor", {"n": 1}, AT)
    append(Repository.open(origin.clone), "monitor", {"n": 1}, AT)
    assert git(origin.bare, "rev-list", "--count", REF) == "1"


def test_of_16_writers_nobody_is_lost(origin: Origin) -> None:
    def write_one(number: int) -> str:
        root = origin.clone.with_name(f"writer-{number}")
        git(origin.bare, "clone", "--quiet", str(origin.bare), str(root))
        return append(Repository.open(root), "run", {"n": number}, AT)

    paths = race(write_one, WRITERS)
    repository = Repository.open(origin.clone)
    repository.fetch()
    assert sorted(one.path for one in read(repository)) == sorted(paths)
    assert len(set(paths)) == WRITERS
    assert repository.run("rev-list", "--count", REF).strip() == str(WRITERS)


def test_killed_at_any_call_of_git_the_next_run_adds_the_record(
    origin: Origin, tmp_path: Path
) -> None:
    call = 0
    alive = True
    while alive:
        call += 1
        at = AT - timedelta(minutes=call)

        def work(at: datetime = at) -> object:
            return append(Repository.open(origin.clone), "run", {"n": 1}, at)

        alive = killed_at(call, work, tmp_path / "deadly")
        work()
        repository = Repository.open(origin.clone)
        assert len(read(repository)) == call
    assert call > 5


def test_a_checkout_is_not_touched(repo: Path) -> None:
    write(repo, {"README.md": "edited", "new": "x"})
    before = git(repo, "status", "--porcelain", "--branch"), git(repo, "stash", "list")
    append(Repository.open(repo), "run", {"n": 1}, AT)
    assert (git(repo, "status", "--porcelain", "--branch"), git(repo, "stash", "list")) == before


def test_what_somebody_pushed_there_is_read_past_and_named(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    path = append(repository, "monitor", {"verdict": "degraded"}, AT)
    tip = repository.refs(REF)[REF]
    data = repository.file(tip, path) or b""
    wrong = {
        path: data.replace(b"degraded", b"healthy"),
        "monitor/2026/12/30/note.txt": b"hello",
        path.replace("/31/", "/29/"): data,
    }
    forged = repository.commit(tip, wrong, "Forge")
    repository.publish([RefUpdate(ref=REF, old=tip, new=forged)])
    assert read(repository) == ()
    assert damaged(repository) == tuple(sorted(f"{REF}:{one}" for one in wrong))


def test_who_may_not_write_is_told_so(origin: Origin) -> None:
    hook = origin.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'read only' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(NotAllowed, match="read only"):
        append(Repository.open(origin.clone), "run", {"n": 1}, AT)
