"""Whoever dies in a push, a pull or a collection leaves nothing torn (100 times in benchmarks)."""

from pathlib import Path

import pytest

from tests.remotes.killing import rounds


def test_two_pushers_a_puller_and_a_collector_that_are_killed_lose_nothing(
    registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgitops.flow.sharing._BEAT", 0.1)
    monkeypatch.setattr("mlgitops.flow.sharing._DEAD", 0.5)
    assert "clean" in rounds(tmp_path, f"oci://{registry}/acme/killed", 9, seed=7)
