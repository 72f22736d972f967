"""``directory``: a folder that a step filled, or files by name. No links in it, and no pipes."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from mlgitops.core.errors import Refused
from mlgitops.formats.descriptions import Description, Format, Rows, named

_EMPTY: Final = "put at least one file into it"


def _write_directory(value: object, path: Path, rows: Rows) -> Description:
    path.mkdir()
    match value:
        case dict():
            _fill(value, path)
        case str() | os.PathLike():
            _take(Path(value), path)
        case _:
            raise Refused(
                f"a folder is wanted, not {named(value)}",
                hint="return the pathlib.Path of a folder, or a dict of names to bytes or str",
            )
    return _describe_directory(path, rows)


def _fill(files: Mapping[object, object], goal: Path) -> None:
    """Write files by their names, which may have folders in them."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        if not isinstance(data, bytes | bytearray | memoryview):
            raise Refused(f"the file {name!r} is {named(content)}, and not bytes or str")
        parts = PurePosixPath(name).parts if isinstance(name, str) else ()
        if not parts or parts[0] == "/" or ".." in parts or "\0" in str(name):
            raise Refused(
                f"{name!r} is no name of a file inside of the folder",
                hint="write a path such as train/0001.png",
            )
        place = goal.joinpath(*parts)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as stream:
                stream.write(data)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise Refused(f"two of the files are in each other's place: {name!r}") from None


def _take(folder: Path, goal: Path) -> None:
    """Move the files of a folder that is the step's own, copy those of any other."""
    if not folder.is_dir():
        raise Refused(f"there is no folder {str(folder)!r}", hint="make it, and put files into it")
    if goal.resolve().is_relative_to(folder.resolve()):
        raise Refused(
            f"the folder {str(folder)!r} holds all of the step's work",
            hint="make a folder for this output alone",
        )
    own = folder.resolve().is_relative_to(Path.cwd())
    for name, one in _walk(folder):
        place = goal / name
        if one.is_dir(follow_symlinks=False):
            place.mkdir()
        elif own:
            Path(one.path).rename(place)
        else:
            shutil.copy(one.path, place)


def _describe_directory(path: Path, rows: Rows) -> Description:
    if not any(not one.is_dir(follow_symlinks=False) for _, one in _walk(path)):
        raise Refused("the folder is empty", hint=_EMPTY)
    return Description()


def _walk(folder: Path, inside: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what is in a folder, by its path from there; Refused for what cannot be kept."""
    with os.scandir(folder / inside) as entries:
        found = sorted(entries, key=lambda one: one.name)
    for one in found:
        name = f"{inside}/{one.name}" if inside else one.name
        try:
            name.encode()
        except UnicodeEncodeError:
            raise Refused(f"the name {name!r} is no text", hint="name it in UTF-8") from None
        mode = one.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            raise Refused(
                f"{name} is a symbolic link to {str(Path(one.path).readlink())!r}",
                hint="put the file itself into the folder",
            )
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise Refused(f"{name} is no plain file", hint="leave it out of the folder")
        yield name, one
        if stat.S_ISDIR(mode):
            yield from _walk(folder, name)


def _read_directory(path: Path, types: Sequence[str]) -> object:
    """Return the folder itself: whoever places it gives each reader a copy of its own."""
    if not path.is_dir():
        raise Refused(f"{path.name} is no folder")
    return path


DIRECTORY: Final = Format(
    write=_write_directory, read=_read_directory, describe=_describe_directory
)
