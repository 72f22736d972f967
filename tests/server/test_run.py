"""The server as a process: what it carries, what it records, and how it starts and stops."""

import json
import shutil
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mlgitops.core.errors import StoreError, UsageError
from mlgitops.server.journal import read
from mlgitops.server.run import run
from tests.server.serving import serving
from tests.server.test_protocol import CARRIER, DISTANCE, FLIGHT, GOOD, TEMPERATURE

TRAINING = {"cloudpickle", "joblib", "pandas", "pyarrow", "scipy", "sklearn", "skl2onnx", "skops"}


def journaled(directory: Path) -> list:
    now = datetime.now(UTC)
    return list(read(directory, now - timedelta(days=1), now + timedelta(days=1)))


def test_the_process_carries_no_training_library_and_unpickles_nothing(delays: Path) -> None:
    with serving(delays) as server:
        assert server.ask(*GOOD).status_code == 200
        imported = {module.partition(".")[0] for module in server.stop()}
    assert "onnxruntime" in imported
    assert imported.isdisjoint(TRAINING | {"pydantic", "git", "httpx", "jinja2", "yaml", "onnx"})


def test_the_journal_has_what_was_asked_and_answered(delays: Path, tmp_path: Path) -> None:
    with serving(delays, tmp_path / "journal") as server:
        answer = server.ask(*GOOD, FLIGHT, id="r1", outputs=[{"name": "score"}]).json()
        server.ask(*GOOD)
        server.refused(TEMPERATURE)
        server.stop()
    first, second = journaled(tmp_path / "journal")
    about = json.loads((delays / "release.json").read_text())
    assert (first.request, first.model, first.version, first.digest) == (
        "r1",
        "flight-delay",
        "1.4.0",
        about["digest"],
    )
    assert first.row_ids == ["AA1", "UA2"] and second.row_ids is None
    assert first.inputs == {
        "temperature": [12.5, None],
        "distance": [800, 2600],
        "carrier": ["AA", "Ünïted"],
    }
    assert first.outputs["score"] == answer["outputs"][0]["data"]
    assert set(first.outputs) == {"label", "score"}
    assert datetime.now(UTC) - first.at < timedelta(minutes=5)


def test_a_journal_that_cannot_be_written_costs_no_answer(delays: Path, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(days=1)):  # the test may run over midnight
        (tmp_path / f"{day}.jsonl").symlink_to("/dev/full")
    with serving(delays, tmp_path) as server:
        assert [server.ask(*GOOD).status_code for _ in range(3)] == [200, 200, 200]
        assert server.metrics()["mlgitops_journal_failures_total"] == 3
        ready = server.client.get("/v2/health/ready")
        assert ready.status_code == 200 and "No space left" in ready.json()["journal"]
        for path in tmp_path.iterdir():
            path.unlink()
        server.stop()
    assert len([line for line in server.logs if "journal cannot be written" in line]) == 1


def test_golden_rows_that_differ_make_the_server_live_but_not_ready(
    delays: Path, tmp_path: Path
) -> None:
    shutil.copytree(delays, tmp_path / "bad")
    golden = json.loads((delays / "golden.json").read_text())
    golden["outputs"]["score"][7] += 0.01
    (tmp_path / "bad" / "golden.json").write_text(json.dumps(golden))
    about = json.loads((delays / "release.json").read_text())
    del about["files"]
    (tmp_path / "bad" / "release.json").write_text(json.dumps(about))

    with serving(tmp_path / "bad", tmp_path / "journal") as server:
        get = server.client.get
        assert get("/v2/health/live").json() == {"live": True}
        ready = get("/v2/health/ready")
        assert ready.status_code == 503
        assert "score differs from the release in 1 of 20 golden rows" in ready.json()["error"]
        model = get("/v2/models/flight-delay/ready")
        assert (model.status_code, model.json()["ready"]) == (503, False)
        refused = server.ask(*GOOD)
        assert refused.status_code == 503 and "score differs" in refused.json()["error"]
        assert server.metrics()["mlgitops_ready"] == 0
        server.stop()
    assert any("not ready: score differs" in line for line in server.logs)
    assert journaled(tmp_path / "journal") == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_before_the_server_stops(
    delays: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    body = json.dumps({"inputs": [*GOOD, FLIGHT], "id": "last"}).encode()
    with serving(delays, tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
            head = f"POST {server.infer} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
            # The server asks for the body, so the request is in its hands.
            assert client.recv(100).startswith(b"HTTP/1.1 100")
            client.sendall(body[:40])
            server.process.send_signal(stop)
            _wait_until_closed(server.port)
            client.sendall(body[40:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200") and b'"id":"last"' in answer
        server.finish()
    assert [entry.request for entry in journaled(tmp_path)] == ["last"]


def _wait_until_closed(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=60).close()
        except (ConnectionRefusedError, ConnectionResetError):
            return


def test_a_body_over_the_bound_is_refused_with_or_without_its_length(delays: Path) -> None:
    def pieces():
        for _ in range(100):
            yield b" " * 1000

    with serving(delays, max_body=50_000) as server:
        said = server.client.post(server.infer, content=b" " * 100_000)
        assert said.status_code == 413 and "50000 bytes" in said.json()["error"]
        chunked = server.client.post(server.infer, content=pieces())
        assert chunked.status_code == 413
        assert server.ask(*GOOD).status_code == 200
        assert server.metrics()['mlgitops_requests_total{code="413"}'] == 2


def test_a_client_that_goes_away_harms_nobody(delays: Path) -> None:
    with serving(delays) as server:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port), timeout=60) as client:
                head = f"POST {server.infer} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                client.sendall(f"{head}Content-Length: 999\r\n\r\n".encode())
                assert client.recv(100)
        assert server.ask(TEMPERATURE, DISTANCE, CARRIER).status_code == 200
        server.stop()
    assert server.logs == []


def test_a_taken_port_is_told(delays: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UsageError, match=r"cannot listen on 127\.0\.0\.1"),
    ):
        run(delays, port=taken.getsockname()[1])


def test_a_directory_without_a_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"release\.json"):
        run(tmp_path)
