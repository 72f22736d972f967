"""Steps and environments come after what they need; a circle is named."""

import pytest

from mlgitops.core.errors import SpecError
from mlgitops.core.graphs import (
    Cycle,
    ancestors,
    descendants,
    environment_order,
    order,
    step_order,
)
from mlgitops.core.specs.environments import Environment
from mlgitops.core.specs.pipelines import Pipeline


def pipeline(**reads: str) -> Pipeline:
    """Steps with one output `out` each; `b="a"` reads `a.out`, `c="a b"` both."""
    steps = []
    for name, makers in reads.items():
        inputs = {f"from_{maker}": f"{maker}.out" for maker in makers.split()}
        steps.append({"name": name, "run": "m:f", "inputs": inputs, "outputs": {"out": "parquet"}})
    return Pipeline.model_validate(
        {"apiVersion": "mlgitops/v1", "kind": "Pipeline", "name": "p", "steps": steps}
    )


def environment(name: str, *after: str) -> Environment:
    return Environment.model_validate(
        {
            "apiVersion": "mlgitops/v1",
            "kind": "Environment",
            "name": name,
            "after": list(after),
            "target": {"type": "compose", "image": "serving:1"},
        }
    )


def test_steps_come_after_those_they_read_from_and_else_as_written() -> None:
    steps = step_order(
        pipeline(report="train features", train="features", clean="", features="raw", raw="")
    )
    assert [step.name for step in steps] == ["raw", "features", "train", "report", "clean"]


def test_an_input_that_nobody_makes_does_not_stop_the_order() -> None:
    assert [step.name for step in step_order(pipeline(a="gone"))] == ["a"]


def test_a_circle_of_steps_is_named_and_not_what_leads_into_it() -> None:
    with pytest.raises(SpecError, match="b → c → b"):
        step_order(pipeline(a="b", b="c", c="b"))


def test_a_step_that_reads_itself_is_a_circle() -> None:
    assert str(order({"a": ["a"]})) == "a → a"
    assert order({"a": ["a"]}) == Cycle(names=("a",))


def test_a_chain_of_a_hundred_thousand_needs_no_stack() -> None:
    size = 100_000
    names = order({str(n): [str(n + 1)] for n in range(size)})
    assert isinstance(names, tuple)
    assert names[0] == str(size - 1)


def test_every_name_comes_once_also_when_many_need_it() -> None:
    assert order({"d": ["b", "c"], "b": ["a"], "c": ["a"], "a": []}) == ("a", "b", "c", "d")


def test_ancestors_and_descendants_are_told_without_the_step_itself() -> None:
    made = pipeline(raw="", features="raw", train="features", report="train features", other="")
    assert ancestors(made, "train") == {"raw", "features"}
    assert descendants(made, "features") == {"train", "report"}
    assert ancestors(made, "raw") == descendants(made, "other") == frozenset()


def test_environments_come_after_those_they_name() -> None:
    ordered = environment_order(
        [environment("prod", "staging"), environment("dev"), environment("staging", "dev")]
    )
    assert [one.name for one in ordered] == ["dev", "staging", "prod"]


def test_a_circle_of_environments_is_named() -> None:
    with pytest.raises(SpecError, match="dev → prod → dev"):
        environment_order([environment("dev", "prod"), environment("prod", "dev")])
