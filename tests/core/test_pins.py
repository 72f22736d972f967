"""Pins: the two lines that decide what runs, and nothing else may stand in for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgitops.core.pins import (
    hold_bytes,
    hold_path,
    parse_path,
    pin_bytes,
    pin_path,
    read_as,
    rendered_folder,
)
from mlgitops.core.releases import Version
from mlgitops.core.specs.environments import Hold, Pin

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
DIGEST = "sha256:" + "ab" * 32
PATH = pin_path("prod", "churn")


def test_a_pin_is_these_bytes():
    assert pin_bytes("churn", Version(1, 4, 0), DIGEST).decode() == (
        "# Written by mlgitops, by pull request only: see `mlgitops promote --help`.\n"
        "apiVersion: mlgitops/v1\n"
        "kind: Pin\n"
        "model: churn\n"
        "version: 1.4.0\n"
        f"digest: {DIGEST}\n"
    )


def test_a_pin_reads_back_as_what_was_pinned():
    pin = read_as(Pin, pin_bytes("churn", "1.4.0", DIGEST), PATH)
    assert pin is not None
    assert (pin.model, pin.version, pin.digest) == ("churn", "1.4.0", DIGEST)


def test_every_changed_byte_shows_in_the_comparison_with_the_canonical_bytes():
    """Also a blank or a comment that reads as the same pin: the tool did not write it."""
    whole = pin_bytes("churn", "1.4.0", DIGEST)
    for place in range(len(whole)):
        for other in (b"", b" ", b"0", b"\n"):
            altered = whole[:place] + other + whole[place + 1 :]
            pin = read_as(Pin, altered, PATH)
            if altered == whole or pin is None:
                continue
            said = (pin.model, pin.version, pin.digest)
            assert said != ("churn", "1.4.0", DIGEST) or altered != pin_bytes(*said)


@pytest.mark.parametrize("data", [None, b"", b"kind: Pin", b"\xff", b"a: [", b"[]"])
def test_what_is_no_pin_reads_as_none(data):
    assert read_as(Pin, data, PATH) is None


@given(reason=TEXT.filter(str.strip), by=TEXT)
def test_a_hold_keeps_any_reason_and_adds_no_key(reason, by):
    hold = read_as(Hold, hold_bytes("churn", reason, by), hold_path("prod", "churn"))
    assert hold is not None
    assert (hold.reason, hold.by) == (reason, by)


def test_a_reason_that_looks_like_yaml_is_only_a_reason():
    reason = "late\nby: somebody else\nmodel: other # ' \" }"
    hold = read_as(Hold, hold_bytes("churn", reason, "ada"), hold_path("prod", "churn"))
    assert hold is not None
    assert (hold.model, hold.reason, hold.by) == ("churn", reason, "ada")


def test_paths_name_environment_and_model():
    assert PATH == "environments/prod/pins/churn.yaml"
    assert parse_path(PATH) == ("pin", "prod", "churn")
    assert parse_path(hold_path("prod", "churn")) == ("hold", "prod", "churn")
    assert parse_path("environments/prod/pins/a/b.yaml") is None
    assert rendered_folder("prod", "churn") == "environments/prod/rendered/churn"
