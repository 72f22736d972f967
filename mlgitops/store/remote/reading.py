"""Read a blob over connections that break: each takes up where the last one ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import httpx

from mlgitops.core.errors import StoreError
from mlgitops.store.remote.calls import Calls, again, wait_of
from mlgitops.store.remote.trying import Patience

if TYPE_CHECKING:
    from mlgitops.core.errors import MlgitopsError

_PLAIN: Final = {"Accept-Encoding": "identity"}


class Resuming:
    """The bytes at ``url`` as a stream for reading; ``size``: how many, where that is known."""

    def __init__(self, calls: Calls, url: str, size: int | None, doing: str) -> None:
        self._calls, self._url, self._size, self._doing = calls, url, size, doing
        self._patience = Patience()
        self._position = 0
        self._open = ExitStack()
        self._pieces: Iterator[bytes] = iter(())

    def begin(self) -> bool:
        """Ask for the first bytes; False when there is no such blob."""
        while True:
            try:
                return self._connect()
            except _Broken as error:
                self._wait(error)

    def read(self, size: int = -1) -> bytes:
        """Return some of the bytes that follow, none at the end; ``size`` is not looked at.

        Raises StoreError when the connection breaks again and again.
        """
        while True:
            try:
                piece = next(self._pieces, b"")
            except httpx.TransportError as error:
                self._reconnect(_Broken(str(error) or type(error).__name__))
                continue
            if piece:
                self._position += len(piece)
                self._patience.progress()
                return piece
            if self._size is None or self._position >= self._size:
                return b""
            self._reconnect(_Broken(f"it ended after {self._position} of {self._size} bytes"))

    def close(self) -> None:
        """Let the connection go."""
        self._open.close()

    def _reconnect(self, error: _Broken) -> None:
        while True:
            self._wait(error)
            try:
                if not self._connect():
                    raise StoreError(f"cannot {self._doing}: it went away meanwhile")
                return
            except _Broken as another:
                error = another

    def _wait(self, error: _Broken) -> None:
        if not self._patience.another(error.wait):
            raise self._failure(error) from error

    def _failure(self, error: _Broken) -> MlgitopsError:
        return self._calls.broken(self._doing, error)

    def _connect(self) -> bool:
        self._open.close()
        headers = dict(_PLAIN)
        if self._position:
            headers["Range"] = f"bytes={self._position}-"
        try:
            found = self._open.enter_context(self._calls.answer("GET", self._url, headers=headers))
        except httpx.TransportError as error:
            raise _Broken(str(error) or type(error).__name__) from error
        if found.status_code == 404:
            self._open.close()
            return False
        if again(found):
            raise _Broken(f"answered {found.status_code}", wait_of(found))
        if not found.is_success:
            found.read()
            raise self._calls.refused(self._doing, found)
        self._pieces = found.iter_raw()
        if self._position and found.status_code != 206:
            self._skip()
        return True

    def _skip(self) -> None:
        """Leave out what was read before: this place gives no part of a blob."""
        left = self._position
        try:
            while left:
                piece = next(self._pieces, b"")
                if not piece:
                    raise _Broken("it ended too early")
                if len(piece) > left:
                    self._pieces = _chain(piece[left:], self._pieces)
                left -= min(left, len(piece))
        except httpx.TransportError as error:
            raise _Broken(str(error) or type(error).__name__) from error


class _Broken(Exception):
    """A connection broke. ``wait``: the seconds that are asked for."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
