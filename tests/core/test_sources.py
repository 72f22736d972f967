"""YAML with places: what is read, where it stands, and that nothing hostile ends or stops us."""

import time
import tracemalloc

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgitops.core import composing
from mlgitops.core.errors import SpecError
from mlgitops.core.sources import leaves, parse, read


def value_of(text: str | bytes) -> object:
    [document] = parse(text, "a.yaml")
    return document.value


def problems(text: str | bytes) -> list[str]:
    return [
        f"{problem.at}: {problem.message} ({problem.hint})"
        for problem in read(text, "a.yaml").problems
    ]


def test_values_are_plain_and_dates_stay_text() -> None:
    assert value_of("{a: 1, b: 1.5, c: true, d: null, e: 2026-01-05, f: ~, g: 'x', h: 0x1F}") == {
        "a": 1,
        "b": 1.5,
        "c": True,
        "d": None,
        "e": "2026-01-05",
        "f": None,
        "g": "x",
        "h": 31,
    }


def test_every_value_knows_its_place() -> None:
    [document] = parse("a:\n  - b: xyz\n  - [1, 22]\nc: {d: e}\n", "a.yaml")
    assert str(document.mark("a", 0, "b")) == "a.yaml:2:8"
    assert document.mark("a", 0, "b").length == 3
    assert str(document.mark_key("a", 0, "b")) == "a.yaml:2:5"
    assert (document.mark("a", 1).column, document.mark("a", 1).length) == (5, 7)
    assert str(document.mark("a", 1, 1)) == "a.yaml:3:9"
    assert (document.mark("c").column, document.mark("c").length) == (4, 6)
    assert str(document.mark("c", "nothing", "there")) == "a.yaml:4:4"


def test_a_file_may_hold_several_documents() -> None:
    documents = parse("a: 1\n---\na: 2\n", "a.yaml")
    assert [document.value for document in documents] == [{"a": 1}, {"a": 2}]
    assert documents[1].mark("a").line == 3


def test_an_alias_stands_for_its_anchor_and_says_where_the_text_is() -> None:
    [document] = parse("a: &x {b: [1, 2]}\nc: *x\n", "a.yaml")
    assert document.value == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert str(document.mark("c")) == "a.yaml:2:4"
    assert str(document.mark("c", "b", 1)) == "a.yaml:1:15"


