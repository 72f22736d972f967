"""The Open Inference Protocol over HTTP: what is answered, and what is refused with which words."""

import json

import httpx
import numpy as np
import pytest

from tests.server.releases import frame, own_answers
from tests.server.serving import Server

TEMPERATURE = {"name": "temperature", "datatype": "FP32", "shape": [2], "data": [12.5, None]}
DISTANCE = {"name": "distance", "datatype": "INT64", "shape": [2], "data": [800, 2600]}
CARRIER = {"name": "carrier", "datatype": "BYTES", "shape": [2], "data": ["AA", "Ünïted"]}
FLIGHT = {"name": "flight_id", "datatype": "BYTES", "shape": [2], "data": ["AA1", "UA2"]}
GOOD = (TEMPERATURE, DISTANCE, CARRIER)


def expected(release) -> list[float]:
    rows = frame()[:2].assign(
        temperature=np.array([12.5, np.nan], dtype=np.float32),
        distance=np.array([800, 2600], dtype=np.float32),
        carrier=["AA", "Ünïted"],
    )
    return own_answers(release, rows)[:, 1].tolist()


def test_the_answer_is_what_onnxruntime_gives(server: Server, delays) -> None:
    answer = server.ask(*GOOD, id="42").json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == (
        "42",
        "flight-delay",
        "1.4.0",
    )
    label, score = answer["outputs"]
    assert (score["name"], score["datatype"], score["shape"]) == ("score", "FP32", [2])
    assert np.array_equal(np.array(score["data"], np.float32), expected(delays))
    assert label == {
        "name": "label",
        "datatype": "BYTES",
        "shape": [2],
        "data": ["True" if p >= 0.5 else "False" for p in expected(delays)],
    }


def test_a_request_without_id_gets_one(server: Server) -> None:
    first, second = (server.ask(*GOOD).json()["id"] for _ in range(2))
    assert first and second and first != second


