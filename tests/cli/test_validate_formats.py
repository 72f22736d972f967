"""`mlgitops validate` for code scanning, CI servers, pull requests, editors and terminals."""

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from mlgitops.core.findings import Finding
from mlgitops.core.fixes import Fix, replacing
from mlgitops.core.marks import Mark
from mlgitops.core.trees import MemoryTree
from mlgitops.flow.validate import validate
from mlgitops.report import findings as report
from mlgitops.report import github
from mlgitops.report.junit import junit
from mlgitops.report.rules import names
from mlgitops.report.sarif import sarif
from tests.core.test_rules import ALL, base, facts_of, lay_out
from tests.support import RunCli, commit

ROOT = Path(__file__).parents[2]
FORMATS = ROOT / "tests/data/formats"
PIPELINE = "pipelines/churn/pipeline.yaml"
HOSTILE = Finding(
    rule="value",
    message='\x00 \x1b[31m ]]> <b> & " \ud800 \ufffe \U0001f600',
    at=Mark(path="a b/#%?:\udcff\"'<&.yaml", line=3, column=2, length=4),
    hint="\x07\n::error::x",
    severity="warning",
    related=((Mark(path="\x1b.yaml"), "\x1b"),),
)


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> tuple[Finding, ...]:
    """What every rule finds in its bad files, and a finding that wants to break the format."""
    found: list[Finding] = [HOSTILE]
    for rule in ALL:
        tree = lay_out(rule, "bad", tmp_path_factory.mktemp(rule) / "bad")
        found += validate(tree, facts_of(rule))
    return tuple(found)


@pytest.fixture
def project(repo: Path) -> Path:
    """The good repository of the rules, with a misspelt key in it."""
    files = {path: data.decode() for path, data in base().items()}
    files[PIPELINE] = files[PIPELINE].replace(
        "  - name: features\n", "  - name: features\n    retires: 2\n"
    )
    del files["environments/dev/pins/churn.yaml"]
    commit(repo, files)
    return repo


def nothing(path: str) -> bytes | None:
    return None


def run_of(log: dict[str, Any]) -> Any:
    [run] = log["runs"]
    return run


# -- SARIF --------------------------------------------------------------------------------------


def logged(findings: Sequence[Finding], files: dict[str, bytes] | None = None) -> Any:
    log = sarif(findings, MemoryTree(files or {}).read)
    return json.loads(json.dumps(log, ensure_ascii=False).encode())


def test_the_sarif_of_every_rule_follows_the_schema_of_oasis(every: tuple[Finding, ...]) -> None:
    schema = json.loads((FORMATS / "sarif-2.1.0.json").read_text("utf-8-sig"))
    log = logged(every)
    jsonschema.Draft4Validator(
        schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER
    ).validate(log)
    assert len(run_of(log)["results"]) == len(every)


def test_code_scanning_knows_every_rule_from_its_page(every: tuple[Finding, ...]) -> None:
    run = run_of(logged(every))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ALL == list(names())
    for rule in rules:
        page = (ROOT / f"docs/rules/{rule['id']}.md").read_text()
        assert rule["help"]["markdown"] == page
        assert rule["shortDescription"]["text"].endswith(".")
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_paths_in_sarif_are_uris_that_lead_back(every: tuple[Finding, ...]) -> None:
    run = run_of(logged(every))
    uris = [artifact["location"]["uri"] for artifact in run["artifacts"]]
    assert all(re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri) for uri in uris)
    for finding, result in zip(every, run["results"], strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert unquote(place["artifactLocation"]["uri"], errors="surrogateescape") == (
            finding.at.path
        )
        assert uris[place["artifactLocation"]["index"]] == place["artifactLocation"]["uri"]
        assert place["artifactLocation"]["uriBaseId"] in run["originalUriBaseIds"]
        assert place["region"]["startColumn"] == finding.at.column
        assert place["region"]["endColumn"] == finding.at.column + finding.at.length


def test_secondary_places_and_fixes_are_handed_on() -> None:
    at = Mark(path="a.yaml", line=2, column=3, length=7)
    first = Mark(path="b.yaml", line=1, column=1, length=2)
    fix = Fix(title="write 'retries'", edits=(replacing(at, "retries"),))
    found = Finding(rule="unknown-key", message="m", at=at, related=((first, "here"),), fix=fix)
    [result] = run_of(logged([found]))["results"]
    [related] = result["relatedLocations"]
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "b.yaml"
    assert related["message"] == {"text": "here."}
    [change] = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 10},
            "insertedContent": {"text": "retries"},
        }
    ]


