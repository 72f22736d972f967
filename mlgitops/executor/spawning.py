"""Start a command while other threads go on.

``subprocess`` holds the interpreter's lock from the fork until the new program is loaded, which is
half of the life of a small command: two threads that start commands wait for each other. The C
library's ``posix_spawn`` does the same work, and is called without that lock. Where it cannot
change the directory or close what it was not given (not glibc 2.34), ``subprocess`` is used.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

# More than any C library on Linux has in these (glibc, musl: 80, 336 and 128 bytes).
_ROOM: Final = 512
# spawn.h: signals to their defaults, a session of its own.
_SETSIGDEF: Final = 0x04
_SETSID: Final = 0x80
_NEEDED: Final = (
    "posix_spawn",
    "posix_spawnattr_setsigdefault",
    "posix_spawn_file_actions_addchdir_np",
    "posix_spawn_file_actions_addclosefrom_np",
)
# Seconds between attempts on a file that somebody still writes.
_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
# What Python ignores for itself, and a program that it starts expects as usual.
_DEFAULTS: Final = ("SIGPIPE", "SIGXFSZ")


def spawn(
    program: str,
    argv: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    stdin: int,
    output: int,
) -> int:
    """Start ``program`` in a session of its own and return its process id.

    ``stdin`` and ``output`` (both what it says and what goes wrong) are open files; it gets no
    other. Raises OSError when it cannot be started. Whoever calls waits for it (``os.wait4``).
    """
    for pause in _PAUSES:
        try:
            return _spawned(program, argv, directory, environment, stdin, output)
        except OSError as error:
            # A command that starts at this very moment has what was open here until its own
            # program is loaded, a script that was just written among it (golang/go#22315).
            if error.errno != errno.ETXTBSY:
                raise
            time.sleep(pause)
    return _spawned(program, argv, directory, environment, stdin, output)


def _spawned(
    program: str,
    argv: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    stdin: int,
    output: int,
) -> int:
    library = _library()
    if library is None:
        return _usual(program, argv, directory, environment, stdin, output)
    words = [os.fsencode(word) for word in argv]
    names = [os.fsencode(f"{name}={value}") for name, value in environment.items()]
    if any(b"\0" in one for one in (*words, *names)):
        raise ValueError("embedded null byte")
    pid = ctypes.c_int()
    actions = ctypes.create_string_buffer(_ROOM)
    _check(library.posix_spawn_file_actions_init(actions))
    try:
        for source, goal in ((stdin, 0), (output, 1), (output, 2)):
            _check(library.posix_spawn_file_actions_adddup2(actions, source, goal))
        _check(library.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(directory)))
        _check(library.posix_spawn_file_actions_addclosefrom_np(actions, 3))
        _check(
            library.posix_spawn(
                ctypes.byref(pid),
                os.fsencode(program),
                actions,
                _attributes(library),
                (ctypes.c_char_p * (len(words) + 1))(*words, None),
                (ctypes.c_char_p * (len(names) + 1))(*names, None),
            )
        )
    finally:
        library.posix_spawn_file_actions_destroy(actions)
    return pid.value


def _check(error: int) -> None:
    if error:
        raise OSError(error, os.strerror(error))


@functools.cache
def _library() -> Any | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if all(hasattr(library, name) for name in _NEEDED) else None


@functools.cache
def _attributes(library: Any) -> Any:
    """Return what is the same for all; it is only read."""
    found = ctypes.create_string_buffer(_ROOM)
    signals = ctypes.create_string_buffer(_ROOM)
    _check(library.posix_spawnattr_init(found))
    library.sigemptyset(signals)
    for name in _DEFAULTS:
        if hasattr(signal, name):
            library.sigaddset(signals, int(getattr(signal, name)))
    _check(library.posix_spawnattr_setsigdefault(found, signals))
    _check(library.posix_spawnattr_setflags(found, ctypes.c_short(_SETSIGDEF | _SETSID)))
    return found


def _usual(
    program: str,
    argv: Sequence[str],
    directory: Path,
    environment: Mapping[str, str],
    stdin: int,
    output: int,
) -> int:
    # Nothing is called between fork and exec, so that the system's vfork serves.
    process = subprocess.Popen(
        argv,
        executable=program,
        cwd=directory,
        env=environment,
        stdin=stdin,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    process.returncode = 0  # somebody else waits for it
    return process.pid
