"""Every rule has its file, its page of fixed shape and its data, and finds what the page says."""

import json
import re
import shutil
from pathlib import Path

import pytest

from mlgitops.core import rules
from mlgitops.core.facts import Facts
from mlgitops.core.findings import Finding
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from mlgitops.files import WorkTree
from mlgitops.flow.validate import validate
from mlgitops.report import findings as report

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests/data/rules"
PAGES = ROOT / "docs/rules"
NOT_YET = "not-yet"
# What the same mistake is found by as well.
ALSO = {
    "environment-unreachable": {"environment-cycle"},
    "gate-contradiction": {"gate-direction"},
}
# What reading one file finds; the other rules look between files.
OF_READING = {
    "api-version",
    "kind",
    "missing-key",
    "project-exists",
    "type",
    "unknown-key",
    "value",
    "yaml",
}
ALL = sorted(OF_READING | set(rules.RULES))
SHAPE = re.compile(
    r"# (?P<rule>[a-z-]+)\n\nSeverity: (?P<severity>error|warning|unknown)\n\n"
    r"## What\n\n(?P<what>.+?)\n\n## Why\n\n(?P<why>.+?)\n\n"
    r"## Before\n\n```\w+\n(?P<before>.+?)\n```\n\n## After\n\n```\w+\n(?P<after>.+?)\n```\n",
    re.DOTALL,
)


def lay_out(rule: str, side: str, root: Path) -> WorkTree:
    """The good repository of `_base`, with what `bad` or `good` of the rule changes in it."""
    for source in (DATA / "_base", DATA / rule / side):
        shutil.copytree(source, root, symlinks=True, dirs_exist_ok=True)
    for absent in root.rglob("*.absent"):
        absent.with_suffix("").unlink(missing_ok=True)
        absent.unlink()
    return WorkTree(root)


def facts_of(rule: str) -> Facts:
    path = DATA / rule / "releases.json"
    return Facts(releases=json.loads(path.read_text())) if path.exists() else Facts()


def told(tree: WorkTree, rule: str) -> tuple[Finding, ...]:
    """What validate says; that a key waits for a later version is said of many good specs, too."""
    found = validate(tree, facts_of(rule))
    return tuple(one for one in found if rule == NOT_YET or one.rule != NOT_YET)


def test_every_rule_has_a_file_a_page_and_a_data_folder() -> None:
    files = {path.stem.replace("_", "-") for path in Path(str(rules.__file__)).parent.glob("*.py")}
    assert files - {"--init--"} == set(rules.RULES)
    assert {path.stem for path in PAGES.glob("*.md")} - {"README"} == set(ALL)
    assert {path.name for path in DATA.iterdir()} - {"_base"} == set(ALL)


def test_the_list_of_pages_names_every_rule() -> None:
    listed = re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\) \|", (PAGES / "README.md").read_text(), re.M)
    assert listed == ALL


@pytest.mark.parametrize("rule", ALL)
def test_a_page_has_the_shape_of_all_pages(rule: str) -> None:
    page = SHAPE.fullmatch((PAGES / f"{rule}.md").read_text())
    assert page is not None, f"docs/rules/{rule}.md has another shape"
    assert page["rule"] == rule
    assert f"{page['severity']}[{rule}]" in (DATA / rule / "expected.txt").read_text()
    for side, example in (("bad", page["before"]), ("good", page["after"])):
        files = [path for path in (DATA / rule / side).rglob("*") if path.is_file()]
        lines = {line.strip() for path in files for line in path.read_text().splitlines()}
        held = "\n".join(sorted(lines))
        for line in example.splitlines():
            assert line.startswith("#") or line.strip() in held, f"{line!r} is in no {side} file"


