"""Pull requests in refs: what rivals, kill -9, odd clones and other people's pushes do to them."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlgitops.core.errors import ForgeError, GitError, Refused
from mlgitops.core.specs.projects import CHECKS
from mlgitops.forge import Change, Check, Merged, NotReady, PullRequest, Waiting
from mlgitops.forge.local import LocalForge
from mlgitops.git import KEPT, RefUpdate, Repository
from tests.seams.rivals import killed_at, race
from tests.support import Origin, commit, git, write

RIVALS = 16
FEWER = 8
BRANCH = "mlgitops/promote/prod/churn"
PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: example
forge: {type: local, rules: {approvals: %d, checks: [%s]}}
"""
GREEN = {"mlgitops/gates": Check(name="mlgitops/gates", state="success")}


def forge_at(root: Path) -> LocalForge:
    return LocalForge(Repository.open(root), clock=lambda: datetime(2026, 1, 5, 9, tzinfo=UTC))


def change(head: str = BRANCH) -> Change:
    return Change(head=head, base="main", title="promote(prod): churn 1.0.0", body="**READY**\n")


def push(root: Path, branch: str, path: str = "pin", text: str = "1") -> str:
    """One commit on top of main, as the branch; from a checkout that is not touched."""
    repository = Repository.open(root)
    repository.fetch()
    new = repository.commit(repository.base("main"), {path: text.encode()}, f"Change {branch}")
    ref = f"refs/heads/{branch}"
    old = repository.remote_refs([ref]).get(ref)
    repository.publish([RefUpdate(ref=ref, old=old, new=new)])
    return new


def protect(root: Path, approvals: int = 0, checks: str = "") -> None:
    commit(root, {"mlgitops.yaml": PROJECT % (approvals, checks)}, "Protect")
    if git(root, "remote"):
        git(root, "push", "--quiet", "origin", "main")


def clone_of(origin: Origin, name: str, *args: str) -> Path:
    root = origin.bare.with_name(name)
    git(origin.bare, "clone", "--quiet", *args, f"file://{origin.bare}", str(root))
    return root


def opened(root: Path, branch: str = BRANCH, path: str = "pin") -> PullRequest:
    push(root, branch, path)
    return forge_at(root).open(change(branch), author="Ada")


# -- rivals ---------------------------------------------------------------------------------------


@pytest.fixture
def place(request: pytest.FixtureRequest, origin: Origin, repo: Path) -> Callable[[int], Path]:
    """Where each rival works: in a clone of its own, in the same one, or without a remote."""
    roots = {"one clone": origin.clone, "alone": repo}
    protect(roots.get(request.param, origin.clone))
    if request.param != "clones":
        return lambda number: roots[request.param]
    root = origin.clone.with_name

    def of(number: int) -> Path:
        if not root(f"rival-{number}").exists():
            clone_of(origin, f"rival-{number}")
        return root(f"rival-{number}")

    return of


@pytest.mark.parametrize("place", ["clones"], indirect=True)
def test_16_who_open_the_same_branch_open_one_pull_request(place: Callable[[int], Path]) -> None:
    push(place(0), BRANCH)
    answers = race(lambda n: forge_at(place(n)).open(change(), author=f"Rival {n}"), RIVALS)
    assert len({repr(answer) for answer in answers}) == 1, answers
    assert forge_at(place(0)).list() == (answers[0],)


@pytest.mark.parametrize("place", ["alone"], indirect=True)
def test_16_who_open_different_branches_get_16_numbers(place: Callable[[int], Path]) -> None:
    def work(number: int) -> int:
        return opened(place(number), f"mlgitops/{number}", f"pin-{number}").number

    assert sorted(race(work, RIVALS)) == list(range(1, RIVALS + 1))
    pulls = forge_at(place(0)).list()
    assert {p.change.head for p in pulls} == {f"mlgitops/{n}" for n in range(RIVALS)}


@pytest.mark.parametrize("place", ["one clone"], indirect=True)
def test_16_who_merge_the_same_get_the_same_answer(place: Callable[[int], Path]) -> None:
    pull = opened(place(0))

    def work(number: int) -> object:
        return forge_at(place(number)).merge(1, expect_head=pull.head_commit, by=f"Rival {number}")

    answers = race(work, RIVALS)
    assert len({repr(answer) for answer in answers}) == 1, answers
    repository = Repository.open(place(0))
    repository.fetch()
    assert answers[0] == Merged(commit=repository.base("main"))
    subjects = [entry.subject for entry in repository.log(repository.base("main"))]
    assert sum(subject.startswith("Merge pull request") for subject in subjects) == 1


