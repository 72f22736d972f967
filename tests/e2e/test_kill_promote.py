"""`kill -9` of a promotion at ten moments: the next call completes it, as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e import world as worlds
from tests.e2e.world import MODEL, World
from tests.support import git

MOMENTS = 10
BRANCH = f"mlgitops/promote/dev/{MODEL}"


def promote(world: World) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "mlgitops", "promote", MODEL, "--to", "dev", "--version", "1.0.0"],
        cwd=world.clone,
        env={**os.environ, "MLGITOPS_STORE": str(world.store)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def state(world: World) -> tuple[str, list[str]]:
    """What the promotion came to: the tree of its branch, and the pull requests there are."""
    pulls = git(world.bare, "for-each-ref", "--format=%(refname)", "refs/mlgitops/pulls")
    return git(world.bare, "rev-parse", f"{BRANCH}^{{tree}}"), pulls.splitlines()


def test_a_killed_promotion_is_completed_by_the_next_call(released, tmp_path, monkeypatch):
    whole = worlds.copy(released, _folder(tmp_path, "whole"))
    start = time.monotonic()
    assert promote(whole).wait(timeout=120) == 0
    seconds = time.monotonic() - start
    expected = state(whole)
    assert expected[1] == ["refs/mlgitops/pulls/1"]
    interrupted = 0
    for moment in range(MOMENTS):
        world = worlds.copy(released, _folder(tmp_path, f"moment-{moment}"))
        process = promote(world)
        try:
            # The later half of the run is where it writes: most moments are there.
            process.wait(timeout=seconds * (0.35 + 0.065 * moment))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)
            interrupted += 1
        monkeypatch.setenv("MLGITOPS_STORE", str(world.store))
        assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0") == 0
        assert state(world) == expected
        assert world.call("fsck") == 0
        git(world.bare, "fsck", "--strict", "--no-dangling")
    assert interrupted >= MOMENTS // 2


def test_sixteen_promotions_at_once_make_one_pull_request(world, capsys):
    processes = [promote(world) for _ in range(16)]
    codes = [process.wait(timeout=300) for process in processes]
    assert codes == [0] * 16
    assert state(world)[1] == ["refs/mlgitops/pulls/1"]
    assert world.call("promote", MODEL, "--to", "dev", "--version", "1.0.0", "--json") == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False


def _folder(root: Path, name: str) -> Path:
    place = root / name
    place.mkdir()
    return place