@pytest.mark.parametrize("rule", ALL)
def test_a_rule_finds_what_is_bad_and_nothing_in_what_is_good(rule: str, tmp_path: Path) -> None:
    bad, good = lay_out(rule, "bad", tmp_path / "bad"), lay_out(rule, "good", tmp_path / "good")
    found = told(bad, rule)
    assert {finding.rule for finding in found} == {rule} | ALSO.get(rule, set())
    expected = (DATA / rule / "expected.txt").read_text()
    assert report.text(found, bad.read) + "\n" == expected
    assert told(good, rule) == ()


# Their subject is a path: there is no word in the file to point at.
OF_A_PATH = {"project-exists", "spec-file", "symlink", "template-file", "template-target"}


@pytest.mark.parametrize("rule", ALL)
def test_a_finding_points_at_a_whole_word_that_is_in_the_file(rule: str, tmp_path: Path) -> None:
    tree = lay_out(rule, "bad", tmp_path)
    for finding in told(tree, rule):
        for at in (finding.at, *(at for at, _ in finding.related)):
            if rule in OF_A_PATH:
                assert (at.line, at.column, at.length) == (1, 1, 1)
                continue
            line = (tree.read(at.path) or b"").decode().split("\n")[at.line - 1]
            start, end = at.column - 1, at.column - 1 + at.length
            word = line[start:end]
            assert word.strip() == word != ""
            assert len(word) == at.length
            inside = re.compile(r"(?<=[\w-])(?=[\w-])")
            assert not inside.match(line, start), f"{at} starts inside of a word"
            assert not inside.match(line, end), f"{at} ends inside of a word: {word!r}"


# -- what the data folders do not say ---------------------------------------------------------


def base(**changes: str) -> dict[str, bytes]:
    """The files of `_base`; a change is keyed by the path with `/` and `.` written as `__`."""
    files = {
        path.relative_to(DATA / "_base").as_posix(): path.read_bytes()
        for path in (DATA / "_base").rglob("*")
        if path.is_file()
    }
    names = {re.sub(r"[/.-]", "_", path): path for path in files}
    for name, text in changes.items():
        files[names.get(name, name)] = text.encode()
    return files


def replaced(path: str, old: str, new: str) -> dict[str, bytes]:
    files = base()
    text = files[path].decode()
    assert old in text
    return {**files, path: text.replace(old, new).encode()}


def found_in(files: dict[str, bytes], facts: Facts | None = None) -> list[Finding]:
    return list(load(MemoryTree(files), facts or Facts()).findings)


PIPELINE = "pipelines/churn/pipeline.yaml"
MODEL = "pipelines/churn/model.yaml"
PROD = "environments/prod/environment.yaml"
TRAIN = "pipelines/churn/train.py"


def test_a_pin_without_its_tag_is_unknown_and_fails_nothing() -> None:
    [finding] = found_in(base(), Facts(releases={}))
    assert (finding.rule, finding.severity) == ("pin-release", "unknown")
    assert finding.hint == "git fetch --tags"
    assert load(MemoryTree(base()), Facts(releases={})).workspace is not None


def test_nothing_is_said_about_pins_when_nobody_looked_at_the_tags() -> None:
    assert found_in(base()) == []


def test_a_pipeline_that_cannot_be_read_is_not_called_missing() -> None:
    found = found_in(replaced(PIPELINE, "name: churn", "name: [churn"))
    assert {finding.rule for finding in found} == {"yaml"}


def test_a_model_with_a_mistake_is_not_called_missing_by_its_pins_and_gates() -> None:
    found = found_in(replaced(MODEL, "task: binary-classification", "task: classification"))
    assert [finding.rule for finding in found] == ["value"]


def test_an_environment_with_a_mistake_is_not_called_missing_by_the_next_one() -> None:
    found = found_in(
        replaced("environments/dev/environment.yaml", "type: compose", "type: composed")
    )
    assert [finding.rule for finding in found] == ["value"]


