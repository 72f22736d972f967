"""What rules may know beyond the files of one tree, handed to them as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``releases``: model to version to digest, as the tags say; None when nobody looked."""

    releases: Mapping[str, Mapping[str, str]] | None = None


NO_FACTS: Final = Facts()
