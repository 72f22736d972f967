"""The model server as an ASGI application: HTTP on one side, one session on the other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any, TypeAlias

import orjson

from mlgitops import __version__
from mlgitops.core.errors import Refused
from mlgitops.server import metrics, protocol
from mlgitops.server.columns import Column
from mlgitops.server.journal import Journal
from mlgitops.server.protocol import Contract, Request
from mlgitops.server.session import Session
from mlgitops.server.tensors import BadRequest

_Message: TypeAlias = MutableMapping[str, Any]
_Headers: TypeAlias = Iterable[tuple[bytes, bytes]]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]

_JSON = b"application/json"

# Rows from which on a request is answered in a thread, so that the others need not wait for it.
_LARGE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer."""

    status: int
    body: bytes
    kind: bytes = _JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _Failed(Exception):
    """The request ends here, with this reply."""

    def __init__(self, reply: Reply, *, field: str | None = None) -> None:
        super().__init__(reply.status)
        self.reply = reply
        self.field = field


class App:
    """Open Inference Protocol v2 and ``/metrics`` over one session.

    ``now`` gives aware times for the journal; ``on_log`` gets a line for what an operator must
    know. A body of more than ``max_body`` bytes is refused.
    """

    def __init__(
        self,
        session: Session,
        *,
        journal: Journal | None,
        now: Callable[[], datetime],
        on_log: Callable[[str], None],
        max_body: int,
    ) -> None:
        self._session = session
        self._journal = journal
        self._journal_error: str | None = None
        self._now = now
        self._log = on_log
        self._max_body = max_body
        self._contract = Contract(session.signature)
        self._metrics = metrics.Metrics()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="infer")
        release = session.release
        names = [f"/v2/models/{release.model}"]
        names.append(f"{names[0]}/versions/{release.version}")
        described = Reply(status=200, body=protocol.describe(session.signature, release))
        self._gets: dict[str, Callable[[], Reply]] = {
            "/v2": _server_metadata,
            "/v2/health/live": lambda: _json(200, {"live": True}),
            "/v2/health/ready": self._ready,
            "/metrics": self._render,
            **{name: lambda: described for name in names},
            **{f"{name}/ready": self._model_ready for name in names},
        }
        self._infers = frozenset(f"{name}/infer" for name in names)

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Answer one HTTP request."""
        path, method = scope["path"], scope["method"]
        if path in self._infers and method == "POST":
            reply = await self._infer(scope["headers"], receive)
        elif path in self._gets and method in ("GET", "HEAD"):
            reply = self._gets[path]()
        elif path in self._infers:
            reply = _not_allowed(method, "POST")
        elif path in self._gets:
            reply = _not_allowed(method, "GET, HEAD")
        else:
            reply = self._not_found(path)
        if reply is None:
            return
        headers = [
            (b"content-type", reply.kind),
            (b"content-length", str(len(reply.body)).encode()),
            *reply.headers,
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    async def _infer(self, headers: _Headers, receive: _Receive) -> Reply | None:
        """Answer an inference request, counted and timed; None when the client went away."""
        started = perf_counter()
        try:
            body, header = await self._body(headers, receive)
            if body is None:
                return None
            reply = await self._answer(body, header)
        except _Failed as failed:
            reply = failed.reply
            if reply.status == 400:
                self._metrics.rejected[failed.field or ""] += 1
        except Exception as error:  # the last door: the client gets JSON, the operator the reason
            self._log(f"a request failed: {type(error).__name__}: {error}")
            reply = _error(500, "the server failed; its log says why")
        self._metrics.answered(reply.status, perf_counter() - started)
        return reply

    async def _body(self, headers: _Headers, receive: _Receive) -> tuple[bytes | None, int | None]:
        """Return the body and the length of its JSON part if that is given; bounded."""
        header: int | None = None
        for name, value in headers:
            if name == b"content-length" and int(value) > self._max_body:
                raise self._too_large()
            if name == b"inference-header-content-length":
                if not value.isdigit() or len(value) > 18:
                    found = value.decode("latin-1")[:60]
                    raise _bad(f"Inference-Header-Content-Length: not a length: {found!r}")
                header = int(value)
            elif name == b"content-encoding" and value.lower() != b"identity":
                raise _Failed(
                    _error(415, f"content encoding {value.decode('latin-1')!r} is not known")
                )
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None, None
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._max_body:
                raise self._too_large()
            parts.append(part)
            more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts), header

    async def _answer(self, body: bytes, header: int | None) -> Reply:
        if self._session.refusal is not None:
            raise _Failed(_error(503, f"not ready: {self._session.refusal}"))
        try:
            request = self._contract.decode(body, header)
            if request.rows < _LARGE:
                outputs = self._session.infer(request.columns)
            else:
                loop = asyncio.get_running_loop()
                infer = self._session.infer
                outputs = await loop.run_in_executor(self._thread, infer, request.columns)
        except BadRequest as error:
            raise _bad(error.message, field=error.field) from error
        except Refused as error:
            raise _bad(error.message) from error
        identifier = request.id if request.id is not None else uuid.uuid4().hex
        answer = protocol.encode(self._session.release, request, identifier, outputs)
        # Before the answer leaves: what a client has seen is in the journal, or counted as missing.
        self._record(request, identifier, outputs)
        self._metrics.rows += request.rows
        if answer.header is None:
            return Reply(status=200, body=answer.body)
        length = (b"inference-header-content-length", str(answer.header).encode())
        kind = b"application/octet-stream"
        return Reply(status=200, body=answer.body, kind=kind, headers=(length,))

    def _record(self, request: Request, identifier: str, outputs: dict[str, Column]) -> None:
        """Write the request to the journal. A journal that fails costs no client an answer."""
        if self._journal is None:
            return
        release = self._session.release
        try:
            self._journal.append(
                self._now(),
                request=identifier,
                model=release.model,
                version=release.version,
                digest=release.digest,
                row_ids=request.row_ids,
                inputs=request.columns,
                outputs=outputs,
            )
        except OSError as error:
            self._metrics.journal_failures += 1
            if self._journal_error is None:
                self._log(f"the prediction journal cannot be written: {error}")
            self._journal_error = str(error)
            return
        self._metrics.journal_entries += 1
        if self._journal_error is not None:
            self._log("the prediction journal is written again")
            self._journal_error = None

    def _ready(self) -> Reply:
        if self._session.refusal is not None:
            return _json(503, {"ready": False, "error": self._session.refusal})
        if self._journal_error is not None:
            # Still ready: an answer without its record is worth more than no answer.
            return _json(200, {"ready": True, "journal": self._journal_error})
        return _json(200, {"ready": True})

    def _model_ready(self) -> Reply:
        ready = self._session.refusal is None
        return _json(200 if ready else 503, {"name": self._session.release.model, "ready": ready})

    def _render(self) -> Reply:
        ready = self._session.refusal is None
        body = self._metrics.render(self._session.release, ready=ready)
        return Reply(status=200, body=body, kind=metrics.CONTENT_TYPE)

    def _not_found(self, path: str) -> Reply:
        release = self._session.release
        if path.startswith("/v2/models/"):
            told = f"this server has the model {release.model!r} in version {release.version!r}"
        else:
            told = "this server speaks the Open Inference Protocol under /v2"
        return _error(404, f"nothing at {path[:200]!r}: {told}")

    def _too_large(self) -> _Failed:
        reply = _error(413, f"the body is larger than {self._max_body} bytes; send fewer rows")
        return _Failed(Reply(status=413, body=reply.body, headers=((b"connection", b"close"),)))


def _server_metadata() -> Reply:
    extensions = list(protocol.EXTENSIONS)
    return _json(200, {"name": "mlgitops", "version": __version__, "extensions": extensions})


def _json(status: int, value: dict[str, object]) -> Reply:
    return Reply(status=status, body=orjson.dumps(value))


def _error(status: int, told: str) -> Reply:
    # An error may quote what came, and that may hold what UTF-8 cannot.
    return _json(status, {"error": told.encode("utf-8", "replace").decode()})


def _bad(told: str, *, field: str | None = None) -> _Failed:
    return _Failed(_error(400, told), field=field)


def _not_allowed(method: str, allowed: str) -> Reply:
    reply = _error(405, f"{method[:20]} is not allowed here, only {allowed}")
    return Reply(status=405, body=reply.body, headers=((b"allow", allowed.encode()),))
