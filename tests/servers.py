"""Real servers on loopback for tests: a registry and two buckets. Each skips by name without it."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

REGISTRY = next(
    (one for name in ("docker-registry", "registry") if (one := shutil.which(name))), None
)


def missing(what: str, why: str) -> None:
    """Skip a test that needs a part of the system; in CI that is a failure."""
    if os.environ.get("SYSTEM_PARTS") == "required":
        pytest.fail(f"{what} is not installed here, and CI installs it: {why}")
    pytest.skip(f"{what} is not installed: {why}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], url: str, log: Path, **env: str) -> Iterator[None]:
    """Run a server until it answers, and end it afterwards."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, **env}
        )
        try:
            for _ in range(300):
                if process.poll() is not None:
                    raise AssertionError(f"{command[0]} ended: {log.read_text()[-2000:]}")
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(url, timeout=1)
                    break
                time.sleep(0.1)
            else:
                raise AssertionError(f"{command[0]} does not answer: {log.read_text()[-2000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def registry(folder: Path, *, users: str | None = None, delete: bool = True) -> Iterator[str]:
    """Run a Docker registry; yield ``host:port``. ``users``: lines of an htpasswd file."""
    if REGISTRY is None:
        missing("docker-registry", "apt-get install docker-registry")
    assert REGISTRY is not None
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    auth = ""
    if users is not None:
        (folder / "htpasswd").write_text(users)
        auth = f"auth: {{htpasswd: {{realm: test, path: {folder / 'htpasswd'}}}}}\n"
    (folder / "registry.yml").write_text(
        "version: 0.1\nlog: {level: error}\n"
        f"http: {{addr: '127.0.0.1:{port}', secret: test}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}},"
        f" delete: {{enabled: {str(delete).lower()}}}}}\n" + auth
    )
    command = [REGISTRY, "serve", str(folder / "registry.yml")]
    with running(command, f"http://127.0.0.1:{port}/v2/", folder / "log"):
        yield f"127.0.0.1:{port}"


@contextmanager
def bucket(folder: Path, kind: str) -> Iterator[str]:
    """Run an S3 server (``moto`` or ``localbucket``) with a bucket ``models``; yield its URL."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    programs = Path(sys.executable).parent
    command = {
        "moto": [str(programs / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
        "localbucket": [str(programs / "localbucket"), "--port", str(port), str(folder / "data")],
    }[kind]
    (folder / "data").mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    with running(command, url, folder / "log"):
        httpx.put(f"{url}/models").raise_for_status()
        yield url


def s3_environment(url: str) -> dict[str, str]:
    """Return what tells a client where an S3 server is, and who asks."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
    }
