"""``python -m mlgitops``, and the console script."""

from __future__ import annotations

import sys

from mlgitops.cli import main

if __name__ == "__main__":
    sys.exit(main())

__all__ = ["main"]
