"""A pipeline for another engine: what it needs before it can be written."""

from pathlib import Path

import pytest
import yaml

from mlgitops.cli import main
from tests.flow.conftest import FILES
from tests.support import commit, git

WORDS = ["compile", "tiny", "--to", "argo", "--image", "ghcr.io/acme/steps:1"]


def test_without_a_remote_store_pods_share_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-C", str(root), *WORDS]) == 1
    assert "this project has none" in capsys.readouterr().err


def test_it_names_the_commit_and_where_the_code_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = FILES["mlgitops.yaml"] + "store: {remote: oci://ghcr.io/acme/tiny}\n"
    head = commit(root, {"mlgitops.yaml": spec}, "Share the store")
    assert main(["-C", str(root), *WORDS]) == 1
    assert "--repository" in capsys.readouterr().err
    git(root, "remote", "add", "origin", "https://git.example.com/acme/tiny.git")
    assert main(["-C", str(root), *WORDS]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    [source] = made["spec"]["templates"][1]["inputs"]["artifacts"]
    assert source["git"] == {"repo": "https://git.example.com/acme/tiny.git", "revision": head}
    assert main(["-C", str(root), *WORDS[:1], "tinny", *WORDS[2:]]) == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err
