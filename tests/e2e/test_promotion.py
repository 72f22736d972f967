"""Promotion by pull request, on real repositories, through the command line."""

import json
import re

import pytest
import yaml

from mlgitops.core.pins import hold_bytes, pin_bytes
from tests.e2e import world as worlds
from tests.e2e.world import MODEL, World
from tests.support import commit, git

BRANCH = f"mlgitops/promote/dev/{MODEL}"


def refs(world: World) -> str:
    return git(world.bare, "for-each-ref", "--format=%(refname) %(objectname)")


def answer(capsys) -> dict:
    return json.loads(capsys.readouterr().out)


def test_the_pull_request_holds_a_pin_the_manifests_and_a_record_and_nothing_else(world, capsys):
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0", "--json") == 0
    opened = answer(capsys)
    assert (opened["outcome"], opened["to"]["version"]) == ("open", "1.0.0")
    changed = git(world.bare, "diff", "--name-only", f"main...{BRANCH}").splitlines()
    assert changed == [
        f"environments/dev/pins/{MODEL}.yaml",
        f"environments/dev/records/{MODEL}/{changed[1].rsplit('/', 1)[1]}",
        f"environments/dev/rendered/{MODEL}/compose.yaml",
    ]
    message = git(world.bare, "log", "-1", "--format=%B", BRANCH)
    assert "Mlgitops-From: none\nMlgitops-To: 1.0.0" in message


def test_promoting_twice_writes_nothing_the_second_time(world, capsys):
    world.call("promote", MODEL, "--to", "dev")
    before = refs(world)
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "dev", "--json") == 0
    assert answer(capsys)["changed"] is False
    assert refs(world) == before


def test_the_callers_checkout_is_not_touched_and_what_is_not_committed_is_not_promoted(world):
    (world.clone / "pipelines/yield/features.py").write_text("broken(\n")
    (world.clone / "staged.txt").write_text("x")
    git(world.clone, "add", "staged.txt")
    git(world.clone, "checkout", "--quiet", "--detach")
    before = git(world.clone, "status", "--porcelain"), git(world.clone, "rev-parse", "HEAD")
    assert world.call("promote", MODEL, "--to", "dev") == 0
    after = git(world.clone, "status", "--porcelain"), git(world.clone, "rev-parse", "HEAD")
    assert after == before


def test_prod_is_refused_what_does_not_run_in_dev(world, capsys):
    code = world.call("promote", MODEL, "--to", "prod", "--version", "1.0.0")
    assert (code, "does not run in dev" in capsys.readouterr().out) == (1, True)
    assert "mlgitops/promote/prod" not in refs(world)


def test_prod_needs_an_approval_of_somebody_else(world, capsys):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    world.call("pulls", "merge", "1")
    world.call("promote", MODEL, "--to", "prod")
    assert world.call("pulls", "merge", "2") != 0
    assert "prod" not in git(world.bare, "ls-tree", "-r", "--name-only", "main", "--", "x")
    assert world.call("pulls", "approve", "2", "--as", "Ada Author") == 6
    assert world.call("pulls", "approve", "2", "--as", "Rui") == 0
    capsys.readouterr()
    assert world.call("pulls", "merge", "2") == 0
    assert world.call("status", "--json") == 0
    shown = capsys.readouterr().out
    prod = json.loads(shown[shown.index("{") :])["models"][0]["environments"]["prod"]
    assert prod["version"] == "1.0.0"


def ship_first(world: World) -> None:
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0") == 0
    assert world.call("pulls", "merge", "1") == 0
    world.ship("prod", approve=True)


def test_a_better_model_is_compared_on_rows_made_by_the_live_ones_own_steps(world, capsys):
    ship_first(world)
    world.call("promote", MODEL, "--to", "dev", "--version", "1.1.0")
    world.call("pulls", "merge", str(world.open_pull(BRANCH)))
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "prod", "--json") == 0
    comparison = answer(capsys)["comparison"]
    assert "1.0.0's own steps" in comparison["how"]
    mae = next(one for one in comparison["compared"] if one["slice"] is None)
    assert mae["verdict"] == "pass"
    assert mae["high"] < 0, "the whole interval says that the new one is better"
    assert {tuple(one["slice"]) for one in comparison["compared"] if one["slice"]} == {
        ("soil", "clay"),
        ("soil", "sand"),
    }


def test_a_worse_model_is_refused_by_the_comparison_and_no_pull_request_is_opened(world, capsys):
    ship_first(world)
    world.call("promote", MODEL, "--to", "dev", "--version", "1.2.0")
    world.call("pulls", "merge", str(world.open_pull(BRANCH)))
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "prod", "--json") == 1
    refused = answer(capsys)
    states = {gate["gate"]: gate["state"] for gate in refused["gates"]}
    assert states["mae no worse than live"] == "fail"
    assert f"mlgitops/promote/prod/{MODEL}" not in refs(world)


