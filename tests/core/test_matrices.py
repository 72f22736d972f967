"""Jobs of a workflow get pipelines that share no work, all of them and each once."""

import json

from hypothesis import given
from hypothesis import strategies as st

from mlgitops.core.digests import of_value
from mlgitops.core.matrices import groups, to_json
from mlgitops.core.plans import Decision, Execute, Skip


def step(pipeline: str, key: object = None, usual: float | None = None) -> Execute:
    digest = None if key is None else of_value(str(key))
    return Execute(pipeline=pipeline, step="s", key=digest, because=("x",), usual=usual)


def test_pipelines_without_work_are_in_no_job() -> None:
    plan: list[Decision] = [Skip(pipeline="idle", step="s", because="x"), step("busy", 1)]
    [group] = groups(plan)
    assert (group.pipelines, group.steps) == (("busy",), 1)
    assert groups([]) == ()


def test_pipelines_that_share_a_key_share_a_job() -> None:
    plan = [step("a", 1), step("b", 2), step("b", 3), step("c", 3), step("d", 4), step("d")]
    found = groups(plan)
    assert [one.pipelines for one in found] == [("a",), ("b", "c"), ("d",)]
    assert [one.steps for one in found] == [1, 3, 2]
    assert to_json(found) == {
        "include": [
            {"name": "a", "pipelines": "a", "steps": 1},
            {"name": "b and 1 more", "pipelines": "b c", "steps": 3},
            {"name": "d", "pipelines": "d", "steps": 2},
        ]
    }
    json.dumps(to_json(found))


def test_long_pipelines_are_spread_over_the_jobs() -> None:
    plan = [step(f"long-{n}", f"l{n}", 100.0) for n in range(4)]
    plan += [step(f"short-{n}", f"s{n}", 1.0) for n in range(40)]
    found = groups(plan, at_most=4)
    assert [one.seconds for one in found] == [110.0] * 4


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 30), st.floats(0, 9)), max_size=40),
    st.integers(1, 5),
)
def test_each_pipeline_with_work_is_in_one_job_and_no_key_in_two(
    rows: list[tuple[int, int, float]], at_most: int
) -> None:
    plan = [step(f"p{name}", key, usual) for name, key, usual in rows]
    found = groups(plan, at_most)
    assert len(found) <= at_most
    names = [name for one in found for name in one.pipelines]
    assert sorted(names) == sorted({one.pipeline for one in plan})
    assert sum(one.steps for one in found) == len(plan)
    home = {name: number for number, one in enumerate(found) for name in one.pipelines}
    jobs: dict[object, set[int]] = {}
    for one in plan:
        jobs.setdefault(one.key, set()).add(home[one.pipeline])
    assert all(len(where) == 1 for where in jobs.values())
    assert groups(list(reversed(plan)), at_most=10_000) == groups(plan, at_most=10_000)
