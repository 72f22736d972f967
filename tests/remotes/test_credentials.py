"""Who asks a registry: what is found first, and what nobody else ever sees."""

import base64
import io
import json
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from mlgitops.core.digests import of_bytes
from mlgitops.core.errors import NotAllowed, StoreError
from mlgitops.store.remote.calls import Calls
from mlgitops.store.remote.credentials import Credentials, credentials
from mlgitops.store.remote.registry import Registry
from tests import servers

HOST = "registry.example.com"


def docker(folder: Path, **config: object) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    return {"DOCKER_CONFIG": str(folder)}


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_without_anything_nobody_asks(tmp_path: Path) -> None:
    assert credentials(HOST, {"HOME": str(tmp_path)}) is None


def test_the_environment_comes_before_files(tmp_path: Path) -> None:
    files = docker(tmp_path / "d", auths={HOST: auth("file:old")})
    given = {**files, "MLGITOPS_REGISTRY_USER": "bot", "MLGITOPS_REGISTRY_PASSWORD": "new"}
    assert credentials(HOST, given) == Credentials("bot", "new")
    assert credentials(HOST, files) == Credentials("file", "old")


def test_a_workflows_token_is_for_its_own_forge_alone(tmp_path: Path) -> None:
    github = {"HOME": str(tmp_path), "GITHUB_TOKEN": "t", "GITHUB_ACTOR": "ada"}
    assert credentials("ghcr.io", github) == Credentials("ada", "t")
    assert credentials(HOST, github) is None
    assert credentials("ghcr.io.example.com", github) is None
    gitlab = {"HOME": str(tmp_path), "CI_REGISTRY": HOST, "CI_REGISTRY_PASSWORD": "p"}
    assert credentials(HOST, gitlab) == Credentials("gitlab-ci-token", "p")
    assert credentials("ghcr.io", gitlab) is None


def test_podmans_file_and_an_identity_token(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    entry = {"auths": {HOST: {"identitytoken": "refresh"}}}
    (tmp_path / "containers/auth.json").write_text(json.dumps(entry))
    given = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    assert credentials(HOST, given) == Credentials("", "refresh")


@pytest.mark.parametrize("key", ["credHelpers", "credsStore"])
def test_a_credential_helper_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    helper = tmp_path / "docker-credential-mine"
    helper.write_text(
        "#!/bin/sh\nread server\n"
        f'[ "$server" = {HOST} ] && echo \'{{"Username": "u", "Secret": "s"}}\' && exit\n'
        "echo 'credentials not found in native keychain'; exit 1\n"
    )
    helper.chmod(helper.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    value: object = "mine" if key == "credsStore" else {HOST: "mine", "other.example.com": "mine"}
    given = docker(tmp_path / "d", **{key: value})
    assert credentials(HOST, given) == Credentials("u", "s")
    assert credentials("other.example.com", given) is None


def test_a_helper_or_a_file_that_does_not_work_is_named(tmp_path: Path) -> None:
    given = docker(tmp_path / "d", credsStore="not-installed")
    with pytest.raises(StoreError, match="docker-credential-not-installed"):
        credentials(HOST, given)
    (tmp_path / "d/config.json").write_text("{")
    with pytest.raises(StoreError, match=r"config\.json"):
        credentials(HOST, given)


def test_a_secret_is_in_no_text() -> None:
    assert "hunter2" not in repr(Credentials("ada", "hunter2"))


def test_a_registry_that_wants_to_know_who_asks(tmp_path: Path) -> None:
    # bcrypt of "secret", the one hash that the registry knows
    users = "ada:$2b$12$I013mpj7GKW/dlOJXnkXjuGXKKt6DGqGWNjbHBnpPdv/V2W6pEEWm\n"
    with servers.registry(tmp_path, users=users) as host:
        nobody = Registry(Calls(host, lambda: None), "acme/x")
        with pytest.raises(NotAllowed, match="401") as caught:
            nobody.manifest("one")
        assert caught.value.hint is not None and "docker login" in caught.value.hint
        wrong = Registry(Calls(host, lambda: Credentials("ada", "wrong")), "acme/x")
        with pytest.raises(NotAllowed, match="401"):
            wrong.manifest("one")
        ada = Registry(Calls(host, lambda: Credentials("ada", "secret")), "acme/x")
        data = b"what only ada may write"
        assert ada.send(of_bytes(data), len(data), io.BytesIO(data), lambda _: None)
        with ada.read(of_bytes(data), len(data)) as stream:
            assert stream.read() == data


class Tokens(BaseHTTPRequestHandler):
    """A registry that wants a token of its own service, as those of the forges do."""

    asked: ClassVar[list[str]] = []
    valid: ClassVar[str] = "first"

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self.asked.append(f"{self.path} {self.headers.get('Authorization')}")
            return self._answer(200, json.dumps({"token": self.valid}).encode())
        if self.headers.get("Authorization") != f"Bearer {self.valid}":
            host = self.headers["Host"]
            challenge = (
                f'Bearer realm="http://{host}/token",service="it",scope="repository:acme/x:pull"'
            )
            return self._answer(401, b"{}", challenge)
        return self._answer(200, b"the manifest")

    def _answer(self, status: int, body: bytes, challenge: str | None = None) -> None:
        self.send_response(status)
        if challenge is not None:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("who", [None, Credentials("ada", "secret")])
def test_a_token_is_asked_for_once_and_again_when_it_has_ended(who: Credentials | None) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        Tokens.asked.clear()
        Tokens.valid = "first"
        calls = Calls(f"127.0.0.1:{server.server_port}", lambda: who)
        remote = Registry(calls, "acme/x")
        for _ in range(3):
            assert remote.manifest("one") == b"the manifest"
        assert len(Tokens.asked) == 1
        Tokens.valid = "second"
        assert remote.manifest("one") == b"the manifest"
        assert len(Tokens.asked) == 2
        path, _, given = Tokens.asked[0].partition(" ")
        assert "service=it" in path and "scope=repository" in path
        assert given.startswith("Basic ") == (who is not None)
    finally:
        server.shutdown()
        server.server_close()
