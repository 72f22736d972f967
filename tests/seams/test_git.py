"""Git, the seam below all others: what is read, what is written, and what 16 rivals leave."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlgitops.core.errors import GitError, NotAllowed, Refused
from mlgitops.git import KEPT, Published, RefUpdate, Repository, Stale, calls
from tests.seams.rivals import race
from tests.support import Origin, commit, git, write

RIVALS = 16


def snapshot(root: Path) -> dict[str, str]:
    """What the person at this checkout would notice if it changed."""
    return {
        "head": (root / ".git/HEAD").read_text(),
        "index": git(root, "ls-files", "--stage", "--debug"),
        "status": git(root, "status", "--porcelain", "--untracked-files=all", "--ignored"),
        "stash": git(root, "stash", "list"),
        "branches": git(root, "for-each-ref", "refs/heads"),
        "fetched": str((root / ".git/FETCH_HEAD").exists()),
    }


# -- sharing ----------------------------------------------------------------------------------


def test_a_branch_is_created_once_whoever_else_tries(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    first = repository.commit(repository.base("main"), {"a": b"1"}, "One")
    second = repository.commit(repository.base("main"), {"a": b"2"}, "Two")
    assert repository.publish([RefUpdate(ref="refs/heads/x", old=None, new=first)]) == Published()
    answer = repository.publish([RefUpdate(ref="refs/heads/x", old=None, new=second)])
    assert answer == Stale(refs=("refs/heads/x",))
    assert git(origin.bare, "rev-parse", "x") == first


def test_publishing_the_same_again_is_done_already(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    new = repository.commit(repository.base("main"), {"a": b"1"}, "One")
    update = RefUpdate(ref="refs/heads/x", old=None, new=new)
    assert repository.publish([update]) == repository.publish([update]) == Published()
    gone = RefUpdate(ref="refs/heads/x", old=new, new=None)
    assert repository.publish([gone]) == repository.publish([gone]) == Published()


def test_publishing_nothing_pushes_nothing(origin: Origin) -> None:
    commit(origin.clone, {"unpushed": "1"})
    assert Repository.open(origin.clone).publish([]) == Published()
    assert git(origin.bare, "log", "--format=%s", "main") == "Start"


@pytest.mark.parametrize("shared", [True, False], ids=["remote", "alone"])
def test_all_refs_move_or_none(origin: Origin, repo: Path, shared: bool) -> None:
    root = origin.clone if shared else repo
    repository = Repository.open(root)
    main = repository.base("main")
    new = repository.commit(main, {"a": b"1"}, "One")
    updates = [
        RefUpdate(ref="refs/heads/main", old=main, new=new),
        RefUpdate(ref="refs/mlgitops/x", old=new, new=new),
    ]
    assert repository.publish(updates) == Stale(refs=("refs/mlgitops/x",))
    assert git(origin.bare if shared else repo, "rev-parse", "main") == main
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize("shared", [True, False], ids=["remote", "alone"])
def test_of_16_who_create_one_ref_exactly_one_wins(
    origin: Origin, repo: Path, tmp_path: Path, shared: bool
) -> None:
    def create(number: int) -> bool:
        root = repo
        if shared:
            root = tmp_path / str(number)
            git(tmp_path, "clone", "--quiet", str(origin.bare), str(root))
        repository = Repository.open(root)
        new = repository.commit(repository.base("main"), {"n": b"%d" % number}, str(number))
        answer = repository.publish([RefUpdate(ref="refs/mlgitops/x", old=None, new=new)])
        return isinstance(answer, Published)

    answers = race(create)
    assert sorted(answers) == [False] * (RIVALS - 1) + [True]


@pytest.mark.parametrize("place", ["one clone", "alone"])
def test_of_16_who_write_to_main_nobody_loses(
    origin: Origin, repo: Path, tmp_path: Path, place: str
) -> None:

    def write_one(number: int) -> int:
        repository = Repository.open(repo if place == "alone" else origin.clone)
        for attempt in range(1, 60):
            repository.fetch()
            tip = repository.base("main")
            new = repository.commit(tip, {f"files/{number}": b"x"}, str(number))
            update = RefUpdate(ref="refs/heads/main", old=tip, new=new)
            if isinstance(repository.publish([update]), Published):
                return attempt
        return 0

    attempts = race(write_one)
    assert all(isinstance(one, int) and one > 0 for one in attempts), attempts
    shared = repo if place == "alone" else origin.bare
    landed = git(shared, "ls-tree", "--name-only", "main:files").split()
    assert sorted(map(int, landed)) == list(range(RIVALS))
    assert git(shared, "fsck", "--strict", "--no-dangling") == ""
    if place == "alone":
        assert git(repo, "status", "--porcelain") == ""


def test_a_refusal_by_a_rule_is_no_race(origin: Origin) -> None:
    hook = origin.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    repository = Repository.open(origin.clone)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    with pytest.raises(NotAllowed, match="main is protected"):
        repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)])


def test_a_rival_who_holds_a_lock_for_a_moment_is_waited_for(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    lock = origin.bare / "refs/heads/main.lock"
    lock.touch()
    # The hook runs in the push that fails on the lock; the next push finds the lock gone.
    hook = origin.bare / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\n[ -e seen ] && rm -f {lock}\ntouch seen\n")
    hook.chmod(0o755)
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()


def test_an_unreachable_remote_is_neither_a_race_nor_a_rule(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    shutil.rmtree(origin.bare)
    with pytest.raises(GitError):
        repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)])
    with pytest.raises(GitError, match="cannot fetch"):
        repository.fetch()


def test_only_what_is_named_is_pushed(origin: Origin) -> None:
    git(origin.clone, "config", "push.followTags", "true")
    git(origin.clone, "tag", "-a", "mine", "-m", "not to be shared")
    repository = Repository.open(origin.clone)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)])
    assert git(origin.bare, "tag") == ""


# -- fetching ---------------------------------------------------------------------------------


def test_fetching_deletes_nothing_that_only_this_clone_has(origin: Origin) -> None:
    git(origin.clone, "tag", "-a", "local", "-m", "mine")
    git(origin.clone, "update-ref", "refs/mlgitops/pulls/1", "HEAD")
    git(origin.clone, "branch", "mine")
    Repository.open(origin.clone).fetch()
    refs = git(origin.clone, "for-each-ref", "--format=%(refname)")
    assert {"refs/tags/local", "refs/mlgitops/pulls/1", "refs/heads/mine"} <= set(refs.split())


def test_a_branch_that_was_deleted_there_is_gone_here(origin: Origin) -> None:
    git(origin.bare, "branch", "x", "main")
    repository = Repository.open(origin.clone)
    repository.fetch()
    assert repository.resolve("origin/x")
    git(origin.bare, "branch", "-D", "x")
    repository.fetch()
    assert repository.resolve("origin/x") is None


def test_a_floating_tag_may_move_and_a_release_tag_may_not(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    for tag in ("latest", "churn@v1.0.0"):
        git(origin.bare, "tag", "-a", tag, "-m", tag, "main")
    repository.fetch()
    git(origin.bare, "tag", "-f", "-a", "latest", "-m", "moved", "main")
    git(origin.bare, "branch", "x", "main")
    repository.fetch()
    assert repository.resolve("origin/x")
    git(origin.bare, "tag", "-f", "-a", "churn@v1.0.0", "-m", "moved", "main")
    with pytest.raises(GitError, match=r"rewrote what only ever grows: refs/tags/churn@v1\.0\.0"):
        repository.fetch()


def test_a_rewritten_record_is_noticed(origin: Origin) -> None:
    repository = Repository.open(origin.clone)
    one = repository.commit(None, {"a": b"1"}, "One")
    repository.publish([RefUpdate(ref="refs/mlgitops/ledger/2026", old=None, new=one)])
    other = Repository.open(origin.bare).commit(None, {"a": b"2"}, "Forged")
    git(origin.bare, "update-ref", "refs/mlgitops/ledger/2026", other)
    with pytest.raises(GitError, match="refs/mlgitops/ledger/2026"):
        repository.fetch()
    assert repository.refs("refs/mlgitops/") == {"refs/mlgitops/ledger/2026": one}


def test_kept_commits_are_fetched_one_by_one(origin: Origin) -> None:
    kept = f"{KEPT}7"
    git(origin.bare, "update-ref", kept, "main")
    repository = Repository.open(origin.clone)
    repository.fetch()
    assert repository.refs(KEPT) == {}
    assert repository.bring(kept) == git(origin.bare, "rev-parse", "main")
    assert repository.bring(f"{KEPT}8") is None


# -- the caller's checkout --------------------------------------------------------------------


def test_a_dirty_checkout_is_left_as_it_is_and_nothing_of_it_leaks(origin: Origin) -> None:
    root = origin.clone
    commit(root, {"tracked": "1\n", ".gitignore": "ignored\n"})
    git(root, "push", "--quiet")
    write(root, {"stashed": "x"})
    git(root, "stash", "--include-untracked", "--quiet")
    write(root, {"staged": "s", "untracked": "u", "ignored": "i", "tracked": "2\n"})
    git(root, "add", "staged")
    before = snapshot(root)
    repository = Repository.open(root)
    repository.fetch()
    tip = repository.base("main")
    new = repository.commit(tip, {"new": b"1"}, "New")
    repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)])
    assert snapshot(root) == before
    assert set(repository.tree(new).paths()) == {".gitignore", "README.md", "new", "tracked"}
    assert repository.tree(new).read("tracked") == b"1\n"
    assert set(repository.dirty()) == {"staged", "tracked", "untracked"}


def test_a_detached_head_is_no_hindrance(origin: Origin) -> None:
    git(origin.clone, "checkout", "--quiet", "--detach")
    git(origin.clone, "branch", "-D", "main")
    repository = Repository.open(origin.clone)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()
    assert git(origin.clone, "rev-parse", "HEAD") == tip


def test_a_shallow_clone_publishes_and_deepens_when_history_is_needed(
    origin: Origin, tmp_path: Path
) -> None:
    start = git(origin.clone, "rev-parse", "HEAD")
    git(origin.clone, "push", "--quiet", "origin", "HEAD:refs/heads/old")
    for number in range(3):
        commit(origin.clone, {"n": str(number)})
    git(origin.clone, "push", "--quiet")
    root = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{origin.bare}", str(root))
    repository = Repository.open(root)
    assert repository.shallow()
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1"}, "One")
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()
    assert repository.resolve(start) is None
    repository.deepen()
    assert not repository.shallow()
    assert repository.is_ancestor(start, new)


def change_something(repository: Repository) -> str:
    changes = {"kept/a": None, "left/c": b"\r\n"}
    return repository.commit(repository.base("main"), changes, "Change")


@pytest.mark.parametrize("kind", ["crlf", "sparse", "worktree", "partial", "bare"])
def test_the_same_change_gives_the_same_tree_in_every_kind_of_checkout(
    origin: Origin, tmp_path: Path, kind: str
) -> None:
    commit(origin.clone, {"text.txt": "a\nb\n", "kept/a": "1", "left/b": "2"})
    git(origin.clone, "push", "--quiet")
    plain = change_something(Repository.open(origin.clone))
    root = tmp_path / "other"
    url = f"file://{origin.bare}"
    match kind:
        case "crlf":
            git(tmp_path, "clone", "--quiet", "-c", "core.autocrlf=true", url, str(root))
            assert (root / "text.txt").read_bytes() == b"a\r\nb\r\n"
        case "sparse":
            git(tmp_path, "clone", "--quiet", "--sparse", url, str(root))
            git(root, "sparse-checkout", "set", "--sparse-index", "kept")
            assert not (root / "left").exists()
        case "worktree":
            git(origin.clone, "worktree", "add", "--quiet", "-b", "side", str(root))
        case "partial":
            git(origin.bare, "config", "uploadpack.allowFilter", "true")
            git(tmp_path, "clone", "--quiet", "--no-checkout", "--filter=blob:none", url, str(root))
        case _:
            git(tmp_path, "clone", "--quiet", "--bare", url, str(root))
    repository = Repository.open(root)
    repository.fetch()
    new = change_something(repository)
    tree = repository.tree(new)
    assert tree.paths() == ["README.md", "left/b", "left/c", "text.txt"]
    assert tree.read("text.txt") == b"a\nb\n"
    assert tree.read("left/c") == b"\r\n"
    assert new == plain


def test_a_commit_changes_what_it_names_and_nothing_else(repo: Path) -> None:
    script = repo / "bin/run"
    write(repo, {"bin/run": "#!/bin/sh\n", "a/b": "1", "a.txt": "2", "a0": "3", "deep/x/y/z": "4"})
    script.chmod(0o755)
    (repo / "link").symlink_to("a.txt")
    base = commit(repo, {})
    repository = Repository.open(repo)
    changes = {
        "bin/run": b"#!/bin/bash\n",
        "a/c": b"new",
        "deep/x/y/z": None,
        "not/there": None,
        "n\u00e4me with\ttab": b"\xff",
    }
    new = repository.commit(base, changes, "Change")
    shown = git(repo, "-c", "core.quotePath=false", "diff-tree", "-r", "--name-status", base, new)
    assert sorted(shown.splitlines()) == [
        'A\t"n\u00e4me with\\ttab"',
        "A\ta/c",
        "D\tdeep/x/y/z",
        "M\tbin/run",
    ]
    assert git(repo, "ls-tree", new, "bin/run").startswith("100755")
    assert git(repo, "ls-tree", new, "deep") == ""
    assert git(repo, "fsck", "--strict", "--no-dangling") == ""
    everything = dict.fromkeys(repository.tree(new).paths()) | {"link": None}
    empty = repository.commit(new, everything, "Delete everything")
    assert git(repo, "ls-tree", empty) == ""


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", ".git/config", "a/.GIT/hooks/x"]
)
def test_no_commit_leaves_the_tree_or_enters_git(repo: Path, path: str) -> None:
    repository = Repository.open(repo)
    with pytest.raises(GitError, match="cannot be the path"):
        repository.commit(repository.base("main"), {path: b""}, "Change")


def test_a_file_does_not_become_a_folder_by_the_way(repo: Path) -> None:
    base = commit(repo, {"a": "1", "b/c": "2"})
    repository = Repository.open(repo)
    for changes in ({"a/b": b""}, {"b": b""}, {"n": b"", "n/m": b""}, {"n/m": b"", "n": b""}):
        with pytest.raises(GitError, match="folder"):
            repository.commit(base, changes, "Change")


def test_an_export_has_the_bytes_of_the_commit_whatever_the_machine_likes(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = commit(origin.clone, {"text.txt": "a\nb\n", "kept/a": "1", "left/b": "2"})
    git(origin.clone, "config", "core.autocrlf", "true")
    git(origin.clone, "sparse-checkout", "set", "kept")
    before = snapshot(origin.clone)
    goal = tmp_path / "goal"
    goal.mkdir()
    monkeypatch.chdir(tmp_path)
    Repository.open(origin.clone).export(tip, Path("goal"))
    assert (goal / "text.txt").read_bytes() == b"a\nb\n"
    assert (goal / "left/b").read_text() == "2"
    assert snapshot(origin.clone) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clone", "goal", "origin.git"]


def test_nobody_has_to_be_known_to_git(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(origin.clone, "config", "user.useConfigOnly", "true")
    repository = Repository.open(origin.clone)
    new = repository.commit(repository.base("main"), {"a": b"1"}, "One")
    assert git(origin.clone, "log", "-1", "--format=%an %ae", new) == "mlgitops mlgitops@localhost"
    assert repository.person() == "mlgitops"
    git(origin.clone, "config", "user.name", "Nora")
    assert repository.person() == "Nora"


# -- no remote --------------------------------------------------------------------------------


def test_alone_the_checked_out_branch_moves_with_its_files(repo: Path) -> None:
    commit(repo, {"doomed": "1"})
    write(repo, {"mine": "untracked", "README.md": "# Changed by hand\n"})
    repository = Repository.open(repo)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1", "doomed": None}, "One")
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()
    assert git(repo, "rev-parse", "HEAD") == new
    assert (repo / "a").read_text() == "1"
    assert not (repo / "doomed").exists()
    assert repository.dirty() == ("README.md", "mine")
    assert (repo / "README.md").read_text() == "# Changed by hand\n"


@pytest.mark.parametrize("way", ["edited", "untracked"])
def test_alone_files_that_are_in_the_way_are_never_overwritten(repo: Path, way: str) -> None:
    path = "README.md" if way == "edited" else "new"
    write(repo, {path: "by hand"})
    repository = Repository.open(repo)
    tip = repository.base("main")
    new = repository.commit(tip, {path: b"by the tool"}, "One")
    updates = [
        RefUpdate(ref="refs/mlgitops/x", old=None, new=new),
        RefUpdate(ref="refs/heads/main", old=tip, new=new),
    ]
    with pytest.raises(Refused, match=path) as caught:
        repository.publish(updates)
    assert "put them aside" in str(caught.value.hint)
    assert git(repo, "rev-parse", "main") == tip
    assert repository.refs("refs/mlgitops/") == {}
    assert (repo / path).read_text() == "by hand"


def test_alone_a_branch_of_another_work_tree_moves_with_its_files(
    repo: Path, tmp_path: Path
) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", "side", str(tmp_path / "side"))
    repository = Repository.open(repo)
    tip = repository.base("side")
    new = repository.commit(tip, {"a": b"1"}, "One")
    assert repository.publish([RefUpdate(ref="refs/heads/side", old=tip, new=new)]) == Published()
    assert (tmp_path / "side/a").read_text() == "1"
    assert git(tmp_path / "side", "status", "--porcelain") == ""
    with pytest.raises(Refused, match="is checked out"):
        repository.publish([RefUpdate(ref="refs/heads/side", old=new, new=None)])


def test_alone_a_run_that_died_after_the_files_goes_on(repo: Path) -> None:
    repository = Repository.open(repo)
    tip = repository.base("main")
    new = repository.commit(tip, {"a": b"1", "README.md": b"2"}, "One")
    git(repo, "read-tree", "-m", "-u", tip, new)
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()
    assert git(repo, "status", "--porcelain") == ""


def test_alone_a_touched_file_is_no_edited_file(repo: Path) -> None:
    repository = Repository.open(repo)
    tip = repository.base("main")
    os.utime(repo / "README.md", (1, 1))
    new = repository.commit(tip, {"README.md": b"2"}, "One")
    assert repository.publish([RefUpdate(ref="refs/heads/main", old=tip, new=new)]) == Published()
    assert (repo / "README.md").read_text() == "2"


# -- reading ----------------------------------------------------------------------------------


def test_a_merge_in_memory_gives_a_tree_or_the_paths_in_conflict(repo: Path) -> None:
    repository = Repository.open(repo)
    base = repository.base("main")
    left = repository.commit(base, {"a": b"left", "b": b"left", "c": b"1"}, "Left")
    right = repository.commit(base, {"a": b"right", "b": b"right", "d": b"1"}, "Right")
    clean = repository.commit(base, {"d": b"1"}, "Clean")
    assert repository.merge_tree(left, right) is None
    assert repository.conflicts(left, right) == ("a", "b")
    merged = repository.merge_tree(left, clean)
    assert merged is not None
    assert git(repo, "ls-tree", "--name-only", merged).split() == ["README.md", "a", "b", "c", "d"]


def test_the_commit_that_brought_a_branch_in_is_found(repo: Path) -> None:
    base = git(repo, "rev-parse", "HEAD")
    git(repo, "checkout", "--quiet", "-b", "side")
    side = commit(repo, {"a": "1"})
    git(repo, "checkout", "--quiet", "main")
    commit(repo, {"b": "1"})
    git(repo, "merge", "--quiet", "--no-ff", "-m", "Merge", "side")
    merge = git(repo, "rev-parse", "HEAD")
    later = commit(repo, {"c": "1"})
    repository = Repository.open(repo)
    assert repository.landed(side, later) == merge
    assert repository.landed(base, later) == base
    assert repository.landed(later, later) == later


def test_what_a_person_has_set_for_the_eye_changes_no_byte(repo: Path) -> None:
    old = git(repo, "rev-parse", "HEAD")
    new = commit(repo, {"README.md": "# Ünïcode\n", "naïve name": "x\n"})
    repository = Repository.open(repo)
    before = (repository.diff(old, new), repository.log(new), repository.changed(old, new))
    for key, value in {
        "color.ui": "always",
        "core.abbrev": "40",
        "core.quotePath": "true",
        "diff.mnemonicPrefix": "true",
        "diff.noprefix": "true",
        "diff.renames": "copies",
        "i18n.logOutputEncoding": "latin1",
        "log.showSignature": "true",
    }.items():
        git(repo, "config", key, value)
    fresh = Repository.open(repo)
    assert (fresh.diff(old, new), fresh.log(new), fresh.changed(old, new)) == before
    assert "naïve name" in before[0]
    assert before[2] == ("README.md", "naïve name")


def test_an_object_that_is_not_here_is_said_to_be_missing(repo: Path) -> None:
    repository = Repository.open(repo)
    with pytest.raises(GitError, match="is not here"):
        repository.blob("1" * 40)
    head = repository.base("main")
    assert repository.file(head, "README.md") == b"# Example\n"
    assert repository.file(head, "nothing") is None


def test_git_that_is_not_installed_is_said_so(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository.open(repo)
    monkeypatch.setenv("PATH", str(repo))
    with pytest.raises(GitError, match="not installed"):
        repository.base("main")


def test_outside_a_repository_git_is_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="not in a git repository"):
        Repository.open(tmp_path)


# -- where a repository is --------------------------------------------------------------------


@pytest.mark.parametrize(
    "where", ["root", "inside", "linked", "work tree", "submodule", "moved", "bare", "dotted"]
)
def test_a_repository_is_where_the_library_finds_it(repo: Path, tmp_path: Path, where: str) -> None:
    # The usual clone is found without the library; nothing may tell the two apart.
    commit(repo, {"pipelines/churn/train.py": "x = 1\n"})
    place = repo
    match where:
        case "inside":
            place = repo / "pipelines/churn"
        case "dotted":
            place = repo / "pipelines/../pipelines"
        case "linked":
            place = tmp_path / "link"
            place.symlink_to(repo)
        case "work tree":
            place = tmp_path / "tree"
            git(repo, "worktree", "add", "-q", str(place))
        case "submodule":
            outer = tmp_path / "outer"
            git(tmp_path, "init", "-q", str(outer))
            git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo), "m")
            place = outer / "m"
        case "moved":
            git(repo, "config", "core.worktree", str(repo / "pipelines"))
        case "bare":
            place = tmp_path / "bare.git"
            git(tmp_path, "clone", "-q", "--bare", str(repo), str(place))
        case _:
            pass
    found, library = calls.find(place), calls.ask(place)
    assert found == library
    assert Repository.open(place).run("rev-parse", "HEAD") == Repository.open(repo).run(
        "rev-parse", "HEAD"
    )


def test_objects_are_read_one_after_the_other_and_an_answer_is_never_mixed_up(repo: Path) -> None:
    write(repo, {"large.txt": "x" * 200_000, "small.txt": "small", "two\nlines.txt": "odd"})
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "files")
    repository = Repository.open(repo)
    head = str(repository.resolve("HEAD"))
    large = git(repo, "rev-parse", "HEAD:large.txt").strip()
    assert repository.blob(large, 3) == b"xxx"
    assert repository.file(head, "small.txt") == b"small"
    assert repository.file(head, "no such.txt") is None
    assert repository.file(head, "two\nlines.txt") == b"odd"
    assert repository.blob(large) == b"x" * 200_000
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: repository.file(head, "small.txt"), range(100)))
    assert set(read) == {b"small"}


def test_reading_a_repository_does_not_wait_for_the_git_library(repo: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mlgitops.git import Repository\n"
        "here = Repository.open(Path('.')); here.fetch(); here.tags(); here.tree('HEAD')\n"
        "here.publish([]); print('git' in sys.modules)"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=repo, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
