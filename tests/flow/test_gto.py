"""The real ``gto`` reads our tags: models, versions, and which is the newest."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from mlgitops.core.release_documents import message
from mlgitops.core.releases import Version, tag_name
from tests.core.facts import release_document


def test_gto_lists_each_release_of_each_model(tmp_path: Path) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    document = release_document()
    for model, versions in {"churn": ("1.0.0", "1.9.0", "1.10.0"), "fraud": ("2.0.0",)}.items():
        for text in versions:
            one = replace(document, model=model, version=Version.parse(text))
            name = tag_name(model, one.version)
            subprocess.run(
                [*git, "tag", "-a", name, "--cleanup=verbatim", "-F", "-"],
                input=message(one).encode(),
                check=True,
            )
    gto = Path(sys.executable).parent / "gto"
    shown = subprocess.run(
        [str(gto), "show", "--repo", str(tmp_path), "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(shown.stdout)
    assert {name: one["version"] for name, one in found.items()} == {
        "churn": "v1.10.0",
        "fraud": "v2.0.0",
    }
    listed = subprocess.run(
        [str(gto), "show", "churn", "--repo", str(tmp_path), "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert [one["version"] for one in json.loads(listed.stdout)] == ["v1.10.0", "v1.9.0", "v1.0.0"]
