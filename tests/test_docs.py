"""The documentation tells the truth: commands, options, paths, keys, links and quoted output.

``python -m tests.test_docs`` writes again what follows from the code: docs/commands.md, and in the
README the table of commands and the beginning of docs/examples/promotion.md; and the tables of
docs/files.md.
"""

import argparse
import contextlib
import importlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest import mock

import pytest

from mlgitops.cli import COMMANDS, help_text, main
from mlgitops.core import composing, errors
from mlgitops.core.drafts import kinds_of
from mlgitops.core.metrics import METRICS
from mlgitops.core.sources import parse
from mlgitops.core.specs.base import Located, Spec
from mlgitops.core.specs.parsing import read_spec
from mlgitops.core.specs.shapes import keys_of
from mlgitops.core.tasks import ANSWERS
from mlgitops.flow import checks, recompute, render, verify
from tests import reference

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
EXAMPLE = DOCS / "examples" / "promotion.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
# Rules have a test of their own (their pages show wrong files); the example is quoted output.
PROSE = [page for page in PAGES if DOCS / "rules" not in page.parents and page != EXAMPLE]
NAMES = {name: text for group in COMMANDS.values() for name, text in group.items()}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def each(pages: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=relative)


# -- what is generated ------------------------------------------------------------------------


@cache
def help_of(*words: str) -> str:
    """Return what ``mlgitops WORDS --help`` prints on a terminal of 100 columns."""
    out = io.StringIO()
    with mock.patch.dict("os.environ", {"COLUMNS": "100"}), contextlib.redirect_stdout(out):
        assert main([*words, "--help"]) == 0
    return out.getvalue().rstrip()


