"""What a spec asks for and this version does not do is refused, before anything is done."""

from pathlib import Path

import pytest

from mlgitops import settings, wiring
from mlgitops.core.errors import SpecError
from mlgitops.flow import doctor
from mlgitops.flow.plan import plan
from mlgitops.flow.promote import GateRefused, promote
from mlgitops.flow.refresh import refresh
from mlgitops.flow.status import status
from mlgitops.forge import Change
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
from tests.flow.places import FILES, Place
from tests.support import commit

SOAK = FILES["environments/prod/environment.yaml"] + "gates: [{soak: 24h, in: staging}]\n"
WINDOWS = (
    FILES["environments/dev/environment.yaml"]
    + 'windows: {deny: [{cron: "0 16 * * FRI", duration: 64h}]}\n'
)
GITHUB = (
    "apiVersion: mlgitops/v1\nkind: Project\nname: example\n"
    "forge: {type: github, repository: acme/example}\n"
)


def test_a_step_that_cannot_be_what_its_spec_says_is_refused(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    edit(
        root,
        "pipeline.yaml",
        '    run: "train:fit"\n',
        '    source: {type: bucket, url: "s3://models/model"}\n',
    )
    for verb in (lambda: run_tiny(), lambda: plan(seams_of(root, said), workspace(root), root)):
        with pytest.raises(SpecError, match="'type: bucket' is not acted on yet") as caught:
            verb()
        assert caught.value.at is not None and caught.value.at.path.endswith("tiny/pipeline.yaml")
    # What does not need it runs: nothing about it is unknown.
    assert "train" not in actions(run_tiny(until="features"))


def test_a_source_that_cannot_be_fetched_is_not_left_out_by_refresh(
    root: Path, said: list[str]
) -> None:
    other = '  - {name: web, source: {type: bucket, url: "s3://acme/x"}, outputs: {x: json}}\n'
    edit(root, "pipeline.yaml", "  - name: features", f"{other}  - name: features")
    with pytest.raises(SpecError, match="'type: bucket' is not acted on yet"):
        refresh(seams_of(root, said), workspace(root), root, "tiny")


@pytest.mark.parametrize(
    ("environment", "spec", "gate"),
    [("prod", SOAK, "ran for 24h in staging"), ("dev", WINDOWS, "window")],
)
def test_no_release_passes_what_nothing_decides(
    repo: Path, environment: str, spec: str, gate: str
) -> None:
    place = Place.make(repo)
    commit(repo, {f"environments/{environment}/environment.yaml": spec}, "Ask for more")
    place.release("1.0.0")
    refused = promote(place.seams, "churn", environment, "1.0.0")
    assert isinstance(refused, GateRefused)
    [result] = [one for one in refused.assessment.results if one.gate == gate]
    assert result.state == "error"


def test_a_forge_that_cannot_be_talked_to_is_refused_where_one_is_needed(
    repo: Path, said: list[str]
) -> None:
    Place.make(repo)
    commit(repo, {"mlgitops.yaml": GITHUB}, "Move to a server")
    seams = wiring.seams(settings.read(repo), say=said.append)
    change = Change(head="a", base="main", title="t", body="")
    for call in (
        lambda: status(seams),
        lambda: seams.forge.get(1),
        lambda: seams.forge.open(change, author="Ada"),
        lambda: seams.forge.update(1, change),
        lambda: seams.forge.approve(1, by="Ada", expect_head="x"),
        lambda: seams.forge.check(1, {}, commit="x"),
        lambda: seams.forge.merge(1, expect_head="x", by="Ada"),
        lambda: seams.forge.close(1, by="Ada"),
        lambda: seams.forge.find(head="a", base="main"),
    ):
        with pytest.raises(SpecError, match="no pull requests on github yet") as caught:
            call()
        assert str(caught.value.at) == "mlgitops.yaml:4:15"
    [told] = [one for one in doctor.project(seams) if one.name == "forge"]
    assert (told.state, "on github yet" in told.detail) == ("fail", True)


def test_the_formats_of_arrays_and_lines_go_from_step_to_step(
    run_tiny: RunTiny, root: Path
) -> None:
    edit(
        root,
        "pipeline.yaml",
        "outputs: {train: json, test: json}",
        "outputs: {train: npy, test: jsonl}",
    )
    edit(root, "features.py", "    return {", "    import numpy\n    return {")
    edit(root, "features.py", '"train": values[:keep]', '"train": numpy.array(values[:keep])')
    edit(root, "train.py", "sum(train) / len(train)", "float(train.mean())")
    result = run_tiny()
    features = result.records["features"]
    assert {name: one.format for name, one in features.outputs.items()} == {
        "train": "npy",
        "test": "jsonl",
    }
    assert features.outputs["test"].rows is not None