@pytest.mark.parametrize("text", ["\ufeffa: 1\n", "a: 1\r\n", b"\xef\xbb\xbfa: 1\n", b"a: 1"])
def test_byte_order_marks_and_line_ends_of_other_systems_are_read(text: str | bytes) -> None:
    assert value_of(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", b""])
def test_a_file_without_a_document_has_none(text: str | bytes) -> None:
    assert parse(text, "a.yaml") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            "a.yaml:3:1: the key 'a' is given twice (the first one is at line 1)",
        ),
        (
            "a:\n\tb: 1\n",
            "a.yaml:2:1: a tab is used for indentation (indent with spaces)",
        ),
        (
            "a: .nan\n",
            "a.yaml:1:4: .nan is not a number that can be used "
            "(write a finite number, or leave the key out)",
        ),
        (
            "a: -.inf\n",
            "a.yaml:1:4: -.inf is not a number that can be used "
            "(write a finite number, or leave the key out)",
        ),
        (
            "a: 1.0e+999\n",
            "a.yaml:1:4: 1.0e+999 is not a number that can be used "
            "(write a finite number, or leave the key out)",
        ),
        (
            "country: no\n",
            "a.yaml:1:10: no is false to one YAML reader and text to another "
            '(write false, or "no" for the text)',
        ),
        (
            "a: On\n",
            "a.yaml:1:4: On is true to one YAML reader and text to another "
            '(write true, or "On" for the text)',
        ),
        (
            "rate: 1e-3\n",
            "a.yaml:1:7: 1e-3 is text to YAML, not a number "
            '(write 1.0e-3 for the number, or "1e-3" for the text)',
        ),
        (
            "zip: 01234\n",
            "a.yaml:1:6: 01234 is an octal number to YAML "
            '(write "01234" for the text, or leave out the leading zero)',
        ),
        (
            "at: 12:30\n",
            'a.yaml:1:5: 12:30 is a number in base 60 to YAML (write "12:30" for the text)',
        ),
        (
            "a: 123456789012345678901\n",
            "a.yaml:1:4: 123456789012345678901 is too large for a whole number "
            "(put it in quotes for the text)",
        ),
        ("on: push\n", 'a.yaml:1:1: the key on is not text (write "on")'),
        ("1: a\n", 'a.yaml:1:1: the key 1 is not text (write "1")'),
        ("? [a]\n: b\n", "a.yaml:1:3: a key must be text (write it as 'key: value')"),
        (
            "<<: {a: 1}\n",
            "a.yaml:1:1: merge keys (<<) are not used here (write the keys out)",
        ),
        (
            "a: *b\n",
            "a.yaml:1:4: there is no anchor &b before *b (there are: none)",
        ),
        (
            "a: &a [*a]\n",
            "a.yaml:1:8: the alias *a stands inside of what it names (write it out)",
        ),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "a.yaml:1:4: the tag !!python/object/apply:os.system is not allowed "
            "(write plain values)",
        ),
        ("a: !secret x\n", "a.yaml:1:4: the tag !secret is not allowed (write plain values)"),
        (
            "a: [1, 2\nb: 3\n",
            "a.yaml:1:4: this '[' is not closed, or a ',' is missing after it "
            "(end it with ']', with ',' between the values)",
        ),
        (
            'a: "b\nc: d\n',
            "a.yaml:1:4: this quote is not closed (end the text with the same quote)",
        ),
        (
            'a: {b: "c}\nd: "e"\n',
            "a.yaml:1:8: this quote is not closed (end the text with the same quote)",
        ),
        (
            "a: 1\nb\n# the end\n\nc: 2\n",
            "a.yaml:2:1: a ':' is missing after this key (write it as 'key: value')",
        ),
        (
            "a: 1\nb:2\n",
            "a.yaml:2:1: a ':' is missing after this key (write it as 'key: value')",
        ),
        (
            "a: b: c\n",
            "a.yaml:1:5: a ':' is not expected here (put text with ': ' in quotes; "
            "do all keys of one level start in the same column?)",
        ),
        (
            "a: @b\n",
            "a.yaml:1:4: a value cannot start with '@' (put the value in quotes)",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "a.yaml:3:2: a key is expected here "
            "(do all keys of one level start in the same column?)",
        ),
        (
            'a: "\\q"\n',
            "a.yaml:1:5: this escape is not known in double quotes "
            "(use single quotes, or write \\\\)",
        ),
        (
            "a: \x07\n",
            "a.yaml:1:4: the control character U+0007 may not stand in YAML "
            "(delete it; most editors do not show it)",
        ),
        (
            b"a: 1\nb: \xff\n",
            "a.yaml:2:4: the file is not UTF-8 text (save it as UTF-8)",
        ),
    ],
)
def test_what_yaml_gets_wrong_is_said_with_its_place_and_the_next_step(
    text: str | bytes, told: str
) -> None:
    assert problems(text) == [told]


def test_all_problems_of_a_file_are_told_at_once() -> None:
    assert len(problems("a: 1\na: 2\nb: .nan\nc: yes\nd: 1e3\n1: x\n")) == 5


def test_parse_raises_the_first_problem() -> None:
    with pytest.raises(SpecError, match="given twice") as raised:
        parse("a: 1\na: 2\nb: .nan\n", "a.yaml")
    assert str(raised.value.at) == "a.yaml:2:1"


