# SPDX-License-Identifier: Apache-2.0
"""A dashboard as a picture: its JSON and the answers of Prometheus as SVG, without a Grafana."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final, NamedTuple

from desmos_fast.base.clock import PARIS

WIDTH, CELL_H, GAP, TOP = 1400, 34, 6, 56
COLUMN: Final = WIDTH / 24
COLOURS: Final = {"green": "#3f9142", "orange": "#d9822b", "red": "#c23030", "blue": "#2b6cb0"}
LINES: Final = ("#73bf69", "#f2cc0c", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#96d98d", "#ffcb7d", "#e0b400")
MIB: Final = 2**20
TICKS: Final = (60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
BACK, CARD, EDGE, TEXT, DIM = "#111217", "#181b1f", "#2c3235", "#d8d9da", "#8e8e8e"


class Series(NamedTuple):
    """One line or one value: its name, and its points as seconds since 1970 and values, in order."""

    name: str
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        """Return the last value."""
        return self.points[-1][1]


class Box(NamedTuple):
    """Where a panel is, in pixels."""

    x: float
    y: float
    w: float
    h: float


def draw(board: Mapping[str, Any], span: tuple[float, float], answers: Callable[[Mapping[str, Any]], list[Series]]) -> str:
    """Return a dashboard as SVG; `answers` asks what a panel shows, `span` is what its time axis covers."""
    bottom = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    height = TOP + bottom * CELL_H + GAP
    when = " to ".join(f"{datetime.fromtimestamp(at, PARIS):%Y-%m-%d %H:%M}" for at in span)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="{BACK}"/>',
        _text(14, 34, board["title"], 20), _text(WIDTH - 14, 34, f"{when} ({board['timezone']})", 13, DIM, "end"),
    ]  # fmt: skip
    for panel in board["panels"]:
        place = panel["gridPos"]
        box = Box(place["x"] * COLUMN + GAP / 2, TOP + place["y"] * CELL_H + GAP / 2, place["w"] * COLUMN - GAP, place["h"] * CELL_H - GAP)
        if panel["type"] == "row":
            parts.append(_text(box.x + 8, box.y + 20, f"▾ {panel['title']}", 14))
            continue
        parts.append(f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.w:.1f}" height="{box.h:.1f}" fill="{CARD}" stroke="{EDGE}"/>')
        found = answers(panel)
        shape = {"stat": _stat, "bargauge": _bars, "timeseries": _lines}[panel["type"]]
        parts += (
            shape(panel, box, found, span) if found else [_text(box.x + box.w / 2, box.y + box.h / 2 + 10, "no data", 14, DIM, "middle")]
        )
        parts.append(_text(box.x + 8, box.y + 18, panel["title"], 12.5))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, size: float, fill: str = TEXT, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{fill}" text-anchor="{anchor}">{escape(text)}</text>'


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """Return a value as Grafana would show it, nearly."""
    if math.isnan(value):
        return "NaN"
    if unit == "percentunit":
        return f"{value * 100:.{2 if decimals is None else decimals}f} %"
    if unit.startswith("suffix:"):
        return f"{value:.{1 if decimals is None else decimals}f}{unit.removeprefix('suffix:')}"
    if unit == "s":
        return _seconds(value)
    if unit == "bytes":
        return f"{value / MIB:.0f} MiB"
    number = f"{value:,.0f}" if decimals == 0 or value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
    return {"currencyEUR": f"€{number}", "reqps": f"{number}/s"}.get(unit, number)


def _seconds(value: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(value) >= size:
            return f"{value / size:.1f} {name}"
    return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{value * 1000:.3g} ms"


def _colour(panel: Mapping[str, Any], value: float) -> str:
    mapped = [
        result
        for one in panel["fieldConfig"]["defaults"].get("mappings", ())
        for key, result in one["options"].items()
        if float(key) == value
    ]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLOURS[mapped[0]["color"] if mapped else reached[-1]]


def _label(panel: Mapping[str, Any], value: float) -> str:
    told = panel["fieldConfig"]["defaults"]
    for one in told.get("mappings", ()):
        for key, result in one["options"].items():
            if float(key) == value:
                return str(result["text"])
    return shown(value, told["unit"], told.get("decimals"))


def _stat(panel: Mapping[str, Any], box: Box, found: Sequence[Series], _span: tuple[float, float]) -> Iterator[str]:
    filled = panel["options"]["colorMode"] == "background"
    width = box.w / len(found)
    for place, one in enumerate(found):
        x = box.x + place * width
        colour = _colour(panel, one.last)
        if filled:
            yield f'<rect x="{x:.1f}" y="{box.y:.1f}" width="{width:.1f}" height="{box.h:.1f}" fill="{colour}" stroke="{EDGE}"/>'
        text = _label(panel, one.last)
        size = min(30.0, 1.6 * width / max(len(text), 1))
        yield _text(x + width / 2, box.y + box.h / 2 + 18, text, size, TEXT if filled else LINES[0], "middle")
        if len(found) > 1:
            yield _text(x + width / 2, box.y + box.h - 10, one.name, min(12.0, 1.9 * width / max(len(one.name), 1)), TEXT, "middle")


def _bars(panel: Mapping[str, Any], box: Box, found: Sequence[Series], _span: tuple[float, float]) -> Iterator[str]:
    most = max((one.last for one in found), default=0) or 1
    each = min(34.0, (box.h - 34) / len(found))
    names = min(0.45 * box.w, 8 + 6.6 * max(len(one.name) for one in found))
    for place, one in enumerate(found):
        y = box.y + 28 + place * each
        room = box.w - names - 80
        yield _text(box.x + 8, y + each / 2 + 4, one.name, 12)
        yield f'<rect x="{box.x + names:.1f}" y="{y + 3:.1f}" width="{room:.1f}" height="{each - 6:.1f}" fill="{EDGE}"/>'
        width, colour = room * max(one.last, 0) / most, _colour(panel, one.last)
        yield f'<rect x="{box.x + names:.1f}" y="{y + 3:.1f}" width="{width:.1f}" height="{each - 6:.1f}" fill="{colour}"/>'
        yield _text(box.x + box.w - 8, y + each / 2 + 4, shown(round(one.last), panel["fieldConfig"]["defaults"]["unit"]), 12, TEXT, "end")


def _lines(panel: Mapping[str, Any], box: Box, found: Sequence[Series], span: tuple[float, float]) -> Iterator[str]:
    told = panel["fieldConfig"]["defaults"]
    custom = told["custom"]
    plot = Box(box.x + 62, box.y + 30, box.w - 74, box.h - 70)
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    drawn = list(_stacked(found)) if stacked else [(one, None) for one in found]
    values = [value for one, _ in drawn for _, value in one.points if not math.isnan(value)]
    limits = [step["value"] for step in told["thresholds"]["steps"] if step["value"] is not None and "thresholdsStyle" in custom]
    low = min([*values, custom.get("axisSoftMin", math.inf)])
    high = max([*values, custom.get("axisSoftMax", -math.inf), *(limit for limit in limits if values and limit <= 3 * max(values))])
    high = min(high, told.get("max", math.inf)) if high > low else low + 1
    step = _step((high - low) / 3, told["unit"])
    low, high = math.floor(low / step) * step, math.ceil(round(high / step, 6)) * step

    def at(when: float, value: float) -> str:
        x = plot.x + plot.w * (when - span[0]) / (span[1] - span[0])
        return f"{x:.1f},{plot.y + plot.h * (1 - (min(value, high) - low) / (high - low)):.1f}"

    yield from _scale(plot, low, high, step, told["unit"])
    yield from _times(plot, span)
    for limit, colour in ((step["value"], step["color"]) for step in told["thresholds"]["steps"] if step["value"] in limits):
        if low <= limit <= high:
            ends = f"{at(span[0], limit)} {at(span[1], limit)}"
            yield f'<polyline points="{ends}" stroke="{COLOURS[colour]}" stroke-dasharray="6 4" fill="none"/>'
    for place, (one, below) in reversed([*enumerate(drawn)]):
        colour = LINES[place % len(LINES)]
        for piece in _pieces(one.points, custom.get("lineInterpolation") == "stepAfter"):
            path = " ".join(at(when, value) for when, value in (_bends(piece) if below is None else piece))
            if below is not None:
                under = " ".join(at(when, below.get(when, 0.0)) for when, _ in reversed(piece))
                yield f'<polygon points="{path} {under}" fill="{colour}" fill-opacity="0.35"/>'
            yield f'<polyline points="{path}" stroke="{colour}" stroke-width="1.3" fill="none"/>'
    yield from _legend(box, [one.name for one in found])


def _step(rough: float, unit: str) -> float:
    """Return the round number that is next to a step."""
    if unit == "s" and rough > TICKS[0]:
        return next((step for step in TICKS if step >= rough), TICKS[-1])
    scale = MIB if unit == "bytes" else 1
    size: float = scale * 10 ** math.floor(math.log10(rough / scale))
    return next(size * times for times in (1, 2, 5, 10) if size * times >= rough * 0.999)


def _scale(plot: Box, low: float, high: float, step: float, unit: str) -> Iterator[str]:
    for part in range(round((high - low) / step) + 1):
        y = plot.y + plot.h * (1 - part * step / (high - low))
        yield f'<line x1="{plot.x:.1f}" x2="{plot.x + plot.w:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{EDGE}"/>'
        yield _text(plot.x - 6, y + 4, shown(round(low + step * part, 9), unit), 10.5, DIM, "end")


def _times(plot: Box, span: tuple[float, float]) -> Iterator[str]:
    whole = span[1] - span[0]
    step = next((step for step in TICKS if whole / step <= plot.w / 80), TICKS[-1])
    midnight = datetime.fromtimestamp(span[0], PARIS).replace(hour=0, minute=0, second=0).timestamp()
    for number in range(math.ceil((span[0] - midnight) / step), math.floor((span[1] - midnight) / step) + 1):
        when = midnight + number * step
        told = f"{datetime.fromtimestamp(when, PARIS):{'%d %b' if number * step % 86400 == 0 and whole > 86400 else '%H:%M'}}"
        yield _text(plot.x + plot.w * (when - span[0]) / whole, plot.y + plot.h + 15, told, 10.5, DIM, "middle")


def _bends(piece: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return a stretch without the points between which it is flat."""
    inner = (b for a, b, c in zip(piece, piece[1:], piece[2:], strict=False) if not a[1] == b[1] == c[1])
    return [piece[0], *inner, *piece[1:][-1:]]


