"""What this machine has for steps: cores, memory, graphics processors."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlgitops.core.errors import UsageError

_GPUS: Final = "MLGITOPS_GPUS"
_CGROUPS: Final = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """``memory`` in bytes. ``gpus``: their names, as ``CUDA_VISIBLE_DEVICES`` has them."""

    cores: int
    memory: int
    gpus: tuple[str, ...] = ()


def machine() -> Machine:
    """Return what this process may use."""
    return Machine(cores=cores(), memory=memory(), gpus=gpus())


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Return how much memory this process may use, in bytes: the machine's, or its control group's.

    A container is ended for going over its own limit, however much the machine has.
    """
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in _limits():
        with suppress(OSError, ValueError):  # "max" is no number: no limit
            found = min(found, int(limit.read_text(encoding="ascii")))
    return found


def _limits() -> list[Path]:
    """Return where the limits stand: those of this process's group and of all above it."""
    try:
        text = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, name = _CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = _CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.lstrip("/")
        found += [
            folder / name for folder in (group, *group.parents) if base in (folder, *folder.parents)
        ]
    return found


def gpus() -> tuple[str, ...]:
    """Return the graphics processors for steps.

    ``CUDA_VISIBLE_DEVICES`` names them; ``MLGITOPS_GPUS`` is their number, for a machine where the
    former is not set or for fewer of them. UsageError when that is no number.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    named = tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    count = os.environ.get(_GPUS, "")
    if not count:
        return named
    if not count.isdecimal():
        raise UsageError(f"{_GPUS} is {count!r}, and no number", hint=f"{_GPUS}=2")
    return (named or tuple(str(number) for number in range(int(count))))[: int(count)]
