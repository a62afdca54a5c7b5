"""Line charts as SVG, written by hand: panels one above the other, which share the horizontal axis."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 860, 300, 70, 250, 40, 40
COLOURS = ["#1668b8", "#d9600f", "#2b8a3e", "#8a3ab9", "#c2255c", "#5c5f66", "#0b7285"]
DASHES = {"solid": "", "dashed": ' stroke-dasharray="7 4"', "dotted": ' stroke-dasharray="2 4"'}


@dataclass(frozen=True)
class Line:
    """Points [x, y] with a name in the legend; points whose y is 0 or less are left out of a logarithmic panel."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0  # index in COLOURS
    dash: str = "solid"  # of DASHES


@dataclass(frozen=True)
class Panel:
    """One chart: its lines, what the vertical axis shows, and values that deserve a horizontal line of their own."""

    label: str
    lines: Sequence[Line]
    logarithmic: bool = False
    marks: Sequence[tuple[str, float]] = ()


def write_svg(path: Path, title: str, across: str, panels: Sequence[Panel]) -> None:
    """`across`: what the horizontal axis shows; it is logarithmic."""
    xs = [x for panel in panels for line in panel.lines for x, _ in line.points if x > 0]
    low, high = min(xs) / 1.05, max(xs) * 1.05
    height = TOP + len(panels) * (PANEL + GAP) + 20

    def place_x(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / low) / math.log(high / low)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT}" y="24" font-size="15">{escape(title)}</text>',
    ]
    for number, panel in enumerate(panels):
        parts += _panel(panel, TOP + number * (PANEL + GAP), place_x, _ticks(low, high, fine=True))
    parts.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{height - 18}" text-anchor="middle">{escape(across)}</text>'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>"]) + "\n")


def _panel(panel: Panel, top: float, place_x: Callable[[float], float], ticks: list[float]) -> list[str]:
    ys = [y for line in panel.lines for _, y in line.points] + [y for _, y in panel.marks]
    if panel.logarithmic:
        low, high = min(y for y in ys if y > 0) / 1.2, max(ys) * 1.2
        steps = _ticks(low, high)
    else:
        low, high = 0.0, max(*ys, 1.0) * 1.05
        unit = 10 ** math.floor(math.log10(high / 2))
        unit *= next(factor for factor in (1, 2, 5) if high / (unit * factor) <= 8 or factor == 5)
        steps = [unit * step for step in range(1 + int(high / unit))]

    def place_y(y: float) -> float:
        share = math.log(y / low) / math.log(high / low) if panel.logarithmic else y / high
        return top + PANEL * (1 - share)

    right, bottom = WIDTH - RIGHT, top + PANEL
    parts = [f'<rect x="{LEFT}" y="{top}" width="{right - LEFT}" height="{PANEL}" fill="none" stroke="#888"/>']
    for y in steps:
        at = place_y(y)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{right}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{y:,g}</text>')
    for x in ticks:
        at = place_x(x)
        parts.append(f'<path d="M{at:.1f} {top}V{bottom}" stroke="#eee"/>')
        parts.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{x:,g}</text>')
    parts.append(
        f'<text transform="translate(16 {top + PANEL / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(panel.label)}</text>"
    )
    for name, y in panel.marks:
        parts.append(f'<path d="M{LEFT} {place_y(y):.1f}H{right}" stroke="#c00"/>')
        parts.append(f'<text x="{LEFT + 6}" y="{place_y(y) - 5:.1f}" fill="#c00">{escape(name)}</text>')
    for row, line in enumerate(panel.lines):
        colour, dash = COLOURS[line.colour % len(COLOURS)], DASHES[line.dash]
        shown = [(place_x(x), place_y(y)) for x, y in line.points if y > 0 or not panel.logarithmic]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in shown)
        if shown:
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dash}/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{colour}"/>' for x, y in shown]
        at = top + 14 + 18 * row
        parts.append(f'<path d="M{right + 12} {at - 4}h26" stroke="{colour}" stroke-width="1.8"{dash}/>')
        parts.append(f'<text x="{right + 44}" y="{at}">{escape(line.name)}</text>')
    return parts


def _ticks(low: float, high: float, fine: bool = False) -> list[float]:
    """1, 2, 5, 10, … between the two; all but the powers of ten are left out where that would be many."""
    factors = (1, 2, 5) if fine or high / low < 1000 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return [10.0**decade * factor for decade in decades for factor in factors if low <= 10.0**decade * factor <= high]
