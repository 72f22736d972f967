"""``${NAME}`` in a spec stands for an environment variable: a secret is named, never written."""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
