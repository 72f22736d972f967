"""Small charts as SVG text: no library, no time, no identifier; equal data gives equal bytes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH: Final = 460
HEIGHT: Final = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 34, 46
INK: Final = "#1f2937"
SOFT: Final = "#9ca3af"
BLUE: Final = "#2563eb"
PALE: Final = "#bfdbfe"
RED: Final = "#dc2626"


@dataclass(slots=True, kw_only=True)
class Chart:
    """A drawing area with two axes; ``x`` and ``y`` are the ends of what is drawn."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_name: str
    y_name: str
    height: int = HEIGHT
    left: int = _LEFT
    y_ticks: bool = True
    _parts: list[str] = field(default_factory=list)

    def at(self, x: float, y: float) -> tuple[str, str]:
        """Return where a point lies, in the text of the drawing."""
        (x0, x1), (y0, y1) = self.x, self.y
        across = (x - x0) / ((x1 - x0) or 1.0)
        up = (y - y0) / ((y1 - y0) or 1.0)
        right = self.left + across * (WIDTH - self.left - _RIGHT)
        down = self.height - _BOTTOM - up * (self.height - _TOP - _BOTTOM)
        return f"{right:.1f}", f"{down:.1f}"

    def line(
        self, points: Sequence[tuple[float, float]], colour: str = BLUE, *, dashed: bool = False
    ) -> None:
        """Draw a line through points."""
        text = " ".join(",".join(self.at(*point)) for point in points)
        dash = ' stroke-dasharray="4 4" stroke-width="1"' if dashed else ' stroke-width="2"'
        self._parts.append(f'<polyline points="{text}" fill="none" stroke="{colour}"{dash}/>')

    def area(self, points: Sequence[tuple[float, float]], colour: str = PALE) -> None:
        """Fill what points go round."""
        text = " ".join(",".join(self.at(*point)) for point in points)
        self._parts.append(f'<polygon points="{text}" fill="{colour}" fill-opacity="0.6"/>')

    def dot(self, x: float, y: float, colour: str = BLUE) -> None:
        """Draw a point."""
        cx, cy = self.at(x, y)
        self._parts.append(f'<circle cx="{cx}" cy="{cy}" r="4" fill="{colour}"/>')

    def label(self, x: float, y: float, text: str, *, anchor: str = "middle") -> None:
        """Write beside a point."""
        tx, ty = self.at(x, y)
        self._parts.append(
            f'<text x="{tx}" y="{ty}" dy="4" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def side(self, y: float, text: str) -> None:
        """Write left of the drawing area."""
        ty = self.at(self.x[0], y)[1]
        self._parts.append(
            f'<text x="{self.left - 8}" y="{ty}" dy="4" text-anchor="end">{escape(text)}</text>'
        )

    def text(self) -> bytes:
        """Return the drawing."""
        bottom, right = self.height - _BOTTOM, WIDTH - _RIGHT
        middle = (self.left + right) / 2
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}"'
            f' width="{WIDTH}" height="{self.height}" role="img"'
            ' font-family="system-ui, sans-serif" font-size="12">',
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{WIDTH}" height="{self.height}" fill="#ffffff"/>',
            f'<g fill="{INK}">',
            f'<text x="{WIDTH // 2}" y="20" text-anchor="middle" font-size="14"'
            f' font-weight="600">{escape(self.title)}</text>',
            f'<path d="M{self.left} {_TOP}V{bottom}H{right}" fill="none" stroke="{SOFT}"/>',
            f'<text x="{middle:.1f}" y="{self.height - 8}" text-anchor="middle">'
            f"{escape(self.x_name)}</text>",
        ]
        for x in _ticks(*self.x):
            tx = self.at(x, self.y[0])[0]
            lines.append(f'<text x="{tx}" y="{bottom + 16}" text-anchor="middle">{x:g}</text>')
        if self.y_ticks:
            half = (_TOP + bottom) / 2
            lines.append(
                f'<text transform="translate(14 {half:.1f}) rotate(-90)"'
                f' text-anchor="middle">{escape(self.y_name)}</text>'
            )
            for y in _ticks(*self.y):
                ty = self.at(self.x[0], y)[1]
                lines.append(
                    f'<text x="{self.left - 6}" y="{ty}" dy="4" text-anchor="end">{y:g}</text>'
                )
        return "\n".join([*lines, *self._parts, "</g>", "</svg>", ""]).encode()


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers from ``low`` to ``high``."""
    span = high - low
    if not span > 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / 4))
    step = max(one * size for one in (1.0, 2.0, 5.0) if one * size <= span / 4 * 1.001)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]
