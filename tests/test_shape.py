"""The shape of the code is a promise: its budgets, its layers, its lazy imports."""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import git

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mlgitops"
MODULES = sorted(PACKAGE.rglob("*.py"))

MEAN_LINES = 150
MAX_LINES = 400
MAX_FUNCTION_LINES = 60

HEAVY = {
    "asyncio",
    "git",
    "httpx",
    "jinja2",
    "numpy",
    "onnx",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "sklearn",
    "skl2onnx",
    "uvicorn",
    "yaml",
}

TOP_LEVEL = {
    ".ci",
    ".gitattributes",
    ".github",
    ".gitignore",
    ".pre-commit-hooks.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docs",
    "environments",
    "mlgitops",
    "mlgitops.yaml",
    "pipelines",
    "pyproject.toml",
    "requirements.lock",
    "tests",
}


def lines_of(module: Path) -> int:
    return len(module.read_text(encoding="utf-8").splitlines())


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_modules_are_short() -> None:
    lengths = {name_of(module): lines_of(module) for module in MODULES}
    too_long = {name: lines for name, lines in lengths.items() if lines > MAX_LINES}
    assert not too_long, f"split these modules: {too_long}"
    # An empty __init__ would buy another module its length.
    mean = statistics.mean(lines for lines in lengths.values() if lines > 5)
    longest = sorted(lengths.items(), key=lambda item: -item[1])[:5]
    assert mean <= MEAN_LINES, f"modules have {mean:.0f} lines on average; the longest: {longest}"


def test_functions_are_short() -> None:
    too_long = [
        f"{name_of(module)}:{node.lineno} {node.name}: {lines} lines"
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not too_long, "split these functions:\n" + "\n".join(too_long)


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils.py", "util.py", "helpers.py", "common.py", "misc.py"}
    assert not [name_of(module) for module in MODULES if module.name in drawers]


def test_imports_keep_the_contracts() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_starting_imports_nothing_heavy(argument: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mlgitops", argument],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "mlgitops" in imported, "-X importtime printed something unexpected"
    assert not imported & HEAVY


def test_the_top_level_holds_only_what_is_listed() -> None:
    tracked = {line.partition("/")[0] for line in git(ROOT, "ls-files").splitlines()}
    assert tracked <= TOP_LEVEL, f"give these a place further down: {tracked - TOP_LEVEL}"
