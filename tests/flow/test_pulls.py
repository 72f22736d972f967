"""Pull requests from the command line: what is merged is what was evaluated, just now."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.errors import NotAllowed, RaceLost, UsageError
from mlgitops.flow import pulls
from mlgitops.flow.seams import Seams
from mlgitops.forge import Change, Check, CheckState, Merged, NotReady, PullRequest, Waiting
from mlgitops.git import RefUpdate
from mlgitops.report.pulls import listing, page
from tests.support import Origin, RunCli, commit, git

GATES = "mlgitops/gates"
PROJECT = """\
apiVersion: mlgitops/v1
kind: Project
name: example
forge: {type: local, rules: {approvals: 1, checks: [mlgitops/gates]}}
"""


@pytest.fixture
def seams(origin: Origin) -> Seams:
    """A project whose main asks for green gates and one approval, on a clone of its own."""
    commit(origin.clone, {"mlgitops.yaml": PROJECT, ".gitignore": ".mlgitops/\n"}, "Set up")
    git(origin.clone, "push", "--quiet")
    return wiring.seams(settings.read(origin.clone), say=lambda line: None)


def push(seams: Seams, branch: str, files: Mapping[str, str]) -> str:
    """One commit on top of the branch (or main), by somebody else than this checkout."""
    repository = seams.repository
    repository.fetch()
    ref = f"refs/heads/{branch}"
    old = repository.remote_refs([ref]).get(ref)
    changes = {path: text.encode() for path, text in files.items()}
    new = repository.commit(old or repository.base("main"), changes, f"Change {branch}\n\nBody\n")
    repository.publish([RefUpdate(ref=ref, old=old, new=new)])
    return new


def opened(seams: Seams, branch: str = "clock") -> PullRequest:
    push(seams, branch, {"features.py": "hour = 1\n"})
    return pulls.propose(seams, head=branch, title=None, body="", author="Ada", recheck=None)


class Gates:
    """Gates that say what they are told to, and remember what they were asked about."""

    def __init__(self, state: CheckState = "success") -> None:
        self.state = state
        self.asked: list[str] = []

    def __call__(self, pull: PullRequest) -> Mapping[str, Check]:
        self.asked.append(pull.head_commit)
        return {GATES: Check(name=GATES, state=self.state, detail="auc 0.61")}


def test_the_title_is_the_subject_of_the_last_commit(seams: Seams) -> None:
    pull = opened(seams)
    assert pull.change == Change(head="clock", base="main", title="Change clock", body="")
    again = pulls.propose(seams, head="clock", title="x", body="", author="Bo", recheck=Gates())
    assert again.number == 1
    assert again.change == pull.change
    assert [check.name for check in again.checks] == [GATES]


def test_without_a_name_the_branch_that_is_checked_out_is_proposed(seams: Seams) -> None:
    root = seams.repository.root
    git(root, "switch", "--quiet", "--create", "mine")
    commit(root, {"features.py": "hour = 2\n"}, "Mine")
    with pytest.raises(UsageError, match="no branch 'mine'") as caught:
        pulls.propose(seams, head=None, title=None, body="", author="Ada", recheck=None)
    assert caught.value.hint == "push it first"
    git(root, "push", "--quiet", "origin", "mine")
    pull = pulls.propose(seams, head=None, title=None, body="", author="Ada", recheck=None)
    assert (pull.change.head, pull.change.title) == ("mine", "Mine")
    git(root, "checkout", "--quiet", "--detach")
    with pytest.raises(UsageError, match="no branch is checked out"):
        pulls.propose(seams, head=None, title=None, body="", author="Ada", recheck=None)


def test_a_merge_waits_for_the_approval_and_then_merges(seams: Seams) -> None:
    pull = opened(seams)
    gates = Gates()
    answer = pulls.merge(seams, 1, by="Ada", recheck=gates)
    assert answer == Waiting(reason=f"{pull.head_commit[:12]} needs 1 approval, and has none")
    pulls.approve(seams, 1, by="Bo", seen=None, recheck=gates)
    assert isinstance(pulls.merge(seams, 1, by="Ada", recheck=gates), Merged)
    assert gates.asked == [pull.head_commit] * 3
    assert isinstance(pulls.merge(seams, 1, by="Ada", recheck=gates), Merged)
    assert len(gates.asked) == 3


def test_gates_that_turned_red_since_stop_the_merge(seams: Seams) -> None:
    pull = opened(seams)
    green = {GATES: Check(name=GATES, state="success")}
    seams.forge.check(1, green, commit=pull.head_commit)
    pulls.approve(seams, 1, by="Bo", seen=None, recheck=None)
    answer = pulls.merge(seams, 1, by="Ada", recheck=Gates("failure"))
    assert answer == NotReady(reason=f"the check {GATES} is failure (auc 0.61)")
    assert seams.forge.get(1).checks[0].state == "failure"


def test_what_is_pushed_while_the_gates_are_evaluated_is_not_merged(seams: Seams) -> None:
    pull = opened(seams)
    pulls.approve(seams, 1, by="Bo", seen=None, recheck=None)

    class Slow(Gates):
        def __call__(self, pull: PullRequest) -> Mapping[str, Check]:
            push(seams, "clock", {"features.py": "evil = 1\n"})
            return super().__call__(pull)

    answer = pulls.merge(seams, 1, by="Ada", recheck=Slow())
    assert isinstance(answer, NotReady)
    assert f"not at {pull.head_commit[:12]}" in answer.reason
    assert seams.forge.get(1).checks == ()


def test_an_approval_is_of_what_was_looked_at(seams: Seams) -> None:
    seen = opened(seams).head_commit
    now = push(seams, "clock", {"features.py": "hour = 3\n"})
    with pytest.raises(RaceLost, match=f"clock is at {now[:12]}, not at {seen[:12]}"):
        pulls.approve(seams, 1, by="Bo", seen=seen[:12], recheck=None)
    assert pulls.approve(seams, 1, by="Bo", seen=now[:7], recheck=None).approvers() == ("Bo",)
    with pytest.raises(NotAllowed):
        pulls.approve(seams, 1, by="Ada", seen=None, recheck=None)


def test_a_page_tells_who_what_and_which_files(seams: Seams) -> None:
    head = opened(seams).head_commit
    pulls.approve(seams, 1, by="Bo", seen=None, recheck=Gates("pending"))
    later = push(seams, "clock", {"more.py": "x = 1\n"})
    change = Change(
        head="clock", base="main", title="Clock", body="**READY**\n\x1b[2Jgone\n", labels=("a", "b")
    )
    seams.forge.update(1, change)
    shown = page(pulls.show(seams, 1))
    assert "\x1b" not in shown
    assert shown.splitlines()[0] == "#1 Clock"
    for line in (
        "state     open",
        f"branch    clock ({later[:12]}) into main",
        "labels    a, b",
        "ref       refs/mlgitops/pulls/1 (mlgitops pulls show 1)",
        "**READY**",
        "�[2Jgone",
    ):
        assert line in shown.splitlines()
    assert f"approved  Bo, {head[:12]}, at " in shown
    assert "(an earlier head: counts no more)" in shown
    assert "features.py | 1 +" in shown
    assert "2 files changed" in shown


def test_what_was_merged_or_closed_still_shows_what_it_changed(seams: Seams) -> None:
    opened(seams)
    pulls.approve(seams, 1, by="Bo", seen=None, recheck=None)
    merged = pulls.merge(seams, 1, by="Ada", recheck=Gates())
    assert isinstance(merged, Merged)
    opened(seams, "other")
    pulls.close(seams, 2, by="Bo")
    first, second = (page(pulls.show(seams, number)) for number in (1, 2))
    assert f"state     merged as {merged.commit[:12]} by Ada at " in first
    assert "state     closed by Bo at " in second
    assert "features.py | 1 +" in first
    assert [line.split()[:2] for line in listing(pulls.listed(seams)).splitlines()[1:]] == [
        ["#2", "closed"],
        ["#1", "merged"],
    ]
    assert listing(pulls.listed(seams, "open")) == "no pull request"


def test_the_command_line_tells_the_whole_story(seams: Seams, run_cli: RunCli) -> None:
    root = seams.repository.root
    push(seams, "clock", {"features.py": "hour = 1\n"})

    def call(*args: str, code: int = 0) -> str:
        done = run_cli(["pulls", *args], root)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout or done.stderr

    assert "#1" in call("open", "--head", "clock", "--as", "Ada")
    found = json.loads(call("list", "--state", "open", "--json"))
    assert [(pull["number"], pull["head"]) for pull in found["pulls"]] == [(1, "clock")]
    assert "waits: #1 Change clock" in call("merge", "1", "--as", "Ada", code=4)
    assert "cannot approve it" in call("approve", "1", "--as", "ada", code=6)
    assert "there is no pull request 9" in call("approve", "9", "--as", "Bo", code=2)
    assert "Bo" in call("approve", "1", "--as", "Bo")
    shown = json.loads(call("show", "1", "--json"))
    assert shown["approved_by"] == ["Bo"]
    assert {check["name"]: check["state"] for check in shown["checks"]}[GATES] == "success"
    done = json.loads(call("merge", "1", "--json"))
    assert done == {
        "number": 1,
        "outcome": "merged",
        "commit": git(root, "rev-parse", "origin/main"),
    }
    assert "Merged-by: Ada Author" in git(root, "log", "-1", "--format=%B", "origin/main")
    assert "merged" in call("show", "1")
    assert "is merged" in call("close", "1", code=1)
    assert Path(root, "features.py").exists() is False
