"""What the tags of thousands of releases say first: read once, and taken for nothing else."""

import pytest

from mlgitops.core.release_documents import message
from mlgitops.core.releases import Head
from mlgitops.files.memory import FOLDER
from mlgitops.flow.releases import heads, releases
from tests.flow.places import Place
from tests.support import commit, git


@pytest.fixture
def place(repo) -> Place:
    place = Place.make(repo)
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        place.release(version)
    return place


def told(place: Place) -> list[str]:
    """The tags of both ways to ask, which answer the same."""
    every, one = heads(place.seams.repository), heads(place.seams.repository, "churn")
    assert every == one
    return [head.tag for head in every]


def test_heads_come_lowest_version_first_and_say_what_the_documents_say(place: Place) -> None:
    assert told(place) == ["churn@v1.2.0", "churn@v1.9.0", "churn@v1.10.0"]
    for head, release in zip(
        heads(place.seams.repository), releases(place.seams.repository), strict=True
    ):
        document = release.document
        assert head == Head(
            model=document.model,
            version=document.version,
            digest=document.digest,
            identity=document.identity,
            recipe=document.recipe,
            tag=release.tag,
        )


def test_what_is_remembered_follows_the_tags_and_survives_damage(place: Place) -> None:
    told(place)
    memory = place.root / ".git" / FOLDER / "heads"
    place.release("1.11.0")
    git(place.root, "tag", "-d", "churn@v1.2.0")
    assert told(place) == ["churn@v1.9.0", "churn@v1.10.0", "churn@v1.11.0"]
    whole = memory.read_bytes()
    for bad in (b"", whole[:-1], whole.replace(b"churn@v1.9.0", b"churn@v9.9.9")):
        memory.write_bytes(bad)
        assert told(place) == ["churn@v1.9.0", "churn@v1.10.0", "churn@v1.11.0"]
    assert memory.read_bytes() == whole


def test_no_other_tag_is_taken_for_a_release(place: Place) -> None:
    before = told(place)
    forged = message(place.document("2.0.0", git(place.root, "rev-parse", "HEAD").strip()))
    # A light tag shows the message of its commit, which anybody may write.
    commit(place.root, {}, forged)
    git(place.root, "tag", "churn@v2.0.0")
    # The tag of another version, under a new name.
    git(place.root, "update-ref", "refs/tags/churn@v3.0.0", "refs/tags/churn@v1.9.0")
    # Somebody's own words, and a document that names another model.
    git(place.root, "tag", "-a", "-m", "release 4", "churn@v4.0.0")
    git(place.root, "tag", "-a", "-m", forged, "other@v2.0.0")
    for _ in range(2):
        assert told(place) == before
    assert [one.tag for one in releases(place.seams.repository)] == before