def test_a_result_is_the_same_after_lines_were_added_above_it() -> None:
    def prints(text: bytes, line: int) -> list[str]:
        marks = [Mark(path="a.yaml", line=line, column=1), Mark(path="a.yaml", line=line + 1)]
        found = [Finding(rule="value", message="m", at=at) for at in marks]
        results = run_of(logged(found, {"a.yaml": text}))["results"]
        return [result["partialFingerprints"]["finding/v1"] for result in results]

    before = prints(b"a: 1\na: 1\n", 1)
    assert before[0] != before[1]
    assert prints(b"# more\n\n  a: 1\na: 1\n", 3) == before
    assert prints(b"b: 1\na: 1\n", 1)[0] != before[0]


# -- JUnit --------------------------------------------------------------------------------------


def test_the_junit_of_every_rule_follows_the_schema_of_jenkins(every: tuple[Finding, ...]) -> None:
    text = junit(every, ["mlgitops.yaml", "a.yaml"], nothing)
    root = ElementTree.fromstring(text.encode())
    xmlschema.XMLSchema10(str(FORMATS / "junit-10.xsd")).validate(text)
    cases = root.findall("testsuite/testcase")
    paths = {finding.at.path for finding in every} | {"mlgitops.yaml", "a.yaml"}
    assert len(cases) == len(paths) == int(root.attrib["tests"])
    failed = {finding.at.path for finding in every if finding.severity == "error"}
    assert len(root.findall(".//failure")) == len(failed) == int(root.attrib["failures"])


def test_a_file_without_mistakes_is_a_test_that_passes_and_a_warning_fails_none() -> None:
    root = ElementTree.fromstring(junit([HOSTILE], ["a.yaml"], nothing))
    good, warned = sorted(root.iter("testcase"), key=lambda case: case.attrib["name"] != "a.yaml")
    assert list(good) == []
    [said] = warned
    assert (said.tag, "1 warning in 1 file" in str(said.text)) == ("system-out", True)


# -- GitHub -------------------------------------------------------------------------------------


def test_errors_come_before_what_github_would_cut_off(every: tuple[Finding, ...]) -> None:
    lines = github.commands(every).splitlines()
    assert len(lines) == len(every)
    levels = [line.split(" ")[0] for line in lines]
    order = ["::error", "::warning", "::notice"]
    assert levels == sorted(levels, key=order.index)


