"""Templates: values stay values, names are known, and the same input gives the same bytes."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlgitops.core.errors import SpecError
from mlgitops.core.marks import Mark
from mlgitops.core.templates import Template, files

OWN = "environments/templates/compose/own.yaml.j2"


def render(text, values=None, **more):
    templates = {"own.yaml.j2": Template(path=OWN, text=text)}
    for name, body in more.items():
        templates[f"_{name}.j2"] = Template(path=f"environments/templates/{name}", text=body)
    return files(templates, values or {}, header="# head")["own.yaml"].decode()


def test_a_file_starts_with_its_header_and_ends_with_one_line_end():
    assert render("a: {{ x | to_json }}\n\n\n", {"x": 1}) == "# head\na: 1\n"
    assert render("a: 1") == "# head\na: 1\n"


# UTF-8, and so a spec, holds no half of a surrogate pair.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(value=TEXT)
def test_a_text_comes_out_as_exactly_that_text(value):
    document = yaml.safe_load(render("a: {{ x | to_json }}\nb: 1", {"x": value}))
    assert document == {"a": value, "b": 1}


@given(value=json_values)
def test_no_value_can_add_a_key(value):
    document = yaml.safe_load(render("a: {{ x | to_json }}\nb: 1", {"x": value}))
    assert document == {"a": value, "b": 1}


@pytest.mark.parametrize(
    "value", ["x\nb: 1", "x: y", "x #", "'", '"', "{a: 1}", "- x", "key:", "&a", " ", "*a", "!t x"]
)
def test_a_bare_value_that_yaml_could_read_as_structure_is_refused(value):
    with pytest.raises(SpecError) as refused:
        render("a: 1\nb: {{ x }}", {"x": value})
    assert refused.value.hint == "write {{ … | to_json }}"
    assert str(refused.value.at) == f"{OWN}:2:1"


def test_plain_words_may_stand_bare_and_inside_a_string():
    text = 'a: "{{ registry }}/{{ model }}@{{ digest }}"\nb: {{ n }}'
    values = {"registry": "oci://h:1/x", "model": "churn", "digest": "sha256:ab", "n": 3}
    assert yaml.safe_load(render(text, values)) == {"a": "oci://h:1/x/churn@sha256:ab", "b": 3}


def test_an_unknown_name_is_an_error_with_line_and_suggestion_even_in_a_branch_not_taken():
    with pytest.raises(SpecError) as refused:
        render("a: 1\n{% if false %}\nb: {{ versoin }}\n{% endif %}", {"version": "1"})
    assert "'versoin'" in refused.value.message
    assert refused.value.hint == "did you mean 'version'?"
    assert refused.value.at == Mark(path=OWN, line=3, column=7, length=len("versoin"))


@pytest.mark.parametrize(
    ("text", "word", "column", "hint"),
    [
        ("versoin: '{{ version ~ versoin }}'", "versoin", 24, "did you mean 'version'?"),
        ("a: {# {{ modle }} #}{{ modle }}", "modle", 24, "there are: version"),
        ("a: {{ version | to_jsn }}", "to_jsn", 17, "did you mean 'to_json'?"),
        ("a: {{ version | safe }}", "safe", 17, "there are: those of Jinja2, and to_json"),
        ("a: {{ 1 if version is defind else 2 }}", "defind", 23, "did you mean 'defined'?"),
        ("a: 1\r\n{% include '_label' %}", "_label", 13, "did you mean '_labels'?"),
    ],
)
def test_what_nobody_gives_is_named_with_its_column(text, word, column, hint):
    with pytest.raises(SpecError) as refused:
        render(text, {"version": "1"}, labels="b: 1")
    assert repr(word) in refused.value.message
    assert refused.value.hint == hint
    assert refused.value.at is not None
    assert (refused.value.at.column, refused.value.at.length) == (column, len(word))


def test_an_unknown_part_of_a_known_value_is_an_error_with_its_line():
    with pytest.raises(SpecError) as refused:
        render("a: 1\nb: {{ x.y.z | to_json }}", {"x": {}})
    assert str(refused.value.at) == f"{OWN}:2:1"


def test_a_syntax_error_names_its_line():
    with pytest.raises(SpecError, match="not a template") as refused:
        render("a: 1\n{% if %}")
    assert str(refused.value.at) == f"{OWN}:2:1"


def test_a_template_may_include_those_beside_it_and_nothing_else():
    text = "a: 1\n{% include '_labels' %}"
    assert render(text, {"x": "y"}, labels="b: {{ x }}") == "# head\na: 1\nb: y\n"
    for name in ("../../../etc/passwd", "/etc/passwd", "mlgitops.yaml"):
        with pytest.raises(SpecError, match="the template fails"):
            render(f"a: 1\n{{% include '{name}' %}}")


def test_an_error_in_an_included_template_names_that_template():
    with pytest.raises(SpecError) as refused:
        render("a: 1\n{% include '_labels' %}", {"x": "a b"}, labels="\nb: {{ x }}")
    assert str(refused.value.at) == "environments/templates/labels:2:1"


@pytest.mark.parametrize(
    "text",
    [
        "a: {{ ''.__class__.__mro__ }}",
        "a: {{ x.__init__.__globals__ }}",
        "a: {{ range(10**9) | list | to_json }}",
        "a: {{ [3, 1] | random }}",
        "a: {{ x | safe }}",
        "a: {{ lipsum() }}",
        "a: {{ cycler }}",
        "a: {{ 1 / 0 }}",
        "a: {{ none }}",
        "a: {{ range }}",
        "a: {{ x | to_json | replace('\"', '\n') }}",
        "{% set _ = x.update({'a': 1}) %}a: 1",
    ],
)
def test_what_leaves_the_sandbox_or_gives_other_bytes_each_time_is_refused(text):
    with pytest.raises(SpecError):
        render(text, {"x": {"y": "z"}})


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: [", "just words", "", "- a"])
def test_a_result_that_is_no_manifest_is_an_error_of_its_template(text):
    with pytest.raises(SpecError) as refused:
        render(text)
    assert refused.value.at is not None
    assert refused.value.at.path == OWN


def test_a_manifest_is_a_yaml_file():
    with pytest.raises(SpecError, match="no YAML file"):
        files({"a.sh": Template(path="a.sh", text="x")}, {}, header="#")


@given(st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), json_values, max_size=4))
def test_rendering_is_deterministic(values):
    text = "a: {{ all | to_json }}"
    first = render(text, {"all": values})
    again = render(text, {"all": json.loads(json.dumps(dict(reversed(values.items()))))})
    assert first == again
