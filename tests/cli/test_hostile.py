"""Hostile repositories and a hostile machine: an answer in time and space, and no code is run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlgitops.core.sources import MAX_BYTES
from mlgitops.core.trees import MemoryTree
from mlgitops.core.workspaces import load
from tests.cli.hostile import PIPELINE, SHAPES, TEN_MEGABYTES, large, texts
from tests.cli.hostile_trees import TREES
from tests.fuzz.projects import BASE
from tests.measured import COMMAND, Measured, measured
from tests.support import commit, git

SECONDS = 2.0
MEGABYTES = 200.0

# Each was the slowest or the largest of its kind before something was done about it; all of them
# are tried by benchmarks/hostile.py.
AT_A_MEGABYTE = (
    *("braces", "nested keys", "tag directives", "tags of a list", "numbers in base 60"),
    *("bytes that are no text", "nulls", "one key again and again", "secrets, nearly"),
    *("an octal number", "combining characters"),
)
AT_TEN_MEGABYTES = ("one long word", "brackets", "line ends", "a long double-quoted text")
AS_LARGE_AS_MAY_BE = (
    *("params that are not there", "params under names that are alike"),
    *("inputs of outputs that are not there", "steps that all need one another"),
    *(
        "a long circle of steps",
        "one list of different things",
        "a schedule of one megabyte",
        "a module in a far folder",
    ),
)


@pytest.fixture
def hostile(repo: Path) -> Path:
    commit(repo, {path: data.decode() for path, data in BASE.items()}, "Add a model")
    return repo


def validate(root: Path, *args: str) -> Measured:
    done = measured(["validate", *args], root)
    assert done.code in (0, 1, 2), f"exit {done.code}\n{done.err[-2000:]}"
    assert "Traceback" not in done.err and "a bug in mlgitops" not in done.out
    assert done.seconds < SECONDS, f"{done.seconds:.2f} s of processor time"
    assert done.megabytes < MEGABYTES, f"{done.megabytes:.0f} MB"
    return done


@pytest.mark.parametrize("name", AT_A_MEGABYTE)
def test_a_megabyte_of_it_is_answered(name: str, hostile: Path) -> None:
    (hostile / PIPELINE).write_bytes(dict(texts(MAX_BYTES))[name])
    assert f"{PIPELINE}:" in validate(hostile).out


@pytest.mark.parametrize("name", AT_TEN_MEGABYTES)
def test_ten_megabytes_are_refused_before_they_are_read(name: str, hostile: Path) -> None:
    (hostile / PIPELINE).write_bytes(dict(texts(TEN_MEGABYTES))[name])
    assert "the file has more than 1,000,000 bytes" in validate(hostile).out


@pytest.mark.parametrize("name", AS_LARGE_AS_MAY_BE)
def test_a_pipeline_as_large_as_may_be_is_answered(name: str, hostile: Path) -> None:
    (hostile / PIPELINE).write_bytes(dict(large())[name])
    assert f"{PIPELINE}:" in validate(hostile).out


@pytest.mark.parametrize("name", TREES)
def test_what_stands_in_a_checkout_is_answered(name: str, hostile: Path) -> None:
    TREES[name](hostile)
    validate(hostile)


def small() -> dict[str, bytes]:
    return {**dict(texts(50_000)), **SHAPES}


@pytest.mark.parametrize("name", sorted(small()))
def test_a_little_of_it_is_told_with_its_place(name: str) -> None:
    data = small()[name]
    for path in (PIPELINE, "mlgitops.yaml"):
        started = time.process_time()
        findings = load(MemoryTree({**BASE, path: data})).findings
        assert time.process_time() - started < SECONDS
        assert any(found.at.path == path and found.severity == "error" for found in findings)
        assert len(findings) < 400


def test_a_finding_of_what_cannot_be_read_says_why(hostile: Path) -> None:
    (hostile / PIPELINE).unlink()
    os.mkfifo(hostile / PIPELINE)
    assert f"{PIPELINE}:1:1: error[yaml]: the file cannot be read: it is a pipe" in (
        validate(hostile).out
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("path", [PIPELINE, "pipelines/churn/train.py", "mlgitops.yaml"])
def test_a_file_without_the_right_to_read_it_is_told(path: str, hostile: Path) -> None:
    (hostile / path).chmod(0)
    assert "cannot be read: Permission denied" in validate(hostile).out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_the_right_to_read_it_is_not_called_missing(hostile: Path) -> None:
    (hostile / "pipelines/churn").chmod(0)
    done = measured(["validate"], hostile)
    (hostile / "pipelines/churn").chmod(0o755)
    assert done.code == 6
    assert "pipelines/churn:1:1: error: the folder cannot be read: Permission denied" in done.err


def test_a_module_that_is_not_looked_into_is_no_error(hostile: Path) -> None:
    (hostile / "pipelines/churn/train.py").write_bytes(b"x = 1\n" * 200_000)
    done = validate(hostile)
    assert done.code == 0
    assert "unknown[function-exists]: pipelines/churn/train.py is not looked into" in done.out


def test_no_code_of_the_repository_is_run(hostile: Path, tmp_path: Path) -> None:
    """Every place where Python, git, pytest or a template could be made to run something."""
    fired = tmp_path / "fired"
    canary = f"open({str(fired)!r}, 'a').write(__file__)\n"
    script = f"#!/bin/sh\necho $0 >> {fired}\n"
    for name in ("sitecustomize", "usercustomize", "conftest", "yaml", "pydantic", "git", "json"):
        (hostile / f"{name}.py").write_text(canary)
    for folder in ("pipelines/churn", "mlgitops"):
        (hostile / folder).mkdir(exist_ok=True)
        (hostile / folder / "__init__.py").write_text(canary)
    for module in (hostile / "pipelines/churn").glob("*.py"):
        module.write_text(canary + module.read_text())
    template = hostile / "environments/templates/kserve/inferenceservice.yaml.j2"
    template.parent.mkdir(parents=True)
    template.write_text(
        f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}"
        f"{{% import os %}}{{{{ cycler.__init__.__globals__.os.system('touch {fired}') }}}}\n"
    )
    (hostile / ".gitattributes").write_text("* filter=canary diff=canary\n")
    git(hostile, "add", "--all")
    git(hostile, "commit", "--quiet", "--message", "Lay traps")
    program = tmp_path / "canary"
    program.write_text(script)
    program.chmod(0o755)
    for hook in ("post-checkout", "pre-commit", "post-index-change", "reference-transaction"):
        (hostile / f".git/hooks/{hook}").write_text(script)
        (hostile / f".git/hooks/{hook}").chmod(0o755)
    for setting in ("core.fsmonitor", "diff.canary.textconv", "diff.external", "core.pager"):
        git(hostile, "config", setting, str(program))
    fired.unlink(missing_ok=True)  # git itself may have run a hook just now
    for args in ((), ("--format", "json"), ("--format", "sarif")):
        done = measured(["validate", *args], hostile, env={"PYTHONDONTWRITEBYTECODE": "1"})
        assert done.code == 1, done.err
    assert not fired.exists(), fired.read_text()


@pytest.mark.parametrize("kind", ["bare", "empty", "none"])
def test_where_there_is_nothing_to_validate_it_is_said(kind: str, tmp_path: Path) -> None:
    root = tmp_path / "place"
    root.mkdir()
    if kind != "none":
        git(root, "init", "--quiet", *(["--bare"] if kind == "bare" else []))
    done = measured(["validate"], root)
    told = done.out + done.err
    assert "Traceback" not in told
    if kind == "none":
        assert (done.code, "is not in a git repository" in told) == (8, True)
    else:
        assert (done.code, "there is no mlgitops.yaml" in told) == (1, True)


def test_a_git_file_that_leads_nowhere_is_no_repository(tmp_path: Path) -> None:
    root = tmp_path / "place"
    root.mkdir()
    (root / ".git").write_text("gitdir: /nowhere\n")
    done = measured(["validate"], root)
    assert done.code == 8 and "Traceback" not in done.err


def test_without_git_it_is_said(hostile: Path, tmp_path: Path) -> None:
    done = measured(["validate"], hostile, env={"PATH": str(tmp_path)})
    assert done.code == 8
    assert "git is not installed" in done.err


def test_without_a_home_it_works(hostile: Path) -> None:
    unset = ["/usr/bin/env", "-u", "HOME", "-u", "XDG_CACHE_HOME", str(COMMAND)]
    assert measured(["validate"], hostile, command=unset).code == 0


def test_a_full_disk_stops_nothing(hostile: Path) -> None:
    """What is remembered for the next call is a help, not a need."""
    limited = [
        sys.executable,
        "-c",
        "import os, resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "os.execv(sys.argv[1], sys.argv[1:])",
        str(COMMAND),
    ]
    done = measured(["validate"], hostile, command=limited)
    assert done.code == 0, done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_checkout_that_cannot_be_written_is_validated(hostile: Path) -> None:
    folders = [hostile, *(path for path in hostile.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert measured(["validate"], hostile).code == 0
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_a_reader_that_goes_away_ends_it_quietly(hostile: Path) -> None:
    (hostile / PIPELINE).write_bytes(dict(large())["params that nobody uses"])
    read, write = os.pipe()
    os.close(read)
    try:
        done = measured(["validate"], hostile, stdout=write)
    finally:
        os.close(write)
    assert done.err == "" and done.code in (0, 1)


def test_an_interrupt_is_answered_in_one_line(hostile: Path) -> None:
    """It is sent while validate waits for the writer of a pipe that stands in for git."""
    waiting = hostile.parent / "bin"
    waiting.mkdir()
    os.mkfifo(hostile.parent / "started")
    (waiting / "git").write_text(f"#!/bin/sh\necho > {hostile.parent}/started\nexec sleep 60\n")
    (waiting / "git").chmod(0o755)
    with subprocess.Popen(
        [str(COMMAND), "validate"],
        cwd=hostile,
        env={**os.environ, "PATH": f"{waiting}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        (hostile.parent / "started").read_text()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert (out, err) == ("", "interrupted; run the same command again to go on\n")


def test_a_folder_that_changes_while_it_is_read_is_answered(hostile: Path) -> None:
    """A process of its own takes files away and writes them again, all the time."""
    changing = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys\n"
            "place, other = sys.argv[1], sys.argv[1] + '.other'\n"
            "while True:\n"
            "    os.rename(place, other); os.rename(other, place)\n",
            str(hostile / "pipelines/churn"),
        ]
    )
    try:
        for _ in range(5):
            done = measured(["validate", "--format", "json"], hostile)
            assert done.code in (0, 1), done.err
            assert isinstance(json.loads(done.out)["findings"], list)
    finally:
        changing.kill()
        changing.wait()
