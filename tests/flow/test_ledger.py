"""The ledger: whatever happens at the same time, no record is lost, and none is written twice."""

import shlex
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mlgitops.core.errors import NotAllowed
from mlgitops.flow.ledger import append, append_here, damaged, read, share
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


def here(root: Path, number: int, at: datetime = AT) -> str:
    repository = Repository.open(root)
    return append_here(repository, "run", {"n": number}, at, repository.standing()).path


def test_without_a_remote_a_record_stands_in_the_ledger_at_once(repo: Path) -> None:
    paths = [here(repo, number) for number in range(3)]
    repository = Repository.open(repo)
    assert sorted(repository.refs("refs/mlgitops")) == [REF]
    assert sorted(one.path for one in read(repository, "run")) == sorted(paths)
    assert damaged(repository) == ()
    git(repo, "fsck", "--strict")


def test_a_clone_keeps_its_records_until_they_are_shared(origin: Origin) -> None:
    path = here(origin.clone, 1)
    repository = Repository.open(origin.clone)
    assert git(origin.bare, "for-each-ref", "refs/mlgitops") == ""
    assert [one.path for one in read(repository)] == [path]
    repository.fetch()
    assert share(repository) == 1
    assert git(origin.bare, "ls-tree", "-r", "--name-only", REF) == path
    assert sorted(repository.refs("refs/mlgitops")) == [REF]
    assert [one.path for one in read(repository)] == [path]
    assert share(repository) == 0


def test_what_two_clones_share_at_once_is_united(origin: Origin) -> None:
    roots = [origin.clone.with_name(f"clone-{number}") for number in range(4)]
    for number, root in enumerate(roots):
        git(origin.bare, "clone", "--quiet", str(origin.bare), str(root))
        for other in range(2):
            here(root, 10 * number + other)
    assert race(lambda number: share(Repository.open(roots[number])), len(roots)) == [2] * 4
    repository = Repository.open(origin.clone)
    repository.fetch()
    assert len(read(repository, "run")) == 8
    assert damaged(repository) == ()


def test_of_runs_that_end_at_once_nobody_is_lost(repo: Path) -> None:
    paths = race(lambda number: here(repo, number), WRITERS)
    assert sorted(one.path for one in read(Repository.open(repo))) == sorted(paths)
    assert list((repo / ".git").glob("fast_import_crash*")) == []


def test_a_record_that_is_added_while_others_are_shared_stays(origin: Origin) -> None:
    here(origin.clone, 1)
    hook = origin.bare / "hooks/post-receive"
    code = (
        "from datetime import UTC, datetime; from pathlib import Path;"
        f"from tests.flow.test_ledger import here; here(Path({str(origin.clone)!r}), 2)"
    )
    root = Path(__file__).parents[2]
    elsewhere = "unset $(git rev-parse --local-env-vars)"
    hook.write_text(f"#!/bin/sh\n{elsewhere}\ncd {root}\n{sys.executable} -c {shlex.quote(code)}\n")
    hook.chmod(0o755)
    repository = Repository.open(origin.clone)
    assert share(repository) == 1
    assert len(read(repository)) == 2
    hook.unlink()
    assert share(repository) == 1
    assert repository.refs("refs/mlgitops-local") == {}


def test_killed_at_any_call_of_git_what_was_there_stays(repo: Path, tmp_path: Path) -> None:
    call, kept = 0, 0
    alive = True
    while alive:
        call += 1
        at = AT - timedelta(minutes=call)
        alive = killed_at(call, partial(here, repo, 1, at), tmp_path / "deadly")
        assert damaged(Repository.open(repo)) == ()
        now = len(read(Repository.open(repo)))
        assert now in (kept, kept + 1)
        kept = now
    assert call > 3
    assert kept >= 1


def test_where_work_stands_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repo, {"README.md": "edited", "new file": "x"})
    standing = Repository.open(repo).standing()
    assert standing.commit == git(repo, "rev-parse", "HEAD")
    assert (standing.branch, standing.remote) == ("main", False)
    assert standing.dirty == ("README.md", "new file")
    assert standing.who == "Ada Author"
    git(repo, "checkout", "--quiet", "--detach")
    monkeypatch.delenv("GIT_AUTHOR_NAME")
    detached = Repository.open(repo).standing()
    assert (detached.branch, detached.who) == (None, "mlgitops")
    git(repo, "config", "user.name", "Somebody <else>\\n")
    assert here(repo, 1)
