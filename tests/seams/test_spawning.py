"""Starting a command: a script that somebody still writes is started when it is whole."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from mlgitops.executor.spawning import spawn

pytestmark = pytest.mark.skipif(os.name != "posix", reason="starts POSIX commands")


def script(place: Path) -> Path:
    path = place / "tool.sh"
    path.write_text("#!/bin/sh\necho started\n")
    path.chmod(0o755)
    return path


def start(path: Path, log: Path) -> int:
    with Path(os.devnull).open() as nothing, log.open("ab") as output:
        pid = spawn(
            str(path),
            [str(path)],
            directory=path.parent,
            environment={"PATH": os.defpath},
            stdin=nothing.fileno(),
            output=output.fileno(),
        )
    return os.waitstatus_to_exitcode(os.wait4(pid, 0)[1])


def test_a_script_that_is_open_for_writing_for_a_moment_is_started_after_it(tmp_path):
    path, log = script(tmp_path), tmp_path / "log"
    held = os.open(path, os.O_WRONLY)
    letting_go = threading.Timer(0.05, os.close, (held,))
    letting_go.start()
    try:
        assert start(path, log) == 0
    finally:
        letting_go.join()
    assert log.read_text() == "started\n"


def test_a_script_that_stays_open_for_writing_is_an_error_that_says_so(tmp_path):
    path = script(tmp_path)
    with path.open("ab"), pytest.raises(OSError) as caught:
        start(path, tmp_path / "log")
    assert caught.value.errno == errno.ETXTBSY
