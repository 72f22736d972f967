"""Serving by digest, as the rendered manifests ask for it: a store, and nothing else around."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from mlgitops.cli import main
from mlgitops.core.digests import Digest
from mlgitops.core.errors import MlgitopsError, Refused, StoreError
from mlgitops.core.manifests import config, manifest
from mlgitops.flow.standalone import Exact, exact, serve_exact
from mlgitops.store.local import LocalStore
from tests.server import releases

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Digest]:
    """A store with one released model, `flight-delay`, and the digest of its manifest."""
    root = tmp_path_factory.mktemp("standalone")
    folder = releases.delays(root / "release")
    store = LocalStore(root / "store")
    names = ("model.onnx", "signature.json", "golden.json")
    data = {name: (folder / name).read_bytes() for name in names}
    files = {name: store.put_bytes(one) for name, one in data.items()}
    sizes = {name: len(one) for name, one in data.items()}
    digest = store.put_bytes(manifest("flight-delay", store.put_bytes(config()), files, sizes))
    return store.root, digest


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        (f"churn@{DIGEST}", "abababababab"),
        (f"churn@1.4.0@{DIGEST}", "1.4.0"),
        (f"churn@v1.4.0@{DIGEST}", "1.4.0"),
    ],
)
def test_a_reference_with_a_digest_names_bytes(reference, version):
    assert exact(reference) == Exact(model="churn", version=version, digest=Digest(DIGEST))


@pytest.mark.parametrize("reference", ["churn", "churn@1.4.0", "churn@v1.4.0", "sha256:ab"])
def test_a_reference_without_a_digest_is_left_to_git(reference):
    assert exact(reference) is None


def test_a_digest_that_is_not_whole_is_an_error_and_no_other_kind_of_reference():
    with pytest.raises(MlgitopsError, match="is not a digest"):
        exact("churn@1.4.0@sha256:abab")


def test_it_serves_where_there_is_neither_repository_nor_git(released, tmp_path):
    store, digest = released
    command = [sys.executable, "-m", "mlgitops", "serve", f"flight-delay@1.4.0@{digest}"]
    environment = {**os.environ, "MLGITOPS_STORE": str(store), "PATH": "", "TMPDIR": str(tmp_path)}
    before = sorted(path for path in store.rglob("*"))
    process = subprocess.Popen(
        [*command, "--port=0"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        told = "".join(process.stderr.readline() for _ in range(3))
        address = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert address is not None, told + process.stderr.read()
        with httpx.Client(base_url=address[0], timeout=60) as client:
            assert client.get("/v2/health/ready").status_code == 200
            about = client.get("/v2/models/flight-delay").json()
            assert about["versions"] == ["1.4.0"]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert sorted(path for path in store.rglob("*")) == before, "the store is only read"
    assert list(tmp_path.iterdir()) == [], "nothing is left behind"


def serve(store: Path, wanted: Exact) -> None:
    serve_exact(
        LocalStore(store), wanted, host="127.0.0.1", port=0, journal=None, say=lambda line: None
    )


def test_a_digest_of_another_model_is_refused(released):
    store, digest = released
    with pytest.raises(Refused, match="is a release of 'flight-delay', not of 'churn'"):
        serve(store, Exact(model="churn", version="1.0.0", digest=digest))


def test_a_digest_that_is_not_in_the_store_is_an_error(released):
    store, _ = released
    with pytest.raises(StoreError):
        serve(store, Exact(model="churn", version="1.0.0", digest=Digest(DIGEST)))


def test_a_blob_that_is_no_manifest_is_an_error(released):
    store, _ = released
    blob = LocalStore(store).put_bytes(b"{}")
    with pytest.raises(MlgitopsError, match="no manifest of a release"):
        serve(store, Exact(model="flight-delay", version="1.0.0", digest=blob))


def test_an_environment_beside_a_digest_is_a_usage_error(released, tmp_path, capsys):
    _, digest = released
    reference = f"flight-delay@{digest}"
    assert main(["-C", str(tmp_path), "serve", reference, "--env", "prod"]) == 2
    assert "leave out --env" in capsys.readouterr().err
