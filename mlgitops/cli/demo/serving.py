"""The served model: started in the background, asked over HTTP, stopped on every way out."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from mlgitops.cli.demo.commands import MLGITOPS, Broken, at, shown, stop
from mlgitops.cli.demo.stage import Demo, Person
from mlgitops.core.digests import JSON

if TYPE_CHECKING:
    import httpx

Columns: TypeAlias = "Mapping[str, list[JSON]]"

_START_SECONDS: Final = 60
_ADDRESS: Final = re.compile(r"listening on (http://[^/\s]+)(/\S*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model server that answers. ``inputs``: [{name, datatype}] as it describes them itself."""

    client: httpx.Client
    path: str
    inputs: tuple[Mapping[str, JSON], ...]
    row_id: str
    process: subprocess.Popen[str]

    def ask(self, columns: Columns) -> httpx.Response:
        """Send rows, given as columns; those that the model does not ask for stay here."""
        ids = columns[self.row_id]
        tensors: list[JSON] = [
            _tensor(str(field["name"]), str(field["datatype"]), columns[str(field["name"])])
            for field in self.inputs
        ]
        tensors.append(_tensor(self.row_id, "BYTES", ids))
        return self.client.post(self.path, json={"inputs": tensors})

    def answers(self, columns: Columns) -> list[float]:
        """Return the predictions for the rows; Broken when the server refuses them."""
        answer = self.ask(columns)
        if answer.status_code != 200:
            raise Broken(f"the server answered {answer.status_code}: {answer.text[:300]}")
        data = at(answer.json(), "outputs", 0, "data")
        assert isinstance(data, list)
        return [float(str(value)) for value in data]


def _tensor(name: str, datatype: str, data: list[JSON]) -> dict[str, JSON]:
    kind = "BYTES" if any(isinstance(value, str) for value in data) else datatype
    return {"name": name, "datatype": kind, "shape": [len(data)], "data": data}


def serve(demo: Demo, who: Person, model: str, environment: str) -> Served:
    """Start ``mlgitops serve`` on a free port; it is stopped however the story ends."""
    import httpx

    words = ("mlgitops", "serve", model, "--env", environment, "--port", "0")
    demo.prompt(who, f"{shown(words)} &")
    log = demo.scratch / "serve.log"
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [*MLGITOPS, *words[1:]],
            cwd=who.clone,
            env=demo.environment(who),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    demo.stack.callback(stop, process)
    deadline = time.monotonic() + _START_SECONDS
    while (found := _ADDRESS.search(log.read_text(encoding="utf-8"))) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            raise Broken(f"the server did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    demo.show(log.read_text(encoding="utf-8"))
    # trust_env: a proxy of the reader's has no part in a talk over loopback.
    client = demo.stack.enter_context(httpx.Client(base_url=found[1], timeout=30, trust_env=False))
    return _described(client, found[2], process)


def _described(client: httpx.Client, path: str, process: subprocess.Popen[str]) -> Served:
    about: JSON = client.get(path.removesuffix("/infer")).json()
    fields = at(about, "inputs")
    assert isinstance(fields, list)
    return Served(
        client=client,
        path=path,
        inputs=tuple(field for field in fields if isinstance(field, dict)),
        row_id=str(at(about, "parameters", "row_id")),
        process=process,
    )


def blob_path(demo: Demo, digest: str) -> Path:
    """Return where the store has the bytes of a digest: it is an OCI layout, as any tool reads."""
    return demo.store / "blobs" / "sha256" / digest.removeprefix("sha256:")


def read_rows(demo: Demo, digest: str) -> dict[str, list[JSON]]:
    """Return the columns of a table in the store."""
    import pyarrow.parquet

    columns: dict[str, list[JSON]] = pyarrow.parquet.read_table(blob_path(demo, digest)).to_pydict()
    return columns


def pick(columns: Columns, places: Sequence[int]) -> dict[str, list[JSON]]:
    """Return the rows at ``places``."""
    return {name: [values[place] for place in places] for name, values in columns.items()}
