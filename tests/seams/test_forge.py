"""What every forge promises: the suite that each implementation and the fake pass."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from mlgitops.core.errors import NotAllowed, RaceLost, Refused, UsageError
from mlgitops.core.specs.projects import BranchRules
from mlgitops.forge import (
    Change,
    Check,
    CheckState,
    Forge,
    Merged,
    NotReady,
    PullRequest,
    Waiting,
)
from mlgitops.forge.local import LocalForge
from mlgitops.git import RefUpdate, Repository
from tests.fakes.forge import FakeForge
from tests.support import Origin, git

BRANCH = "mlgitops/promote/prod/churn"


class Clock:
    """Every look at it is a minute later."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@dataclass(frozen=True, kw_only=True)
class World:
    """A forge, and the repository behind it as everybody shares it.

    `fingerprint`: changes with every write. `protect`: sets the rules of the base branch.
    """

    forge: Forge
    shared: Path
    fingerprint: Callable[[], object]
    protect: Callable[[BranchRules], None]
    another: Callable[[], Forge] = field(repr=False)

    def push(self, branch: str, files: Mapping[str, str | None], *, onto: str | None = None) -> str:
        """Put one commit on `branch`, made on top of `onto` (else the branch, else main)."""
        repository = Repository.open(self.shared)
        old = repository.resolve(f"refs/heads/{branch}")
        base = onto or old or repository.base("main")
        changes = {path: text if text is None else text.encode() for path, text in files.items()}
        new = repository.commit(base, changes, f"Change {branch}")
        self.move(branch, new)
        return new

    def move(self, branch: str, new: str | None) -> None:
        repository = Repository.open(self.shared)
        ref = f"refs/heads/{branch}"
        repository.publish([RefUpdate(ref=ref, old=repository.refs(ref).get(ref), new=new)])

    def tip(self, branch: str = "main") -> str | None:
        return Repository.open(self.shared).resolve(f"refs/heads/{branch}")

    def read(self, path: str) -> str | None:
        data = Repository.open(self.shared).file("main", path)
        return None if data is None else data.decode()

    def opened(self, branch: str = BRANCH, path: str = "pin") -> PullRequest:
        self.push(branch, {path: "1"})
        return self.forge.open(change(branch), author="Ada")


def change(
    head: str = BRANCH,
    *,
    base: str = "main",
    title: str = "promote(prod): churn 1.0.0",
    body: str = "**READY**\n",
    labels: tuple[str, ...] = (),
) -> Change:
    return Change(head=head, base=base, title=title, body=body, labels=labels)


def checks(**states: CheckState) -> dict[str, Check]:
    return {name: Check(name=name, state=state, detail="why") for name, state in states.items()}


def everything_in(*roots: Path) -> object:
    """All refs and all objects: a single write anywhere shows."""
    listed = ["--batch-all-objects", "--batch-check=%(objectname)"]
    return [(git(r, "show-ref", "--head"), git(r, "cat-file", *listed)) for r in roots]


class MakeWorld(Protocol):
    def __call__(self, origin: Origin, repo: Path) -> World: ...


def local_with_remote(origin: Origin, repo: Path) -> World:
    clock = Clock()
    other = origin.clone.with_name("another")

    def another() -> Forge:
        if not other.exists():
            git(origin.bare, "clone", "--quiet", str(origin.bare), str(other))
        return LocalForge(Repository.open(other), clock=clock)

    return local(
        World(
            forge=LocalForge(Repository.open(origin.clone), clock=clock),
            shared=origin.bare,
            fingerprint=lambda: everything_in(origin.bare, origin.clone),
            protect=lambda rules: None,
            another=another,
        )
    )


def local_alone(origin: Origin, repo: Path) -> World:
    clock = Clock()
    return local(
        World(
            forge=LocalForge(Repository.open(repo), clock=clock),
            shared=repo,
            fingerprint=lambda: everything_in(repo),
            protect=lambda rules: None,
            another=lambda: LocalForge(Repository.open(repo), clock=clock),
        )
    )


