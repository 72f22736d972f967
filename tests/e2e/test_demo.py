"""The demo's own machinery: it believes no command, and leaves nothing running.

The whole story is told by `make demo`; here are its ways to go wrong.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlgitops.cli.demo.commands import Broken, Done
from mlgitops.cli.demo.story import STAGES, Stage, play
from mlgitops.report.tables import plain
from tests.support import RunCli, commit, git

SPEC = "pipelines/bike-demand/pipeline.yaml"
PROJECT = "apiVersion: mlgitops/v1\nkind: Project\nname: example\n"


@pytest.fixture
def example(repo: Path) -> Path:
    """A checkout that holds as much of the example as the demo asks for."""
    commit(repo, {SPEC: "apiVersion: mlgitops/v1\nkind: Pipelin\n", "mlgitops.yaml": PROJECT})
    return repo


def told(example: Path, scratch: Path, *stages: Stage) -> tuple[bool, str]:
    scratch.mkdir()
    lines: list[str] = []
    good = play(scratch, example, paint=plain, write=lines.append, stages=stages)
    return good, "\n".join(lines)


def good(story) -> None:
    story.claim("one and one is two", 1 + 1 == 2)


def test_a_stage_that_does_not_do_what_it_claims_ends_the_story_and_is_named(example, tmp_path):
    def bad(story) -> None:
        story.claim("one and one is three", 1 + 1 == 3, 1 + 1)

    stages = [Stage(title="Add up", run=good), Stage(title="Add wrong", run=bad)]
    after = Stage(title="Never told", run=good)
    ended_well, text = told(example, tmp_path / "scratch", *stages, after)
    assert not ended_well
    assert "stage 2, 'Add wrong', broke off" in text
    assert "it does not hold that one and one is three; found: 2" in text
    assert "Never told" not in text
    assert (tmp_path / "scratch" / "origin.git").is_dir(), "the reader can look what happened"


def test_a_command_that_ends_otherwise_than_the_story_says_ends_it(example, tmp_path):
    def run(story) -> None:
        git(story.scratch, "clone", "--quiet", "origin.git", "dana")
        story.mlgitops(story.dana, "no-such-command")

    ended_well, text = told(example, tmp_path / "scratch", Stage(title="Mistype", run=run))
    assert not ended_well
    assert "`mlgitops no-such-command` ended with 2, not 0" in text
    assert "there is no command 'no-such-command'" in text


def test_a_repository_whose_specs_are_wrong_makes_the_demo_exit_1(
    example, tmp_path, run_cli: RunCli
):
    done = run_cli(["demo", "-C", str(example), "--keep", str(tmp_path / "scratch")], tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"stage 1, {STAGES[0].title!r}, broke off" in done.stdout
    assert SPEC in done.stdout, "the command's own words are shown"
    assert git(example, "status", "--porcelain") == "", "the checkout is as it was"


def test_a_folder_that_is_not_the_example_is_refused(repo, tmp_path, run_cli: RunCli):
    done = run_cli(["demo", "--keep", str(tmp_path / "scratch")], repo)
    assert done.returncode == 2
    assert "there is no pipelines/bike-demand in" in done.stderr


def test_a_folder_with_something_in_it_is_left_alone(example, tmp_path, run_cli: RunCli):
    (tmp_path / "mine.txt").write_text("mine")
    done = run_cli(["demo", "--keep", str(tmp_path)], example)
    assert done.returncode == 2
    assert f"{tmp_path} is not empty" in done.stderr
    assert sorted(tmp_path.iterdir()) == [tmp_path / "mine.txt", example]


@pytest.mark.parametrize("kind", ["shallow", "unborn", "no repository"])
def test_the_example_is_taken_also_from_where_no_history_can_be_cloned(example, tmp_path, kind):
    where = tmp_path / "copy"
    if kind == "shallow":
        git(tmp_path, "clone", "--quiet", "--depth=1", example.as_uri(), str(where))
    else:
        git(tmp_path, "clone", "--quiet", str(example), str(where))
        (where / ".git").rename(tmp_path / "away.git")
        if kind == "unborn":
            git(where, "init", "--quiet", "--initial-branch=main")
    ended_well, text = told(where, tmp_path / "scratch", Stage(title="Add up", run=good))
    assert ended_well, text
    origin = tmp_path / "scratch" / "origin.git"
    assert git(origin, "ls-tree", "main", SPEC), text
    assert git(origin, "rev-list", "--count", "main") == "1"


def test_the_story_takes_neither_tags_nor_branches_of_the_checkout(example, tmp_path):
    git(example, "tag", "bike-demand@v9.0.0")
    git(example, "branch", "mine")
    told(example, tmp_path / "scratch", Stage(title="Add up", run=good))
    refs = git(tmp_path / "scratch" / "origin.git", "for-each-ref", "--format=%(refname)")
    assert refs == "refs/heads/main"


def test_the_people_of_the_story_have_names_of_their_own(example, tmp_path):
    def write(story) -> None:
        git(story.scratch, "clone", "--quiet", "origin.git", "dana")
        story.git(story.dana, "commit", "--quiet", "--allow-empty", "-m", "Look")
        who = story.git(story.dana, "log", "-1", "--format=%an %cn")
        story.claim("Dana wrote it", who == "Dana Dana", who)

    ended_well, text = told(example, tmp_path / "scratch", Stage(title="Write", run=write))
    assert ended_well, text


def test_what_goes_on_beside_the_story_is_told_in_its_turn(example, tmp_path):
    done = threading.Event()

    def aside(story) -> None:
        git(story.scratch, "clone", "--quiet", "origin.git", "dana")
        story.git(story.dana, "log", "-1", "--format=%H", hidden=False, lines=2)
        story.claim("Dana worked", True)
        done.set()

    def main(story) -> None:
        beside = story.meanwhile(aside)
        assert done.wait(timeout=60)
        story.say("CI worked.")
        beside.tell()

    ended_well, text = told(example, tmp_path / "scratch", Stage(title="Both", run=main))
    assert ended_well, text
    commit_ = git(example, "rev-parse", "HEAD")
    places = [text.index(word) for word in ("CI worked.", "dana$ git log", commit_, "Dana worked")]
    assert places == sorted(places)


def test_what_breaks_beside_the_story_breaks_the_stage_that_tells_it(example, tmp_path):
    def begin(story) -> None:
        story.aside = story.meanwhile(lambda copy: copy.claim("Dana is right", False))

    def tell(story) -> None:
        story.told_aside()

    stages = [Stage(title="Begin", run=begin), Stage(title="Tell", run=tell)]
    ended_well, text = told(example, tmp_path / "scratch", *stages)
    assert not ended_well
    assert "stage 2, 'Tell', broke off" in text
    assert "it does not hold that Dana is right" in text


def test_a_story_that_breaks_ends_what_goes_on_beside_it(example, tmp_path):
    fifo = tmp_path / "never-written"
    os.mkfifo(fifo)

    def aside(story) -> None:
        (story.scratch / "dana").mkdir()
        # Would read for ever.
        story.git(story.dana, "hash-object", "--no-filters", str(fifo))

    def bad(story) -> None:
        story.meanwhile(aside)
        story.claim("all is well", False)

    ended_well, text = told(example, tmp_path / "scratch", Stage(title="Break", run=bad))
    assert not ended_well
    assert "all is well" in text


def test_json_that_lacks_what_the_story_needs_is_said_not_guessed():
    done = Done(words=("mlgitops", "status", "--json"), code=0, out='{"models": []}', err="")
    assert done.json("models") == []
    with pytest.raises(Broken, match=r"the JSON has no models\.0\.version"):
        done.json("models", 0, "version")
    with pytest.raises(Broken, match="`mlgitops status --json` printed no JSON"):
        Done(words=done.words, code=0, out="oops", err="").json()


# A demo whose second stage breaks, or waits to be interrupted, while its server runs.
WITH_A_SERVER = """
import signal, sys
from pathlib import Path
from mlgitops.cli.demo import commands, serving
from mlgitops.cli.demo.story import Stage, play
from mlgitops.report.tables import plain

