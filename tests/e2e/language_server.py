"""A client of the real yaml-language-server: what a person sees in an editor."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

SETTINGS = {
    "validate": True,
    "hover": True,
    "completion": True,
    "schemaStore": {"enable": False},
}


class LanguageServer:
    """Speaks the Language Server Protocol over standard input and output; a context manager."""

    def __init__(self, command: str, root: Path) -> None:
        self._root = root
        self._process = subprocess.Popen(
            [command, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._last = 0
        self._answers: dict[int, Any] = {}
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self._news = threading.Condition()

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        folder = {"uri": self._root.as_uri(), "name": "project"}
        able = {
            "workspace": {"configuration": True},
            "textDocument": {"completion": {"completionItem": {"snippetSupport": True}}},
        }
        self._ask(
            "initialize",
            {
                "processId": None,
                "rootUri": folder["uri"],
                "workspaceFolders": [folder],
                "capabilities": able,
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": SETTINGS}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def problems(self, path: str, text: str) -> list[tuple[int, str]]:
        """What is underlined in ``text`` at ``path``, as (line, message)."""
        uri = (self._root / path).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})
        with self._news:
            assert self._news.wait_for(lambda: uri in self._diagnostics, 30), f"nothing on {path}"
            found = self._diagnostics[uri]
        return [(one["range"]["start"]["line"] + 1, one["message"]) for one in found]

    def hover(self, path: str, line: int, column: int) -> str:
        """The text shown over a place, counted from 1."""
        shown = self._ask("textDocument/hover", self._place(path, line, column))
        return str(shown["contents"]["value"]) if shown else ""

    def offered(self, path: str, line: int, column: int) -> list[dict[str, Any]]:
        """What is proposed at a place, counted from 1."""
        shown = self._ask("textDocument/completion", self._place(path, line, column))
        items = shown["items"] if isinstance(shown, dict) else shown
        return list(items or [])

    def _place(self, path: str, line: int, column: int) -> dict[str, Any]:
        position = {"line": line - 1, "character": column - 1}
        return {"textDocument": {"uri": (self._root / path).as_uri()}, "position": position}

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": params})
        with self._news:
            assert self._news.wait_for(lambda: number in self._answers, 30), f"no {method}"
            return self._answers.pop(number)

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline():
            name, _, value = line.decode().partition(":")
            if name.lower() == "content-length":
                length = int(value)
            elif not line.strip():
                self._take(json.loads(self._process.stdout.read(length)))

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is not None and "id" in message:
            asked = message["params"].get("items", []) if message.get("params") else []
            result = [SETTINGS if one.get("section") == "yaml" else {} for one in asked]
            self._send({"id": message["id"], "result": result if asked else None})
            return
        with self._news:
            if "id" in message:
                self._answers[message["id"]] = message.get("result")
            elif method == "textDocument/publishDiagnostics":
                params = message["params"]
                self._diagnostics[params["uri"]] = params["diagnostics"]
            self._news.notify_all()
