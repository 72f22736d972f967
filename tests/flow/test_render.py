"""Render: the work tree holds what its pins give, and a check names every byte that does not."""

import json
from pathlib import Path

import pytest

from mlgitops.cli import main
from mlgitops.core.errors import Refused, SpecError, UsageError
from mlgitops.core.pins import pin_bytes, pin_path, rendered_folder
from mlgitops.core.workspaces import load
from mlgitops.files import WorkTree
from mlgitops.flow.render import check, manifests, manifests_of, render
from tests.flow.places import Place
from tests.support import git, write


@pytest.fixture
def place(repo: Path) -> Place:
    """A repository with no remote, whose three environments pin churn 1.0.0."""
    place = Place.make(repo)
    for environment in ("dev", "staging", "prod"):
        pin(place, environment, "1.0.0")
    return place


def pin(place: Place, environment: str, version: str) -> None:
    text = pin_bytes("churn", version, place.pinned(version).digest).decode()
    write(place.root, {pin_path(environment, "churn"): text})


def paths(place: Place) -> list[str]:
    return sorted(
        path for path in WorkTree(place.root).paths("environments") if "/rendered/" in path
    )


def test_every_environment_gets_the_manifests_of_its_target(place):
    done = render(place.seams)
    assert paths(place) == [
        "environments/dev/rendered/churn/compose.yaml",
        "environments/prod/rendered/churn/inferenceservice.yaml",
        "environments/staging/rendered/churn/deployment.yaml",
        "environments/staging/rendered/churn/service.yaml",
    ]
    assert sorted(done.written) == paths(place)
    assert check(place.seams) == ()


def test_rendering_again_writes_nothing(place):
    render(place.seams)
    before = {path: (place.root / path).stat().st_mtime_ns for path in paths(place)}
    done = render(place.seams)
    assert (done.written, done.removed, len(done.unchanged)) == ((), (), 4)
    assert {path: (place.root / path).stat().st_mtime_ns for path in paths(place)} == before


def test_one_environment_leaves_the_others_alone(place):
    render(place.seams, "dev")
    assert paths(place) == ["environments/dev/rendered/churn/compose.yaml"]
    assert check(place.seams, "dev") == ()
    assert len(check(place.seams)) == 3


def test_what_no_pin_explains_is_removed(place):
    render(place.seams)
    (place.root / pin_path("staging", "churn")).unlink()
    write(place.root, {"environments/dev/rendered/churn/extra.yaml": "a: 1\n"})
    done = render(place.seams)
    assert sorted(done.removed) == [
        "environments/dev/rendered/churn/extra.yaml",
        "environments/staging/rendered/churn/deployment.yaml",
        "environments/staging/rendered/churn/service.yaml",
    ]
    assert check(place.seams) == ()


def test_a_new_version_changes_only_the_lines_that_name_it(place):
    """What a reviewer reads of a promotion's manifests is the version and the digest."""
    render(place.seams)
    git(place.root, "add", "--all")
    git(place.root, "commit", "--quiet", "-m", "Render")
    pin(place, "prod", "1.1.0")
    render(place.seams)
    folder = rendered_folder("prod", "churn")
    lines = git(place.root, "diff", "--unified=0", "--", folder).splitlines()
    changed = [line for line in lines if line.startswith("+") and not line.startswith("+++")]
    digest = place.pinned("1.1.0").digest
    assert all("1.1.0" in line or digest in line for line in changed), changed
    assert len(changed) == 3


def test_every_altered_byte_of_a_manifest_is_found_and_its_line_named(place):
    render(place.seams)
    path = "environments/prod/rendered/churn/inferenceservice.yaml"
    whole = (place.root / path).read_bytes()
    for where in range(0, len(whole), 97):
        (place.root / path).write_bytes(whole[:where] + b"~" + whole[where + 1 :])
        (finding,) = check(place.seams)
        line = whole[:where].count(b"\n") + 1
        assert (finding.at.path, finding.at.line) == (path, line)
    (place.root / path).write_bytes(whole)
    assert check(place.seams) == ()


