"""The comparison as SVG; the same figures give the same file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colours that people with colour blindness can tell apart (Okabe & Ito 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_MARKERS = "osD^vPX"
_STYLE = {
    "svg.hashsalt": "vqa",
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "savefig.facecolor": "white",
}
FILES = ("families.svg", "samples.svg", "cost.svg")


def draw(rows: Sequence[dict], guess: dict, families: Sequence[str], out: Path) -> None:
    """Writes `FILES` into the folder `out`.

    Args:
        rows: contenders as in `report.json`. guess: what needs no picture, in the same form.
        families: what to show beside each other, top to bottom.
    """
    with matplotlib.rc_context(_STYLE):
        drawn = (_families(rows, guess, families), _samples(rows), _cost(rows))
        for name, figure in zip(FILES, drawn, strict=True):
            figure.savefig(out / name, metadata={"Date": None})


def _look(k: int) -> dict:
    return {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)]}


def _families(rows: Sequence[dict], guess: dict, families: Sequence[str]) -> Figure:
    """A line of points for each family, with 95 % intervals."""
    shown = [name for name in families if name in guess]
    figure = Figure(figsize=(8, 1.2 + 0.55 * len(shown)), layout="constrained")
    axes = figure.subplots()
    places = list(range(len(shown)))
    for k, row in enumerate(rows):
        figures = [row["accuracy"][name] for name in shown]
        middle = [100 * f["accuracy"] for f in figures]
        # Rounding can put the middle of an interval a hair outside it.
        below = [max(0.0, m - 100 * f["interval"][0]) for m, f in zip(middle, figures, strict=True)]
        above = [max(0.0, 100 * f["interval"][1] - m) for m, f in zip(middle, figures, strict=True)]
        shift = 0.6 * ((k + 0.5) / len(rows) - 0.5)
        axes.errorbar(
            middle,
            [p + shift for p in places],
            xerr=[below, above],
            linestyle="none",
            capsize=2,
            markersize=5,
            label=_words(row["name"]),
            **_look(k),
        )
    for place, name in zip(places, shown, strict=True):
        axes.plot(
            [100 * guess[name]["accuracy"]] * 2,
            [place - 0.4, place + 0.4],
            color="#888888",
            linestyle=":",
            label=None if place else "commonest answer",
        )
    axes.set_yticks(places, [_words(name) for name in shown])
    axes.invert_yaxis()
    axes.set(xlim=(0, 101), xlabel="held-out questions answered right, %, with 95 % intervals")
    _legend(figure, axes)
    return figure


def _samples(rows: Sequence[dict]) -> Figure:
    """Accuracy against training questions, of all questions and of those about relations."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    both = figure.subplots(1, 2, sharey=True)
    for axes, what, title in zip(
        both, ("all", "relations"), ("all families", "families about relations"), strict=True
    ):
        for k, row in enumerate(rows):
            axes.plot(
                [point["questions"] for point in row["curve"]],
                [100 * point[what] for point in row["curve"]],
                markersize=4,
                label=_words(row["name"]),
                **_look(k),
            )
        axes.set(xscale="log", xlabel="training questions", title=title)
    both[0].set(ylabel="held-out questions answered right, %", ylim=(0, 101))
    _legend(figure, both[0])
    return figure


def _cost(rows: Sequence[dict]) -> Figure:
    """Time of a question and weights, a bar for each contender."""
    figure = Figure(figsize=(9, 1.4 + 0.35 * len(rows)), layout="constrained")
    time, size = figure.subplots(1, 2, sharey=True)
    names = [_words(row["name"]) for row in rows]
    colours = [_look(k)["color"] for k in range(len(rows))]
    for axes, values, form, label in (
        (time, [row["latency_ms"]["1"] for row in rows], "%.2f", "ms for one question, one thread"),
        (size, [row["parameters"]["fusion"] / 1e6 for row in rows], "%.2f", "million weights"),
    ):
        bars = axes.barh(names, values, color=colours)
        axes.bar_label(bars, fmt=form, padding=3)
        axes.set(xlabel=label, xlim=(0, 1.18 * max(values)))
        axes.grid(False)
    time.invert_yaxis()
    time.set_title("question encoder, fusion and head")
    size.set_title("fusion")
    return figure


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)


def _words(name: str) -> str:
    return name.replace("_", " ")