def test_quotes_make_text_of_everything() -> None:
    assert value_of('["no", "1e-3", "0123", "12:30", ".nan", "on"]') == [
        "no",
        "1e-3",
        "0123",
        "12:30",
        ".nan",
        "on",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: [1, 2]}\nc: *x\nd: 2026-01-05\n",
        "a: 1\na: 2\nb: .nan\nc: yes\nd: 1e3\n1: x\n",
        "a: 1\n---\n- b: [1, {c: d}]\n",
    ],
)
def test_without_the_fast_parser_the_same_is_read(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = read(text, "a.yaml"), problems(text)
    monkeypatch.setattr(composing, "_Loader", yaml.SafeLoader)
    slow = read(text, "a.yaml"), problems(text)
    assert slow[0].documents == fast[0].documents
    assert slow[1] == fast[1]


@pytest.mark.parametrize("text", ["a: [1", "a: 'x", "a: b: c", "a: @b", "\ta: 1", "a: \x07"])
def test_without_the_fast_parser_a_mistake_still_has_its_place(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = [problem.at for problem in read(text, "a.yaml").problems]
    monkeypatch.setattr(composing, "_Loader", yaml.SafeLoader)
    assert [problem.at for problem in read(text, "a.yaml").problems] == fast


# -- hostile files: an answer within two seconds and 200 MB, for any ten megabytes ---------------

TEN_MEGABYTES = 10_000_000
ONE_MEGABYTE = 1_000_000


def lol(levels: int) -> str:
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]")
    return "\n".join(lines)


HOSTILE = {
    "ten megabytes": "a: b\n" * (TEN_MEGABYTES // 5),
    "aliases that explode": lol(30),
    "aliases that explode late": "a: &a\n" + "  - x\n" * 300 + "b:\n" + "  - *a\n" * 900,
    "brackets": "[" * ONE_MEGABYTE,
    "braces": "{a: " * (ONE_MEGABYTE // 4),
    "nested lists": "- " * (ONE_MEGABYTE // 2),
    "nested keys": "? " * (ONE_MEGABYTE // 2),
    "a deep file": "\n".join(" " * n + "a:" for n in range(1000)),
    "one key again and again": "a: b\n" * (ONE_MEGABYTE // 5),
    "many keys": "".join(f"k{n}: 1\n" for n in range(80_000)),
    "many documents": "---\n" * (ONE_MEGABYTE // 4),
    "an open quote": '"' + "a\n" * (ONE_MEGABYTE // 2 - 1),
    "an open block": "a: |\n" + " b\n" * (ONE_MEGABYTE // 3 - 2),
    "a long number": "a: " + "9" * (ONE_MEGABYTE - 3),
    "a long word": "a" * ONE_MEGABYTE,
    "anchors": "- &a b\n" * (ONE_MEGABYTE // 7),
    "tabs": "\t" * ONE_MEGABYTE,
    "nulls": "\0" * ONE_MEGABYTE,
    "percents": "%" * ONE_MEGABYTE,
    "lists of lists": "[[]," * (ONE_MEGABYTE // 4),
}
TOLD = {
    "ten megabytes": "a.yaml:1:1: the file has more than 1,000,000 bytes "
    "(data belongs in a source, not in YAML)",
    "aliases that explode": "a.yaml:5:35: too large: more than 50,000 values "
    "(do aliases (*name) repeat one another?)",
    "brackets": "a.yaml:1:61: nested too deeply: more than 60 levels (is a bracket not closed?)",
    "nested lists": "a.yaml:1:121: nested too deeply: more than 60 levels "
    "(is a bracket not closed?)",
    "a deep file": "a.yaml:61:61: nested too deeply: more than 60 levels "
    "(is a bracket not closed?)",
    "an open quote": "a.yaml:1:1: this quote is not closed (end the text with the same quote)",
    "nulls": "a.yaml:1:1: the control character U+0000 may not stand in YAML "
    "(delete it; most editors do not show it)",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_answered_in_time_and_space(name: str) -> None:
    text = HOSTILE[name].encode()
    started = time.process_time()
    reading = read(text, "a.yaml")
    assert time.process_time() - started < 2
    if name in TOLD:
        told = [f"{one.at}: {one.message} ({one.hint})" for one in reading.problems]
        assert told[-1:] == [TOLD[name]]


@pytest.mark.parametrize("name", ["aliases that explode", "one key again and again"])
def test_a_hostile_file_takes_no_more_than_its_memory(name: str) -> None:
    text = HOSTILE[name].encode()
    tracemalloc.start()
    try:
        read(text, "a.yaml")
        assert tracemalloc.get_traced_memory()[1] < 200_000_000
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@#,? \n\t0.~<", max_size=60))
def test_any_text_gives_documents_or_a_problem_with_its_place(text: str) -> None:
    reading = read(text, "a.yaml")
    for problem in reading.problems:
        assert problem.at is not None and problem.message
    for document in reading.documents:
        for keys, _ in leaves(document.value):
            assert keys in document.places
