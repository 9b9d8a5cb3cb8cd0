# SPDX-License-Identifier: Apache-2.0
"""Charts as SVG inside a page: bars from one, and lines, on logarithmic scales. Colours are those of the page, light or dark."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 900
LABELS: Final = 430
ROW: Final = 24
HEIGHT: Final = 320
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 14, 44


class Bar(NamedTuple):
    """One bar: its value is how many times one; the kind is a class of the page."""

    label: str
    value: float
    kind: str


class Curve(NamedTuple):
    """One line through points."""

    label: str
    points: Sequence[tuple[float, float]]


def text(x: float, y: float, said: str, anchor: str = "start", kind: str = "") -> str:
    """Return a text at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(said)}</text>'


def decades(low: float, high: float) -> list[float]:
    """Return the round values of a logarithmic scale: powers of ten, with 2 and 5 where there are few of them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first < 4 else (1,)
    return [step * 10.0**power for power in range(first, last + 1) for step in steps if low <= step * 10.0**power <= high]


def bars(rows: Sequence[Bar], title: str, unit: str) -> str:
    """Draw bars that begin at one, to the right what is more and to the left what is less."""
    least, most = min(0.5, *(bar.value for bar in rows)), max(2.0, *(bar.value for bar in rows))
    low, high = math.log10(least), math.log10(most)
    height = TOP + ROW * len(rows) + BOTTOM

    def at(value: float) -> float:
        return LABELS + (math.log10(value) - low) / (high - low) * (WIDTH - LABELS - 70)

    parts = [_begin(height, title)]
    for value in decades(least, most):
        parts.append(f'<line x1="{at(value):.1f}" x2="{at(value):.1f}" y1="{TOP}" y2="{height - BOTTOM}" class="grid"/>')
        parts.append(text(at(value), height - BOTTOM + 16, f"{value:g}", "middle", "tick"))
    for number, bar in enumerate(rows):
        y, end = TOP + ROW * number, at(bar.value)
        left, width = min(end, at(1)), max(abs(end - at(1)), 1.5)
        parts.append(f'<rect x="{left:.1f}" y="{y + 4}" width="{width:.1f}" height="{ROW - 8}" class="bar {bar.kind}"/>')
        parts.append(text(LABELS - 8, y + 16, _cut(bar.label, 66), "end"))
        parts.append(text(max(end, at(1)) + 6, y + 16, f"{bar.value:.3g}x", kind="value"))
    parts.append(f'<line x1="{at(1):.1f}" x2="{at(1):.1f}" y1="{TOP - 6}" y2="{height - BOTTOM}" class="axis"/>')
    parts.append(text(LABELS, height - 8, unit, kind="tick"))
    return "".join([*parts, "</svg>"])


def curves(lines: Sequence[Curve], title: str, across: str, up: str, ticks: Sequence[tuple[float, str]] = ()) -> str:
    """Draw lines; up is logarithmic, across too unless it has ticks of its own."""
    points = [point for line in lines for point in line.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = math.log10(min(ys)) - 0.1, math.log10(max(ys)) + 0.1
    place = (lambda x: x) if ticks else math.log10
    first, last = place(min(xs)), place(max(xs))

    def at(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (place(x) - first) / ((last - first) or 1) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (math.log10(y) - low) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    parts = [_begin(HEIGHT, title)]
    for value in decades(10**low, 10**high):
        y = at(min(xs), value)[1]
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(text(LEFT - 6, y + 4, f"{value:g}", "end", "tick"))
    for value, name in ticks or [(value, f"{value:,.0f}") for value in decades(min(xs), max(xs)) if math.log10(value) % 1 == 0]:
        parts.append(text(at(value, max(ys))[0], HEIGHT - BOTTOM + 16, name, "middle", "tick"))
    taken: list[float] = []
    for number, line in enumerate(lines):
        places = [at(*point) for point in line.points]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{drawn}" class="line s{number % 6}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="dot s{number % 6}"/>' for x, y in places]
        y = _free(places[-1][1] + 4, taken)
        taken.append(y)
        parts.append(text(WIDTH - RIGHT + 10, y, _cut(line.label, 34), kind=f"end s{number % 6}"))
    parts += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across, "middle", "tick"), text(4, 11, up, kind="tick")]
    return "".join([*parts, "</svg>"])


def spark(values: Sequence[float], title: str) -> str:
    """Draw a small line of what a value was, run after run."""
    low, high = min(values), max(values)
    step, span = 150 / max(len(values) - 1, 1), (high - low) or 1
    drawn = " ".join(f"{4 + step * at:.1f},{24 - (value - low) / span * 18:.1f}" for at, value in enumerate(values))
    head = f'<svg viewBox="0 0 160 28" width="160" height="28" role="img"><title>{escape(title)}</title>'
    return f'{head}<polyline points="{drawn}" class="line s0"/></svg>'


def _begin(height: int, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" class="chart"><title>{escape(title)}</title>'


def _cut(said: str, most: int) -> str:
    return said if len(said) <= most else said[: most - 1] + "…"


def _free(y: float, taken: Sequence[float]) -> float:
    """Return the place nearest to one where no label stands yet."""
    while any(abs(y - other) < 14 for other in taken):
        y += 14
    return y
