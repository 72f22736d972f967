"""What the steps before a step came to: its record, one record for each element, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from mlgitops.core.digests import Digest, of_value
from mlgitops.core.errors import SpecError
from mlgitops.core.records import Output, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """The step is not meant to run this time: it has no outputs."""


SKIPPED: Final = Skipped()
# Of a step with ``foreach`` there is one record for each element, in their order.
Result: TypeAlias = "Record | tuple[Record, ...] | Skipped"
Results: TypeAlias = Mapping[str, Result]


def list_of(format: str) -> str:
    """Return the format of an input that is a list of outputs of ``format``."""
    return f"list of {format}"


def skipped(results: Results, makers: Iterable[str]) -> tuple[str, ...]:
    """Return those of ``makers`` that were skipped."""
    return tuple(maker for maker in makers if isinstance(results.get(maker), Skipped))


def taken(results: Results, artifact: str) -> Output | tuple[Output, ...]:
    """Return the output ``step.output``; of a step with ``foreach`` one for each element."""
    maker, _, name = artifact.partition(".")
    match results[maker]:
        case Record(outputs=outputs):
            return outputs[name]
        case Skipped():
            raise KeyError(artifact)
        case records:
            return tuple(record.outputs[name] for record in records)


def one_taken(results: Results, artifact: str) -> Output:
    """Return the output ``step.output``; SpecError when there is one for each element."""
    match taken(results, artifact):
        case Output() as output:
            return output
        case _:
            raise SpecError(
                f"{artifact} is one output for each element of 'foreach'",
                hint="gather them in a step that reads it, and name that step's output",
            )


def digest_of_list(outputs: Iterable[Output]) -> Digest:
    """Return what identifies a list of outputs: their digests and formats, in order."""
    return of_value([[output.digest, output.format] for output in outputs])
