"""``when``: a step that is not meant to run is skipped, and what reads from it too."""

from pathlib import Path

import pytest

from mlgitops.core.errors import SpecError
from mlgitops.core.plans import Skip
from mlgitops.flow.plan import plan
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace

MORE = """\
  - name: publish
    run: "train:publish"
    when: train.model.mean >= 2 and params.seed in [7, 8]
    inputs: {model: train.model}
    outputs: {page: json}
  - name: tell
    run: "train:tell"
    inputs: {page: publish.page}
    outputs: {said: json}
"""


@pytest.fixture(autouse=True)
def conditions(root: Path) -> None:
    edit(root, "pipeline.yaml", "outputs: {model: json}\n", f"outputs: {{model: json}}\n{MORE}")
    edit(
        root,
        "train.py",
        "def fit",
        "def publish(model):\n    return model\n\n\ndef tell(page):\n    return page\n\n\ndef fit",
    )


def planned(root: Path) -> dict[str, str]:
    found = plan(seams_of(root, []), workspace(root), root, pipeline="tiny")
    return {one.step: type(one).__name__ for one in found}


def test_a_step_runs_when_its_condition_holds(run_tiny: RunTiny, root: Path) -> None:
    assert planned(root)["publish"] == "Execute"
    assert actions(run_tiny())["publish"] == "Execute"
    assert set(actions(run_tiny()).values()) == {"Reuse"}


def test_a_step_is_skipped_when_it_does_not_and_what_needs_it_too(
    run_tiny: RunTiny, root: Path, said: list[str]
) -> None:
    edit(root, "pipeline.yaml", "mean >= 2", "mean >= 200")
    result = run_tiny()
    assert (actions(result)["publish"], actions(result)["tell"]) == ("Skip", "Skip")
    assert said[-1].startswith("3 steps ran, 0 reused, 2 skipped, in ")
    condition = "train.model.mean >= 200 and params.seed in [7, 8] does not hold"
    assert f"tiny.publish: skipped: {condition}" in said
    assert "tiny.tell: skipped: needs publish, skipped" in said
    assert planned(root) == {
        "rows": "Reuse",
        "features": "Reuse",
        "train": "Reuse",
        "publish": "Skip",
        "tell": "Skip",
    }
    run_tiny()
    assert said[-1] == "nothing to do: 3 steps are up to date, 2 skipped"


def test_a_condition_on_params_alone_is_decided_before_anything_ran(root: Path) -> None:
    edit(root, "pipeline.yaml", "train.model.mean >= 2 and ", "")
    edit(root, "pipeline.yaml", "seed: 7", "seed: 9")
    found = plan(seams_of(root, []), workspace(root), root)
    skipped = [one.step for one in found if isinstance(one, Skip)]
    assert skipped == ["publish", "tell"]


def test_a_condition_that_cannot_be_decided_says_where_it_stands(
    run_tiny: RunTiny, root: Path
) -> None:
    edit(root, "pipeline.yaml", "train.model.mean >=", "train.model.maen >=")
    with pytest.raises(SpecError, match=r"train\.model\.maen has no 'maen'") as caught:
        run_tiny()
    assert caught.value.hint == "it has mean, seed"
    assert str(caught.value.at).startswith("pipelines/tiny/pipeline.yaml:22:11")