@pytest.mark.parametrize("place", ["clones"], indirect=True)
def test_of_8_who_merge_different_ones_nobody_loses(place: Callable[[int], Path]) -> None:
    pulls = [opened(place(0), f"mlgitops/{n}", f"pin-{n}") for n in range(FEWER)]

    def work(number: int) -> object:
        pull = pulls[number]
        return forge_at(place(number)).merge(pull.number, expect_head=pull.head_commit, by="Bo")

    answers = race(work, FEWER)
    assert all(isinstance(answer, Merged) for answer in answers), answers
    repository = Repository.open(place(0))
    repository.fetch()
    paths = set(repository.tree(repository.base("main")).paths())
    assert {f"pin-{n}" for n in range(FEWER)} <= paths
    assert {p.state for p in forge_at(place(0)).list()} == {"merged"}


@pytest.mark.parametrize("place", ["one clone"], indirect=True)
def test_8_reviewers_are_all_counted(place: Callable[[int], Path]) -> None:
    head = opened(place(0)).head_commit
    race(lambda n: forge_at(place(n)).approve(1, by=f"Rival {n}", expect_head=head), FEWER)
    assert len(forge_at(place(0)).get(1).approvers()) == FEWER


# -- kill -9 --------------------------------------------------------------------------------------


def story(root: Path) -> dict[str, Callable[[], object]]:
    """What is done to pull request 1, in order; each part may be done again."""

    def head() -> str:
        return forge_at(root).get(1).head_commit

    return {
        "open": lambda: forge_at(root).open(change(), author="Ada"),
        "check": lambda: forge_at(root).check(1, GREEN, commit=head()),
        "approve": lambda: forge_at(root).approve(1, by="Bo", expect_head=head()),
        "merge": lambda: forge_at(root).merge(1, expect_head=head(), by="Bo"),
    }


def told(root: Path, shared: Path) -> dict[str, object]:
    """The end of the story, as everybody sees it."""
    refs = git(shared, "for-each-ref", "--format=%(refname)")
    return {
        "pulls": forge_at(root).list(),
        "refs": [ref for ref in refs.split() if not ref.startswith("refs/remotes/")],
        "tree": git(shared, "ls-tree", "-r", "main"),
        "main": git(shared, "log", "--format=%s%n%b", "main"),
        "fsck": git(shared, "fsck", "--strict", "--no-dangling"),
        "status": git(root, "status", "--porcelain"),
        "locks": [path.name for path in shared.rglob("*.lock")],
    }


@pytest.mark.parametrize(
    ("part", "shared", "when"),
    [
        ("open", True, "before"),
        ("merge", True, "before"),
        # After one call is before the next, but where the files of a checkout move in between.
        ("merge", False, "after"),
    ],
)
def test_killed_at_any_call_of_git_the_next_run_ends_the_same(
    origin: Origin, repo: Path, tmp_path: Path, part: str, shared: bool, when: str
) -> None:
    start = tmp_path / "start"
    root = origin.clone if shared else repo
    protect(root, approvals=1, checks="mlgitops/gates")
    push(root, BRANCH)
    parts = list(story(root))
    for earlier in parts[: parts.index(part)]:
        story(root)[earlier]()
    place = origin.clone.parent if shared else repo.parent
    names = ["clone", "origin.git"] if shared else ["repo"]
    for name in names:
        for hook in place.glob(f"{name}/**/*.sample"):
            hook.unlink()
        shutil.copytree(place / name, start / name, symlinks=True)
    story(root)[part]()
    expected = told(root, origin.bare if shared else repo)

    call = 0
    alive = True
    while alive:
        call += 1
        for name in names:
            shutil.rmtree(place / name)
            shutil.copytree(start / name, place / name, symlinks=True)
        alive = killed_at(call, story(root)[part], tmp_path / "deadly", when=when)
        story(root)[part]()
        assert told(root, origin.bare if shared else repo) == expected, f"killed {when} {call}"
    assert call > 5


# -- rules ----------------------------------------------------------------------------------------


def test_a_head_that_loosens_the_rules_is_judged_by_the_rules_of_the_base(origin: Origin) -> None:
    protect(origin.clone, approvals=1)
    head = push(origin.clone, "mlgitops/loose", "mlgitops.yaml", PROJECT % (0, ""))
    forge = forge_at(origin.clone)
    forge.open(change("mlgitops/loose"), author="Ada")
    answer = forge.merge(1, expect_head=head, by="Ada")
    assert answer == Waiting(reason=f"{head[:12]} needs 1 approval, and has none")


