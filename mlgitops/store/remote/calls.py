"""HTTP to a registry: who asks, trying again, and what its errors mean."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

import httpx

from mlgitops.core.errors import MlgitopsError, NotAllowed, StoreError
from mlgitops.store.remote import RemoteRefused
from mlgitops.store.remote.credentials import Credentials
from mlgitops.store.remote.trying import ATTEMPTS, Patience

_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_CHALLENGE: Final = re.compile(r'(\w+)="([^"]*)"')
_LOOPBACK: Final = re.compile(r"(localhost|127(\.\d+){3}|\[::1\])(:\d+)?")
CONNECTIONS: Final = 16
# Who has never answered is not waited for: a laptop without a network goes on with what is there.
_FIRST_ATTEMPTS: Final = 4

Body = bytes | Callable[[], Iterable[bytes]] | None


class Calls:
    """Requests to one registry. Safe for many threads.

    A loopback address is asked without TLS, as Docker does. ``who`` is asked once, when the
    registry wants to know.
    """

    def __init__(
        self, host: str, who: Callable[[], Credentials | None], *, attempts: int = ATTEMPTS
    ) -> None:
        self.host = host
        self.base = f"{'http' if _LOOPBACK.fullmatch(host) else 'https'}://{host}"
        self._who = who
        self._attempts = attempts
        self._tokens: dict[str, str] = {}
        self._answered = False
        self._guard = threading.Lock()
        self._client = httpx.Client(
            timeout=httpx.Timeout(60.0, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=CONNECTIONS * 2, max_keepalive_connections=64),
            headers={"User-Agent": "mlgitops"},
        )

    def ask(
        self,
        method: str,
        url: str,
        *,
        doing: str,
        accept: Iterable[int] = (),
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        patience: Patience | None = None,
    ) -> httpx.Response:
        """Return the answer, read whole, when it is a success or one of ``accept``.

        It is asked again, with the same body, when the registry is busy or the connection breaks;
        not when ``patience`` has no attempts. Raises StoreError, NotAllowed.
        """
        patience = patience or Patience(self._attempts)
        while True:
            try:
                with self.answer(method, url, headers=headers, body=body) as found:
                    found.read()
            except httpx.TransportError as error:
                if self._hopeful(error, patience) and patience.another():
                    continue
                raise self.broken(doing, error) from error
            if found.status_code in _AGAIN and patience.another(wait_of(found)):
                continue
            if found.is_success or found.status_code in accept:
                return found
            raise self.refused(doing, found)

    def _hopeful(self, error: httpx.TransportError, patience: Patience) -> bool:
        """Return whether a broken request is worth another attempt."""
        if self._answered or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return True
        return isinstance(error, httpx.ConnectError) and patience.failures < _FIRST_ATTEMPTS - 1

    @contextmanager
    def answer(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
    ) -> Iterator[httpx.Response]:
        """Give the answer to one request, unread, after saying who asks when that is wanted.

        Raises httpx.TransportError.
        """
        url, scope = urljoin(self.base, url), _scope(url, method)
        for attempt in (1, 2):
            given = dict(headers or {})
            # A place that a registry sends us to has its own rights in the address.
            if urlsplit(url).netloc == self.host and scope in self._tokens:
                given["Authorization"] = self._tokens[scope]
            content = body() if callable(body) else body
            redirected = method in ("GET", "HEAD")
            request = self._client.build_request(method, url, headers=given, content=content)
            found = self._client.send(request, stream=True, follow_redirects=redirected)
            self._answered = True
            try:
                if found.status_code == 401 and attempt == 1 and self._known(found, scope, given):
                    continue
                yield found
                return
            finally:
                found.close()

    def _known(self, found: httpx.Response, scope: str, given: Mapping[str, str]) -> bool:
        """Get a right to ask; False when there is none, or it is the one that was refused."""
        challenge = found.headers.get("WWW-Authenticate", "")
        kind, _, rest = challenge.partition(" ")
        with self._guard:
            now = self._tokens.get(scope)
            if now is not None and now != given.get("Authorization"):
                return True  # another thread was faster
            who = self._who()
            if kind.lower() == "basic":
                if who is None:
                    return False
                self._tokens[scope] = httpx.BasicAuth(who.user, who.secret)._auth_header
                return now != self._tokens[scope]
            if kind.lower() != "bearer":
                return False
            token = self._token(dict(_CHALLENGE.findall(rest)), who)
            if token is None:
                return False
            self._tokens[scope] = f"Bearer {token}"
            return True

    def _token(self, challenge: Mapping[str, str], who: Credentials | None) -> str | None:
        realm = challenge.get("realm", "")
        if urlsplit(realm).scheme != "https" and not self.base.startswith("http:"):
            return None  # nobody gets a password in clear
        asked = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        if who is not None and not who.user:
            form = {"grant_type": "refresh_token", "refresh_token": who.secret, **asked}
            found = self._client.post(realm, data={**form, "client_id": "mlgitops"})
        else:
            auth = None if who is None else httpx.BasicAuth(who.user, who.secret)
            found = self._client.get(realm, params=asked, auth=auth)
        if found.status_code in _AGAIN:
            raise httpx.ConnectError(f"{realm} answered {found.status_code}")
        try:
            answer = found.json() if found.is_success else {}
        except ValueError:
            return None
        token = answer.get("token") or answer.get("access_token")
        return str(token) if token else None

    # -- errors -------------------------------------------------------------------------------

    def broken(self, doing: str, error: Exception) -> StoreError:
        """Return the error for a registry that cannot be asked."""
        return StoreError(
            f"cannot {doing}: {self.host} does not answer ({str(error) or type(error).__name__})",
            hint="is it reachable from here? the same command goes on where this one ended;"
            " `run --offline` uses what is here",
        )

    def refused(self, doing: str, found: httpx.Response) -> MlgitopsError:
        """Return the error for an answer that is a refusal."""
        text = f"cannot {doing}: {self.host} answered {found.status_code}{_said(found)}"
        if found.status_code in (401, 403):
            return NotAllowed(
                text,
                hint=f"log in with `docker login {self.host}` or set MLGITOPS_REGISTRY_USER and"
                " MLGITOPS_REGISTRY_PASSWORD; does this user have the right?",
            )
        return RemoteRefused(text)


def wait_of(found: httpx.Response) -> float | None:
    """Return the seconds that a server asks for before the next request."""
    text = found.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def again(found: httpx.Response) -> bool:
    """Return whether the same request may work the next time."""
    return found.status_code in _AGAIN


def _scope(url: str, method: str) -> str:
    """Return what a right is for: reading or writing one repository."""
    path = urlsplit(url).path
    repository = re.split(r"/(?:blobs|manifests|tags|referrers)(?:/|$)", path, maxsplit=1)[0]
    return f"{'pull' if method in ('GET', 'HEAD') else 'push'} {repository}"


def _said(found: httpx.Response) -> str:
    try:
        first = found.json()["errors"][0]
        return f" ({first.get('code')}: {first.get('message')})"
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return ""
