"""Import the repository's modules from their source, never from ``__pycache__``.

A cached file is taken as current when second and size are the same: an edit within the second
after an import would be missed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)


def load_fresh(ours: Callable[[str], bool]) -> None:
    """From here on import what lies in folders that are ``ours`` from its source."""

    def finder(folder: str) -> FileFinder:
        if not ours(folder):
            raise ImportError("not a folder of the repository")
        loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (_FreshLoader, SOURCE_SUFFIXES))
        return FileFinder(folder, *loaders)

    sys.path_hooks.insert(0, finder)
    sys.path_importer_cache.clear()


class _FreshLoader(SourceFileLoader):
    def path_stats(self, path: str) -> dict[str, object]:
        raise OSError("the cache of compiled modules is not asked")
