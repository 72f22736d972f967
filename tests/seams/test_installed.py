"""What is installed where steps run, read from its metadata as it lies on disk."""

import importlib.metadata
import sys
from pathlib import Path

from mlgitops.core.locks import Distribution, normalise
from mlgitops.executor.installed import InstalledIn, installed
from tests.support import write


def test_the_metadata_of_wheels_eggs_and_namespaces_is_read(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "one/scikit_thing-1.2.dist-info/METADATA": (
                "Metadata-Version: 2.1\nName: scikit-thing\nVersion: 1.2\n"
                'Requires-Dist: numpy>=1\nRequires-Dist: x; extra == "all"\n'
                "\nVersion: 9, says the text\n"
            ),
            "one/scikit_thing-1.2.dist-info/RECORD": "skthing/__init__.py,sha256=x,1\nlone.py,,\n",
            "one/google_a-1.dist-info/METADATA": "Version: 1\n",
            "one/google_a-1.dist-info/RECORD": "google/a/__init__.py,,\n",
            "one/google_b-2.dist-info/METADATA": "Version: 2\n",
            "one/google_b-2.dist-info/RECORD": "google/b/__init__.py,,\n",
            "two/old-0.5-py3.11.egg-info/PKG-INFO": "Name: old\nVersion: 0.5\n",
            "two/old-0.5-py3.11.egg-info/top_level.txt": "oldlib\n",
            "two/google_a-7.dist-info/METADATA": "Version: 7\n",
        },
    )
    found = InstalledIn((str(tmp_path / "one"), str(tmp_path / "two"), "/nowhere"), "3.11")
    assert found.get("scikit-thing") == Distribution(
        name="scikit-thing", version="1.2", requires=("numpy>=1", 'x; extra == "all"')
    )
    assert found.owners("skthing") == found.owners("lone") == ("scikit-thing",)
    assert found.owners("google") == ("google-a", "google-b")
    assert found.owners("oldlib") == ("old",)
    assert found.owners("sk") == found.owners("thing") == ()
    google, old = found.get("google-a"), found.get("old")
    assert google is not None
    assert old is not None
    assert (google.version, old.version) == ("1", "0.5")
    assert found.get("nothing") is None


def test_this_environment_is_read_as_the_standard_library_reads_it() -> None:
    here = installed(sys.executable)
    for package in ("sklearn", "yaml", "pandas", "numpy", "git", "pytest"):
        (owner,) = here.owners(package)
        names = importlib.metadata.packages_distributions()[package]
        assert [owner] == [normalise(name) for name in names]
        known = here.get(owner)
        assert known is not None
        assert known.version == importlib.metadata.version(owner)
        assert list(known.requires) == (importlib.metadata.requires(owner) or [])


def test_another_interpreter_is_asked(tmp_path: Path) -> None:
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    other = installed(str(link))
    assert other.python == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert str(tmp_path) not in other.folders


def test_what_is_installed_in_place_is_known_with_its_folder(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "one/in_place-1.dist-info/METADATA": "Version: 1\n",
            "one/in_place-1.dist-info/direct_url.json": (
                '{"url": "file:///some%20where/libs", "dir_info": {"editable": true}}'
            ),
            "one/copied-1.dist-info/direct_url.json": (
                '{"url": "file:///else", "dir_info": {"editable": false}}'
            ),
            "one/broken-1.dist-info/direct_url.json": '{"editable"',
        },
    )
    found = InstalledIn((str(tmp_path / "one"),), "3.11")
    assert found.editable == {"in-place": Path("/some where/libs")}