def _legend(box: Box, names: Sequence[str]) -> Iterator[str]:
    x = box.x + 12
    for place, name in enumerate(names):
        width = 22 + 6.1 * len(name)
        if x + width > box.x + box.w:
            yield _text(x, box.y + box.h - 8, "…", 11, DIM)
            return
        yield f'<rect x="{x:.1f}" y="{box.y + box.h - 15:.1f}" width="9" height="4" fill="{LINES[place % len(LINES)]}"/>'
        yield _text(x + 13, box.y + box.h - 9, name, 11)
        x += width


def _stacked(found: Sequence[Series]) -> Iterator[tuple[Series, dict[float, float]]]:
    below: dict[float, float] = {}
    for one in found:
        points = [(when, below.get(when, 0.0) + (0.0 if math.isnan(value) else value)) for when, value in one.points]
        yield Series(one.name, points), dict(below)
        below |= dict(points)


def _pieces(points: Sequence[tuple[float, float]], stepped: bool) -> Iterator[list[tuple[float, float]]]:
    """Give the stretches between which there is no value."""
    step = min((b[0] - a[0] for a, b in zip(points, points[1:], strict=False)), default=0.0)
    piece: list[tuple[float, float]] = []
    for when, value in points:
        if math.isnan(value) or (piece and when - piece[-1][0] > 1.5 * step):
            if piece:
                yield piece
            piece = []
        if not math.isnan(value):
            if stepped and piece:
                piece.append((when, piece[-1][1]))
            piece.append((when, value))
    if piece:
        yield piece
