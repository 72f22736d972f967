"""What models do: the tasks, and for each of them the form of its answer.

All that reads an answer (scorer, metrics, server, journal) asks this table, so that a task is one
line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Task = Literal[
    "regression",
    "forecasting",
    "binary-classification",
    "multiclass-classification",
    "multilabel-classification",
    "ranking",
    "anomaly-detection",
    "clustering",
]
# How a label follows from numbers: a probability of one half (of each label by itself), the class
# with the largest number, a score above zero. ``ml.labels`` does it.
Rule = Literal["half", "top", "each", "zero"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The form of a task's answer.

    ``graph``: the ONNX's one output. ``number``: the output that carries the whole answer, as it is
    served. ``wide``: it holds one number a class, not one a row. ``rule``: how labels follow from
    it. ``chance``: the numbers are probabilities. ``second``: the graph gives one number a class,
    of which only the second is kept.
    """

    graph: str
    number: str
    wide: bool = False
    rule: Rule | None = None
    chance: bool = False
    second: bool = False

    @property
    def labelled(self) -> bool:
        """Whether one label is served beside the numbers."""
        return self.rule not in (None, "each")

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what is served, in order."""
        return ("label", self.number) if self.labelled else (self.number,)

    def columns(self, classes: int) -> int:
        """Return how many numbers the graph gives for each row."""
        return classes if self.wide or self.second else 1


ANSWERS: Final[Mapping[Task, Answer]] = MappingProxyType(
    {
        "regression": Answer(graph="prediction", number="prediction"),
        "forecasting": Answer(graph="prediction", number="prediction"),
        "binary-classification": Answer(
            graph="probabilities", number="score", rule="half", chance=True, second=True
        ),
        "multiclass-classification": Answer(
            graph="probabilities", number="probabilities", wide=True, rule="top", chance=True
        ),
        "multilabel-classification": Answer(
            graph="probabilities", number="probabilities", wide=True, rule="each", chance=True
        ),
        "ranking": Answer(graph="score", number="score"),
        "anomaly-detection": Answer(graph="score", number="score", rule="zero"),
        "clustering": Answer(graph="scores", number="scores", wide=True, rule="top"),
    }
)