@pytest.mark.parametrize(
    "change", [lambda b: b[:-1], lambda b: b + b"\n", lambda b: b.replace(b"\n", b"\r\n")]
)
def test_line_ends_are_bytes_too(place, change):
    render(place.seams)
    path = place.root / "environments/dev/rendered/churn/compose.yaml"
    path.write_bytes(change(path.read_bytes()))
    (finding,) = check(place.seams)
    assert "must be" in finding.message


def test_missing_and_extra_files_are_named_each(place):
    render(place.seams)
    (place.root / "environments/dev/rendered/churn/compose.yaml").unlink()
    write(place.root, {"environments/prod/rendered/other/deployment.yaml": "a: 1\n"})
    told = {finding.at.path: finding.message for finding in check(place.seams)}
    assert told == {
        "environments/dev/rendered/churn/compose.yaml": "is missing",
        "environments/prod/rendered/other/deployment.yaml": (
            "must not be there: nothing explains this file"
        ),
    }


def test_an_unknown_environment_is_a_usage_error_with_a_suggestion(place):
    for verb in (render, check):
        with pytest.raises(UsageError) as refused:
            verb(place.seams, "prodd")
        assert refused.value.hint == "did you mean 'prod'?"


def test_a_template_of_the_repository_takes_effect_and_a_broken_one_changes_nothing(place):
    render(place.seams)
    own = "environments/templates/kserve/inferenceservice.yaml"
    write(place.root, {own: "kind: Own\nuri: {{ (model ~ '@' ~ digest) | to_json }}\n"})
    assert [finding.at.path for finding in check(place.seams)] == [
        "environments/prod/rendered/churn/inferenceservice.yaml"
    ]
    render(place.seams)
    whole = (place.root / "environments/prod/rendered/churn/inferenceservice.yaml").read_bytes()
    write(place.root, {own: "kind: Own\nuri: {{ digest.nothing }}\n"})
    pin(place, "dev", "1.1.0")
    dev = place.root / "environments/dev/rendered/churn/compose.yaml"
    before = dev.read_bytes()
    with pytest.raises(SpecError) as refused:
        render(place.seams)
    assert str(refused.value.at) == f"{own}:2:1"
    assert dev.read_bytes() == before, "it stops before the first file is written"
    path = place.root / "environments/prod/rendered/churn/inferenceservice.yaml"
    assert path.read_bytes() == whole
    write(place.root, {own: "kind: Own\nuri: {{ dijest }}\n"})
    with pytest.raises(Refused, match=f"{own}:2:9: the template asks for 'dijest'"):
        render(place.seams)


def test_a_link_that_leads_out_of_the_repository_is_refused(place, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.root / "environments/dev/rendered").symlink_to(outside)
    with pytest.raises(Refused, match="symbolic link"):
        render(place.seams)
    assert list(outside.iterdir()) == []


def test_what_is_proposed_is_rendered_as_it_will_be_when_it_is_pinned(place):
    workspace = load(WorkTree(place.root)).workspace
    assert workspace is not None
    proposed = manifests_of(
        workspace, place.seams.targets, "prod", place.document("1.0.0", "c" * 40)
    )
    assert proposed == manifests(workspace, place.seams.targets, "prod")


def test_the_command_says_what_it_did_and_checks_with_an_exit_code(place, capsys):
    def call(*args: str) -> tuple[int, str]:
        code = main(["-C", str(place.root), "render", *args])
        return code, capsys.readouterr().out

    code, text = call("--check")
    assert code == 1
    assert text.splitlines()[:2] == [
        "environments/dev/rendered/churn/compose.yaml:1:1: error[rendered-matches-pin]: is missing",
        "  hint: mlgitops render",
    ]
    assert call("dev") == (0, "wrote environments/dev/rendered/churn/compose.yaml\n")
    assert call("dev") == (0, "nothing to do: 1 manifest is up to date\n")
    assert len(json.loads(call("--json")[1])["written"]) == 3
    code, text = call("--check", "--json")
    assert (code, json.loads(text)) == (0, {"findings": []})
