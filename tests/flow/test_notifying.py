"""Who asked for it is told once how a run ended, also when it takes several tries."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlgitops.core.errors import StepFailed
from mlgitops.flow import notifying
from mlgitops.flow.plan import plan
from tests.flow.conftest import RunTiny, edit, seams_of, workspace
from tests.support import commit


@dataclass
class Chat:
    """A web server that answers as it is told, the last answer again and again."""

    answers: list[int]
    heard: list[dict[str, object]] = field(default_factory=list)
    address: str = ""


@contextmanager
def chat(*answers: int) -> Iterator[Chat]:
    found = Chat(answers=list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/json"
            found.heard.append(json.loads(body))
            rest = found.answers
            self.send_response(rest.pop(0) if len(rest) > 1 else rest[0])
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.address = f"http://127.0.0.1:{server.server_port}/hook/very-secret"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, which take no time here."""
    waited: list[float] = []
    monkeypatch.setattr(notifying, "_wait", waited.append)
    return waited


def ask(root: Path, notify: str) -> None:
    path = root / "pipelines/tiny/pipeline.yaml"
    path.write_text(f"{path.read_text()}notify: {notify}\n")
    commit(root, {}, "Ask to be told")


BOTH = '{failure: [{webhook: "${CHAT_URL}"}], success: [{webhook: "${CHAT_URL}"}]}'


def test_a_failure_is_told_once_after_two_tries_that_failed(
    run_tiny: RunTiny,
    root: Path,
    said: list[str],
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(root, BOTH)
    edit(root, "features.py", "    values", "    raise ValueError('no rows')\n    values")
    with chat(503, 500, 204) as server:
        monkeypatch.setenv("CHAT_URL", server.address)
        with pytest.raises(StepFailed):
            run_tiny()
    assert len(server.heard) == 3
    assert pauses == [0.5, 2.0]
    event = server.heard[-1]
    assert (event["event"], event["pipeline"], event["ran"]) == ("failure", "tiny", ["rows"])
    assert event["branch"] == "main"
    assert str(event["text"]).startswith("tiny failed on main at ")
    assert event["failed"][0]["step"] == "features"  # type: ignore[index]
    assert "no rows" in event["failed"][0]["message"] or "features" in str(event["text"])  # type: ignore[index]
    assert not any("told" in line for line in said)


def test_a_success_is_told_only_when_something_ran_and_plan_tells_nobody(
    run_tiny: RunTiny, root: Path, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(root, BOTH)
    with chat(200) as server:
        monkeypatch.setenv("CHAT_URL", server.address)
        plan(seams_of(root, []), workspace(root), root)
        assert server.heard == []
        run_tiny()
        run_tiny()
    (event,) = server.heard
    assert (event["event"], event["ran"], event["reused"]) == (
        "success",
        ["rows", "features", "train"],
        0,
    )
    assert "3 steps ran" in str(event["text"])
    assert pauses == []


@pytest.mark.parametrize(
    ("answer", "tries", "why"), [(404, 1, "it answered 404"), (502, 4, "it answered 502, 4 times")]
)
def test_who_cannot_be_told_fails_no_run_and_no_secret_is_said(
    run_tiny: RunTiny,
    root: Path,
    said: list[str],
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    answer: int,
    tries: int,
    why: str,
) -> None:
    ask(root, BOTH)
    with chat(answer) as server:
        monkeypatch.setenv("CHAT_URL", server.address)
        run_tiny()
    assert len(server.heard) == tries
    assert f"note: the webhook ${{CHAT_URL}} of tiny was not told: {why}" in said
    assert not any("very-secret" in line or server.address in line for line in said)


def test_an_address_that_is_not_there_or_answers_nothing_gives_a_note(
    run_tiny: RunTiny,
    root: Path,
    said: list[str],
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ask(root, BOTH)
    monkeypatch.delenv("CHAT_URL", raising=False)
    run_tiny()
    assert any("the environment variable CHAT_URL is not set" in line for line in said)
    with chat(200) as server:
        address = server.address
    monkeypatch.setenv("CHAT_URL", address)
    edit(root, "pipeline.yaml", "seed: 7", "seed: 8")
    run_tiny()
    assert any("it cannot be reached (ConnectError), 4 times" in line for line in said)


def test_a_command_gets_the_event_on_its_standard_input(
    run_tiny: RunTiny, root: Path, said: list[str], pauses: list[float], tmp_path: Path
) -> None:
    heard = tmp_path / "heard.json"
    ask(
        root,
        f'{{success: [{{command: [sh, -c, "cat > {heard}"]}}, {{command: [false]}}]}}'.replace(
            "[false]", '["false"]'
        ),
    )
    run_tiny()
    assert json.loads(heard.read_text())["event"] == "success"
    assert "note: the command 'false' of tiny was not told: it ended with 1, 4 times" in said
