"""What no release is made of, and tags pushed by hand: each by name, with the way out."""

import pytest

from mlgitops.core.release_documents import message
from mlgitops.core.releases import Version
from mlgitops.flow.releases import releases
from mlgitops.git import Repository
from tests.e2e.world import MODEL, PIPELINE, World
from tests.support import commit, git

DEEPER = {"pipelines/yield/pipeline.yaml": PIPELINE.replace("depth: 6", "depth: 5")}
NEXT = f"{MODEL}@v1.3.0"


def released(world: World) -> list[str]:
    return git(world.bare, "tag", "--list").split()


def told(world: World, capsys: pytest.CaptureFixture[str], *words: str, code: int) -> str:
    capsys.readouterr()
    assert world.call(*words) == code
    return capsys.readouterr().err


def test_a_commit_that_nobody_else_has_is_not_released(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    before = released(world)
    commit(world.clone, DEEPER, "Go deeper")
    err = told(world, capsys, "release", MODEL, code=1)
    assert "is not pushed: origin/main does not have it" in err
    assert "hint: git push origin main; or look with --dry-run" in err
    git(world.clone, "switch", "--quiet", "--create", "mine", "HEAD")
    git(world.clone, "branch", "--force", "main", "origin/main")
    err = told(world, capsys, "release", MODEL, code=1)
    assert "is not on main" in err and "hint: merge it first, then release from main" in err
    assert released(world) == before


def test_a_shallow_clone_releases_where_its_history_suffices_and_says_where_not(
    world: World, capsys: pytest.CaptureFixture[str], tmp_path
) -> None:
    before = released(world)
    cut = tmp_path / "cut"
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{world.bare}", str(cut))
    assert world.call("release", MODEL, cwd=cut) == 0
    assert f"this is {MODEL}@v1.2.0" in capsys.readouterr().out
    for number in range(3):
        commit(world.clone, {"README.md": str(number)}, "Write")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    git(cut, "fetch", "--quiet", "--depth=1", "origin")
    assert world.call("release", MODEL, cwd=cut) == 1
    err = capsys.readouterr().err
    assert "cannot be told: the history of this clone was cut off (a shallow clone)" in err
    assert "hint: git fetch --unshallow --tags" in err
    git(cut, "fetch", "--quiet", "--unshallow", "--tags")
    assert world.call("release", MODEL, cwd=cut) == 0
    assert released(world) == before


def test_who_releases_is_asked_for_before_any_work(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("AUTHOR", "COMMITTER"):
        for part in ("NAME", "EMAIL"):
            monkeypatch.delenv(f"GIT_{role}_{part}", raising=False)
    err = told(world, capsys, "release", MODEL, code=1)
    assert err.splitlines()[0].endswith("a release says who made it")
    assert 'hint: git config user.name "…"; git config user.email "…"' in err
    git(world.clone, "config", "user.name", "Ada")
    assert "a release says who made it" in told(world, capsys, "release", MODEL, code=1)
    git(world.clone, "config", "user.email", "ada@example.com")
    assert world.call("release", MODEL) == 0
    git(world.clone, "config", "--unset", "user.email")
    monkeypatch.setenv("CI", "true")
    assert world.call("release", MODEL) == 0


def forge(world: World, kind: str) -> str:
    """Push a tag of the next version that is no release; what is said of it."""
    repository = Repository.open(world.clone)
    *_, last = releases(repository, MODEL)
    git(world.clone, "fetch", "--quiet", "--tags")
    if kind == "light":
        git(world.clone, "tag", NEXT)
        said = "it carries nothing, it is a light tag"
    elif kind == "words":
        git(world.clone, "tag", "--annotate", "--message", "our release", NEXT)
        said = "it carries no release document"
    elif kind == "copied":
        text = message(last.document)
        git(world.clone, "tag", "--annotate", "--cleanup=verbatim", "--message", text, NEXT)
        said = f"its document is that of {MODEL}@v1.2.0"
    else:
        text = message(last.document).replace(f"model: {MODEL}", "model: other")
        text = text.replace("version: 1.2.0", "version: 1.3.0")
        git(world.clone, "tag", "--annotate", "--cleanup=verbatim", "--message", text, NEXT)
        said = "its document is that of other@v1.3.0"
    git(world.clone, "push", "--quiet", "origin", NEXT)
    return f"the tag {NEXT} is no release: {said}"


@pytest.mark.parametrize("kind", ["light", "words", "copied", "other model"])
def test_a_tag_pushed_by_hand_is_named_and_everything_else_goes_on(
    world: World, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    said = forge(world, kind)
    way_out = f"git push --delete origin {NEXT}; git tag -d {NEXT}"
    for words in (("status",), ("status", MODEL), ("history", MODEL)):
        capsys.readouterr()
        assert world.call(*words) == 0
        shown = capsys.readouterr().out
        assert f"note: {said}" in shown and way_out in shown
        assert "1.2.0" in shown
    err = told(world, capsys, "release", MODEL, code=0)
    assert f"note: {said}" in err
    for words in (("verify", f"{MODEL}@1.3.0"), ("lineage", f"{MODEL}@1.3.0")):
        err = told(world, capsys, *words, code=1)
        assert f"error: {said}" in err and way_out in err
    commit(world.clone, DEEPER, "Go deeper")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    before = released(world)
    err = told(world, capsys, "release", MODEL, code=1)
    assert f"error: this would be {NEXT}, and {said}" in err
    assert f"hint: delete it: git show {NEXT}; {way_out}; or choose another version" in err
    assert released(world) == before
    git(world.clone, "push", "--quiet", "--delete", "origin", NEXT)
    git(world.clone, "tag", "--delete", NEXT)
    assert world.call("release", MODEL) == 0
    *_, last = releases(Repository.open(world.clone), MODEL)
    assert last.version == Version(1, 3, 0)


def test_a_tag_that_was_moved_to_another_commit_is_named(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tag = f"{MODEL}@v1.2.0"
    text = git(world.clone, "for-each-ref", "--format=%(contents)", f"refs/tags/{tag}")
    words = ("tag", "--force", "--annotate", "--cleanup=verbatim", "--message", text, tag, "HEAD~1")
    git(world.clone, *words)
    git(world.clone, "remote", "remove", "origin")
    said = f"the tag {tag} was moved: it is on "
    capsys.readouterr()
    assert world.call("history", MODEL) == 0
    assert f"note: {said}" in capsys.readouterr().out
    commit(world.clone, DEEPER, "Go deeper")
    assert f"note: {said}" in told(world, capsys, "release", MODEL, "--dry-run", code=0)
    assert world.call("verify", f"{MODEL}@1.2.0") == 1
