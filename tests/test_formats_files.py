"""Folders, plots and pickles as outputs of steps."""

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mlgitops import formats
from mlgitops.core.errors import Refused


def _filled(folder: Path) -> Path:
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/a.txt").write_text("a")
    (folder / "run.sh").write_text("b")
    (folder / "run.sh").chmod(0o755)
    return folder


def test_a_folder_is_taken_with_all_that_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _filled(tmp_path / "one")
    for at, given in enumerate([Path("one"), str(_filled(tmp_path / "other"))]):
        goal = tmp_path / f"goal-{at}"
        formats.write(given, goal, "directory")
        back: Any = formats.read(goal, "directory")
        assert (back / "deep/er/a.txt").read_text() == "a"
        assert os.access(back / "run.sh", os.X_OK)
        assert not os.access(back / "deep/er/a.txt", os.X_OK)


def test_a_folder_that_is_not_the_steps_own_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    formats.write(_filled(tmp_path / "repository"), tmp_path / "goal", "directory")
    (tmp_path / "repository/run.sh").write_text("edited")
    assert (tmp_path / "goal/run.sh").read_text() == "b"


def test_files_by_name_are_a_folder(tmp_path: Path) -> None:
    formats.write({"a/b.txt": "é", "c": b"\0"}, tmp_path / "x", "directory")
    assert (tmp_path / "x/a/b.txt").read_text(encoding="utf-8") == "é"
    assert (tmp_path / "x/c").read_bytes() == b"\0"


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"../a": b""}, "'../a' is no name of a file inside of the folder"),
        ({"/a": b""}, "'/a' is no name"),
        ({1: b""}, "1 is no name"),
        ({"": b""}, "'' is no name"),
        ({"a": 1}, "the file 'a' is int"),
        ({"a": b"", "a/b": b""}, "in each other's place: 'a/b'"),
        ({"a/b": b"", "a": b""}, "in each other's place: 'a'"),
        ({}, "the folder is empty"),
        ("nowhere", "there is no folder 'nowhere'"),
        (3, "a folder is wanted, not int"),
    ],
)
def test_what_is_no_folder_is_refused(value: Any, why: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=why):
        formats.write(value, tmp_path / "x", "directory")


def test_links_and_pipes_in_a_folder_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = _filled(tmp_path / "own")
    (folder / "deep/link").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="deep/link is a symbolic link to '/etc/passwd'"):
        formats.write(folder, tmp_path / "x", "directory")
    (folder / "deep/link").unlink()
    os.mkfifo(folder / "pipe")
    with pytest.raises(Refused, match="pipe is no plain file"):
        formats.write(folder, tmp_path / "y", "directory")
    with pytest.raises(Refused, match="holds all of the step's work"):
        formats.write(tmp_path, tmp_path / "z", "directory")
    (tmp_path / "empty/inner").mkdir(parents=True)
    with pytest.raises(Refused, match="the folder is empty"):
        formats.describe(tmp_path / "empty", "directory")


def _figure() -> Any:
    from matplotlib.figure import Figure

    figure = Figure()
    figure.add_subplot().plot([1, 3, 2])
    return figure


def test_a_plot_is_a_png_of_the_same_bytes_each_time(tmp_path: Path) -> None:
    figure = _figure()
    for name, value in (("a", figure), ("b", _figure()), ("c", figure.axes[0])):
        formats.write(value, tmp_path / name, "figure")
    data = (tmp_path / "a").read_bytes()
    assert data == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()
    assert b"Software" not in data
    assert formats.read(tmp_path / "a", "figure") == data
    from matplotlib.image import imread

    assert imread(BytesIO(data)).shape == (720, 960, 4)


class Chart:
    def to_json(self) -> str:
        return '{"layout": {}, "data": []}'


def test_images_and_charts_are_figures_too(tmp_path: Path) -> None:
    formats.write(Chart(), tmp_path / "a", "figure")
    assert formats.read(tmp_path / "a", "figure") == b'{"data": [], "layout": {}}'
    svg = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'
    formats.write(svg, tmp_path / "b", "figure")
    assert formats.describe(tmp_path / "b", "figure") == formats.describe(tmp_path / "a", "figure")
    with pytest.raises(Refused, match="a figure is wanted, not int"):
        formats.write(3, tmp_path / "c", "figure")
    with pytest.raises(Refused, match="bytes is no PNG, SVG or chart"):
        formats.write(b"GIF89a", tmp_path / "c", "figure")
    (tmp_path / "d.png").write_bytes(b"text")
    with pytest.raises(Refused, match=r"d\.png is no PNG"):
        formats.describe(tmp_path / "d.png", "figure")


def test_a_pickle_is_read_with_a_warning_and_never_to_describe_it(tmp_path: Path) -> None:
    formats.write({"a": {1, 2}}, tmp_path / "x", "unsafe-pickle")
    with pytest.warns(RuntimeWarning, match="runs whatever code is in it"):
        assert formats.read(tmp_path / "x", "unsafe-pickle") == {"a": {1, 2}}
    with pytest.raises(Refused, match="cannot be pickled"):
        formats.write(lambda: 1, tmp_path / "y", "unsafe-pickle")
    made = tmp_path / "made"
    bomb = f"cpathlib\nPath.touch\n(cpathlib\nPath\n(V{made}\ntRtR."
    (tmp_path / "z").write_text(bomb)
    formats.describe(tmp_path / "z", "unsafe-pickle")
    assert not made.exists()
    (tmp_path / "z").write_bytes(b"no")
    with pytest.raises(Refused, match="z is no pickle"):
        formats.describe(tmp_path / "z", "unsafe-pickle")