def test_the_page_of_a_step_holds_what_annotations_have_no_room_for(
    project: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    page = tmp_path / "summary.md"
    page.write_text("# before\n")
    env = {"GITHUB_STEP_SUMMARY": str(page)}
    done = run_cli(["validate", "--format", "github"], project, env=env)
    assert done.returncode == 1
    assert done.stdout.startswith(f"::error file={PIPELINE},line=11,col=5,")
    assert page.read_text().startswith(
        "# before\n### mlgitops validate: 1 error in 1 file\n\n"
        "| where | what | next |\n|---|---|---|"
        f"\n| {PIPELINE}:11:5 | error\\[unknown-key\\]: unknown key 'retires' in item 2"
    )


def test_nothing_in_the_page_of_a_step_is_more_than_text() -> None:
    [row] = [line for line in github.page([HOSTILE]).splitlines() if "[value" in line]
    assert re.sub(r"\\.", "", row).count("|") == 4
    assert "<b>" not in re.sub(r"\\.", "", row)


# -- the terminal -------------------------------------------------------------------------------


def shown(finding: Finding, **files: str) -> list[str]:
    contents = {f"{name}.yaml": text.encode() for name, text in files.items()}
    return report.text([finding], contents.get).splitlines()


def at(line: int, column: int, length: int = 1, path: str = "a.yaml") -> Mark:
    return Mark(path=path, line=line, column=column, length=length)


def test_a_second_place_in_the_same_file_stands_in_the_same_frame() -> None:
    found = Finding(
        rule="duplicate-step",
        message="twice",
        at=at(11, 3, 4),
        related=((at(9, 3, 4), "the first one is here"),),
    )
    text = "\n" * 8 + "- same\n\n- same\n"
    assert shown(found, a=text)[:6] == [
        "a.yaml:11:3: error[duplicate-step]: twice",
        "   9 | - same",
        "     |   ---- the first one is here",
        "  ...",
        "  11 | - same",
        "     |   ^^^^",
    ]


def test_a_second_place_in_another_file_is_named_and_shown() -> None:
    found = Finding(
        rule="duplicate-name",
        message="twice",
        at=at(1, 1, 2),
        related=((at(1, 1, 2, "b.yaml"), "the first one is here"), (at(1, 1, 1, "c.yaml"), "gone")),
        hint="rename one",
    )
    assert shown(found, a="me: 1", b="me: 2")[1:8] == [
        "  1 | me: 1",
        "    | ^^",
        "  b.yaml:1:1: the first one is here",
        "  1 | me: 2",
        "    | --",
        "  c.yaml:1:1: gone",
        "  hint: rename one",
    ]


@pytest.mark.parametrize(
    ("line", "column", "length", "source", "carets"),
    [
        ("名前: x", 5, 1, "名前: x", "      ^"),
        ("\tkey: x", 2, 3, "    key: x", "    ^^^"),
        ("e\u0301\u0301: xy", 6, 2, "e\u0301\u0301: xy", "   ^^"),
        ("\u1100\u1161\u11a8 x", 5, 1, "\u1100\u1161\u11a8 x", "   ^"),
        ("a\x1b[2Jb: x", 8, 1, "a␛[2Jb: x", "       ^"),
        ("a\u202eb: x", 6, 1, "a�b: x", "     ^"),
        ("a: x", 9, 3, "a: x", "    ^"),
    ],
)
def test_the_caret_stands_below_what_it_means(
    line: str, column: int, length: int, source: str, carets: str
) -> None:
    lines = shown(Finding(rule="value", message="m", at=at(1, column, length)), a=line)
    assert lines[1:3] == [f"  1 | {source}", f"    | {carets}"]


def test_lines_are_counted_as_yaml_counts_them() -> None:
    text = "a\rb\r\nc\u2028d\x85e: x\n"
    assert shown(Finding(rule="value", message="m", at=at(5, 4)), a=text)[1] == "  5 | e: x"


def test_long_lines_of_wide_letters_are_cut_to_the_width_of_a_terminal() -> None:
    line = "名" * 2000 + "X" + "前" * 2000
    lines = shown(Finding(rule="value", message="m", at=at(1, 2001)), a=line)
    assert len(lines[1]) < 60
    before = lines[1].removeprefix("  1 | ").partition("X")[0]
    assert lines[2] == "    | " + " " * (2 * len(before) - 1) + "^"


def test_quiet_is_one_line_for_each_finding(project: Path, run_cli: RunCli) -> None:
    done = run_cli(["validate", "--quiet"], project)
    assert (done.returncode, done.stdout) == (
        1,
        f"{PIPELINE}:11:5: error[unknown-key]: unknown key 'retires' in item 2 of 'steps'\n",
    )


def test_colour_is_for_terminals_that_want_it(project: Path) -> None:
    script = (
        "import os, pty, sys; status = pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 9999));"
        "sys.exit(os.waitstatus_to_exitcode(status))"
    )
    command = [sys.executable, "-c", script, sys.executable, "-m", "mlgitops", "validate"]

    def printed(**env: str) -> bytes:
        import os

        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, "TERM": "xterm", **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 1, done.stderr
        return done.stdout

    assert b"\x1b[31merror[unknown-key]\x1b[0m" in printed()
    assert b"\x1b" not in printed(NO_COLOR="1")
    assert b"\x1b" not in printed(TERM="dumb")


# -- arguments ----------------------------------------------------------------------------------


def test_paths_choose_what_is_shown_and_everything_is_read(project: Path, run_cli: RunCli) -> None:
    elsewhere = run_cli(["validate", "environments", "mlgitops.yaml"], project)
    assert (elsewhere.returncode, elsewhere.stdout) == (
        0,
        "nothing is wrong here; 1 more in other files\n",
    )
    for paths in (["pipeline.yaml"], ["."], ["model.yaml", str(project / PIPELINE)]):
        done = run_cli(["validate", "-q", *paths], project / "pipelines/churn")
        assert (done.returncode, done.stdout.count("\n")) == (1, 1), paths


@pytest.mark.parametrize(
    ("path", "why"),
    [("nowhere.yaml", "there is no file or folder 'nowhere.yaml'"), ("..", "is not in this repo")],
)
def test_a_path_that_leads_nowhere_is_no_all_clear(
    path: str, why: str, project: Path, run_cli: RunCli
) -> None:
    done = run_cli(["validate", path], project)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr


@pytest.mark.parametrize("format", ["text", "json", "github", "sarif", "junit"])
def test_a_format_can_go_into_a_file_while_a_person_reads_text(
    format: str, project: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    goal = tmp_path / "new/report"
    done = run_cli(["validate", "--format", format, "--output", str(goal), "-q"], project)
    assert (done.returncode, done.stdout[: len(PIPELINE)]) == (1, PIPELINE)
    printed = run_cli(["validate", "--format", format], project)
    assert goal.read_text() == printed.stdout != ""


def test_an_output_that_is_a_pipe_or_a_link_stays_one(
    project: Path, run_cli: RunCli, tmp_path: Path
) -> None:
    pipe, link, goal = tmp_path / "pipe", tmp_path / "link", tmp_path / "goal"
    os.mkfifo(pipe)
    link.symlink_to(goal)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for place in (pipe, link):
            call = ["validate", "--format", "json", "--output", str(place), "-q"]
            assert run_cli(call, project).returncode == 1
        assert os.read(reader, 1_000_000) == goal.read_bytes() != b""
    finally:
        os.close(reader)
    assert (pipe.is_fifo(), link.is_symlink()) == (True, True)


def test_a_link_is_asked_about_as_itself_and_as_what_it_leads_to(
    project: Path, run_cli: RunCli
) -> None:
    (project / "short").symlink_to("pipelines/churn")
    for path in ("short", "short/pipeline.yaml"):
        done = run_cli(["validate", "-q", path], project)
        assert (done.returncode, done.stdout[: len(PIPELINE)]) == (1, PIPELINE)


def test_the_page_of_a_rule_can_be_read_anywhere(run_cli: RunCli, tmp_path: Path) -> None:
    done = run_cli(["validate", "--explain", "unknown-key"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (ROOT / "docs/rules/unknown-key.md").read_text()
    wrong = run_cli(["validate", "--explain", "unknown-kye"], tmp_path)
    assert wrong.returncode == 2
    assert wrong.stderr.endswith("hint: did you mean 'unknown-key'?\n")


def test_text_costs_no_import_of_the_other_formats(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mlgitops", "validate"],
        cwd=project,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mlgitops.report.findings" in imported
    formats = {f"mlgitops.report.{name}" for name in ("sarif", "junit", "github", "rules")}
    assert not imported & {*formats, "xml.etree.ElementTree", "jinja2", "httpx"}


# -- the package --------------------------------------------------------------------------------


def test_an_installed_wheel_explains_every_rule(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    command = "from mlgitops.report.rules import names, page; print(*map(page, names()), sep='')"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, 'site'); {command}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Page(rule=") == len(ALL)
