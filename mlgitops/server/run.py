"""Start the model server, and stop it without losing a request."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import uvicorn

from mlgitops.core.errors import UsageError
from mlgitops.server.app import App
from mlgitops.server.journal import Journal
from mlgitops.server.session import Session

MAX_BODY = 32 * 1024 * 1024
"""Bytes of a request that are still read."""

DRAIN_SECONDS = 30
"""How long requests in flight may take after the signal to stop."""


def run(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    journal: Path | None = None,
    ready: Callable[[int], None] | None = None,
    on_log: Callable[[str], None] = lambda _line: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    max_body: int = MAX_BODY,
) -> None:
    """Serve the release in ``directory`` until SIGTERM or SIGINT; return when all is answered.

    ``port`` 0 takes a free one; ``ready`` is called with the port once connections are answered.
    When the golden rows disagree the server runs, says so in ``/v2/health/ready`` and to
    ``on_log``, and refuses inference. Raises StoreError or MlgitopsError when the directory holds
    no whole model, UsageError when the address cannot be taken.
    """
    session = Session.load(directory)
    if session.refusal is not None:
        on_log(f"not ready: {session.refusal}")
    log = None if journal is None else Journal(journal)
    app = App(session, journal=log, now=now, on_log=on_log, max_body=max_body)
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        # Longer than a proxy keeps an idle connection, so that it is the proxy that closes it.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config, lambda: ready(listener.getsockname()[1]) if ready else None)
    try:
        with _logged(on_log):
            server.run(sockets=[listener])
    finally:
        listener.close()
        if log is not None:
            log.close()


class _Server(uvicorn.Server):
    """Uvicorn's server, which tells when it has started and returns instead of dying."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Uvicorn raises the signal again after the drain; a drained server has done its work.
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True


class _Forward(logging.Handler):
    def __init__(self, on_log: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_log = on_log

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a warning on as one line, with the exception that it carries."""
        told = record.getMessage().strip()
        error = record.exc_info[1] if record.exc_info else None
        self._on_log(told if error is None else f"{told}: {error!r}")


@contextmanager
def _logged(on_log: Callable[[str], None]) -> Iterator[None]:
    """Send uvicorn's warnings to ``on_log`` instead of to stderr."""
    logger = logging.getLogger("uvicorn.error")
    handler = _Forward(on_log)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on {host}:{port}: {error}", hint="is another server running there?"
        ) from error
