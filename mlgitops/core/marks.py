"""Where something stands in a file."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place in a file; lines and columns count from 1, ``length`` is in characters."""

    path: str
    line: int = 1
    column: int = 1
    length: int = 1

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"

    def part(self, text: str, start: int, end: int | None = None) -> Mark:
        """Return the place of ``text[start:end]``, when ``text`` stands here as it is or quoted.

        What is written in another way (escapes, a block of lines, an alias) is marked as a whole.
        """
        before = {len(text): 0, len(text) + 2: 1}.get(self.length)
        length = len(text[start:end])
        if before is None or not length:
            return self
        return replace(self, column=self.column + before + start, length=length)