def actions_of(name: str) -> tuple[str, ...]:
    """Return the actions of a command that has some, like ``pulls``."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"mlgitops.cli.{name}").configure(parser)
    found = [a.choices for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return tuple(found[0]) if found else ()


def commands_page() -> str:
    parts = [
        "# Commands",
        "Generated from the code: `python -m tests.test_docs` writes this page.",
        f"```text\n{help_text()}\n```",
    ]
    for group, commands in COMMANDS.items():
        parts.append(f"## {group.capitalize()}")
        for name in commands:
            parts.append(f"### {name}\n\n```text\n{help_of(name)}\n```")
            parts += [
                f"#### {name} {action}\n\n```text\n{help_of(name, action)}\n```"
                for action in actions_of(name)
            ]
    return "\n\n".join(parts) + "\n"


def commands_table() -> str:
    lines = ["| | command | |", "|---|---|---|"]
    for group, commands in COMMANDS.items():
        for place, (name, text) in enumerate(commands.items()):
            lines.append(f"| {'' if place else group} | `{name}` | {text} |")
    return "\n".join(lines)


def quoted_example() -> str:
    """Return the example up to the manifests, as a quotation."""
    head = EXAMPLE.read_text("utf-8").partition("\n### What the platform will see")[0]
    return "\n".join(f"> {line}".rstrip() for line in head.rstrip().splitlines())


def between(text: str, name: str) -> str:
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    assert text.count(begin) == text.count(end) == 1
    return text.partition(begin)[2].partition(end)[0].strip("\n")


def with_between(text: str, name: str, inside: str) -> str:
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    return f"{text.partition(begin)[0]}{begin}{inside}\n{end}{text.partition(end)[2]}"


def any_python(text: str) -> str:
    """Return help without what differs between versions of argparse: layout, repeated metavars."""
    return " ".join(re.sub(r"(-\w) (\S+), (--[\w-]+) \2", r"\1, \3 \2", text).split())


def write() -> None:
    (DOCS / "commands.md").write_text(commands_page(), "utf-8")
    reference.PAGE.write_text(reference.page(), "utf-8")
    text = with_between(README.read_text("utf-8"), "commands", commands_table())
    README.write_text(with_between(text, "promotion", quoted_example()), "utf-8")


AGAIN = "run `python -m tests.test_docs` and read the diff"


def test_the_page_of_commands_is_the_real_help() -> None:
    assert any_python((DOCS / "commands.md").read_text("utf-8")) == any_python(commands_page()), (
        AGAIN
    )


def test_the_readme_lists_exactly_the_commands_that_exist() -> None:
    assert between(README.read_text("utf-8"), "commands") == commands_table(), AGAIN


def test_the_readme_quotes_the_example_as_it_is() -> None:
    quoted = between(README.read_text("utf-8"), "promotion")
    assert quoted == quoted_example(), AGAIN
    assert "### Quality against what is now in prod" in quoted


def test_the_example_has_the_parts_that_the_code_writes_today() -> None:
    """Whoever changes the page of a promotion makes the example anew (the demo shows it)."""
    written = (ROOT / "mlgitops" / "report" / "promotion.py").read_text("utf-8")
    example = EXAMPLE.read_text("utf-8")
    heads = set(re.findall(r"### ([A-Z][a-z]+)", written))
    assert set(re.findall(r"^### ([A-Z][a-z]+)", example, re.MULTILINE)) == heads
    headers = re.findall(r"\| (?:metric|gate) \|[^\n\"]*", example)
    assert len(headers) == 2 and all(header in written for header in headers)
    assert re.search(r"^<!-- mlgitops:promotion v1 sha256:[0-9a-f]{64} -->$", example, re.MULTILINE)


# -- what is named exists ---------------------------------------------------------------------


def snippets(page: Path) -> Iterator[str]:
    """Yield every piece of code in a page: lines of blocks, and spans."""
    text = page.read_text("utf-8")
    for block in FENCE.finditer(text):
        yield from block[2].splitlines()
    yield from SPAN.findall(FENCE.sub("", text))


@each(PROSE)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    for code in snippets(page):
        for words in re.findall(r"(?<![\w./@-])mlgitops ((?:-C \S+ )?[a-z]+\b[^|;&#)`]*)", code):
            name, *rest = (w.rstrip(",.:") for w in re.sub(r"^-C \S+ ", "", words).split())
            if name == "demo" and not (ROOT / "mlgitops" / "cli" / "demo").is_dir():
                continue
            assert name in NAMES, f"{page.name}: there is no command {name!r} in {code!r}"
            chosen = [word for word in rest[:1] if word in actions_of(name)]
            known = help_of(name) + (help_of(name, *chosen) if chosen else "")
            for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(rest)):
                assert option in known, f"{page.name}: {name} has no {option} in {code!r}"


@each(PROSE)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for code in snippets(page) for name in re.findall(r"^\$? ?make ([a-z-]+)", code)}
    assert named <= known


@each(PROSE)
def test_every_path_that_is_named_exists(page: Path) -> None:
    for code in SPAN.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.fullmatch(r"[\w.<>*-]+(/[\w.<>*-]+)*/?", code) and _is_path(code):
            assert _exists(code), f"{page.name} names {code}"


def _is_path(code: str) -> bool:
    known = ("pipelines", "environments", "mlgitops", "docs", "tests", ".github", "benchmarks")
    first = code.split("/")[0]
    if "/" not in code:
        return code.endswith((".py", ".lock")) and code != "utils.py"  # there is to be none
    return first in known or code.endswith(".py")


def _exists(code: str) -> bool:
    if code.startswith("mlgitops/") and code.removeprefix("mlgitops/") in _words_with_slash():
        return True
    pattern = re.sub(r"<[\w-]+>", "*", code).rstrip("/")
    homes = (".", "mlgitops", "mlgitops/*", "pipelines/*")
    if any(next(ROOT.glob(f"{home}/{pattern}"), None) for home in homes):
        return True
    # What the tool writes in a user's repository, and this one does not hold.
    return bool(kinds_of(re.sub(r"<[\w-]+>", "x", code))) or pattern.removesuffix("/*") in _WRITTEN


_WRITTEN = {
    "environments/*/pins",
    "environments/*/holds",
    "environments/*/rendered",
    "environments/*/rendered/*",
    "environments/*/rendered/*/*.yaml",
    "environments/*/records/*",
    "environments/*/records/*/*.json",
    "environments/*/records/*/*-*.json",
    "environments/templates",
    "environments/templates/*",
    "pipelines/tumour-check",
    "uv.lock",
}


def _words_with_slash() -> set[str]:
    """Return what follows ``mlgitops/`` without being a path: checks, branches, the API's name."""
    names = {name.removeprefix("mlgitops/") for name in _checks()}
    branches = {"promote/<env>/<model>", "promote/", "v1", "pin", "record"}
    return names | branches


def _checks() -> set[str]:
    return {checks.RENDER, checks.METRICS, checks.PREVIOUS, checks.POLICY, checks.GATES}


@each(PAGES)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{relative(page)} links to {target}"
        if anchor:
            assert anchor in _anchors(goal), f"{relative(page)} links to {target}"


def _anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_linked_from_the_readme() -> None:
    text = README.read_text("utf-8")
    for page in [*DOCS.glob("*.md"), EXAMPLE]:
        assert f"({relative(page)})" in text


@each(PAGES)
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.~])/(tmp|home|root|Users)/", page.read_text("utf-8"))


