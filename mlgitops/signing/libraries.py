"""The extra ``sign``: imported late, and asked for by name when it is not installed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from mlgitops.core.errors import Refused


def library(name: str) -> ModuleType:
    """Return the module ``name``; Refused with what to install when it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise Refused(
            f"signatures need the package {name.partition('.')[0]!r}, which is not installed"
            f" ({error})",
            hint="pip install 'mlgitops[sign]'",
        ) from error
