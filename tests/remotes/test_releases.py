"""A release in a registry and in a bucket: read by programs that nobody here wrote."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from mlgitops.cli import main
from mlgitops.core.plans import Execute
from mlgitops.files import WorkTree
from mlgitops.flow.plan import plan
from mlgitops.flow.releases import release
from mlgitops.flow.workspaces import require
from tests import servers
from tests.e2e.world import MODEL, PROJECT, World
from tests.remotes.conftest import run_in, seams_of
from tests.remotes.test_sharing import poison
from tests.support import commit, git


def share(world: World, remote: str, more: str = "") -> None:
    """Let the project have a remote, and push what it has."""
    spec = PROJECT + f'store: {{remote: "{remote}"{more}}}\n'
    commit(world.clone, {"mlgitops.yaml": spec}, "Share the store")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")


def fresh(world: World, name: str, patch: pytest.MonkeyPatch) -> Path:
    """Somebody's clone, on a machine where nothing is."""
    root = world.clone.parent / name
    patch.setenv("MLGITOPS_STORE", str(world.root / f"store-of-{name}"))
    git(root.parent, "clone", "--quiet", str(world.bare), str(root))
    return root


@pytest.fixture
def shared(world: World, registry: str, tmp_path: Path) -> str:
    """The address of the registry's repository of the project, with all releases in it."""
    remote = f"{registry}/acme/{tmp_path.name.lower().replace('_', '-')}"
    share(world, f"oci://{remote}")
    assert main(["-C", str(world.clone), "push"]) == 0
    return remote


def test_a_released_model_is_pulled_by_oras_under_its_names(
    world: World, shared: str, tmp_path: Path
) -> None:
    from oras.client import OrasClient

    goal = tmp_path / "pulled"
    OrasClient(insecure=True).pull(f"{shared}/{MODEL}:v1.0.0", outdir=str(goal))
    document = release(seams_of(world.clone).repository, MODEL, "1.0.0").document
    store = seams_of(world.clone).store
    assert (goal / "model.onnx").read_bytes() == store.read(document.files["model.onnx"])
    names = {Path(name).name for name in document.files}
    assert {path.name for path in goal.rglob("*") if path.is_file()} == names


def test_skopeo_knows_it_by_the_digest_of_the_release_and_copies_it(
    world: World, shared: str, tmp_path: Path
) -> None:
    if shutil.which("skopeo") is None:
        servers.missing("skopeo", "apt-get install skopeo")
    document = release(seams_of(world.clone).repository, MODEL, "1.0.0").document
    place = f"docker://{shared}/{MODEL}@{document.digest}"
    shown = subprocess.run(
        ["skopeo", "inspect", "--raw", "--tls-verify=false", place],
        capture_output=True,
        check=True,
    )
    manifest = json.loads(shown.stdout)
    assert manifest["artifactType"] == "application/vnd.mlgitops.model.v1"
    titles = [one["annotations"]["org.opencontainers.image.title"] for one in manifest["layers"]]
    assert titles == sorted(document.files)
    subprocess.run(
        ["skopeo", "copy", "--quiet", "--src-tls-verify=false", place, f"oci:{tmp_path}/copy:x"],
        check=True,
        capture_output=True,
    )
    blobs = {path.name for path in (tmp_path / "copy/blobs/sha256").iterdir()}
    assert {digest[7:] for digest in document.files.values()} <= blobs


def test_it_is_an_image_of_its_files_too(world: World, shared: str, tmp_path: Path) -> None:
    if shutil.which("skopeo") is None:
        servers.missing("skopeo", "apt-get install skopeo")
    place = f"docker://{shared}/{MODEL}:v1.0.0-image"
    layers = set()
    for machine in ("amd64", "arm64"):
        goal = tmp_path / machine
        command = ["skopeo", "copy", "--quiet", "--src-tls-verify=false"]
        command += [f"--override-arch={machine}", "--override-os=linux", place, f"dir:{goal}"]
        subprocess.run(command, check=True, capture_output=True)
        manifest = json.loads((goal / "manifest.json").read_bytes())
        config = json.loads((goal / manifest["config"]["digest"][7:]).read_bytes())
        assert config["architecture"] == machine
        [layer] = manifest["layers"]
        assert config["rootfs"]["diff_ids"] == [layer["digest"]]
        layers.add(layer["digest"][7:])
    [name] = layers
    subprocess.run(["tar", "-xf", tmp_path / "amd64" / name, "-C", tmp_path], check=True)
    document = release(seams_of(world.clone).repository, MODEL, "1.0.0").document
    store = seams_of(world.clone).store
    found = {
        path.relative_to(tmp_path / "models").as_posix(): path.read_bytes()
        for path in (tmp_path / "models").rglob("*")
        if path.is_file()
    }
    assert found == {name: store.read(digest) for name, digest in document.files.items()}