serving.MLGITOPS = (sys.executable, {server!r})

def serve(story):
    (story.scratch / "kim").mkdir()
    served = serving.serve(story, story.kim, "bike-demand", "prod")
    print("pid", served.process.pid, flush=True)

def then(story):
    print("serving", flush=True)
    if sys.argv[1] == "break":
        story.claim("all is well", False)
    signal.pause()

stages = [Stage(title="Serve", run=serve), Stage(title="Then", run=then)]
try:
    told = play(Path({scratch!r}), Path({example!r}), paint=plain, write=print, stages=stages)
except KeyboardInterrupt:
    sys.exit(130)
sys.exit(0 if told else 1)
"""

# Says where it listens and describes its model as the model server does.
SERVER = """
import http.server, json, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"inputs": [], "parameters": {"row_id": "id"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}/v2/models/bike-demand/infer", flush=True)
server.serve_forever()
"""


@pytest.mark.parametrize(
    ("how", "code"), [("break", 1), (signal.SIGINT, 130), (signal.SIGTERM, 130)]
)
def test_the_server_is_stopped_however_the_story_ends(example, tmp_path, how, code):
    scratch, server = tmp_path / "scratch", tmp_path / "server.py"
    scratch.mkdir()
    server.write_text(SERVER)
    script = WITH_A_SERVER.format(server=str(server), scratch=str(scratch), example=str(example))
    mode = how if isinstance(how, str) else "wait"
    process = subprocess.Popen(
        [sys.executable, "-c", script, mode], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        pid = None
        for line in process.stdout:
            if line.startswith("pid "):
                pid = int(line.split()[1])
            if line.startswith("serving") and not isinstance(how, str):
                process.send_signal(how)
        assert process.wait(timeout=60) == code
    finally:
        process.kill()
        process.wait()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