# -- the reference is whole -------------------------------------------------------------------


def section(page: Path, title: str) -> str:
    text = FENCE.sub("", page.read_text("utf-8"))
    found = re.search(rf"^(#+) {re.escape(title)}$\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{page.name} has no section {title!r}"
    return found[2]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the first table in ``text``, without its header."""
    table = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert table is not None
    lines = table[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_key_of_a_spec_is_documented_as_its_model_says() -> None:
    assert reference.PAGE.read_text("utf-8") == reference.page(), AGAIN


@pytest.mark.parametrize("title", reference.SECTIONS)
def test_every_key_has_a_sentence_for_the_hover_of_an_editor(title: str) -> None:
    for key, field in keys_of(reference.SECTIONS[title]).items():
        assert field.description, f"{title}.{key}"
        assert re.fullmatch(r"[A-Z`].*\.", field.description, re.DOTALL), f"{title}.{key}"


def test_every_example_of_a_spec_is_one() -> None:
    examples = [
        text
        for language, text in FENCE.findall(reference.PAGE.read_text("utf-8"))
        if language == "yaml" and text.startswith("apiVersion:")
    ]
    kinds: dict[str, type[Spec]] = {kind.__name__: kind for kind in _kinds()}
    shown = set()
    for text in examples:
        [document] = parse(text, "docs/files.md")
        assert isinstance(document.value, dict)
        kind = kinds[str(document.value["kind"])]
        found = read_spec(document, kind)
        assert isinstance(found, Located), found
        shown.add(kind)
    assert {kind.__name__ for kind in shown} >= {
        "Project",
        "Pipeline",
        "Model",
        "Environment",
        "Contract",
    }


def test_no_spec_is_left_out_of_the_reference() -> None:
    documented = set(reference.SECTIONS.values())
    todo, seen = [*_kinds()], set[type[Spec]]()
    while todo:
        spec = todo.pop()
        if spec not in seen:
            seen.add(spec)
            for field in spec.model_fields.values():
                todo += _specs_in(field.annotation)
    assert seen == documented


def _kinds() -> Iterator[type[Spec]]:
    for path in (
        "mlgitops.yaml",
        "pipelines/x/pipeline.yaml",
        "pipelines/x/snapshots/x.yaml",
        "pipelines/x/contracts/x.yaml",
        "environments/x/environment.yaml",
        "environments/x/pins/x.yaml",
        "environments/x/holds/x.yaml",
    ):
        yield from kinds_of(path)


def _specs_in(annotation: object) -> list[type[Spec]]:
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [found for one in inner for found in _specs_in(one)]


def test_the_reference_names_the_bounds_of_a_file() -> None:
    text = (DOCS / "files.md").read_text("utf-8")
    assert f"more than {composing.MAX_VALUES:,} values" in text
    assert f"more than {composing.MAX_LEVELS} levels" in text


def test_the_reference_lists_the_metrics_of_each_task() -> None:
    listed = {
        task: set(SPAN.findall(names))
        for task, names in re.findall(
            r"^\| ([a-z-]+) \| (`.*`) \|$", section(DOCS / "files.md", "Evaluation"), re.MULTILINE
        )
        if task in ANSWERS
    }
    tasks = {task for metric in METRICS.values() for task in metric.tasks}
    assert listed == {
        task: {name for name, metric in METRICS.items() if task in metric.tasks} for task in tasks
    }


def test_the_page_of_promotions_lists_the_checks() -> None:
    named = {cells[0].strip("`") for cells in rows(section(DOCS / "promotion.md", "Checks"))}
    assert named == _checks()


def test_the_page_of_promotions_names_what_verify_reports() -> None:
    text = section(DOCS / "promotion.md", "Verify")
    assert set(re.findall(r"\(`([\w/-]+)`\)", text)) == {
        render.RULE,
        verify.PIN,
        recompute.RULE,
        verify.RECORD,
    }


def test_the_page_of_exit_codes_lists_them_all() -> None:
    listed = {int(cells[0]) for cells in rows(section(DOCS / "exit-codes.md", "Exit codes"))}
    raised = {one.exit_code for one in _errors(errors.MlgitopsError)}
    assert listed == raised | {0, 3, 130}
    assert set(map(int, re.findall(r"(?:·|codes:|·\n)\s*(\d+) ", help_text()))) == listed


def _errors(kind: type[errors.MlgitopsError]) -> Iterator[type[errors.MlgitopsError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _errors(below)


def test_the_changelog_has_a_place_for_what_comes_next() -> None:
    assert "\n## Unreleased\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


if __name__ == "__main__":
    write()
