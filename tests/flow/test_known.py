"""A commit that was found without errors is not judged again; what is remembered is never wrong."""

from dataclasses import replace

import pytest

from mlgitops.core.errors import Refused
from mlgitops.flow.choosing import threads_of
from mlgitops.flow.known import checkout_of
from tests.flow.places import FILES, Place
from tests.support import Origin, commit, git


@pytest.fixture
def place(origin: Origin) -> Place:
    for name in ("pipeline.yaml", "model.yaml"):
        text = FILES[f"pipelines/churn/{name}"].replace("churn", "other")
        commit(origin.clone, {f"pipelines/other/{name}": text})
    for name in ("sources.py", "features.py", "train.py"):
        commit(origin.clone, {f"pipelines/other/{name}": FILES[f"pipelines/churn/{name}"]})
    return Place.make(origin.clone)


def head(place: Place) -> str:
    return git(place.root, "rev-parse", "HEAD").strip()


def test_the_second_look_at_a_commit_reads_what_the_model_needs_and_no_more(place: Place) -> None:
    first = checkout_of(place.seams, head(place), "churn")
    again = checkout_of(place.seams, head(place), "churn")
    assert (set(first.workspace.models), first.widest) == ({"churn", "other"}, None)
    assert (set(again.workspace.models), set(again.workspace.pipelines)) == ({"churn"}, {"churn"})
    assert again.workspace.project == first.workspace.project
    assert again.workspace.models["churn"] == first.workspace.models["churn"]
    # How a step is run, and with it the last bit of a model, depends on all pipelines.
    assert threads_of(again) == threads_of(first)
    assert again.widest == 2


def test_another_commit_another_model_and_another_mlgitops_are_looked_at_whole(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout_of(place.seams, head(place), "churn")
    assert checkout_of(place.seams, head(place), "no-such").widest is None
    (place.root / "pipelines/other/model.yaml").unlink()
    commit(place.root, {})
    assert set(checkout_of(place.seams, head(place), "churn").workspace.models) == {"churn"}
    monkeypatch.setattr("mlgitops.flow.known.maker", lambda: "other code")
    assert checkout_of(place.seams, head(place), "churn").widest is None


def test_a_commit_with_errors_is_refused_every_time(place: Place) -> None:
    checkout_of(place.seams, head(place), "churn")
    commit(place.root, {"pipelines/other/train.py": "def fitted(train, seed):\n    return None\n"})
    for _ in range(2):
        with pytest.raises(Refused, match="fit"):
            checkout_of(place.seams, head(place), "churn")


def test_a_repository_that_cannot_be_written_to_is_looked_at_whole(place: Place) -> None:
    seams = replace(place.seams)
    (place.root / ".git/mlgitops").write_text("in the way")
    for _ in range(2):
        assert checkout_of(seams, head(place), "churn").widest is None
