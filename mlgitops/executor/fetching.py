"""A source of the type ``http``: a file that a web server gives, streamed to the output.

It is asked again when the server is down or busy. Headers of the spec go to the server that the
spec names, not to one that it redirects to: they may hold a secret.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlgitops.core.errors import Refused, Unreachable
from mlgitops.core.secrets import masked
from mlgitops.executor.storing import describe
from mlgitops.executor.tasks import Done, Task
from mlgitops.executor.variables import expanded

if TYPE_CHECKING:
    import httpx

LIMIT: Final = 20 * 2**30
_TRIES: Final = 4
_REDIRECTS: Final = 10
_WAIT: Final = 0.5  # seconds before the second try; twice as long before each one after it
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class _Again(Exception):
    """It did not work, and may work in a moment; ``reason`` says why not."""


def fetch(task: Task) -> Done:
    """Bring in what ``task.options`` names: ``url``, ``headers`` and the most bytes, ``limit``."""
    import httpx

    url = str(task.options["url"])
    headers = task.options["headers"]
    assert isinstance(headers, dict)
    sent = {name: expanded(str(value)) for name, value in headers.items()}
    limit = int(str(task.options.get("limit", LIMIT)))
    place = task.place(next(iter(task.outputs)))
    shown = masked(url)
    with httpx.Client(timeout=httpx.Timeout(60, connect=20)) as client:
        for number in range(1, _TRIES + 1):
            try:
                host = _get(client, expanded(url), sent, place, shown, limit)
                return Done(outputs=describe(task, task.outputs), network=(host,))
            except _Again as error:
                if number == _TRIES:
                    raise Unreachable(
                        f"{shown}: {error}, asked {_TRIES} times", hint="is the server reachable?"
                    ) from error
                wait = _WAIT * 2 ** (number - 1)
                _note(f"GET {shown}: {error}; asked again in {wait:g} s")
                time.sleep(wait)
    raise AssertionError("the last try ends it")


def _get(
    client: httpx.Client, url: str, headers: dict[str, str], place: Path, shown: str, limit: int
) -> str:
    """Write what the server gives to ``place``; return the server that gave it."""
    import httpx

    try:
        with _answer(client, url, headers, shown) as response:
            size = 0
            with place.open("wb") as stream:
                for piece in response.iter_bytes():
                    size += len(piece)
                    if size > limit:
                        raise Refused(
                            f"{shown}: it is larger than {limit:,} bytes",
                            hint="fetch it in a function, in parts",
                        )
                    stream.write(piece)
            noted = [f"{response.status_code}", f"{size:,} bytes"]
            for name in ("ETag", "Last-Modified", "Content-Type"):
                if name in response.headers:
                    noted.append(f"{name} {response.headers[name]}")
            _note(f"GET {shown}: {', '.join(noted)}")
            return f"{response.url.host}:{response.url.port or _port(response.url)}"
    except httpx.InvalidURL as error:
        raise Refused(f"{shown} is no URL: {error}") from error
    except httpx.TransportError as error:
        raise _Again(_words(error)) from error


@contextmanager
def _answer(
    client: httpx.Client, url: str, headers: dict[str, str], shown: str
) -> Iterator[httpx.Response]:
    """Follow redirects to the answer that is a file; Refused for any other."""
    import httpx

    asked = httpx.URL(url)
    if asked.scheme not in ("http", "https"):
        raise Refused(f"{shown} holds no address that begins with https:// or http://")
    for _ in range(_REDIRECTS):
        with client.stream("GET", asked, headers=headers) as response:
            following = response.next_request
            if following is None:
                _judge(response, shown)
                yield response
                return
        if (following.url.scheme, asked.scheme) == ("http", "https"):
            raise Refused(f"{shown}: it redirects from https to http, to {following.url.host}")
        if (following.url.host, following.url.port) != (asked.host, asked.port):
            headers = {}
        asked = following.url
    raise Refused(f"{shown}: more than {_REDIRECTS} redirects")


def _judge(response: httpx.Response, shown: str) -> None:
    said = f"{response.status_code} {response.reason_phrase}".strip()
    if response.status_code in _BUSY:
        raise _Again(f"the server answered {said}")
    if response.status_code in (401, 403):
        raise Refused(
            f"{shown}: the server answered {said}",
            hint="do the headers hold what it wants, such as Authorization: 'Bearer ${TOKEN}'?",
        )
    if response.status_code != 200:
        raise Refused(f"{shown}: the server answered {said}", hint="is the address right?")


def _note(line: str) -> None:
    """Say something in the step's log, which its record keeps."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _port(url: httpx.URL) -> int:
    return 443 if url.scheme == "https" else 80


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