def test_what_vouches_for_it_refers_to_it(world: World, shared: str) -> None:
    document = release(seams_of(world.clone).repository, MODEL, "1.0.0").document
    host, _, repository = shared.partition("/")
    tag = document.digest.replace(":", "-")
    kinds = {"Accept": "application/vnd.oci.image.index.v1+json"}
    url = f"http://{host}/v2/{repository}/{MODEL}/manifests/{tag}"
    index = httpx.get(url, headers=kinds).json()
    [entry] = index["manifests"]
    assert entry["artifactType"] == "application/vnd.in-toto+json"
    url = f"http://{host}/v2/{repository}/{MODEL}/manifests/{entry['digest']}"
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    referrer = httpx.get(url, headers=accept).json()
    assert referrer["subject"]["digest"] == document.digest
    [layer] = referrer["layers"]
    assert layer["digest"] == document.attestations["provenance.json"]


def test_a_fresh_clone_verifies_a_release_from_the_remote_alone(
    world: World,
    shared: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    root = fresh(world, "auditor", monkeypatch)
    capsys.readouterr()
    assert main(["-C", str(root), "verify", f"{MODEL}@1.0.0"]) == 0
    assert main(["-C", str(root), "card", f"{MODEL}@1.0.0"]) == 0
    assert main(["-C", str(root), "pull", "--model", f"{MODEL}@1.1.0"]) == 0
    document = release(seams_of(root).repository, MODEL, "1.1.0").document
    store = seams_of(root, offline=True).store
    assert all(store.has(one) for one in document.blobs.values())


def test_a_release_shares_its_bytes_before_its_tag(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = tmp_path / "shared"
    share(world, f"file://{remote}")
    train = world.clone / "pipelines/yield/pipeline.yaml"
    commit(world.clone, {str(train): train.read_text().replace("depth: 1", "depth: 4")}, "Prune")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    (remote / "manifests").mkdir(parents=True)
    assert main(["-C", str(world.clone), "release", MODEL]) == 0
    found = release(seams_of(world.clone).repository, MODEL)
    version = f"v{found.version}"
    names = [path.name for path in (remote / "manifests").iterdir()]
    assert [name for name in names if name.startswith(f"release-{MODEL}-{version}-")]
    plain = remote / "models" / MODEL / version
    store = seams_of(world.clone).store
    assert (plain / "model.onnx").read_bytes() == store.read(found.document.files["model.onnx"])
    assert json.loads((plain / "manifest.json").read_bytes())["layers"]
    root = fresh(world, "auditor", monkeypatch)
    assert main(["-C", str(root), "verify", f"{MODEL}@{found.version}"]) == 0


def test_a_release_that_cannot_share_its_bytes_makes_no_tag(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlgitops.store.remote.trying.FIRST_PAUSE", 0.001)
    share(world, "oci://127.0.0.1:9/acme/nobody")
    train = world.clone / "pipelines/yield/pipeline.yaml"
    commit(world.clone, {str(train): train.read_text().replace("depth: 1", "depth: 4")}, "Prune")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    before = git(world.clone, "tag", "--list")
    assert main(["-C", str(world.clone), "release", MODEL]) == 8
    assert git(world.clone, "tag", "--list") == before


def test_a_poisoned_result_of_an_untrusted_run_is_in_no_release(
    world: World,
    registry: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The attacker may write to the remote, and to no protected branch."""
    share(world, f"oci://{registry}/acme/poisoned")
    train = world.clone / "pipelines/yield/pipeline.yaml"
    commit(world.clone, {str(train): train.read_text().replace("depth: 1", "depth: 4")}, "Prune")
    git(world.clone, "push", "--quiet", "origin", "HEAD:main")
    attacker = fresh(world, "attacker", monkeypatch)
    assert main(["-C", str(attacker), "run"]) == 0
    poison(seams_of(attacker), attacker, "features")
    victim = fresh(world, "victim", monkeypatch)
    assert main(["-C", str(victim), "run", "yield", "--until", "rows"]) == 0
    found = {one.step: one for one in plan(seams_of(victim), require(WorkTree(victim)), victim)}
    assert not isinstance(found["features"], Execute)  # a run would take it
    assert main(["-C", str(victim), "release", MODEL]) == 0
    told = release(seams_of(victim).repository, MODEL).document.lineage.steps
    monkeypatch.setenv("MLGITOPS_STORE", str(world.root / "store-of-attacker"))
    real = run_in(attacker).records
    assert {name: told[name].key for name in told} == {name: real[name].key for name in told}
