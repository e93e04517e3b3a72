"""Plots as SVG from the numbers of a card. Colors are the theme's; each has a text alternative."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 340, 260, 46, 40, 10
_ROW = 22


def bars(kinds: Mapping[str, dict], title: str) -> str:
    """Horizontal bars: name -> {"accuracy", "interval"}, all in [0, 1]."""
    lines, said = [], []
    for number, (name, row) in enumerate(kinds.items()):
        y, share = number * _ROW + 11, row["accuracy"]
        low, high = (150 + 130 * value for value in row["interval"])
        said.append(f"{name} {share:.0%}")
        lines.append(
            f'<text x="144" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar-fill" x="150" y="{y - 7}" width="{130 * share:.1f}" height="14" '
            f'rx="3"/><line class="ink" x1="{low:.1f}" x2="{high:.1f}" y1="{y}" y2="{y}"/>'
            f'<text x="288" y="{y + 4}">{share:.1%}</text>'
        )
    return _svg("".join(lines), title, "; ".join(said), len(lines) * _ROW)


def reliability(bins: Sequence[Mapping], title: str, x_name: str, y_name: str) -> str:
    """Accuracy over confidence, with dots that grow with the answers they stand for."""
    most = max(cell["n"] for cell in bins)
    dots = "".join(
        f'<circle class="dot" cx="{_x(c["confidence"]):.1f}" cy="{_y(c["accuracy"], 1):.1f}" '
        f'r="{3 + 7 * (c["n"] / most) ** 0.5:.1f}"/>'
        for c in bins
    )
    diagonal = f'<line class="faint" x1="{_x(0)}" y1="{_y(0, 1)}" x2="{_x(1)}" y2="{_y(1, 1)}"/>'
    said = "; ".join(f"{c['confidence']:.0%}: {c['accuracy']:.0%} (n={c['n']})" for c in bins)
    return _svg(_axes(x_name, y_name, 1) + diagonal + dots, title, said, HEIGHT)


def risk(points: Sequence[Sequence[float]], title: str, x_name: str, y_name: str) -> str:
    """Share wrong over share answered; the upright axis ends at the next 1, 5, 10 ... %."""
    highest = max(wrong for _, wrong in points)
    top = next(step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if highest <= step)
    path = " ".join(f"{_x(share):.1f},{_y(wrong, top):.1f}" for share, wrong in points)
    some = points[:: max(len(points) // 8, 1)]
    said = "; ".join(f"{share:.0%}: {wrong:.2%}" for share, wrong in some)
    line = f'<polyline class="curve" points="{path}"/>'
    return _svg(_axes(x_name, y_name, top) + line, title, said, HEIGHT)


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - 14)


def _y(share: float, top: float) -> float:
    return HEIGHT - BOTTOM - share / top * (HEIGHT - BOTTOM - TOP)


def _axes(x_name: str, y_name: str, top: float) -> str:
    marks = []
    for k in range(5):
        x, y = _x(k / 4), _y(top * k / 4, top)
        marks.append(
            f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * top * k / 4:g}%</text>'
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{25 * k}%</text>'
        )
    middle = (HEIGHT - BOTTOM + TOP) / 2
    return (
        "".join(marks)
        + f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_name)}</text>'
        f'<text transform="translate(10 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_name)}</text>"
    )


def _svg(inside: str, title: str, said: str, height: int) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(f"{title}: {said}")}"><title>{escape(title)}</title>{inside}</svg>'
    )
