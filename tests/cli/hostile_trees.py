"""Checkouts with what git would not hold, or what nobody expects there."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.cli.hostile import PIPELINE, TEN_MEGABYTES
from tests.support import git

Builder = Callable[[Path], None]


def _instead(root: Path, path: str) -> Path:
    place = root / path
    place.unlink(missing_ok=True)
    return place


def _linked(path: str, target: str) -> Builder:
    return lambda root: _instead(root, path).symlink_to(target)


def _piped(path: str) -> Builder:
    def build(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(_instead(root, path))

    return build


def _socket(root: Path) -> None:
    # A socket's name has to be short, so it is made from inside of its folder.
    place = _instead(root, PIPELINE)
    back = Path.cwd()
    os.chdir(place.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(place.name)
    finally:
        os.chdir(back)


def _folder(path: str) -> Builder:
    return lambda root: _instead(root, path).mkdir()


def _filled(path: str, data: bytes) -> Builder:
    def build(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)

    return build


def _sparse(path: str, size: int) -> Builder:
    """A file that says it is ``size`` bytes long; nobody has a disk for it."""

    def build(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("wb") as stream:
            stream.truncate(size)

    return build


def _many_files(root: Path) -> None:
    folder = root / "pipelines/churn/snapshots"
    for number in range(20_000):
        (folder / f"{number}.txt").touch()


def _names(root: Path) -> None:
    odd = (b"a\nb", b"\xff\xfe", b"\x1b[31mred", b"a\tb", b"-rf", b"*", b"n" * 255, b"\xe2\x80\xae")
    for name in odd:
        _filled(f"pipelines/{os.fsdecode(name)}/pipeline.yaml", b"name: 1\n")(root)
    _filled(f"pipelines/churn/{os.fsdecode(bytes([255]))}.yaml", b"{")(root)


def _deep(root: Path) -> None:
    place = root / "pipelines/churn"
    for _ in range(300):
        place /= "folder"
    place.mkdir(parents=True)


def _circle(root: Path) -> None:
    (root / "pipelines/a").symlink_to("b")
    (root / "pipelines/b").symlink_to("a")
    (root / "pipelines/churn/up").symlink_to("..")


def _submodule(root: Path) -> None:
    inner = root / "pipelines/other"
    inner.mkdir()
    git(inner, "init", "--quiet")
    git(inner, "commit", "--quiet", "--allow-empty", "-m", "Start")
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", "pipelines/other")


def _sparse_checkout(root: Path) -> None:
    git(root, "sparse-checkout", "set", "environments")


def _without_environments(root: Path) -> None:
    (root / "environments").rename(root / "elsewhere")


def _colliding(root: Path) -> None:
    (root / "pipelines/CHURN").mkdir()
    (root / "pipelines/CHURN/Pipeline.yaml").write_bytes((root / PIPELINE).read_bytes())


MODULE: Final = "pipelines/churn/train.py"
TEMPLATE: Final = "environments/templates/kserve/inferenceservice.yaml.j2"

TREES: Final[dict[str, Builder]] = {
    "a link to a file of the system": _linked(PIPELINE, "/etc/passwd"),
    "a link to a device without an end": _linked(PIPELINE, "/dev/zero"),
    "a link to itself": _linked(PIPELINE, "pipeline.yaml"),
    "a link to nothing": _linked(PIPELINE, "nothing"),
    "a link in place of the project": _linked("mlgitops.yaml", "/dev/zero"),
    "links in a circle": _circle,
    "a pipe in place of a spec": _piped(PIPELINE),
    "a pipe in place of the project": _piped("mlgitops.yaml"),
    "a pipe in place of a module": _piped(MODULE),
    "a pipe in place of a pin": _piped("environments/dev/pins/churn.yaml"),
    "a pipe among the specs": _piped("pipelines/churn/other.yaml"),
    "a pipe in place of a template": _piped(TEMPLATE),
    "a link in place of a module": _linked(MODULE, "/dev/zero"),
    "a socket in place of a spec": _socket,
    "a folder in place of a spec": _folder(PIPELINE),
    "a folder in place of a module": _folder(MODULE),
    "a folder in place of the project": _folder("mlgitops.yaml"),
    "a spec of a terabyte": _sparse(PIPELINE, 10**12),
    "a project of a terabyte": _sparse("mlgitops.yaml", 10**12),
    "a module of a terabyte": _sparse(MODULE, 10**12),
    "a template of a terabyte": _sparse(TEMPLATE, 10**12),
    "a module of ten megabytes": _filled(MODULE, b"x = 1\n" * (TEN_MEGABYTES // 6)),
    "a module of a megabyte": _filled(MODULE, b"a;" * 499_000),
    "a module as large as is read": _filled(MODULE, b"a;" * 49_000),
    "a module of brackets": _filled(MODULE, b"(" * 99_000),
    "a module of signs": _filled(MODULE, b"-" * 99_000 + b"1"),
    "a module of attributes": _filled(MODULE, b"a." * 49_000 + b"a"),
    "a module of sums": _filled(MODULE, b"1+" * 49_000 + b"1"),
    "a module of formatted text": _filled(MODULE, b"f'" + b"{a}" * 33_000 + b"'"),
    "a module of one import": _filled(MODULE, b"import a" + b".a" * 49_000),
    "a module that is no text": _filled(MODULE, b"\xff" * 99_000),
    "a module of nulls": _filled(MODULE, b"\0" * 99_000),
    "a module of another encoding": _filled(MODULE, b"# coding: utf-7\nx = 1\n"),
    "a template of ten megabytes": _filled(TEMPLATE, b"{{ a }}\n" * (TEN_MEGABYTES // 8)),
    "a template of a megabyte": _filled(TEMPLATE, b"{{ a }}\n" * 124_000),
    "a template of brackets": _filled(TEMPLATE, b"{{ " + b"(" * 90_000),
    "a template of conditions": _filled(TEMPLATE, b"{% if a %}" * 9_000),
    "a template of sums": _filled(TEMPLATE, b"{{ " + b"1+" * 40_000 + b"1 }}"),
    "a template that never ends": _filled(
        TEMPLATE,
        b"a: 1\n{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}"
        b"{{ b }}{% endfor %}{% endfor %}{% endfor %}",
    ),
    "20,000 files in a folder": _many_files,
    "names that nobody can read": _names,
    "very deep folders": _deep,
    "a submodule": _submodule,
    "a checkout of some folders only": _sparse_checkout,
    "names that differ in case": _colliding,
    "no environments": _without_environments,
}
