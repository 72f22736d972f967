"""Networks that break: nothing is lost or torn, and what was sent is not sent again."""

import io
import random
from typing import cast

import pytest

from mlgitops.core.digests import JSON, Digest, of_bytes
from mlgitops.core.errors import StoreError
from mlgitops.core.remotes import Bundle, marker
from mlgitops.flow.sharing import Pushing
from mlgitops.store.local import LocalStore
from mlgitops.store.remote import registry as registries
from mlgitops.store.remote import trying
from mlgitops.store.remote.calls import Calls
from mlgitops.store.remote.registry import Registry
from mlgitops.store.shared import SharedStore, Source
from tests.remotes.chaos import chaos
from tests.remotes.conftest import NOW

ROUNDS = 12


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pauses, and parts small enough to break in the middle."""
    monkeypatch.setattr(trying, "FIRST_PAUSE", 0.002)
    monkeypatch.setattr(trying, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(registries, "_PART", 1 << 20)


def one_round(host: str, folder, seed: int, rate: float = 0.25) -> tuple[int, int]:
    """Push and pull through a proxy that breaks; every digest must be right."""
    made = random.Random(seed)
    sizes = [0, 1, 70_000, 900_000, 3_500_000, made.randrange(1, 2_000_000)]
    store = LocalStore(folder / "here")
    blobs = {store.put_bytes(made.randbytes(size)): size for size in sizes}
    name = f"acme/broken-{seed}"
    with chaos(host, rate=rate, seed=seed) as proxy:
        remote = Registry(Calls(proxy.host, lambda: None), name)
        with Pushing(store, remote, clock=lambda: NOW, say=lambda _: None) as pushing:
            manifest = _manifest(blobs)
            pushing.add(Bundle(name="release-x", manifest=manifest, blobs=blobs))
            pushing.finish()
        source = Source(remote=remote, vouched=lambda key, step: True)
        there = SharedStore(folder / "there", (source,), lambda _: None)
        for digest, size in blobs.items():
            assert len(there.read(digest)) == size
        assert list(there.check()) == []
        # Straight: what is there is whole.
        direct = Registry(Calls(host, lambda: None), name)
        assert direct.manifest("release-x") == manifest
        assert all(direct.size(one) == size for one, size in blobs.items())
        return proxy.requests, proxy.faults


def _manifest(blobs: dict[Digest, int]) -> bytes:
    from mlgitops.core.digests import canonical
    from mlgitops.core.manifests import MANIFEST_TYPE

    first, *rest = (
        cast(JSON, {"mediaType": "application/octet-stream", "digest": one, "size": size})
        for one, size in blobs.items()
    )
    return canonical(
        {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": first, "layers": rest}
    )


def test_nothing_is_lost_or_torn_by_a_network_that_breaks(registry: str, tmp_path) -> None:
    faults = 0
    for seed in range(ROUNDS):
        faults += one_round(registry, tmp_path / str(seed), seed)[1]
    assert faults > 2 * ROUNDS


def test_a_second_push_asks_for_no_blob(registry: str, tmp_path) -> None:
    store = LocalStore(tmp_path / "here")
    blobs = {store.put_bytes(b"%d" % n * 50): 50 * len(str(n)) for n in range(40)}
    bundle = Bundle(name="release-y", manifest=_manifest(blobs), blobs=blobs)
    with chaos(registry) as proxy:
        remote = Registry(Calls(proxy.host, lambda: None), "acme/second")
        for _ in range(2):
            proxy.bodies.clear()
            with Pushing(store, remote, clock=lambda: NOW, say=lambda _: None) as pushing:
                pushing.add(bundle)
                pushing.finish()
    asked = [line.split(" ")[1] for line in proxy.bodies]
    assert [path for path in asked if "/blobs/" in path] == []
    assert len(asked) <= 5


def test_an_upload_goes_on_where_it_broke(registry: str, tmp_path) -> None:
    data = random.Random(1).randbytes(6 << 20)
    digest = of_bytes(data)
    with chaos(registry) as proxy:
        remote = Registry(Calls(proxy.host, lambda: None), "acme/resumed")
        proxy.rate, proxy.seed = 0.4, 3
        sent: list[int] = []
        assert remote.send(digest, len(data), io.BytesIO(data), sent.append)
        patches = [line for line in proxy.bodies if line.startswith("PATCH")]
        assert sum(sent) == len(data)
        assert proxy.faults and 6 <= len(patches) < 30
    assert Registry(Calls(registry, lambda: None), "acme/resumed").size(digest) == len(data)


def test_who_gives_up_says_why_and_what_next(registry: str) -> None:
    with chaos(registry, rate=1.0) as proxy:
        remote = Registry(Calls(proxy.host, lambda: None), "acme/never")
        with pytest.raises(StoreError, match=proxy.host) as caught:
            remote.publish("one", marker("one", "x").manifest)
    assert caught.value.hint is not None and "--offline" in caught.value.hint
