"""Serving: the pin, the tag and the bytes agree, and only then does the server answer."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import Refused, StoreError, UsageError
from mlgitops.core.pins import pin_bytes, pin_path
from mlgitops.flow.serve import choose, proven, serve
from mlgitops.server.journal import read
from tests.flow.watched import Watched, build
from tests.support import Origin, commit, git

SECONDS = 60

# The whole command in a process of its own, with a report on what it imported and unpickled.
COMMAND = """\
import json, sys

def hear(event, args):
    if event == "pickle.find_class":
        sys.exit(f"unpickled {args!r}")

sys.addaudithook(hear)
from mlgitops.cli import main
code = main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


@pytest.fixture
def watched(origin: Origin) -> Watched:
    return build(origin)


@contextmanager
def serving(clone: Path, *args: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `mlgitops serve ARGS` until the test ends; gives its address once it answers."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "-C", str(clone), "serve", *args, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        said = ""
        while "listening on" not in (line := process.stderr.readline()):
            said += line
            assert line, f"it ended before it answered: {said}"
        yield line.split()[-1], process
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=SECONDS)


def ask(address: str, ids: list[str]) -> httpx.Response:
    inputs = [
        {"name": "temp", "datatype": "FP32", "shape": [2], "data": [10.0, 20.0]},
        {"name": "rain", "datatype": "FP32", "shape": [2], "data": [0.0, 1.0]},
        {"name": "kind", "datatype": "BYTES", "shape": [2], "data": ["day-off", "working-day"]},
        {"name": "id", "datatype": "BYTES", "shape": [2], "data": ids},
    ]
    return httpx.post(address, json={"inputs": inputs}, timeout=SECONDS)


def test_what_prod_pins_is_served_without_the_libraries_it_was_trained_with(
    watched: Watched,
) -> None:
    with serving(watched.clone, "bikes", "--env", "prod") as (address, process):
        base = address.removesuffix("/infer")
        assert address.startswith("http://127.0.0.1:") and base.endswith("/v2/models/bikes")
        answer = ask(address, ["a", "b"])
        assert answer.status_code == 200, answer.text
        assert answer.json()["model_version"] == "1.0.0"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert "every request is answered" in err
    imported = {name.partition(".")[0] for name in json.loads(out)}
    assert "onnxruntime" in imported
    assert imported.isdisjoint(
        {"sklearn", "pandas", "scipy", "skops", "joblib", "pyarrow", "onnx", "skl2onnx"}
    )
    # The journal stands where `monitor --env prod` looks for it.
    now = datetime.now(UTC)
    (entry,) = read(watched.journal, now - timedelta(days=1), now + timedelta(days=1))
    assert entry.digest == watched.document.digest and entry.row_ids == ["a", "b"]


def test_a_version_is_served_and_no_journal_is_kept_where_none_is_wanted(watched: Watched) -> None:
    with serving(watched.clone, "bikes@1.0.0", "--no-journal") as (address, _):
        assert ask(address, ["a", "b"]).status_code == 200
    assert not (watched.clone / ".mlgitops/journal").exists()


def test_a_pin_whose_digest_is_not_that_of_the_tag_is_refused(watched: Watched) -> None:
    other = pin_bytes("bikes", "1.0.0", of_bytes(b"another")).decode()
    commit(watched.clone, {pin_path("prod", "bikes"): other}, "Edit the pin")
    git(watched.clone, "push", "--quiet")
    with pytest.raises(Refused, match="its tag says") as refused:
        choose(watched.seams(), "bikes", "prod")
    assert str(refused.value.at).startswith("environments/prod/pins/bikes.yaml")


def test_a_tag_that_names_other_files_than_its_manifest_is_refused(watched: Watched) -> None:
    chosen = choose(watched.seams(), "bikes", None)
    files = {**watched.document.files, "model.onnx": of_bytes(b"swapped")}
    forged = replace(chosen, document=replace(watched.document, files=files))
    with pytest.raises(Refused, match=r"model\.onnx"):
        proven(watched.seams(), forged)


def test_bytes_that_are_gone_are_named(watched: Watched) -> None:
    digest = watched.document.files["model.onnx"]
    blob = watched.clone / ".mlgitops/store/blobs/sha256" / digest.removeprefix("sha256:")
    blob.unlink()
    with pytest.raises(StoreError, match=digest):
        serve(watched.seams(), "bikes", environment="prod")


def test_the_shared_branch_decides_not_the_checkout(watched: Watched) -> None:
    (watched.clone / pin_path("prod", "bikes")).unlink()
    assert choose(watched.seams(), "bikes", "prod").digest == watched.document.digest


def test_a_spec_that_is_broken_elsewhere_stops_no_server(watched: Watched) -> None:
    commit(watched.clone, {"pipelines/other/pipeline.yaml": "steps: ["}, "Break another team")
    git(watched.clone, "push", "--quiet")
    assert choose(watched.seams(), "bikes", "prod").digest == watched.document.digest


def test_when_git_is_away_the_pin_as_last_fetched_is_served_and_said(
    watched: Watched, origin: Origin
) -> None:
    origin.bare.rename(origin.bare.with_name("away"))
    said: list[str] = []
    chosen = choose(watched.seams(said=said), "bikes", "prod")
    assert chosen.digest == watched.document.digest
    assert "what was pinned when git last answered" in said[-1]


@pytest.mark.parametrize(
    ("reference", "environment", "words"),
    [
        ("bikes@1.0.0", "prod", "names a version, and so does"),
        ("bikes", "prd", "no environment 'prd'"),
        ("boats", "prod", "prod runs no boats"),
        ("bikes@2.0.0", None, "has no release 2.0.0"),
    ],
)
def test_what_cannot_be_served_is_said(
    watched: Watched, reference: str, environment: str | None, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        choose(watched.seams(), reference, environment)
