"""A condition is read whole, or its offending part is named with its place."""

import pytest

from mlgitops.core.specs.base import Wrong
from mlgitops.core.specs.conditions import (
    All,
    Compare,
    Constant,
    Member,
    Not,
    Param,
    Result,
    Some,
    parse_condition,
    references,
)

AUC = Result(step="train", output="report", keys=("auc",), at=(0, 16))


def test_comparisons_bind_closer_than_not_and_and_or() -> None:
    text = 'train.report.auc >= 0.8 and not (params.fast or params.n not in [1, "b"]) or params.all'
    fast, n, whole = (
        Param(name=name, at=(text.index(f"params.{name}"), 7 + len(name)))
        for name in ("fast", "n", "all")
    )
    listed = Constant(value=[1, "b"], at=(text.index("["), 8))
    assert parse_condition(text) == Some(
        parts=(
            All(
                parts=(
                    Compare(left=AUC, operator=">=", right=Constant(value=0.8, at=(20, 3))),
                    Not(inner=Some(parts=(fast, Not(inner=Member(value=n, of=listed))))),
                )
            ),
            whole,
        )
    )


def test_every_param_and_output_is_named_in_the_order_of_the_text() -> None:
    text = (
        "params.b == feature-check.report.rows.test or not params.a and 3 in [3] or params.c in [1]"
    )
    found = [text[one.at[0] : sum(one.at)] for one in references(parse_condition(text))]
    assert found == ["params.b", "feature-check.report.rows.test", "params.a", "params.c"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("'it'", "it"),
        ('"a b"', "a b"),
        ("true", True),
        ("false", False),
        ("null", None),
    ],
)
def test_constants_are_what_they_look_like(text: str, value: object) -> None:
    found = parse_condition(f"params.a == {text}")
    assert isinstance(found, Compare) and isinstance(found.right, Constant)
    assert found.right.value == value and type(found.right.value) is type(value)


@pytest.mark.parametrize(
    ("text", "part", "message", "hint"),
    [
        (
            "seed > 3",
            "seed",
            "'seed' is neither a param nor a value of an output",
            'write params.seed, or "seed" for the text',
        ),
        (
            "train.report > 1",
            "train.report",
            "'train.report' is neither a param nor a value of an output",
            "write train.report.key, with the key of a value in it",
        ),
        (
            "params.a.b == 1",
            "params.a.b",
            "'params.a.b' is neither a param nor a value of an output",
            "write params.a",
        ),
        (
            "Params.a == 1",
            "Params.a",
            "'Params.a' is neither a param nor a value of an output",
            "write params.a",
        ),
        (
            "params.a == True",
            "True",
            "'True' is neither a param nor a value of an output",
            "write true",
        ),
        (
            "params.a == None",
            "None",
            "'None' is neither a param nor a value of an output",
            "write null",
        ),
        ("params.a = 1", "=", "'=' means nothing in a condition", "write '=='"),
        ("params.a === 1", "===", "'===' means nothing in a condition", "write '=='"),
        ("params.a <> 1", "<>", "'<>' means nothing in a condition", "write '!='"),
        ("params.a is null", "is", "'and' or 'or' is expected here, not 'is'", "write '=='"),
        ("params.a && params.b", "&&", "'&&' means nothing in a condition", "write 'and'"),
        ("params.a || params.b", "||", "'||' means nothing in a condition", "write 'or'"),
        (
            "!params.a",
            "!",
            "'!' means nothing in a condition",
            "write 'not', or '!=' between two values",
        ),
        (
            "params.a + 1 > 2",
            "+",
            "'+' means nothing in a condition",
            "there is no arithmetic: compute it in a step, and name its output",
        ),
        (
            "${{ params.a }}",
            "${{",
            "'${{' means nothing in a condition",
            "write params.name without braces",
        ),
        (
            "len(params.a) > 2",
            "len",
            "there are no functions in a condition, and so no len()",
            "compute it in a step, and compare its output",
        ),
        (
            "__import__('os').x.y",
            "__import__",
            "there are no functions in a condition, and so no __import__()",
            "compute it in a step, and compare its output",
        ),
        (
            'params.n < "a"',
            '"a"',
            "'<' compares numbers, not \"a\"",
            "write a number, or compare with '=='",
        ),
        (
            "params.n >= true",
            "true",
            "'>=' compares numbers, not true",
            "write a number, or compare with '=='",
        ),
        (
            "1 < params.n < 3",
            "<",
            "two comparisons in a row",
            "join them with 'and': a < b and b < c",
        ),
        (
            "params.n in 3",
            "3",
            "a list is expected here, not '3'",
            'write a list, as in ["a", "b"]',
        ),
        ("params.n in []", "[", "the list is empty: nothing is in it", "name its values"),
        (
            "params.n in [params.m]",
            "params.m",
            "a list holds numbers and texts, no references",
            "compare each with '==' and 'or'",
        ),
        (
            "params.n in [1 2]",
            "2",
            "',' or ']' is expected here, not '2'",
            "separate the values by ','",
        ),
        ("params.n == [1]", "[", "a value is expected here, not '['", "a list comes after 'in'"),
        (
            "params.n not 3",
            "3",
            "'in' is expected here, not '3'",
            "write 'not in', or put 'not' before the comparison",
        ),
        ("params.a == 1.", "1.", "'1.' is not a number", "write it as 0.8 or 1000"),
        ("(params.a", "a", "the condition ends where ')' is expected", "close the bracket"),
        (
            "params.a)",
            ")",
            "'and' or 'or' is expected here, not ')'",
            "join two parts with 'and' or 'or'",
        ),
        (
            "params.a or",
            "r",
            "the condition ends where a value is expected",
            'write a value, such as params.mode, 0.8 or "full"',
        ),
        ("params.a == 'it", "'", "this quote is not closed", "end the text with the same quote"),
        ('"on"', '"on"', '"on" alone is no condition', 'compare it, as in params.mode == "full"'),
        (
            "not " * 30 + "params.a",
            "not",
            "nested too deeply: more than 20 levels",
            "decide in a step, and compare its output",
        ),
        (
            "(" * 99 + "params.a" + ")" * 99,
            "(",
            "nested too deeply: more than 20 levels",
            "decide in a step, and compare its output",
        ),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(
    text: str, part: str, message: str, hint: str
) -> None:
    with pytest.raises(Wrong) as caught:
        parse_condition(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert caught.value.span is not None
    start, length = caught.value.span
    assert text[start : start + length] == part


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the condition is empty"),
        ("1 == 1", "'1 == 1' is always the same: it names no param and no output"),
        ("params.a or " * 99, "the condition has 1,188 characters; it may have 500"),
    ],
)
def test_what_is_wrong_as_a_whole_is_told_without_a_part(text: str, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse_condition(text)
    assert (caught.value.message, caught.value.span) == (message, None)
