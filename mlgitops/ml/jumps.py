"""Where a model's answer jumps, to the last float32: found in its graph, or by halving.

A tree answers one thing up to a threshold and another beyond it. Conversion that rounds a threshold
is right on every row but those beside it, so these are the rows to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

Single: TypeAlias = npt.NDArray[np.float32]
Rank: TypeAlias = npt.NDArray[np.int64]

_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "TreeEnsemble")
# float32 numbers have 32 bits, so that many halvings leave two neighbours.
_HALVINGS = 33
_LARGEST = float(np.finfo(np.float32).max)


def thresholds(model: onnx.ModelProto) -> dict[str, npt.NDArray[np.float64]]:
    """Return the split thresholds of each input that trees compare as it came in, ascending.

    Trees behind anything that computes (a scaler, an imputer) are left out: see ``halve``.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    inputs = {value.name for value in model.graph.input}
    found: dict[str, set[float]] = {}
    for node in model.graph.node:
        if node.op_type not in _TREES:
            continue
        columns = list(_columns(node.input[0], makers, inputs))
        for feature, value in _splits(node):
            # At infinity is split who is missing from who is not.
            known = feature < len(columns) and abs(value) < _LARGEST
            if known and columns[feature] is not None:
                found.setdefault(str(columns[feature]), set()).add(value)
    return {name: np.array(sorted(values)) for name, values in found.items()}


def _columns(
    name: str, makers: dict[str, onnx.NodeProto], inputs: set[str]
) -> Iterator[str | None]:
    """Yield the input that each column of a matrix is, as far as nothing was computed."""
    if name in inputs:
        yield name
        return
    node = makers.get(name)
    if node is not None and node.op_type in ("Concat", "Cast", "Identity", "FeatureVectorizer"):
        for one in node.input:
            yield from _columns(one, makers, inputs)
        return
    # How wide it is, is not known: nothing can be said of it and of what stands behind it.
    yield from (None for _ in range(100_000))


def _splits(node: onnx.NodeProto) -> Iterator[tuple[int, float]]:
    """Yield (feature, threshold) of each split, of any version of the operator."""
    from onnx import numpy_helper

    given = {one.name: one for one in node.attribute}
    if node.op_type == "TreeEnsemble":
        features = list(given["nodes_featureids"].ints)
        values = numpy_helper.to_array(given["nodes_splits"].t).tolist()
        yield from zip(features, values, strict=True)
        return
    features, modes = list(given["nodes_featureids"].ints), list(given["nodes_modes"].strings)
    if "nodes_values_as_tensor" in given:
        values = numpy_helper.to_array(given["nodes_values_as_tensor"].t).tolist()
    else:
        values = list(given["nodes_values"].floats)
    for feature, value, mode in zip(features, values, modes, strict=True):
        if mode != b"LEAF":
            yield feature, value


def halve(
    low: Single,
    high: Single,
    same: Callable[[Single, npt.NDArray[np.bool_]], npt.NDArray[np.bool_]],
) -> tuple[Single, Single]:
    """Return, for each pair of numbers, two float32 neighbours between which something changes.

    ``same(middle, open)`` tells for each pair whether all is at ``middle`` as it is at ``low``;
    pairs that are not ``open`` are done. Whatever it answers, the result lies between both.
    """
    first, last = rank(low), rank(high)
    for _ in range(_HALVINGS):
        still = np.abs(last - first) > 1
        if not still.any():
            break
        middle = (first + last) // 2
        stays = same(unrank(middle), still)
        first = np.where(still & stays, middle, first)
        last = np.where(still & ~stays, middle, last)
    return unrank(first), unrank(last)


def rank(values: Single) -> Rank:
    """Return where numbers are in the order of all float32: neighbours are one apart."""
    bits = np.asarray(values, dtype=np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def unrank(places: Rank) -> Single:
    """Return the float32 numbers at these places."""
    bits = np.where(places < 0, -places | 0x80000000, places)
    return bits.astype(np.uint32).view(np.float32)


def beside(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Return each number as float32 with its neighbours on both sides, shape (3, n)."""
    there = rank(values.astype(np.float32))
    return np.stack([unrank(there - 1), unrank(there), unrank(there + 1)])
