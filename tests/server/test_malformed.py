"""Two laws over any body: bad input is never a 5xx, and never a confident 200."""

import copy
import json
import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings

from tests.server.serving import Server
from tests.server.test_protocol import FLIGHT, GOOD

MANY = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

GOOD_MESSAGE = {"id": "1", "inputs": [*GOOD, FLIGHT], "outputs": [{"name": "score"}]}

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2, -1, 2**31, 2**63, 2**64, 10**40, 1e39, -1e308])
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["FP32", "INT8", "BYTES", "BOOL", "score", "label", "distance", "flight_id"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "shape", "data", "datatype", "parameters", "binary_data_size"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)

FLOATS = {"FP16": 65504.0, "FP32": float(np.finfo(np.float32).max)}
FLOATS["FP64"] = FLOATS["FP32"]
WHOLE = {f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)}
WHOLE |= {f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)}
COLUMNS = {"temperature": "number?", "distance": "number", "carrier": "string", "flight_id": "id"}


def is_valid(message: Any) -> bool:
    """The contract of the tests' model said once more, in the plainest way."""
    if not has(message, {"inputs"}, {"id", "parameters", "outputs"}):
        return False
    tensors, outputs = message["inputs"], message.get("outputs")
    if not (isinstance(tensors, list) and isinstance(message.get("id"), str | None)):
        return False
    if not all(map(is_tensor, tensors)) or not are_parameters(message.get("parameters")):
        return False
    names = [tensor["name"] for tensor in tensors]
    wanted = [] if outputs is None else outputs
    return (
        len(set(names)) == len(names)
        and {"temperature", "distance", "carrier"} <= set(names)
        and len({tensor["shape"][0] for tensor in tensors}) == 1
        and isinstance(wanted, list)
        and all(has(one, {"name"}, {"parameters"}) for one in wanted)
        and all(are_parameters(one.get("parameters")) for one in wanted)
        and [one["name"] for one in wanted] in ([], ["score"], ["label"])
    )


def is_tensor(tensor: Any) -> bool:
    if not has(tensor, {"name", "datatype", "shape", "data"}, {"parameters"}):
        return False
    if not are_parameters(tensor.get("parameters")) or not isinstance(tensor["name"], str):
        return False
    kind, shape, data = COLUMNS.get(tensor["name"]), tensor["shape"], tensor["data"]
    if kind is None or not isinstance(shape, list) or not isinstance(data, list) or not data:
        return False
    if [type(size) for size in shape] != [int] * len(shape):
        return False
    nested = shape == [len(data), 1] and all(
        isinstance(value, list) and len(value) == 1 for value in data
    )
    if shape not in ([len(data)], [len(data), 1]):
        return False
    flat = [value[0] for value in data] if nested else data
    return all(is_value(kind, tensor["datatype"], value) for value in flat)


def is_value(kind: str, datatype: Any, value: Any) -> bool:
    if not isinstance(datatype, str):
        return False
    if value is None:
        return kind == "number?" and datatype in {**FLOATS, **WHOLE}
    if datatype == "BYTES":
        return kind in ("string", "id") and isinstance(value, str) and encodes(value)
    if datatype in WHOLE:
        low, high = WHOLE[datatype]
        return kind != "string" and type(value) is int and low <= value <= high
    if datatype in FLOATS and kind in ("number", "number?"):
        number = type(value) in (int, float) and not (type(value) is float and math.isnan(value))
        return number and abs(value) <= FLOATS[datatype]
    return False


def are_parameters(parameters: Any) -> bool:
    """Whether they are absent or mean nothing here: those that mean something are never drawn."""
    return parameters is None or (
        isinstance(parameters, dict) and parameters.get("binary_data_size") is None
    )


def has(value: Any, needed: set[str], allowed: set[str]) -> bool:
    return isinstance(value, dict) and needed <= set(value) <= needed | allowed


def encodes(text: str) -> bool:
    return text == text.encode("utf-8", "ignore").decode()


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a message, as the way to it."""
    below: list[tuple[Any, ...]] = [at]
    if isinstance(value, dict):
        below += [place for key in value for place in places(value[key], (*at, key))]
    if isinstance(value, list):
        below += [place for i, one in enumerate(value) for place in places(one, (*at, i))]
    return below


def replaced(message: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copied = copy.deepcopy(message)
    inner = copied
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return copied


PLACES = places(GOOD_MESSAGE)
LEAVES = [at for at in PLACES if len(at) > 2 and (at[0] != "inputs" or at[2] != "name")]
CHANGES = st.tuples(st.sampled_from(LEAVES), SCALARS | VALUES)
MUTANTS = (
    st.builds(lambda change: replaced(GOOD_MESSAGE, *change), CHANGES)
    | st.builds(
        lambda id_, change: replaced(replaced(GOOD_MESSAGE, ("id",), id_), *change),
        SCALARS,
        CHANGES,
    )
    | st.builds(
        lambda change: replaced(GOOD_MESSAGE, *change), st.tuples(st.sampled_from(PLACES), VALUES)
    )
)


def judge(server: Server, body: bytes) -> None:
    answer = server.client.post(server.infer, content=body)
    try:
        message = json.loads(body)
        valid = is_valid(message)
    except (ValueError, RecursionError):
        valid = False
    if valid and answer.status_code == 400:
        # A valid request may still be beyond the model's arithmetic; it is then told so.
        assert "no finite answer" in answer.json()["error"], (body, answer.text)
    else:
        assert answer.status_code == (200 if valid else 400), (body, answer.text)
    assert valid or answer.json()["error"]


@MANY
@given(message=MUTANTS)
def test_any_change_of_a_good_request_is_judged_as_the_contract_says(
    server: Server, message: Any
) -> None:
    judge(server, json.dumps(message).encode())


@MANY
@given(
    start=st.integers(0, len(json.dumps(GOOD_MESSAGE))),
    length=st.integers(0, 8),
    put=st.binary(max_size=6) | st.sampled_from([b",", b"null", b"NaN", b"[", b'"', b"1e9", b"\\"]),
)
def test_any_damage_to_the_bytes_of_a_good_request_is_judged_so_too(
    server: Server, start: int, length: int, put: bytes
) -> None:
    body = json.dumps(GOOD_MESSAGE).encode()
    judge(server, body[:start] + put + body[start + length :])


@MANY
@given(body=st.binary(max_size=60), header=st.none() | st.integers(0, 80))
def test_any_bytes_are_refused(server: Server, body: bytes, header: int | None) -> None:
    headers = {} if header is None else {"inference-header-content-length": str(header)}
    answer = server.client.post(server.infer, content=body, headers=headers)
    assert answer.status_code == 400 and answer.json()["error"]
