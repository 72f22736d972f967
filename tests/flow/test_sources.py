"""Sources that ask a web server or a database: pinned as those of functions are."""

import http.server
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mlgitops.core.errors import Refused, StepFailed, StoreError
from mlgitops.flow.refresh import refresh
from tests.flow.conftest import RunTiny, actions, edit, seams_of, workspace
from tests.flow.test_step_kinds import record, stored
from tests.support import write

CSV = b"day,count\n2025-12-01,3\n2025-12-02,6\n"


class Server:
    """A web server on this machine. ``answers``: path to what is answered, one after the other."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, dict[str, str], bytes]]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.path, headers))
                answers = outer.answers.get(self.path, [(404, {}, b"")])
                status, more, body = answers.pop(0) if len(answers) > 1 else answers[0]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def add_source(root: Path, source: str, format: str = "csv", more: str = "") -> None:
    text = f"  - name: web\n    source: {source}\n    outputs: {{web: {format}}}\n{more}"
    edit(root, "pipeline.yaml", "  - name: features\n", f"{text}  - name: features\n")


PIN = "pipelines/tiny/snapshots/web.yaml"


def test_a_file_of_a_web_server_is_pinned_and_asked_for_once(
    run_tiny: RunTiny, root: Path, said: list[str], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "very-secret-word")
    server.answers["/days.csv"] = [
        (503, {}, b"busy"),
        (200, {"ETag": '"one"', "Last-Modified": "Mon, 01 Dec 2025 00:00:00 GMT"}, CSV),
    ]
    headers = '{Authorization: "Bearer ${TOKEN}"}'
    add_source(root, f'{{type: http, url: "{server.url}/days.csv", headers: {headers}}}')
    first = record(run_tiny(until="web"), "web")
    assert [path for path, _ in server.asked] == ["/days.csv", "/days.csv"]
    assert server.asked[0][1]["authorization"] == "Bearer very-secret-word"
    assert first.outputs["web"].rows == 2
    assert stored(root, first.outputs["web"].digest) == CSV
    assert first.network == (f"127.0.0.1:{server.server.server_port}",)
    pin = (root / PIN).read_text()
    assert "rows: 2" in pin and str(first.outputs["web"].digest) in pin
    assert first.log is not None
    log = stored(root, first.log).decode()
    assert "503" in log and 'ETag "one"' in log and "Last-Modified Mon, 01 Dec 2025" in log
    for path in (root / ".mlgitops").rglob("*"):
        assert not path.is_file() or b"very-secret-word" not in path.read_bytes()

    # It is not asked again, whatever it would say now.
    server.answers["/days.csv"] = [(200, {}, CSV + b"2025-12-03,9\n")]
    assert actions(run_tiny(until="web"))["web"] == "Reuse"
    assert len(server.asked) == 2
    # Unless somebody refreshes, or the bytes are gone: then they have to be the same.
    shutil.rmtree(root / ".mlgitops")
    with pytest.raises(StoreError, match="does not bring in what is pinned any more"):
        run_tiny(until="web")
    (moved,) = refresh(seams_of(root, said), workspace(root), root, "tiny", "web")
    assert moved.wrote and moved.new.rows == 3
    assert actions(run_tiny(until="web"))["web"] == "Reuse"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/none", "the server answered 404 Not Found"),
        ("/closed", r"the server answered 403 Forbidden.*do the headers hold"),
        ("/broken", r"the server answered 500 Internal Server Error, asked 4 times"),
        ("/round", "more than 10 redirects"),
        ("/text", "output 'web'"),
    ],
)
def test_what_a_server_will_not_give_is_said(
    run_tiny: RunTiny, root: Path, server: Server, path: str, told: str
) -> None:
    server.answers = {
        "/closed": [(403, {}, b"")],
        "/broken": [(500, {}, b"")],
        "/round": [(302, {"Location": "/round"}, b"")],
        "/text": [(200, {}, b"\x00not parquet")],
    }
    add_source(root, f'{{type: http, url: "{server.url}{path}"}}', "parquet")
    with pytest.raises(StepFailed, match=told):
        run_tiny(until="web")
    assert not (root / PIN).exists()


def test_headers_do_not_follow_a_redirect_to_another_server(
    run_tiny: RunTiny, root: Path, server: Server
) -> None:
    other = server.url.replace("127.0.0.1", "localhost")
    server.answers = {
        "/here": [(302, {"Location": "/there"}, b"")],
        "/there": [(302, {"Location": f"{other}/other"}, b"")],
        "/other": [(200, {}, CSV)],
    }
    add_source(root, f'{{type: http, url: "{server.url}/here", headers: {{X-Key: key}}}}')
    run_tiny(until="web")
    assert [(path, headers.get("x-key")) for path, headers in server.asked] == [
        ("/here", "key"),
        ("/there", "key"),
        ("/other", None),
    ]


def test_a_variable_that_is_not_set_is_named(
    run_tiny: RunTiny, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEB_URL", raising=False)
    add_source(root, '{type: http, url: "${WEB_URL}"}')
    with pytest.raises(Refused, match="needs the environment variable WEB_URL"):
        run_tiny(until="web")


# -- databases --------------------------------------------------------------------------------

SQL = "{type: sql, connection: CONNECTION, query: web.sql}"
QUERY = "SELECT day, count, note FROM days WHERE day < :as_of AND count > :seed - 7 ORDER BY day;\n"


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE days (day TEXT, count INTEGER, note)")
        rows = [("2025-12-01", 3, None), ("2025-12-02", 6, 1.5), ("2099-01-01", 9, 2)]
        database.executemany("INSERT INTO days VALUES (?, ?, ?)", rows)
        database.commit()


@pytest.mark.parametrize("connection", ["sqlite:///data/days.db", '"${WAREHOUSE}"'])
def test_the_rows_of_a_database_are_pinned(
    run_tiny: RunTiny,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: str,
) -> None:
    place = root / "pipelines/tiny/data/days.db"
    if connection.startswith('"'):
        place = tmp_path / "elsewhere.db"
        monkeypatch.setenv("WAREHOUSE", f"sqlite:///{place}")
    make_database(place)
    write(root / "pipelines/tiny", {"web.sql": QUERY})
    add_source(root, SQL.replace("CONNECTION", connection), "parquet", "    params: [seed]\n")
    first = record(run_tiny(until="web"), "web")
    output = first.outputs["web"]
    assert (output.rows, output.columns) == (2, ("day", "count", "note"))
    assert output.content is not None
    assert "rows: 2" in (root / PIN).read_text()
    place.unlink()
    assert actions(run_tiny(until="web"))["web"] == "Reuse"


@pytest.mark.parametrize(
    ("connection", "query", "told"),
    [
        ("sqlite:///data/none.db", QUERY, r"no database 'data/none.db'"),
        ("sqlite:///data/days.db", "SELECT * FROM dayz", r"web.sql: no such table.*'days'"),
        ("sqlite:///data/days.db", "SELECT :sead", r":sead is no param.*did you mean 'seed'"),
        ("sqlite:///data/days.db", "DELETE FROM days", r"readonly|gives no rows"),
        ("sqlite:///data/days.db", "SELECT 1; SELECT 2", r"a source is one SELECT"),
        (
            "sqlite:///data/days.db",
            "SELECT 1 AS n UNION ALL SELECT 'one'",
            r"column 'n' holds values of several types",
        ),
        ('"${WAREHOUSE}"', QUERY, r"no database of the kind 'postgresql', but sqlite"),
    ],
)
def test_what_is_wrong_with_a_database_or_its_query_is_said(
    run_tiny: RunTiny,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    connection: str,
    query: str,
    told: str,
) -> None:
    monkeypatch.setenv("WAREHOUSE", "postgresql+psycopg://ada:hunter2@db.example.com/flights")
    make_database(root / "pipelines/tiny/data/days.db")
    write(root / "pipelines/tiny", {"web.sql": query})
    add_source(root, SQL.replace("CONNECTION", connection), "parquet", "    params: [seed]\n")
    with pytest.raises(StepFailed, match=told) as caught:
        run_tiny(until="web")
    assert "hunter2" not in caught.value.message
