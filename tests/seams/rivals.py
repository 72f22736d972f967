"""Real processes for the tests of seams: some that start together, some that die on the way."""

import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

_FORK = multiprocessing.get_context("fork")

# In the place of git: counts the calls, and kills the caller before (or after) the chosen one.
# `cat-file` lives as long as its caller and changes nothing, so it is not counted.
_DEADLY_GIT = """\
#!/bin/sh
case " $* " in *" cat-file "*) exec {git} "$@" ;; esac
n=$(($(cat {count}) + 1)); echo $n > {count}
if [ $n = {at} ] && [ {when} = before ]; then kill -9 $PPID; exit 1; fi
{git} "$@"
status=$?
if [ $n = {at} ] && [ {when} = after ]; then kill -9 $PPID; fi
exit $status
"""


def race(work: Callable[[int], Any], rivals: int = 16) -> list[Any]:
    """Run `work(n)` in real processes that start together; what each one returned or raised."""
    ready, answers = _FORK.Barrier(rivals), _FORK.Queue()

    def run(number: int) -> None:
        ready.wait(60)
        try:
            answers.put((number, work(number)))
        except BaseException as error:
            answers.put((number, error))

    processes = [_FORK.Process(target=run, args=(n,)) for n in range(rivals)]
    for process in processes:
        process.start()
    collected = dict(answers.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
    return [collected[number] for number in range(rivals)]


def killed_at(call: int, work: Callable[[], object], folder: Path, *, when: str = "before") -> bool:
    """Run `work` in a process that is killed (SIGKILL) at its n-th call of git.

    Whether it was: it ends by itself when it calls git less often.
    """
    folder.mkdir(exist_ok=True)
    count = folder / "count"
    count.write_text("0")
    script = folder / "git"
    git = shutil.which("git")
    script.write_text(_DEADLY_GIT.format(git=git, count=count, at=call, when=when))
    script.chmod(0o755)

    def run() -> None:
        os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
        work()

    process = _FORK.Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -9), f"call {call}: exit code {process.exitcode}"
    return process.exitcode == -9
