"""What every remote promises: a registry, two servers of S3 and a folder alike."""

import io
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from mlgitops.core.digests import Digest, of_bytes
from mlgitops.core.errors import StoreError
from mlgitops.core.remotes import Bundle, marker
from mlgitops.store.remote import Remote
from mlgitops.store.remote.bucket import open_bucket
from mlgitops.store.remote.calls import Calls
from mlgitops.store.remote.registry import Registry
from tests import servers

NUMBERS = itertools.count()
ABSENT = of_bytes(b"nobody sent this")

Open = Callable[[str], Remote]


@contextmanager
def _registry(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Open]:
    with servers.registry(folder) as host:
        yield lambda name: Registry(Calls(host, lambda: None), f"acme/{name}")


@contextmanager
def _folder(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Open]:
    yield lambda name: open_bucket(f"file://{folder}/{name}")


def _s3(kind: str) -> Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Open]]:
    @contextmanager
    def opened(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Open]:
        with servers.bucket(folder, kind) as url:

            def at(name: str) -> Remote:
                for key, value in servers.s3_environment(url).items():
                    patch.setenv(key, value)
                return open_bucket(f"s3://models/{name}")

            yield at

    return opened


KINDS: dict[str, Callable[[Path, pytest.MonkeyPatch], AbstractContextManager[Open]]] = {
    "registry": _registry,
    "moto": _s3("moto"),
    "localbucket": _s3("localbucket"),
    "folder": _folder,
}


@pytest.fixture(scope="module", params=list(KINDS))
def place(request: pytest.FixtureRequest, tmp_path_factory) -> Iterator[Open]:
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        folder = tmp_path_factory.mktemp(request.param)
        yield stack.enter_context(KINDS[request.param](folder, patch))


@pytest.fixture
def remote(place: Open) -> Remote:
    return place(f"project-{next(NUMBERS)}")


def send(remote: Remote, data: bytes) -> tuple[Digest, bool]:
    digest = of_bytes(data)
    return digest, remote.send(digest, len(data), io.BytesIO(data), lambda _: None)


def read(remote: Remote, digest: Digest, size: int | None = None) -> bytes:
    with remote.read(digest, size) as stream:
        return b"".join(iter(lambda: stream.read(100_000), b""))


def publish(remote: Remote, bundle: Bundle, *, replace: bool = False) -> bool:
    send(remote, b"{}")
    return remote.publish(bundle.name, bundle.manifest, replace=replace)


@pytest.mark.parametrize("size", [0, 1, 5_000, 3_000_000])
def test_bytes_come_back(remote: Remote, size: int) -> None:
    data = bytes(i * 7 % 256 for i in range(1000)) * (size // 1000) + b"x" * (size % 1000)
    assert remote.size(of_bytes(data)) is None
    counted: list[int] = []
    assert remote.send(of_bytes(data), size, io.BytesIO(data), counted.append)
    assert sum(counted) == size
    assert remote.size(of_bytes(data)) == size
    assert read(remote, of_bytes(data), size) == read(remote, of_bytes(data)) == data
    assert not remote.send(of_bytes(data), size, io.BytesIO(data), counted.append)


def test_what_is_larger_than_a_part_comes_back(remote: Remote) -> None:
    data = b"0123456789abcdef" * (70 << 16)  # 70 MiB
    assert send(remote, data)[1]
    assert of_bytes(read(remote, of_bytes(data), len(data))) == of_bytes(data)


def test_what_is_absent_is_said_to_be(remote: Remote) -> None:
    assert remote.size(ABSENT) is None
    assert remote.manifest("step-nothing") is None
    assert list(remote.names()) == []
    with pytest.raises(StoreError, match=ABSENT), remote.read(ABSENT, 5):
        pass


def test_a_name_is_taken_once(request: pytest.FixtureRequest, remote: Remote) -> None:
    first, second = marker("one", "first"), marker("one", "second")
    assert publish(remote, first)
    assert not publish(remote, second)
    assert remote.manifest("one") == first.manifest
    assert publish(remote, second, replace=True)
    assert remote.manifest("one") == second.manifest
    assert [one.name for one in remote.names()] == ["one"]
    assert list(remote.names("two")) == []
    if request.node.callspec.params["place"] == "localbucket":
        return  # it knows no deletion of several objects in one request
    remote.unpublish("one")
    remote.unpublish("one")
    assert remote.manifest("one") is None


def test_writers_of_one_name_never_tear_it(remote: Remote) -> None:
    told = [marker("raced", f"writer {number}") for number in range(16)]
    publish(remote, marker("other", "x"))
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda one: remote.publish(one.name, one.manifest), told))
    assert any(won)
    assert remote.manifest("raced") in {one.manifest for one in told}


def test_many_names_are_listed(remote: Remote) -> None:
    send(remote, b"{}")
    names = {f"step-{number:04d}" for number in range(250)}
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: remote.publish(one, marker(one, one).manifest), names))
    assert {one.name for one in remote.names("step-")} == names


def test_blobs_that_are_listed_can_be_dropped(
    request: pytest.FixtureRequest, remote: Remote
) -> None:
    digest, _ = send(remote, b"garbage")
    listed = remote.blobs()
    if listed is None:
        return  # a registry removes by itself what no manifest names
    assert [(one, size) for one, size, _ in listed] == [(digest, 7)]
    if request.node.callspec.params["place"] == "localbucket":
        return
    remote.drop(digest)
    remote.drop(digest)
    assert remote.size(digest) is None
