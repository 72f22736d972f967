"""Starts the model server in its own process, as a user's command does."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("serve_release.py")
SECONDS = 60


@dataclass(slots=True, kw_only=True)
class Server:
    process: subprocess.Popen[str]
    port: int
    model: str
    client: httpx.Client
    logs: list[str] = field(default_factory=list)

    @property
    def infer(self) -> str:
        return f"/v2/models/{self.model}/infer"

    def ask(self, *inputs: dict[str, Any], **message: Any) -> httpx.Response:
        """Send an inference request."""
        return self.client.post(self.infer, json={**message, "inputs": list(inputs)})

    def refused(self, *inputs: dict[str, Any], **message: Any) -> str:
        """Send an inference request that must be answered 400; return the reason."""
        answer = self.ask(*inputs, **message)
        assert answer.status_code == 400, answer.text
        return str(answer.json()["error"])

    def metrics(self) -> dict[str, float]:
        """The samples of /metrics by name and labels."""
        lines = self.client.get("/metrics").text.splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    def stop(self) -> list[str]:
        """Stop it as an orchestrator does; return the modules that it had imported."""
        self.process.send_signal(signal.SIGTERM)
        return self.finish()

    def finish(self) -> list[str]:
        """Wait for its end; return the modules that it had imported."""
        out, err = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0, err
        assert err == "", "the server prints nothing by itself"
        lines = [json.loads(line) for line in out.splitlines()]
        assert not [line for line in lines if "unpickled" in line]
        self.logs += [line["log"] for line in lines if "log" in line]
        modules: list[str] = lines[-1]["modules"]
        return modules


@contextmanager
def serving(
    directory: Path, journal: Path | None = None, max_body: int = 1 << 25
) -> Iterator[Server]:
    """Serve ``directory`` on a free port of loopback."""
    command = [sys.executable, str(SCRIPT), str(directory), str(journal or ""), str(max_body)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    watchdog = threading.Timer(SECONDS, process.kill)
    watchdog.start()
    logs: list[str] = []
    try:
        assert process.stdout is not None and process.stderr is not None
        while "port" not in (line := json.loads(process.stdout.readline() or "{}")):
            assert line, process.stderr.read()
            logs.append(line["log"])
        watchdog.cancel()
        model = json.loads((directory / "release.json").read_text())["model"]
        with httpx.Client(base_url=f"http://127.0.0.1:{line['port']}", timeout=SECONDS) as client:
            yield Server(process=process, port=line["port"], model=model, client=client, logs=logs)
    finally:
        watchdog.cancel()
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=SECONDS)
