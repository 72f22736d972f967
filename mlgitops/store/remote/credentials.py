"""Who asks a registry: the environment, Docker's and Podman's files, and credential helpers."""

from __future__ import annotations

import base64
import binascii
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from mlgitops.core.digests import JSON
from mlgitops.core.errors import StoreError

_HUB: Final = "https://index.docker.io/v1/"
_HELPER_SECONDS: Final = 30
_NOT_FOUND: Final = "credentials not found"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with a password, or a refresh token (then ``user`` is empty)."""

    user: str
    secret: str = field(repr=False)


def credentials(host: str, environment: Mapping[str, str] = os.environ) -> Credentials | None:
    """Return who asks ``host``, the first that is found; None: nobody, which may read in public.

    ``MLGITOPS_REGISTRY_USER`` and ``…_PASSWORD``; the token of the workflow that runs, for its own
    forge's registry alone; ``auth.json`` of Podman; ``config.json`` of Docker with its helpers.
    """
    given = environment
    if "MLGITOPS_REGISTRY_PASSWORD" in given:
        user = given.get("MLGITOPS_REGISTRY_USER", "mlgitops")
        return Credentials(user, given["MLGITOPS_REGISTRY_PASSWORD"])
    # Nobody else's registry ever sees a workflow's token.
    if host == "ghcr.io" and given.get("GITHUB_TOKEN"):
        return Credentials(given.get("GITHUB_ACTOR") or "x-access-token", given["GITHUB_TOKEN"])
    if host == given.get("CI_REGISTRY") and given.get("CI_REGISTRY_PASSWORD"):
        return Credentials(
            given.get("CI_REGISTRY_USER", "gitlab-ci-token"), given["CI_REGISTRY_PASSWORD"]
        )
    for path in _files(given):
        found = _in_file(path, host)
        if found is not None:
            return found
    return None


def _files(given: Mapping[str, str]) -> list[Path]:
    if "REGISTRY_AUTH_FILE" in given:
        return [Path(given["REGISTRY_AUTH_FILE"])]
    home = Path(given.get("HOME", "/"))
    found = [Path(given.get("DOCKER_CONFIG") or home / ".docker", "config.json")]
    if "XDG_RUNTIME_DIR" in given:
        found.insert(0, Path(given["XDG_RUNTIME_DIR"], "containers/auth.json"))
    return found


def _in_file(path: Path, host: str) -> Credentials | None:
    try:
        settings = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot read the credentials in {path}: {error}", hint="mend it, or log in anew"
        ) from error
    if not isinstance(settings, dict):
        return None
    for name in (host, f"https://{host}", *([_HUB] if host.endswith("docker.io") else [])):
        helpers = settings.get("credHelpers")
        helper = helpers.get(name) if isinstance(helpers, dict) else None
        if helper:
            return _asked(str(helper), name)
        entries = settings.get("auths")
        entry = entries.get(name) if isinstance(entries, dict) else None
        if isinstance(entry, dict):
            written = _written(entry)
            if written is not None:
                return written
    if settings.get("credsStore"):
        return _asked(str(settings["credsStore"]), host)
    return None


def _written(entry: Mapping[str, JSON]) -> Credentials | None:
    if entry.get("identitytoken"):
        return Credentials("", str(entry["identitytoken"]))
    if entry.get("username") and entry.get("password"):
        return Credentials(str(entry["username"]), str(entry["password"]))
    try:
        text = base64.b64decode(str(entry.get("auth", ""))).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    user, colon, password = text.partition(":")
    return Credentials(user, password.rstrip("\0")) if colon else None


def _asked(helper: str, server: str) -> Credentials | None:
    """Ask a credential helper (the protocol of docker-credential-helpers)."""
    command = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [command, "get"],
            input=server,
            capture_output=True,
            text=True,
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(
            f"the credential helper {command} does not work: {error}",
            hint="install it, or log in without it",
        ) from error
    if done.returncode:
        if _NOT_FOUND in done.stdout + done.stderr:
            return None
        text = (done.stderr or done.stdout).strip()
        raise StoreError(f"the credential helper {command} refused: {text}")
    try:
        answer = cast("dict[str, str]", json.loads(done.stdout))
        user, secret = answer["Username"], answer["Secret"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"the credential helper {command} answered nonsense") from error
    return Credentials("" if user == "<token>" else user, secret)