def test_a_gate_without_model_is_for_every_model() -> None:
    files = base()
    for path, data in base().items():
        if path.startswith("pipelines/churn/"):
            copy = data.replace(b"name: churn", b"name: calls").replace(
                b"pipeline: churn", b"pipeline: calls"
            )
            files[path.replace("churn", "calls")] = copy
    files["pipelines/calls/model.yaml"] = (
        files["pipelines/calls/model.yaml"]
        .replace(b"binary-classification", b"regression")
        .replace(b"[roc_auc, brier]", b"[mae]")
        .replace(b"{metric: roc_auc, min: 0.7}", b"{metric: mae, max: 9}")
    )
    [finding] = found_in(files)
    assert finding.message == "model 'calls' does not record the metric 'roc_auc'"
    assert finding.hint == "add 'model: churn' if the gate is for that model alone"


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("def fit(train, /, seed): ...", "fit() takes 'train' by place only"),
        ("async def fit(train, seed): ...", "is a coroutine"),
        ("def fit(train, seed, *, rounds): ...", "fit() needs 'rounds'"),
        ("def fit(train): ...", "fit() does not take 'seed'"),
        ("def fit(train, seed) ...", "is not Python"),
        ("def fit(train, seed): ...\x00", "is not Python"),
        ("x = " + "(" * 5000, "is not Python"),
        ("x = 1", "has no function 'fit'"),
        ("class A:\n def fit(self): ...", "has no function 'fit'"),
    ],
)
def test_functions_are_judged_by_reading_them(module: str, call: str) -> None:
    found = found_in(base(pipelines_churn_train_py=module))
    assert len(found) == 1
    assert call in found[0].message


@pytest.mark.parametrize(
    "module",
    [
        "def fit(train, seed, more=1, *, and_more=2): ...",
        "def fit(**given): ...",
        "def fit(train, *rest, seed): ...",
        "from elsewhere import fit",
        "from elsewhere import *",
        "import functools\nfit = functools.partial(print, 1)",
        "fit: object = print",
        "@cached\ndef fit(x): ...",
        "try:\n  import fast\nexcept ImportError:\n  def fit(train, seed): ...",
        "if True:\n  pass\nelse:\n  def fit(train, seed): ...",
        "def __getattr__(name): ...",
        "class fit: ...",
    ],
)
def test_what_cannot_be_known_by_reading_is_not_called_wrong(module: str) -> None:
    assert found_in(base(pipelines_churn_train_py=module)) == []


def test_a_module_may_be_a_package_or_stand_at_the_root_of_the_repository() -> None:
    files = replaced(PIPELINE, '"train:fit"', '"lib.training:fit"')
    del files[TRAIN]
    source = b"def fit(train, seed): ..."
    assert [f.rule for f in found_in(files)] == ["function-exists"]
    assert found_in({**files, "lib/training.py": source}) == []
    assert found_in({**files, "pipelines/churn/lib/training/__init__.py": source}) == []


def test_the_source_of_labels_is_called_with_as_of_alone() -> None:
    [finding] = found_in(base(pipelines_churn_labels_py="def leavers(): ..."))
    assert finding.message == "leavers() does not take 'as_of', which monitoring.labels gives it"


def test_a_source_is_given_as_of_by_mlgitops() -> None:
    [finding] = found_in(base(pipelines_churn_sources_py="def customers(months): ..."))
    assert finding.message == "customers() does not take 'as_of', which step 'customers' gives it"