def test_without_a_project_file_every_check_is_asked_for(origin: Origin) -> None:
    pull = opened(origin.clone)
    at = pull.head_commit
    answer = forge_at(origin.clone).merge(1, expect_head=at, by="Bo")
    missing = [f"the check {name} has not run on {at[:12]}" for name in CHECKS]
    assert answer == Waiting(reason="; ".join(missing))


@pytest.mark.parametrize("text", ["", "kind: [", "kind: Project\n", PROJECT % (99, "")])
def test_rules_that_nobody_can_read_let_nothing_through(origin: Origin, text: str) -> None:
    commit(origin.clone, {"mlgitops.yaml": text})
    git(origin.clone, "push", "--quiet")
    pull = opened(origin.clone)
    forge = forge_at(origin.clone)
    forge.check(1, GREEN, commit=pull.head_commit)
    answer = forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert isinstance(answer, NotReady)
    assert answer.reason.startswith("the rules of main are unknown: ")


def test_every_reason_is_given_at_once_and_in_words(origin: Origin) -> None:
    protect(origin.clone, approvals=2, checks="gates, render, policy")
    head = opened(origin.clone).head_commit
    forge = forge_at(origin.clone)
    found = {
        "gates": Check(name="gates", state="failure", detail="auc 0.61 < 0.70"),
        "policy": Check(name="policy", state="success"),
    }
    forge.check(1, found, commit=head)
    forge.approve(1, by="Bo", expect_head=head)
    at = head[:12]
    assert forge.merge(1, expect_head=head, by="Bo") == NotReady(
        reason="the check gates is failure (auc 0.61 < 0.70); "
        f"the check render has not run on {at}; {at} needs 2 approvals, and has 1 (Bo)"
    )


# -- what git shows -------------------------------------------------------------------------------


def test_the_log_of_the_ref_is_the_story_of_the_pull_request(origin: Origin) -> None:
    protect(origin.clone)
    head = opened(origin.clone).head_commit
    forge = forge_at(origin.clone)
    forge.check(1, GREEN, commit=head)
    forge.approve(1, by="Bo", expect_head=head)
    forge.merge(1, expect_head=head, by="Cy")
    assert git(origin.bare, "log", "--reverse", "--format=%s", "refs/mlgitops/pulls/1") == (
        "Open: promote(prod): churn 1.0.0\n"
        "Check: mlgitops/gates success\n"
        "Approve as Bo\n"
        "Merge as Cy"
    )
    assert git(origin.bare, "log", "-1", "--format=%B", "main") == (
        "Merge pull request 1: promote(prod): churn 1.0.0\n\n"
        "Pull-request: 1\nReviewed-by: Bo\nMerged-by: Cy\n"
    )
    assert git(origin.bare, "show", "refs/mlgitops/pulls/1:body.md") == "**READY**"


def test_a_merge_touches_nothing_of_the_checkout(origin: Origin) -> None:
    protect(origin.clone)
    git(origin.clone, "checkout", "--quiet", "--detach")
    write(origin.clone, {"pin": "mine", "README.md": "edited"})
    pull = opened(origin.clone)
    before = git(origin.clone, "status", "--porcelain", "--branch")
    forge_at(origin.clone).merge(1, expect_head=pull.head_commit, by="Bo")
    assert git(origin.clone, "status", "--porcelain", "--branch") == before
    assert (origin.clone / "pin").read_text() == "mine"


def test_alone_the_checkout_follows_and_is_never_overwritten(repo: Path) -> None:
    protect(repo)
    pull = opened(repo)
    write(repo, {"pin": "mine"})
    forge = forge_at(repo)
    with pytest.raises(Refused, match="pin"):
        forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert forge.get(1).state == "open"
    (repo / "pin").unlink()
    assert isinstance(forge.merge(1, expect_head=pull.head_commit, by="Bo"), Merged)
    assert (repo / "pin").read_text() == "1"
    assert git(repo, "status", "--porcelain") == ""


def test_alone_a_head_that_somebody_looks_at_is_not_deleted_under_them(repo: Path) -> None:
    protect(repo)
    pull = opened(repo)
    git(repo, "checkout", "--quiet", BRANCH)
    assert isinstance(forge_at(repo).merge(1, expect_head=pull.head_commit, by="Bo"), Merged)
    assert git(repo, "rev-parse", "HEAD") == pull.head_commit
    assert git(repo, "status", "--porcelain") == ""