@pytest.mark.parametrize(
    "inputs",
    [
        GOOD[::-1],
        (TEMPERATURE | {"shape": [2, 1]}, DISTANCE, CARRIER),
        (TEMPERATURE | {"shape": [2, 1], "data": [[12.5], [None]]}, DISTANCE, CARRIER),
        (TEMPERATURE | {"datatype": "FP64"}, DISTANCE | {"datatype": "UINT16"}, CARRIER),
        (TEMPERATURE, DISTANCE | {"datatype": "FP32", "data": [800.0, 2600]}, CARRIER),
        (TEMPERATURE, DISTANCE | {"parameters": {"content_type": "np"}}, CARRIER),
        (*GOOD, FLIGHT),
        (*GOOD, FLIGHT | {"datatype": "INT64", "data": [1, 2**62]}),
    ],
)
def test_the_same_rows_in_another_form_get_the_same_answer(server: Server, inputs) -> None:
    answer = server.ask(*inputs, parameters={"trace": "x"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == server.ask(*GOOD).json()["outputs"]


def test_only_the_requested_outputs_come(server: Server) -> None:
    answer = server.ask(*GOOD, outputs=[{"name": "score"}]).json()
    assert [output["name"] for output in answer["outputs"]] == ["score"]


def test_the_version_may_be_named(server: Server) -> None:
    body = {"inputs": list(GOOD)}
    path = "/v2/models/flight-delay/versions/{}/infer"
    assert server.client.post(path.format("1.4.0"), json=body).status_code == 200
    wrong = server.client.post(path.format("1.4.1"), json=body)
    assert wrong.status_code == 404
    assert "the model 'flight-delay' in version '1.4.0'" in wrong.json()["error"]


def test_a_large_batch_is_answered_like_its_rows(server: Server, delays) -> None:
    rows = frame()
    answer = server.ask(
        {
            "name": "temperature",
            "datatype": "FP32",
            "shape": [400],
            "data": [None if t != t else t for t in rows["temperature"].tolist()],
        },
        {"name": "distance", "datatype": "FP32", "shape": [400], "data": rows["distance"].tolist()},
        {"name": "carrier", "datatype": "BYTES", "shape": [400], "data": rows["carrier"].tolist()},
    ).json()
    score = np.array(answer["outputs"][1]["data"], np.float32)
    assert np.allclose(score, own_answers(delays, rows)[:, 1], rtol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            (TEMPERATURE, DISTANCE | {"data": [800, None]}, CARRIER),
            "input 'distance', row 1: expected a whole number from -9223372036854775808 to "
            "9223372036854775807, got null: it may not be missing",
        ),
        (
            (TEMPERATURE, DISTANCE | {"data": [800, "far"]}, CARRIER),
            "input 'distance', row 1: expected a whole number from -9223372036854775808 to "
            "9223372036854775807, got the string 'far'",
        ),
        (
            (TEMPERATURE | {"data": [12.5, True]}, DISTANCE, CARRIER),
            "input 'temperature', row 1: expected a finite number up to ±3.403e+38, got true",
        ),
        (
            (TEMPERATURE | {"data": [1e39, 1]}, DISTANCE, CARRIER),
            "input 'temperature', row 0: expected a finite number up to ±3.403e+38, got 1e+39",
        ),
        (
            (TEMPERATURE, DISTANCE | {"datatype": "INT8", "data": [1, 128]}, CARRIER),
            "input 'distance', row 1: expected a whole number from -128 to 127, got 128",
        ),
        (
            (TEMPERATURE, DISTANCE | {"data": [1.5, 2]}, CARRIER),
            "input 'distance', row 0: expected a whole number from -9223372036854775808 to "
            "9223372036854775807, got 1.5",
        ),
        (
            (TEMPERATURE, DISTANCE, CARRIER | {"data": ["AA", None]}),
            "input 'carrier', row 1: expected a string, got null; send what the model was trained "
            "with for missing",
        ),
        (
            (TEMPERATURE, DISTANCE, CARRIER | {"data": ["AA", 7]}),
            "input 'carrier', row 1: expected a string, got 7",
        ),
        (
            (TEMPERATURE, DISTANCE, CARRIER | {"datatype": "FP32", "data": [1, 2]}),
            "input 'carrier': expected datatype BYTES (strings), got the string 'FP32'",
        ),
        (
            (TEMPERATURE | {"datatype": "BYTES", "data": ["1", "2"]}, DISTANCE, CARRIER),
            "input 'temperature': expected a number as one of FP16, FP32, FP64, INT8, INT16, "
            "INT32, INT64, UINT8, UINT16, UINT32, UINT64, got datatype the string 'BYTES'",
        ),
        (
            (TEMPERATURE | {"name": "temprature"}, DISTANCE, CARRIER),
            "input 'temprature': expected one of 'temperature', 'distance', 'carrier'; "
            "did you mean 'temperature'?",
        ),
        (
            (TEMPERATURE, CARRIER),
            "inputs: expected 'temperature', 'distance', 'carrier', and 'distance' did not come",
        ),
        (
            (),
            "inputs: expected 'temperature', 'distance', 'carrier', and 'temperature', 'distance'",
        ),
        ((*GOOD, CARRIER), "input 'carrier' came twice"),
        ((*GOOD, FLIGHT, FLIGHT), "input 'flight_id' came twice"),
        (
            (TEMPERATURE, DISTANCE, CARRIER | {"shape": [1], "data": ["AA"]}),
            "input 'carrier': expected 2 rows as in 'temperature', got 1",
        ),
        (
            (TEMPERATURE, DISTANCE | {"shape": [3]}, CARRIER),
            "input 'distance': expected 2 rows as in 'temperature', got 3",
        ),
        (
            (TEMPERATURE | {"data": [1.0]}, DISTANCE, CARRIER),
            "input 'temperature': expected 2 values for shape [2], got 1",
        ),
        (
            (TEMPERATURE | {"shape": [1, 2]}, DISTANCE, CARRIER),
            "input 'temperature': expected shape [n] or [n, 1], got [1, 2]",
        ),
        (
            (TEMPERATURE | {"shape": [-1]}, DISTANCE, CARRIER),
            "input 'temperature': expected shape [n] or [n, 1], got [-1]",
        ),
        (
            (TEMPERATURE | {"shape": [0], "data": []}, DISTANCE, CARRIER),
            "input 'temperature': expected at least one row, got shape [0]",
        ),
        (
            (TEMPERATURE | {"shape": [2, 1], "data": [[1.0], [2.0, 3.0]]}, DISTANCE, CARRIER),
            "input 'temperature', row 1: expected a list of one value, got [2.0, 3.0]",
        ),
        (
            (TEMPERATURE | {"data": [[1.0], [2.0]]}, DISTANCE, CARRIER),
            "input 'temperature', row 0: expected a finite number up to ±3.403e+38, got [1.0]",
        ),
        (
            (TEMPERATURE | {"data": 1.0}, DISTANCE, CARRIER),
            "input 'temperature': expected data as a list of values, got 1.0",
        ),
        (
            (TEMPERATURE | {"shape": ["two"]}, DISTANCE, CARRIER),
            "input 'temperature': Expected `int`, got `str` - at `$.inputs[0].shape[0]`",
        ),
        (
            (*GOOD, FLIGHT | {"data": ["AA1", None]}),
            "input 'flight_id', row 1: expected a string, got null",
        ),
        (
            (*GOOD, FLIGHT | {"datatype": "FP64", "data": [1.0, 2.0]}),
            "input 'flight_id': expected row ids as BYTES or one of INT8",
        ),
        (
            ({**TEMPERATURE, "values": []}, DISTANCE, CARRIER),
            "Object contains unknown field `values`",
        ),
        (
            (TEMPERATURE | {"parameters": {"binary_data_size": 8}}, DISTANCE, CARRIER),
            "input 'temperature': came as data and as binary data",
        ),
    ],
)
def test_a_refusal_names_field_row_expected_and_found(server: Server, inputs, reason) -> None:
    assert reason in server.refused(*inputs)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"outputs": [{"name": "proba"}]}, "output 'proba': expected one of 'label', 'score'"),
        ({"outputs": [{"name": "score"}] * 2}, "each once"),
        (
            {"outputs": [{"name": "label", "parameters": {"classification": 2}}]},
            "'classification' is not known here",
        ),
        ({"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]}, "got 1"),
        ({"parameters": {"binary_data_output": "yes"}}, "got the string 'yes'"),
        ({"id": 42}, "Expected `str | null`, got `int` - at `$.id`"),
        ({"input": []}, "unknown field `input`"),
    ],
)
def test_what_a_request_asks_wrongly_is_refused(server: Server, message, reason) -> None:
    assert reason in server.refused(*GOOD, **message)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_know_is_named_by_its_field(server: Server, number) -> None:
    body = json.dumps({"inputs": list(GOOD)}).replace("12.5", number)
    answer = server.client.post(server.infer, content=body)
    assert answer.status_code == 400
    assert "input 'temperature', row 0: expected a finite number" in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"inputs": ' + b"[" * 100_000,
        b'{"inputs": [{"name": "\\ud800"}]}',
        b'{"inputs": [{"name": "distance", "datatype": "INT64", "shape": ['
        + b"9" * 5000
        + b'], "data": [1]}]}',
        b'{"inputs": [{"name": "distance", "datatype": "INT64", "shape": [1], "data": ['
        + b"9" * 5000
        + b"]}]}",
        b'{"inputs": [{"name": "distance", "datatype": "INT64", "shape": [1], "data": ['
        + b"9" * 4000
        + b"]}]}",
        b'{"inputs": [{"name": "distance", "datatype": "INT64", "shape": [1], "parameters": '
        b'{"binary_data_size": ' + b"9" * 4000 + b"}}]}",
    ],
)
def test_what_is_no_request_is_refused(server: Server, body: bytes) -> None:
    answer = server.client.post(server.infer, content=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_the_metadata_describes_model_and_server(server: Server) -> None:
    about = server.client.get("/v2").json()
    assert about["name"] == "mlgitops" and about["extensions"] == ["binary_tensor_data"]
    model = server.client.get("/v2/models/flight-delay").json()
    assert model == server.client.get("/v2/models/flight-delay/versions/1.4.0").json()
    assert (model["versions"], model["platform"]) == (["1.4.0"], "onnx_onnxv1")
    assert model["inputs"] == [
        {"name": "temperature", "datatype": "FP32", "shape": [-1]},
        {"name": "distance", "datatype": "FP32", "shape": [-1]},
        {"name": "carrier", "datatype": "BYTES", "shape": [-1]},
    ]
    assert model["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "score", "datatype": "FP32", "shape": [-1]},
    ]
    assert model["parameters"]["version"] == "1.4.0"
    assert model["parameters"]["digest"].startswith("sha256:")
    assert model["parameters"]["row_id"] == "flight_id"


def test_health_is_answered(server: Server) -> None:
    get = server.client.get
    assert get("/v2/health/live").json() == {"live": True}
    assert get("/v2/health/ready").json() == {"ready": True}
    assert get("/v2/models/flight-delay/ready").json() == {"name": "flight-delay", "ready": True}
    assert server.client.head("/v2/health/ready").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/", 404, "under /v2"),
        ("GET", "/v2/models/churn", 404, "has the model 'flight-delay' in version '1.4.0'"),
        ("POST", "/v2/models/churn/infer", 404, "has the model 'flight-delay'"),
        ("GET", "/v2/models/%FF%00/infer", 404, "has the model 'flight-delay'"),
        ("GET", "/v2/models/flight-delay/infer", 405, "only POST"),
        ("POST", "/v2/health/ready", 405, "only GET, HEAD"),
        ("DELETE", "/metrics", 405, "only GET, HEAD"),
    ],
)
def test_other_paths_and_methods_are_refused_in_json(
    server: Server, method: str, path: str, status: int, reason: str
) -> None:
    answer: httpx.Response = server.client.request(method, path)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert ("allow" in answer.headers) == (status == 405)


def test_a_compressed_body_is_refused(server: Server) -> None:
    answer = server.client.post(server.infer, content=b"x", headers={"content-encoding": "gzip"})
    assert answer.status_code == 415 and "gzip" in answer.json()["error"]


def test_metrics_count_requests_rows_and_what_was_wrong(server: Server) -> None:
    before = server.metrics()
    server.ask(*GOOD)
    server.refused(TEMPERATURE, DISTANCE | {"data": ["far", 1]}, CARRIER)
    server.refused(CARRIER | {"name": 'injected"} 1\n'})
    after = server.metrics()

    def more(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert more('mlgitops_requests_total{code="200"}') == 1
    assert more('mlgitops_requests_total{code="400"}') == 2
    assert more('mlgitops_rejected_total{field="distance"}') == 1
    assert more("mlgitops_rows_total") == 2
    assert more("mlgitops_journal_entries_total") == 1
    assert more("mlgitops_request_duration_seconds_count") == 3
    assert more('mlgitops_request_duration_seconds_bucket{le="+Inf"}') == 3
    assert after["mlgitops_ready"] == 1
    assert any(
        name.startswith('mlgitops_model_info{model="flight-delay",version="1.4.0",digest="sha256:')
        for name in after
    )
