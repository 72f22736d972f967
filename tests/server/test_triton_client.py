"""An independent client of the protocol: tritonclient, with JSON and with binary tensors."""

from collections.abc import Iterator

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.server.releases import frame, own_answers
from tests.server.serving import Server, serving

ROWS = 40


@pytest.fixture
def client(server: Server) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(f"127.0.0.1:{server.port}") as connected:
        yield connected


def tensor(name: str, values: np.ndarray, datatype: str, binary: bool) -> InferInput:
    made = InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def inputs(binary: bool) -> list[InferInput]:
    rows = frame()[:ROWS]
    return [
        # JSON has no NaN, and the client writes one: JSON requests here have no missing value.
        tensor(
            "temperature", values(rows["temperature"], 0 if not binary else None), "FP32", binary
        ),
        tensor("carrier", rows["carrier"].to_numpy(object).reshape(-1, 1), "BYTES", binary),
        tensor("distance", rows["distance"].to_numpy(np.int32), "INT32", binary),
    ]


def values(column, missing: float | None) -> np.ndarray:
    return (column if missing is None else column.fillna(missing)).to_numpy(np.float32)


def test_it_finds_server_and_model(client: InferenceServerClient) -> None:
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("flight-delay") and client.is_model_ready("flight-delay", "1.4.0")
    assert not client.is_model_ready("flight-delay", "2.0.0")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("flight-delay")["versions"] == ["1.4.0"]


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_it_gets_the_models_own_answers(
    client: InferenceServerClient, delays, binary_in: bool, binary_out: bool
) -> None:
    outputs = [InferRequestedOutput(name, binary_data=binary_out) for name in ("score", "label")]
    answer = client.infer("flight-delay", inputs(binary_in), outputs=outputs, request_id="t1")
    rows = frame()[:ROWS]
    if not binary_in:
        rows = rows.assign(temperature=values(rows["temperature"], 0))
    expected = own_answers(delays, rows)[:, 1]
    assert answer.get_response()["id"] == "t1"
    assert np.array_equal(answer.as_numpy("score"), expected)
    labels = [one.decode() if isinstance(one, bytes) else one for one in answer.as_numpy("label")]
    assert labels == ["True" if p >= 0.5 else "False" for p in expected]


def test_outputs_may_come_in_different_forms(client: InferenceServerClient) -> None:
    outputs = [InferRequestedOutput("label", False), InferRequestedOutput("score", True)]
    answer = client.infer("flight-delay", inputs(True), outputs=outputs)
    label, score = answer.get_response()["outputs"]
    assert "data" in label and score["parameters"] == {"binary_data_size": 4 * ROWS}
    assert answer.as_numpy("score").shape == (ROWS,)


def test_all_outputs_come_as_binary_data_when_none_is_named(client: InferenceServerClient) -> None:
    answer = client.infer("flight-delay", inputs(True))
    assert [output["name"] for output in answer.get_response()["outputs"]] == ["label", "score"]
    assert len(answer.as_numpy("label")) == len(answer.as_numpy("score")) == ROWS


def test_probabilities_keep_their_shape(seasons) -> None:
    with serving(seasons) as server, InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        answer = client.infer("season", inputs(True)).as_numpy("probabilities")
    assert np.array_equal(answer, own_answers(seasons, frame()[:ROWS]))


def test_a_regression_answers_its_prediction(bikes) -> None:
    with serving(bikes) as server, InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        answer = client.infer("bike-demand", inputs(True)).as_numpy("prediction")
    assert np.allclose(answer, own_answers(bikes, frame()[:ROWS])[:, 0], rtol=1e-6)


def replaced(name: str, values: np.ndarray, datatype: str) -> list[InferInput]:
    return [one for one in inputs(True) if one.name() != name] + [
        tensor(name, values, datatype, binary=True)
    ]


@pytest.mark.parametrize(
    ("name", "row", "value", "datatype", "reason"),
    [
        ("distance", 3, np.nan, "FP32", "input 'distance', row 3: expected a finite number up to"),
        ("temperature", 4, np.inf, "FP32", "row 4: expected a finite number up to ±3.403e+38"),
        ("temperature", 5, 1e39, "FP64", "row 5: expected a finite number up to ±3.403e+38, got"),
    ],
)
def test_a_wrong_value_in_binary_data_is_named_by_its_row(
    client: InferenceServerClient, name: str, row: int, value: float, datatype: str, reason: str
) -> None:
    column = np.ones(ROWS, np.float64 if datatype == "FP64" else np.float32)
    column[row] = value
    with pytest.raises(InferenceServerException) as refused:
        client.infer("flight-delay", replaced(name, column, datatype))
    assert refused.value.status() == "400"
    assert reason in refused.value.message()


def test_strings_that_are_no_utf8_are_named_by_their_row(client: InferenceServerClient) -> None:
    column = np.array([b"AA"] * 6 + [b"\xff"] + [b"DL"] * (ROWS - 7), dtype=object)
    with pytest.raises(
        InferenceServerException, match="'carrier', row 6: expected a string in UTF"
    ):
        client.infer("flight-delay", replaced("carrier", column, "BYTES"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda body, length: (body + b"x", length), "1 bytes of binary data belong to no input"),
        (lambda body, length: (body[:-1], length), "binary_data_size as a number up to the"),
        (lambda body, length: (body, len(body) + 1), "the JSON is said to have"),
        (lambda body, length: (body, "ten"), "not a length: 'ten'"),
        (lambda body, length: (body, length - 1), "not a JSON request"),
        (lambda body, length: (body[:length], None), "number up to the 0 bytes that follow"),
        (
            lambda body, length: (
                body.replace(b'"datatype":"INT32"', b'"datatype":"INT64"'),
                length,
            ),
            "input 'distance': expected 320 bytes of INT64 for shape [40], got 160",
        ),
        (
            lambda body, length: (
                body.replace(b"\x02\x00\x00\x00AA", b"\x03\x00\x00\x00AA"),
                length,
            ),
            "input 'carrier'",
        ),
    ],
)
def test_binary_data_that_does_not_fit_is_refused(server: Server, change, reason) -> None:
    body, length = InferenceServerClient.generate_request_body(inputs(True))
    body, length = change(body, length)
    headers = {} if length is None else {"inference-header-content-length": str(length)}
    answer = server.client.post(server.infer, content=body, headers=headers)
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
