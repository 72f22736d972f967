"""Fixes change what they say they change, and not one character more."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgitops.core.fixes import Edit, Fix, apply, deleting_line, diff, inserting
from mlgitops.core.sources import Document, parse, read
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.pipelines import Pipeline
from mlgitops.core.spelling import name_meant, word_meant
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load

BASE = Path(__file__).parents[1] / "data/rules/_base"
FILES = {p.relative_to(BASE).as_posix(): p.read_bytes() for p in BASE.rglob("*") if p.is_file()}
PIPELINE = "pipelines/churn/pipeline.yaml"
MODEL = "pipelines/churn/model.yaml"
PROD = "environments/prod/environment.yaml"


def edit(line: int, column: int, length: int, text: str) -> Fix:
    change = Edit(
        path="a", line=line, column=column, end_line=line, end_column=column + length, text=text
    )
    return Fix(title="a fix", edits=(change,))


def only(change: Edit) -> Fix:
    return Fix(title="a fix", edits=(change,))


# -- apply ------------------------------------------------------------------------------------


def test_columns_are_characters_however_wide_they_are() -> None:
    text, used = apply("名前: {名: x} # 注\n", [edit(1, 9, 1, "y")])
    assert text == "名前: {名: y} # 注\n"
    assert len(used) == 1


def test_a_byte_order_mark_stays_and_is_no_column() -> None:
    assert apply("\ufeffa: x\n", [edit(1, 4, 1, "y")])[0] == "\ufeffa: y\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_new_line_ends_as_the_others_do(end: str) -> None:
    text = f"a: 1{end}c: 3{end}"
    assert apply(text, [only(inserting("a", 2, 1, "b: 2\n"))])[0] == f"a: 1{end}b: 2{end}c: 3{end}"
    assert apply(text, [only(deleting_line("a", 1))])[0] == f"c: 3{end}"


def test_a_file_without_a_final_line_end_keeps_none() -> None:
    assert apply("a: 1\nb: 2", [only(deleting_line("a", 2))])[0] == "a: 1"
    assert apply("a: 1", [only(inserting("a", 1, 5, "\nb: 2"))])[0] == "a: 1\nb: 2"


def test_lines_are_counted_as_yaml_counts_them() -> None:
    text = "# one\u2028# two\r# three\nretires: x\n"
    [document] = parse(text, "a")
    at = document.mark_key("retires")
    assert apply(text, [edit(at.line, at.column, at.length, "retries")])[0] == text.replace(
        "retires", "retries"
    )


def test_of_fixes_that_overlap_the_first_one_is_applied() -> None:
    first, second, third = edit(1, 1, 3, "A"), edit(1, 3, 2, "B"), edit(1, 5, 1, "C")
    assert apply("abcdef", [first, second, third]) == ("AdCf", (first, third))


def test_a_fix_of_two_places_that_are_one_is_applied_once() -> None:
    assert apply("abc", [edit(1, 1, 1, "x"), edit(1, 1, 1, "x")])[0] == "xbc"


def test_a_fix_is_applied_whole_or_not_at_all() -> None:
    both = Fix(title="two", edits=(*edit(1, 1, 1, "x").edits, *edit(1, 3, 1, "z").edits))
    assert apply("abc", [edit(1, 3, 1, "y"), both])[0] == "aby"


@given(
    text=st.text(alphabet="ab:# 名\n\r\ufeff", max_size=40),
    places=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4)), max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_no_place_is_outside_of_a_text(text: str, places: list[tuple[int, int, int]]) -> None:
    fixes = [edit(line, column, length, "") for line, column, length in places]
    made, used = apply(text, fixes)
    assert set(used) <= set(fixes)
    assert len(made) <= len(text)


# -- diff -------------------------------------------------------------------------------------


def test_a_diff_says_where_a_final_line_end_is_missing() -> None:
    assert diff("a b.yaml", "x: 1\ny: 2", "x: 1\ny: 3") == (
        "--- a/a b.yaml\t\n+++ b/a b.yaml\t\n@@ -1,2 +1,2 @@\n x: 1\n"
        "-y: 2\n\\ No newline at end of file\n+y: 3\n\\ No newline at end of file\n"
    )


# -- what is certain --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("retires", ["retries", "timeout"], "retries"),
        ("timout", ["retries", "timeout"], "timeout"),
        ("Parquet", ["parquet", "csv"], "parquet"),
        ("no-worse-than", ["no_worse_than"], "no_worse_than"),
        ("setp", ["step"], "step"),
        ("gate", ["gates"], "gates"),
        ("mix", ["min", "max"], None),
        ("mi", ["min"], None),
        ("tsv", ["csv"], None),
        ("test", ["text"], None),
        ("retry", ["retries"], None),
        ("stepa", ["steps", "step1"], "steps"),
        ("gatez", ["gates", "gatex"], None),
        ("sha1x", ["sha2x"], None),
    ],
)
def test_a_word_of_ours_is_certain(word: str, known: list[str], meant: str | None) -> None:
    assert word_meant(word, known) == meant


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("feature.train", ["features.train", "train.model"], "features.train"),
        ("features.trian", ["features.train"], "features.train"),
        ("chrun", ["churn"], "churn"),
        ("Churn", ["churn"], "churn"),
        ("churn-a", ["churn-b"], None),
        ("churn-eu", ["churn-us"], None),
        ("churn-2", ["churn-1"], None),
        ("rows2", ["rows"], None),
        ("msle", ["rmsle"], None),
        ("mse", ["rmse"], None),
        ("test.rows", ["text.rows"], None),
        ("train-rows", ["train-rows-of-may"], None),
        ("trains", ["train", "trainz"], None),
    ],
)
def test_a_name_of_somebody_else_is_certain(word: str, known: list[str], meant: str | None) -> None:
    assert name_meant(word, known) == meant


# (file, what stands there, what is wrong instead): found, and left to a person
LEFT_TO_A_PERSON = [
    (PIPELINE, "    run: ", "    timeout: 010\n    run: "),  # 10 of what?
    (PIPELINE, "    run: ", "    retries: 010\n    run: "),  # eight, or ten
    (PIPELINE, "seed: 7", "seed: no"),  # false, or the text
    (PIPELINE, "seed: 7", "seed: 7, seed: 8"),
    (PIPELINE, "seed: 7", "seed: 7, seed: '7'"),
    (PIPELINE, "params: [months]", "params: months, seed"),
    (PIPELINE, "    run: ", "    timeout: 1h # long\n    timeout: 1h # long\n    run: "),
    (PIPELINE, "    run: ", '    timeuot: 1h\n    timeout: 1h\n    run: "'),
    (PIPELINE, "    params: [seed]", "    parmas: [seed]\n    paramz: [seed]"),
    (PIPELINE, "outputs: {model: estimator}", 'outputs: {model: "est\\x69mater"}'),
    (PIPELINE, "outputs: {model: estimator}", "outputs: {model: &kind estimater}"),
    (PIPELINE, "outputs: {model: estimator}", "outputs: {model: !!str estimater}"),
    (PIPELINE, '"train:fit"', '"train:fits"'),  # it may not be written yet
    (MODEL, "roc_auc, brier", "roc_auc, mse"),  # a metric that others have
    (MODEL, "min: 0.7", "min: 0.7 percent"),
    (MODEL, "pipeline: churn", "pipeline: churn2"),
    (PROD, "kserve,", "ecs,"),
    # Where is the slip: in the name, or where it is used?
    (MODEL, "name: churn", "name: chrun"),
    (MODEL, "artifact: train.model", "artifact: train.modle"),
    (PIPELINE, "outputs: {model: estimator}", "outputs: {modle: estimator}"),
    (PIPELINE, "name: features", "name: fetaures"),
    # The tool writes these.
    ("environments/dev/pins/churn.yaml", "version:", "verison:"),
    ("environments/prod/holds/churn.yaml", "kind: Hold\n", ""),
    ("pipelines/churn/snapshots/customers.yaml", "rows: ", "rows: !!str "),
    # The key that YAML cannot read may be the one that is missed.
    (PIPELINE, "apiVersion:", "on:"),
    ("environments/dev/pins/churn.yaml", "model: churn", "model: chrun"),
    ("environments/prod/holds/churn.yaml", "model: churn", "model: chrun"),
]


@pytest.mark.parametrize(("path", "old", "new"), LEFT_TO_A_PERSON)
def test_what_is_not_certain_has_no_fix(path: str, old: str, new: str) -> None:
    text = FILES[path].decode()
    assert old in text
    found = load(MemoryTree({**FILES, path: text.replace(old, new, 1).encode()})).findings
    assert found
    assert [finding.fix.title for finding in found if finding.fix is not None] == []


def test_a_file_with_more_mistakes_than_anybody_reads_is_no_work() -> None:
    wrong = "".join(f"    k{number}: x\n" for number in range(2000))
    text = FILES[PIPELINE].decode().replace("    run: ", f"{wrong}    run: ", 1)
    assert load(MemoryTree({**FILES, PIPELINE: text.encode()})).findings


# -- laws -------------------------------------------------------------------------------------

_BAD_LINES = st.sampled_from(
    [
        "    retires: 2",
        '    retries: "2"',
        "    env: TOKEN",
        "    env: [TOKEN, TOKEN]",
        "    timeout: 1h\n    timeout: 1h",
        "    retries: 3.0",
        "    outputs: {rows: parqet}",
        "    outputs: {rows: Parquet, rows: Parquet}",
        "    when: no",
        "    Params: [months]",
        "    nonsense: 1",
        "    inputs: {rows: 7}",
    ]
)
_COMMENTS = st.sampled_from(["", " # why", "   # 注釈", "\t# tab"])


@st.composite
def _steps(draw: st.DrawFn) -> str:
    """A pipeline with comments in it, and steps with some of many mistakes."""
    lines = ["# head", "apiVersion: mlgitops/v1", "kind: Pipeline", "name: churn", "steps:"]
    for number in range(draw(st.integers(1, 3))):
        lines += [f"  - name: step-{number}{draw(_COMMENTS)}", f'    run: "train:fit{number}"']
        for bad in draw(st.lists(_BAD_LINES, max_size=3, unique=True)):
            lines.append(bad + draw(_COMMENTS))
        lines.append("    # before the outputs")
        lines.append(f"    outputs: {{model: estimator}}{draw(_COMMENTS)}")
    text = draw(st.sampled_from(["\n", "\r\n"])).join(lines)
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n"]))


def _fixes(text: str) -> list[Fix]:
    found = load(MemoryTree({**FILES, PIPELINE: text.encode()})).findings
    return [one.fix for one in found if one.fix is not None]


@given(text=_steps())
@settings(max_examples=60, deadline=None)
def test_a_fix_keeps_every_comment_and_every_line_that_it_is_not_about(text: str) -> None:
    made, used = apply(text, _fixes(text))
    comments = re.compile(r"#.*")
    assert comments.findall(made) == comments.findall(text)
    touched = {change.line for fix in used for change in fix.edits}
    lines = text.splitlines(keepends=True)
    kept = [line for number, line in enumerate(lines, 1) if number not in touched]
    left = iter(made.splitlines(keepends=True))
    # The last line may lose its end when the one after it is deleted.
    assert all(any(one.strip() == line.strip() for one in left) for line in kept)
    assert made.count("\r") == made.count("\r\n")
    assert made.startswith("\ufeff") == text.startswith("\ufeff")
    assert made.endswith("\n") == text.endswith("\n")


@given(text=_steps())
@settings(max_examples=60, deadline=None)
def test_each_fix_alone_makes_its_finding_go_away(text: str) -> None:
    document = parse_first(text)
    if document is None:
        return
    before = read_spec(document, Pipeline)
    if not isinstance(before, tuple):
        return
    for finding in before:
        if finding.fix is not None:
            made, _ = apply(text, [finding.fix])
            again = parse_first(made)
            assert again is not None
            after = read_spec(again, Pipeline)
            assert not isinstance(after, tuple) or len(after) < len(before)


def parse_first(text: str) -> Document | None:
    reading = read(text, PIPELINE)
    return None if reading.problems else reading.documents[0]