def test_a_newer_release_updates_the_open_pull_request_in_place(world, capsys):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    first = world.open_pull(BRANCH)
    world.call("promote", MODEL, "--to", "dev", "--version", "1.1.0")
    assert world.open_pull(BRANCH) == first
    capsys.readouterr()
    world.call("pulls", "show", str(first))
    assert "1.1.0" in capsys.readouterr().out


def test_a_closed_pull_request_is_a_rejection_of_that_version_and_not_of_the_next(world, capsys):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    assert world.call("pulls", "close", "1") == 0
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0") == 4
    assert "rejected by" in capsys.readouterr().out
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.1.0") == 0


def test_a_persons_commit_on_the_branch_is_not_overwritten(world, capsys):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "-b", "mine", f"origin/{BRANCH}")
    mine = commit(world.clone, {"note.txt": "by hand\n"}, "By hand")
    git(world.clone, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0") == 4
    assert "not touched" in capsys.readouterr().out
    assert git(world.bare, "rev-parse", BRANCH) == mine
    assert world.call("pulls", "merge", "1") != 0


def test_a_change_of_the_rules_together_with_a_pin_does_not_merge(world):
    world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0")
    git(world.clone, "fetch", "--quiet", "origin")
    git(world.clone, "checkout", "--quiet", "-b", "mine", f"origin/{BRANCH}")
    path = "environments/dev/environment.yaml"
    text = (world.clone / path).read_text().replace("  - {parity: required}\n", "")
    commit(world.clone, {path: text.replace("gates:\n", "gates: []\n")}, "Loosen a gate")
    git(world.clone, "push", "--quiet", "origin", f"HEAD:{BRANCH}")
    assert world.call("verify", "--pull", "1") == 1
    assert world.call("pulls", "merge", "1") != 0


def test_the_reconciliation_opens_what_policy_allows_and_waits_without_an_error(world, capsys):
    assert world.call("promote", "--all", "--json") == 0
    outcomes = [one["outcome"] for one in answer(capsys)["promotions"]]
    assert outcomes == ["open", "waits"]


def test_a_rollback_goes_back_holds_and_is_not_undone(world, capsys):
    ship_first(world)
    world.call("promote", MODEL, "--to", "dev", "--version", "1.1.0")
    world.call("pulls", "merge", str(world.open_pull(BRANCH)))
    world.ship("prod", approve=True)
    assert world.call("rollback", MODEL, "--env", "prod", "--reason", "smells") == 0
    number = world.open_pull(f"mlgitops/rollback/prod/{MODEL}")
    assert world.call("pulls", "merge", str(number)) == 0
    world.pull()
    pin = (world.clone / f"environments/prod/pins/{MODEL}.yaml").read_text()
    assert "version: 1.0.0\n" in pin
    capsys.readouterr()
    assert world.call("promote", MODEL, "--to", "prod") == 1
    assert "smells" in capsys.readouterr().out
    assert world.call("verify") == 0
    assert world.call("unhold", MODEL, "--env", "prod") == 0
    assert world.call("pulls", "merge", str(world.open_pull(f"mlgitops/unhold/prod/{MODEL}"))) == 0
    assert world.call("promote", MODEL, "--to", "prod") == 0


def test_what_never_ran_here_does_not_come_in_as_a_rollback(world, capsys):
    ship_first(world)
    capsys.readouterr()
    assert world.call("rollback", MODEL, "--env", "dev", "--to", "1.2.0", "--reason", "x") == 1
    assert "no record says that 1.2.0 ran in dev" in capsys.readouterr().out
    # Nor when somebody pushes such a branch: the checks derive the same answer.
    pin = f"environments/dev/pins/{MODEL}.yaml"
    tag = git(world.clone, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.2.0")
    git(world.clone, "checkout", "--quiet", "-b", f"mlgitops/rollback/dev/{MODEL}")
    commit(world.clone, {pin: pin_bytes(MODEL, "1.2.0", yaml.safe_load(tag)["digest"]).decode()})
    git(world.clone, "push", "--quiet", "origin", "HEAD")
    assert world.call("pulls", "open", "--head", f"mlgitops/rollback/dev/{MODEL}") == 0
    number = str(world.open_pull(f"mlgitops/rollback/dev/{MODEL}"))
    capsys.readouterr()
    assert world.call("verify", "--pull", number) == 1
    assert "mlgitops/gates: failure (ran here before" in capsys.readouterr().out


def test_a_pin_does_not_move_by_a_pull_request_that_asks_no_gate(world, capsys):
    ship_first(world)
    pin = f"environments/dev/pins/{MODEL}.yaml"
    tag = git(world.clone, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.2.0")
    git(world.clone, "checkout", "--quiet", "-b", "tidy")
    commit(world.clone, {pin: pin_bytes(MODEL, "1.2.0", yaml.safe_load(tag)["digest"]).decode()})
    assert world.call("render") == 0
    commit(world.clone, {}, "Render")
    git(world.clone, "push", "--quiet", "origin", "HEAD")
    assert world.call("pulls", "open", "--head", "tidy", "--title", "Tidy") == 0
    capsys.readouterr()
    assert world.call("pulls", "merge", str(world.open_pull("tidy"))) == 1
    assert f"mlgitops/gates is failure ({pin}" in capsys.readouterr().out


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "\x1b[31mred", "x" * 501])
def test_a_reason_that_its_file_cannot_hold_is_refused_before_anything_is_opened(
    world, capsys, reason
):
    before = refs(world)
    assert world.call("hold", MODEL, "--env", "dev", "--reason", reason) == 2
    assert world.call("rollback", MODEL, "--env", "dev", "--reason", reason) == 2
    assert capsys.readouterr().err.count("cannot be used") == 2
    assert refs(world) == before


def test_the_words_of_a_hold_do_nothing_in_its_pull_request(world, capsys):
    words = "ask @team, Fixes #1 </details> {{7*7}}"
    assert world.call("hold", MODEL, "--env", "dev", "--reason", words) == 0
    capsys.readouterr()
    assert world.call("pulls", "show", "1", "--json") == 0
    body = answer(capsys)["body"]
    assert not [live for live in ("@team", "#1", "</details>", "{{") if live in body]


def test_what_a_file_says_does_not_steer_the_terminal(world, capsys):
    text = hold_bytes(MODEL, "\x1b[2J\x1b]0;gone\x07", "Eve\u202e").decode()
    commit(world.clone, {f"environments/dev/holds/{MODEL}.yaml": text})
    assert world.call("status", "--local") == 0
    shown = capsys.readouterr().out
    assert "held by Eve�: �[2J�]0;gone�" in shown
    assert not [c for c in shown if not c.isprintable() and c != "\n"]


def test_a_version_that_is_none_is_a_wrong_call(world):
    assert world.call("promote", MODEL, "--to", "dev", "--version", "banana") == 2
    assert world.call("lineage", f"{MODEL}@banana") == 2


def test_releasing_the_same_thing_twice_is_a_no_op_and_a_dirty_tree_is_refused(world, capsys):
    before = refs(world)
    assert world.call("release", MODEL, "--json") == 0
    assert answer(capsys) == {
        "outcome": "already released",
        "tag": f"{MODEL}@v1.2.0",
        "digest": yaml.safe_load(
            git(world.bare, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.2.0")
        )["digest"],
    }
    assert refs(world) == before
    # What decides a release is known before anything is exported or judged.
    assert world.call("release", MODEL) == 0
    shown = capsys.readouterr()
    assert "exporting" not in shown.err and "nothing to do: this is" in shown.out
    assert world.call("release", MODEL, "--bump", "major", "--reason", "new year") == 0
    assert refs(world) == before
    assert world.call("release", MODEL, "--bump", "major") == 2
    assert "--bump and --reason go together" in capsys.readouterr().err
    (world.clone / "new.txt").write_text("x")
    assert world.call("release", MODEL) == 1
    assert "new.txt" in capsys.readouterr().err


def test_versions_follow_from_what_changed(world):
    tags = git(world.bare, "tag", "-l").splitlines()
    assert tags == [f"{MODEL}@v1.0.0", f"{MODEL}@v1.1.0", f"{MODEL}@v1.2.0"]
    body = git(world.bare, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.1.0")
    assert yaml.safe_load(body)["because"] == ["the code of features changed"]
    body = git(world.bare, "tag", "-l", "--format=%(contents:body)", f"{MODEL}@v1.2.0")
    assert yaml.safe_load(body)["because"] == ["the parameters of train changed"]


def test_an_export_that_answers_otherwise_than_the_estimator_is_refused(world, capsys):
    features = worlds.FEATURES.replace(
        'rows["sun"].astype("float32")', '(rows["sun"] + 1e9).astype("float64")'
    )
    linear = "from sklearn.linear_model import LinearRegression"
    train = worlds.TRAIN.replace("from sklearn.tree import DecisionTreeRegressor", linear)
    train = re.sub(r"DecisionTreeRegressor\(.*\)", "LinearRegression()", train)
    files = {"pipelines/yield/features.py": features, "pipelines/yield/train.py": train}
    commit(world.clone, files, "Count the sun from another epoch")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    before = refs(world)
    capsys.readouterr()
    assert world.call("release", MODEL) == 1
    said = capsys.readouterr().err
    assert "does not answer what the estimator answers" in said
    assert said.count(": estimator ") == 10, "the ten worst rows are shown"
    assert refs(world) == before