def test_a_name_that_cannot_be_one_gives_no_second_finding_where_it_is_meant() -> None:
    found = found_in(replaced(PIPELINE, "name: churn\n", "name: Churn_\n"))
    assert [finding.message for finding in found] == ["'Churn_' is not a name"]


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "A" * 16,
        "ghp_" + "a" * 36,
        "github_pat_" + "a" * 30,
        "glpat-" + "a" * 20,
        "xoxb-" + "1" * 12,
        "https://hooks.slack.com/services" + "/T00000000" * 3,
        "https://discord.com/api/webhooks/123456789/" + "a" * 40,
        "https://acme.webhook.office.com/webhookb2/" + "a" * 36,
        "https://prod-1.westeurope.logic.azure.com:443/workflows/" + "a" * 32,
        "123456789:AA" + "a" * 33,
        "AIza" + "a" * 35,
        "sk_live_" + "a" * 24,
        "hf_" + "a" * 34,
        "sk-ant-api03-" + "a" * 40,
        "-----BEGIN RSA PRIVATE KEY-----",
        "postgresql://ada:hunter2@db.example.com/churn",
    ],
)
def test_a_secret_is_found_by_its_form_and_never_shown(secret: str) -> None:
    files = replaced(PIPELINE, "months: 12", f"months: '{secret}'")
    found = found_in(files)
    assert [finding.rule for finding in found] == ["secret-in-clear"]
    assert secret not in report.text(found, files.get)


@pytest.mark.parametrize(
    "harmless",
    [
        "${CRM_API_KEY}",
        "https://example.com/a:b@c",
        "postgresql://${USER}:${PASSWORD}@db.example.com/churn",
        "sha256:" + "a" * 64,
    ],
)
def test_the_name_of_a_secret_is_no_secret(harmless: str) -> None:
    assert found_in(replaced(PIPELINE, "months: 12", f"months: '{harmless}'")) == []


def test_a_password_of_an_account_without_user_is_still_one() -> None:
    files = replaced(PIPELINE, "months: 12", "months: {password: hunter2}")
    assert [finding.message for finding in found_in(files)] == [
        "the value of 'password' is written in clear"
    ]


def test_the_address_of_a_webhook_is_a_secret_that_only_a_variable_keeps() -> None:
    name = "name: churn\n"
    for address, said in (('"${SLACK_URL}"', []), ("https://hooks.example.com/a", ["warning"])):
        files = replaced(PIPELINE, name, f"{name}notify: {{failure: [{{webhook: {address}}}]}}\n")
        found = [one for one in found_in(files) if one.rule == "secret-in-clear"]
        assert [one.severity for one in found] == said


def test_a_header_is_named_and_not_written() -> None:
    source = 'source: {type: http, url: "https://example.com/a", headers: {Authorization: %s}}'
    for value, count in (("Bearer ${TOKEN}", 0), ("Bearer abc", 1)):
        files = replaced(
            PIPELINE, 'source: {type: python, run: "sources:customers"}', source % value
        )
        found = [one for one in found_in(files) if one.rule == "secret-in-clear"]
        assert len(found) == count


def test_the_elements_of_a_loop_come_to_the_function() -> None:
    files = replaced(PIPELINE, "params: [seed]", "foreach: {seed: [1, 2]}")
    assert {one.rule for one in found_in(files)} == {"unused-param"}
    files = replaced(PIPELINE, "params: [seed]", "params: [seed]\n    foreach: {fold: [1, 2]}")
    messages = [one.message for one in found_in(files) if one.rule == "function-parameters"]
    assert messages == ["fit() does not take 'fold', which step 'train' gives it"]


def test_a_step_that_asks_about_its_own_result_waits_for_itself() -> None:
    files = replaced(PIPELINE, "{model: estimator}", "{model: estimator, metrics: json}")
    text = files[PIPELINE].decode()
    files[PIPELINE] = f"{text}    when: train.metrics.roc_auc > 0.5\n".encode()
    found = [one for one in found_in(files) if one.rule != NOT_YET]
    assert [one.message for one in found] == ["these steps wait for one another: train → train"]
    assert found[0].at.length == len("train.metrics.roc_auc")


def test_every_circle_is_told() -> None:
    files = base()
    for name, after in (("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("e", "a")):
        path = f"environments/{name}/environment.yaml"
        text = files["environments/dev/environment.yaml"].decode()
        files[path] = text.replace("name: dev", f"name: {name}\nafter: [{after}]").encode()
    assert [one.rule for one in found_in(files)] == [
        "environment-cycle",
        "environment-cycle",
        "environment-unreachable",
    ]