def local(world: World) -> World:
    """The local forge reads its rules from the project file on the base branch."""

    def protect(rules: BranchRules) -> None:
        names = "".join(f"\n      - {name}" for name in rules.checks) or " []"
        world.push("main", {"mlgitops.yaml": PROJECT.format(rules.approvals, names)})

    protect(BranchRules(checks=[]))
    return replace(world, protect=protect)


PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: example
forge:
  type: local
  rules:
    approvals: {}
    checks:{}
"""


def fake(origin: Origin, repo: Path) -> World:
    forge = FakeForge(Repository.open(origin.bare), clock=Clock())
    return World(
        forge=forge,
        shared=origin.bare,
        fingerprint=lambda: (forge.writes, everything_in(origin.bare)),
        protect=lambda rules: setattr(forge, "rules", rules),
        another=lambda: forge,
    )


# A hosted forge joins here with a world of its own.
WORLDS: Mapping[str, MakeWorld] = {
    "local": local_with_remote,
    "local-alone": local_alone,
    "fake": fake,
}


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest, origin: Origin, repo: Path) -> Iterator[World]:
    yield WORLDS[request.param](origin, repo)


# -- opening and finding ------------------------------------------------------------------------


def test_what_was_opened_is_found_the_same_by_everybody(world: World) -> None:
    commit = world.push(BRANCH, {"pin": "1"})
    wanted = change(labels=("env:prod", "mlgitops"))
    pull = world.forge.open(wanted, author="Ada")
    assert (pull.number, pull.state, pull.author) == (1, "open", "Ada")
    assert pull.change == wanted
    assert pull.head_commit == commit
    assert pull.url
    assert pull.opened_at
    assert (pull.closed_at, pull.closed_by, pull.merge_commit) == (None, None, None)
    assert (pull.reviews, pull.checks) == ((), ())
    for forge in (world.forge, world.another()):
        assert forge.find(head=BRANCH, base="main") == pull
        assert forge.get(1) == pull
        assert forge.list() == forge.list(state="open") == (pull,)
        assert forge.list(state="merged") == forge.list(state="closed") == ()


def test_nothing_is_found_where_nothing_is(world: World) -> None:
    assert world.forge.find(head=BRANCH, base="main") is None
    assert world.forge.list() == ()
    with pytest.raises(UsageError, match="no pull request 7"):
        world.forge.get(7)
    world.opened()
    assert world.forge.find(head="other", base="main") is None
    assert world.forge.find(head=BRANCH, base="other") is None


def test_numbers_count_up_and_the_newest_comes_first(world: World) -> None:
    for number in range(1, 12):
        world.opened(f"mlgitops/{number}", path=f"pin-{number}")
    assert [pull.number for pull in world.forge.list()] == list(range(11, 0, -1))


def test_opening_what_is_open_returns_it_and_writes_nothing(world: World) -> None:
    pull = world.opened()
    before = world.fingerprint()
    assert world.forge.open(change(title="another title"), author="Bo") == pull
    assert world.fingerprint() == before


def test_a_branch_that_nobody_pushed_is_not_opened(world: World) -> None:
    with pytest.raises(UsageError):
        world.forge.open(change("nowhere"), author="Ada")
    world.push("x", {"a": "1"})
    with pytest.raises(UsageError):
        world.forge.open(change("x", base="nowhere"), author="Ada")
    assert world.forge.list() == ()


def test_a_branch_with_nothing_new_is_not_opened(world: World) -> None:
    world.move("x", world.tip())
    with pytest.raises(UsageError):
        world.forge.open(change("x"), author="Ada")


@pytest.mark.parametrize("text", ["", " ", "two\nlines", "bell\a", "\x1b[31mred", "x" * 300])
def test_a_name_or_title_that_could_forge_a_line_is_refused(world: World, text: str) -> None:
    world.push("x", {"a": "1"})
    for wrong in (change("x", title=text), change("x", labels=(text,))):
        with pytest.raises(UsageError):
            world.forge.open(wrong, author="Ada")
    with pytest.raises(UsageError):
        world.forge.open(change("x"), author=text)
    pull = world.forge.open(change("x"), author="Ada")
    with pytest.raises(UsageError):
        world.forge.approve(1, by=text, expect_head=pull.head_commit)
    with pytest.raises(UsageError):
        world.forge.merge(1, expect_head=pull.head_commit, by=text)
    with pytest.raises(UsageError):
        world.forge.close(1, by=text)
    assert world.forge.get(1) == pull


@pytest.mark.parametrize(
    "body", ["", "</details>\n@team Fixes #1\n", "ünï 🚲\r\n", "---\n{{7*7}}\n", "x" * 60_000]
)
def test_a_body_comes_back_as_it_was_given(world: World, body: str) -> None:
    world.push(BRANCH, {"pin": "1"})
    assert world.forge.open(change(body=body), author="Ada").change.body == body
    assert world.another().get(1).change.body == body


# -- updating -----------------------------------------------------------------------------------


def test_an_update_changes_what_it_says_and_a_second_one_writes_nothing(world: World) -> None:
    pull = world.opened()
    wanted = change(title="promote(prod): churn 1.1.0", body="new", labels=("b", "a", "b"))
    updated = world.forge.update(pull.number, wanted)
    assert updated.change == replace(wanted, labels=("a", "b"))
    assert world.another().get(pull.number) == updated
    before = world.fingerprint()
    assert world.forge.update(pull.number, wanted) == updated
    assert world.fingerprint() == before


def test_an_update_moves_a_pull_request_to_no_other_branch(world: World) -> None:
    pull = world.opened()
    with pytest.raises(UsageError):
        world.forge.update(pull.number, change("other"))
    with pytest.raises(UsageError):
        world.forge.update(99, change())


# -- approving ----------------------------------------------------------------------------------


def test_an_approval_counts_once(world: World) -> None:
    pull = world.opened()
    approved = world.forge.approve(1, by="Bo", expect_head=pull.head_commit)
    assert approved.approvers() == ("Bo",)
    assert [(r.by, r.commit) for r in approved.reviews] == [("Bo", pull.head_commit)]
    before = world.fingerprint()
    for name in ("Bo", "BO"):
        assert world.forge.approve(1, by=name, expect_head=pull.head_commit) == approved
    assert world.fingerprint() == before


@pytest.mark.parametrize("name", ["Ada", "ada"])
def test_nobody_approves_their_own(world: World, name: str) -> None:
    pull = world.opened()
    with pytest.raises(NotAllowed):
        world.forge.approve(1, by=name, expect_head=pull.head_commit)
    assert world.forge.get(1).reviews == ()


def test_a_push_leaves_approvals_and_checks_behind(world: World) -> None:
    pull = world.opened()
    world.forge.approve(1, by="Bo", expect_head=pull.head_commit)
    world.forge.check(1, checks(gates="success"), commit=pull.head_commit)
    pushed = world.push(BRANCH, {"pin": "2"})
    seen = world.another().get(1)
    assert seen.head_commit == pushed
    assert seen.checks == ()
    assert seen.approvers() == ()
    assert [r.by for r in seen.reviews] == ["Bo"]


def test_what_a_reviewer_did_not_see_is_not_approved(world: World) -> None:
    pull = world.opened()
    world.push(BRANCH, {"pin": "2"})
    with pytest.raises(RaceLost):
        world.forge.approve(1, by="Bo", expect_head=pull.head_commit)
    assert world.forge.get(1).reviews == ()


def test_what_is_closed_is_not_approved(world: World) -> None:
    pull = world.opened()
    world.forge.close(1, by="Bo")
    with pytest.raises(Refused):
        world.forge.approve(1, by="Bo", expect_head=pull.head_commit)


# -- checks -------------------------------------------------------------------------------------


def test_checks_are_replaced_by_name_and_written_once(world: World) -> None:
    head = world.opened().head_commit
    world.forge.check(1, checks(gates="pending", render="success"), commit=head)
    pull = world.forge.check(1, checks(gates="failure"), commit=head)
    assert pull.checks == tuple(checks(gates="failure", render="success").values())
    assert world.another().get(1) == pull
    before = world.fingerprint()
    assert world.forge.check(1, checks(gates="failure"), commit=head) == pull
    assert world.forge.check(1, {}, commit=head) == pull
    assert world.fingerprint() == before


def test_a_check_of_a_commit_that_is_the_head_no_longer_is_not_taken_for_the_head(
    world: World,
) -> None:
    old = world.opened().head_commit
    world.push(BRANCH, {"pin": "2"})
    world.forge.get(1)
    before = world.fingerprint()
    assert world.forge.check(1, checks(gates="success"), commit=old).checks == ()
    assert world.fingerprint() == before


# -- merging ------------------------------------------------------------------------------------


def test_a_merge_puts_the_change_on_the_base_and_is_done_once(world: World) -> None:
    pull = world.opened()
    base = world.tip()
    merged = world.forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert merged == Merged(commit=str(world.tip()))
    assert world.read("pin") == "1"
    assert git(world.shared, "log", "-1", "--format=%P", "main").split() == [base, pull.head_commit]
    assert world.tip(BRANCH) is None
    for forge in (world.forge, world.another()):
        seen = forge.get(1)
        assert (seen.state, seen.merge_commit, seen.closed_by) == ("merged", world.tip(), "Bo")
        assert seen.closed_at
        assert forge.list(state="merged") == (seen,)
    before = world.fingerprint()
    assert world.another().merge(1, expect_head=pull.head_commit, by="Cy") == merged
    assert world.forge.merge(1, expect_head=pull.head_commit, by="Bo") == merged
    assert world.fingerprint() == before


def test_a_branch_of_a_person_outlives_its_merge(world: World) -> None:
    pull = world.opened("develop")
    world.forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert world.tip("develop") == pull.head_commit
    assert world.forge.get(1).state == "merged"


def test_a_base_that_moved_elsewhere_is_no_hindrance(world: World) -> None:
    pull = world.opened()
    world.push("main", {"elsewhere": "1"})
    assert isinstance(world.forge.merge(1, expect_head=pull.head_commit, by="Bo"), Merged)
    assert (world.read("pin"), world.read("elsewhere")) == ("1", "1")


def test_a_conflict_is_named_and_nothing_is_merged(world: World) -> None:
    world.push("main", {"pin": "0"})
    pull = world.opened()
    world.push("main", {"pin": "2"})
    base = world.tip()
    answer = world.forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert isinstance(answer, NotReady)
    assert "pin" in answer.reason
    assert world.tip() == base
    assert world.forge.get(1).state == "open"


def test_a_head_that_moved_after_the_look_is_not_merged(world: World) -> None:
    pull = world.opened()
    world.push(BRANCH, {"pin": "2"})
    base = world.tip()
    answer = world.forge.merge(1, expect_head=pull.head_commit, by="Bo")
    assert isinstance(answer, NotReady)
    assert world.tip() == base


def test_a_red_or_missing_check_or_too_few_eyes_do_not_merge(world: World) -> None:
    world.protect(BranchRules(approvals=2, checks=["gates", "render"]))
    head = world.opened().head_commit
    base = world.tip()

    def why(kind: type[Waiting | NotReady]) -> str:
        answer = world.forge.merge(1, expect_head=head, by="Ada")
        assert isinstance(answer, kind)
        assert world.tip() == base
        return answer.reason

    assert "gates" in why(Waiting)
    world.forge.check(1, checks(gates="success", render="pending"), commit=head)
    assert "render" in why(Waiting)
    world.forge.check(1, checks(render="failure"), commit=head)
    assert "render" in why(NotReady)
    world.forge.check(1, checks(render="success"), commit=head)
    assert "2 approvals" in why(Waiting)
    world.forge.approve(1, by="Bo", expect_head=head)
    assert "2 approvals" in why(Waiting)
    world.forge.approve(1, by="Cy", expect_head=head)
    assert isinstance(world.forge.merge(1, expect_head=head, by="Ada"), Merged)


def test_what_was_earned_by_another_head_counts_for_nothing(world: World) -> None:
    world.protect(BranchRules(approvals=1, checks=["gates"]))
    old = world.opened().head_commit
    world.forge.check(1, checks(gates="success"), commit=old)
    world.forge.approve(1, by="Bo", expect_head=old)
    head = world.push(BRANCH, {"pin": "evil"})
    assert isinstance(world.forge.merge(1, expect_head=head, by="Bo"), Waiting)
    world.forge.check(1, checks(gates="success"), commit=head)
    assert isinstance(world.forge.merge(1, expect_head=head, by="Bo"), Waiting)
    assert world.read("pin") is None


# -- closing ------------------------------------------------------------------------------------


def test_what_a_person_closed_stays_closed_and_says_who(world: World) -> None:
    pull = world.opened()
    closed = world.forge.close(1, by="Bo")
    assert (closed.state, closed.closed_by) == ("closed", "Bo")
    assert closed.closed_at
    before = world.fingerprint()
    assert world.forge.close(1, by="Cy") == closed
    assert world.fingerprint() == before
    assert world.another().find(head=BRANCH, base="main") == closed
    assert world.forge.list(state="closed") == (closed,)
    assert isinstance(world.forge.merge(1, expect_head=pull.head_commit, by="Bo"), NotReady)


def test_what_is_merged_is_not_closed(world: World) -> None:
    pull = world.opened()
    world.forge.merge(1, expect_head=pull.head_commit, by="Bo")
    with pytest.raises(Refused):
        world.forge.close(1, by="Bo")
    assert world.forge.get(1).state == "merged"


def test_after_one_was_closed_the_branch_may_be_proposed_again(world: World) -> None:
    world.opened()
    world.forge.close(1, by="Bo")
    world.push(BRANCH, {"pin": "2"})
    second = world.forge.open(change(), author="Ada")
    assert second.number == 2
    assert world.forge.find(head=BRANCH, base="main") == second
    third = world.forge.close(2, by="Bo")
    assert world.forge.find(head=BRANCH, base="main") == third


# -- what happens behind the forge's back ---------------------------------------------------------


def test_deleting_the_branch_closes_and_making_it_again_does_not_reopen(world: World) -> None:
    world.opened()
    world.move(BRANCH, None)
    closed = world.forge.find(head=BRANCH, base="main")
    assert closed is not None
    assert (closed.state, closed.closed_by) == ("closed", None)
    world.push(BRANCH, {"pin": "2"})
    assert world.another().get(1).state == "closed"
    assert world.forge.open(change(), author="Ada").number == 2


@pytest.mark.parametrize("how", ["merge", "fast-forward"])
def test_what_somebody_merged_by_hand_is_merged(world: World, how: str) -> None:
    pull = world.opened()
    landed = pull.head_commit
    if how == "merge":
        world.push("main", {"elsewhere": "1"})
        repository = Repository.open(world.shared)
        base = repository.base("main")
        tree = repository.merge_tree(base, pull.head_commit)
        landed = repository.commit_tree(str(tree), [base, pull.head_commit], "By hand")
    world.move("main", landed)
    world.push("main", {"later": "1"})
    assert world.forge.merge(1, expect_head=pull.head_commit, by="Bo") == Merged(commit=landed)
    seen = world.another().get(1)
    assert (seen.state, seen.merge_commit, seen.closed_by) == ("merged", landed, None)


def test_a_branch_that_was_reset_to_the_base_was_not_merged(world: World) -> None:
    world.opened()
    world.move(BRANCH, world.tip())
    assert world.forge.get(1).state == "closed"


def test_looking_again_and_again_writes_nothing(world: World) -> None:
    world.protect(BranchRules(approvals=1, checks=["gates"]))
    pull = world.opened()
    world.opened("mlgitops/2", path="other")
    world.forge.close(2, by="Bo")
    world.forge.check(1, checks(gates="success"), commit=pull.head_commit)
    world.forge.list()
    before = world.fingerprint()
    for _ in range(2):
        world.forge.list()
        world.forge.list(state="open")
        world.forge.find(head=BRANCH, base="main")
        world.forge.get(2)
        world.forge.open(change(), author="Ada")
        world.forge.update(1, change())
        world.forge.check(1, checks(gates="success"), commit=pull.head_commit)
        assert isinstance(world.forge.merge(1, expect_head=pull.head_commit, by="Bo"), Waiting)
    assert world.fingerprint() == before
