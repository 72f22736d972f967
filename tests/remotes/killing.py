"""Kill `push`, `pull` and `gc --remote` at random moments, and see what is left."""

import os
import random
import subprocess
import sys
import textwrap
from pathlib import Path

from mlgitops.files import WorkTree
from mlgitops.flow.gc_remote import fsck_remote
from mlgitops.flow.push import push
from mlgitops.flow.workspaces import require
from tests.remotes.conftest import Project, run_in, seams_of
from tests.support import git

# Short beats, so that nobody waits a minute for the dead.
WORK = """
    import sys
    from pathlib import Path
    from mlgitops.flow import sharing
    sharing._BEAT, sharing._DEAD = 0.1, 0.5
    from mlgitops.files import WorkTree
    from mlgitops.flow.workspaces import require
    from tests.remotes.conftest import NOW, seams_of
    what, root = sys.argv[1], Path(sys.argv[2])
    print("ready", flush=True)
    seams, workspace = seams_of(root), require(WorkTree(root))
    if what == "push":
        from mlgitops.flow.push import push
        push(seams, workspace, root, everything=True)
    elif what == "pull":
        from mlgitops.flow.pull import pull
        pull(seams, workspace, root)
    else:
        from dataclasses import replace
        from mlgitops.flow.gc_remote import gc_remote
        later = replace(seams, clock=lambda: NOW.replace(year=2126))
        gc_remote(later, days=30)
"""


def start(what: str, root: Path) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORK), what, str(root)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert made.stdout is not None and made.stdout.readline() == "ready\n"
    return made


def rounds(folder: Path, remote: str, count: int, seed: int = 0) -> str:
    """Do ``count`` kills of two pushers, a puller and a collector that work at once."""
    from mlgitops.flow import sharing

    sharing._BEAT, sharing._DEAD = 0.1, 0.5  # type: ignore[misc]
    made = random.Random(seed)
    project = Project(folder, remote)
    first = project.start()
    run_in(first)
    git(first, "add", "--all")
    git(first, "commit", "--quiet", "-m", "Pin the rows")
    git(first, "push", "--quiet", "origin", "HEAD:main")
    for keep in range(2, 8):
        run_in(first, params={"keep": keep})
    second = project.clone("second")
    run_in(second, force=True)
    killed = {"push": 0, "pull": 0, "gc": 0}
    for number in range(count):
        what = ("push", "gc", "pull")[number % 3]
        others = [start("push", second)] if number % 2 else []
        victim = start(what, first if what != "pull" else second)
        try:
            victim.wait(made.uniform(0.0, 0.5))
        except subprocess.TimeoutExpired:
            victim.kill()
            killed[what] += 1
        victim.wait()
        for one in others:
            one.wait(60)
        assert fsck_remote(seams_of(first), read=number % 10 == 9) == (), number
        for root in (first, second):
            assert [one for one in seams_of(root).store.check() if one.kind != "leftover"] == []
    push(seams_of(first), require(WorkTree(first)), first)
    third = project.clone("third")
    assert not run_in(third).executed
    return f"{count} moments, killed {killed}: remote and stores clean, nothing has to run again"