def test_what_was_rejected_can_still_be_read_when_its_branch_is_gone(origin: Origin) -> None:
    head = opened(origin.clone).head_commit
    git(origin.bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    git(origin.bare, "gc", "--quiet", "--prune=now")
    later = clone_of(origin, "later")
    found = forge_at(later).find(head=BRANCH, base="main")
    assert found is not None
    assert (found.state, found.head_commit) == ("closed", head)
    assert Repository.open(later).tree(head).read("pin") == b"1"


def test_what_was_merged_needs_no_ref_to_keep_it(origin: Origin) -> None:
    protect(origin.clone)
    pull = opened(origin.clone)
    assert git(origin.bare, "rev-parse", f"{KEPT}1") == pull.head_commit
    forge_at(origin.clone).merge(1, expect_head=pull.head_commit, by="Bo")
    assert git(origin.bare, "for-each-ref", KEPT) == ""


# -- odd clones, other people ---------------------------------------------------------------------


def test_a_shallow_clone_merges_what_needs_older_history(origin: Origin) -> None:
    protect(origin.clone)
    pull = opened(origin.clone)
    for number in range(3):
        commit(origin.clone, {"other": str(number)})
    git(origin.clone, "push", "--quiet")
    shallow = clone_of(origin, "shallow", "--depth=1", "--no-tags")
    forge = forge_at(shallow)
    assert forge.list(state="open") == (pull,)
    assert isinstance(forge.merge(1, expect_head=pull.head_commit, by="Bo"), Merged)
    assert git(origin.bare, "show", "main:pin") == "1"


def test_a_shallow_clone_does_not_take_merged_for_closed(origin: Origin) -> None:
    head = opened(origin.clone).head_commit
    git(origin.clone, "merge", "--quiet", "--no-ff", "-m", "By hand", head)
    merge = git(origin.clone, "rev-parse", "HEAD")
    for number in range(3):
        commit(origin.clone, {"other": str(number)})
    git(origin.clone, "push", "--quiet", "origin", "main", f":{BRANCH}")
    shallow = clone_of(origin, "shallow", "--depth=1")
    seen = forge_at(shallow).get(1)
    assert (seen.state, seen.merge_commit) == ("merged", merge)


def test_who_may_only_read_sees_what_happened_and_writes_nothing(origin: Origin) -> None:
    opened(origin.clone)
    git(origin.bare, "update-ref", "-d", f"refs/heads/{BRANCH}")
    hook = origin.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert forge_at(origin.clone).get(1).state == "closed"
    assert "Notice" not in git(origin.bare, "log", "--format=%s", "refs/mlgitops/pulls/1")


@pytest.mark.parametrize(
    "files",
    [
        {"pull.json": b"not json"},
        {"pull.json": b"[]"},
        {"pull.json": b'{"format": 1, "head": 7}'},
        {"pull.json": b'{"format": 2}'},
        {"other": b""},
    ],
)
def test_a_ref_that_is_no_pull_request_hides_no_other_one(
    origin: Origin, files: dict[str, bytes | None]
) -> None:
    pull = opened(origin.clone)
    bare = Repository.open(origin.bare)
    for name in ("2", "02x", "x/y"):
        git(origin.bare, "update-ref", f"refs/mlgitops/pulls/{name}", bare.commit(None, files, "x"))
    forge = forge_at(origin.clone)
    assert forge.list() == (pull,)
    assert forge.find(head=BRANCH, base="main") == pull
    with pytest.raises(ForgeError, match="refs/mlgitops/pulls/2 holds something else"):
        forge.get(2)
    assert opened(origin.clone, "mlgitops/next", "next").number == 3


def test_what_was_opened_before_there_was_a_remote_is_shared_by_one_push(
    repo: Path, tmp_path: Path
) -> None:
    protect(repo)
    pull = opened(repo)
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(repo, "push", "--quiet", "--all", "origin")
    forge = forge_at(repo)
    with pytest.raises(GitError, match="does not have refs/mlgitops/pulls/1") as caught:
        forge.approve(1, by="Bo", expect_head=pull.head_commit)
    assert forge.get(1) == pull
    command = str(caught.value.hint).removeprefix("share it: git ").replace("'", "")
    git(repo, *command.split())
    assert forge.approve(1, by="Bo", expect_head=pull.head_commit).approvers() == ("Bo",)
    assert isinstance(forge.merge(1, expect_head=pull.head_commit, by="Bo"), Merged)


def test_branches_without_common_history_are_not_merged(origin: Origin) -> None:
    protect(origin.clone)
    repository = Repository.open(origin.clone)
    alien = repository.commit(None, {"alien": b"1"}, "From elsewhere")
    repository.publish([RefUpdate(ref="refs/heads/mlgitops/alien", old=None, new=alien)])
    forge = forge_at(origin.clone)
    forge.open(change("mlgitops/alien"), author="Ada")
    answer = forge.merge(1, expect_head=alien, by="Bo")
    assert answer == NotReady(reason="mlgitops/alien and main have no common history")
