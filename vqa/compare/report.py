"""The comparison as a Markdown page, written from `report.json` alone."""

from __future__ import annotations

from collections.abc import Sequence

from vqa.compare.plots import FILES
from vqa.compare.prose import (
    ANSWERS_ONLY,
    DIFFERENCES,
    FAIRNESS,
    LITERATURE,
    PUBLISHED,
    WHY,
)
from vqa.figures import interval, percent

_SECONDS = (
    "*Questions* are those learnt from, *computing* the seconds that took; a budget of time is "
    "turned into questions by a short trial of each."
)
_LATENCY = (
    "Milliseconds are the median of single questions on the CPU about a picture whose regions were "
    "encoded before; encoding a picture takes the same time whatever the fusion."
)


def markdown(report: dict, families: Sequence[str]) -> str:
    """The page.

    Args:
        report: what `report.json` holds. families: all question families, easy ones first.
    """
    rows, machine = report["contenders"], report["machine"]
    plots = {name: f"![{name.removesuffix('.svg')}]({name})" for name in FILES}
    asked = rows[0]["accuracy"]["all"]["n"]
    parts = [
        "# Fusions side by side",
        f"Each was trained with a budget of {report['budget']} on questions about "
        f"{report['training_scenes']:,} simulated scenes: the same questions in the same order, "
        f"from seed {report['seed']}. Then each was asked the same {asked:,} questions "
        f"({', '.join(report['languages'])}) about {report['held_out_scenes']:,} other scenes.",
        f"```sh\n{report['command']}\n```",
        f"Machine: {machine['cpu']}, {machine['cores']} cores, computing threads: "
        f"{machine['threads']}, PyTorch {machine['torch']}, device {machine['device']}.",
        "## Result",
        _summary(report),
        f"{_SECONDS} {_LATENCY}",
        plots["cost.svg"],
        "## By family",
        _by_family(report, ["all", "relations", *report["languages"], *families]),
        f"*relations*: {', '.join(report['relations'])}. *Commonest answer* is what always giving "
        "the family's commonest answer in training scores. Intervals are 95 % (Wilson).",
        plots["families.svg"],
        "## Against training questions",
        "The learning rate falls to the end of each one's budget, so a point in the middle is "
        "not what a training of that length would reach.",
        plots["samples.svg"],
        "## Why this order",
        _why(rows),
        FAIRNESS,
        "## Beside published figures",
        _published(rows),
        DIFFERENCES,
        LITERATURE,
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _summary(report: dict) -> str:
    """The best first."""
    head = ["", "all", "relations", "questions", "computing", "weights: fusion", "whole"]
    rows = report["contenders"]
    threads = list(rows[0]["latency_ms"])
    head += [f"ms, {n} thread{'s' * (n != '1')}" for n in threads]
    head += ["attention steps", "shown sets"]
    return _table(
        head,
        [
            [
                f"`{row['name']}`",
                percent(row["accuracy"]["all"]["accuracy"]),
                percent(row["accuracy"]["relations"]["accuracy"]),
                f"{row['questions']:,}",
                f"{row['seconds']:.0f} s",
                f"{row['parameters']['fusion']:,}",
                f"{row['parameters']['network']:,}",
                *(f"{row['latency_ms'][n]:.2f}" for n in threads),
                str(row["attention_steps"]),
                "yes" if _shown_sets(row) else "no",
            ]
            for row in rows
        ],
    )


def _by_family(report: dict, names: Sequence[str]) -> str:
    guess, rows = report["commonest_answer"], report["contenders"]
    head = ["", "number", *(f"`{row['name']}`" for row in rows), "commonest answer"]
    lines = []
    for name in names:
        if name not in guess:
            continue
        cells = [row["accuracy"][name] for row in rows]
        lines.append(
            [
                name,
                f"{guess[name]['n']:,}",
                *(f"{percent(c['accuracy'])} ({interval(c['interval'])})" for c in cells),
                percent(guess[name]["accuracy"]),
            ]
        )
    return _table(head, lines)


def _shown_sets(row: dict) -> bool:
    return bool(row["attention_steps"] and row["set_weight"])


def _why(rows: Sequence[dict]) -> str:
    """A line for each contender, the best first."""
    told = {row["fusion"] for row in rows if _shown_sets(row)}
    lines = []
    for row in rows:
        untold = row["attention_steps"] and not row["set_weight"] and row["fusion"] in told
        reason = ANSWERS_ONLY if untold else WHY.get(row["fusion"], "")
        score = row["accuracy"]["relations"]["accuracy"]
        lines.append(
            f"- `{row['name']}`, {percent(score)} of relations right: {reason}".rstrip(": ")
        )
    return "\n".join(lines) + _alike(rows)


def _alike(rows: Sequence[dict]) -> str:
    """Which neighbours in the order this budget does not tell apart."""
    pairs = [
        f"`{better['name']}` and `{worse['name']}`"
        for better, worse in zip(rows, rows[1:], strict=False)
        if better["accuracy"]["relations"]["interval"][0]
        <= worse["accuracy"]["relations"]["interval"][1]
    ]
    if not pairs:
        return ""
    return (
        f"\n\nThis budget does not tell apart {', '.join(pairs)}: their intervals on relations "
        "overlap, so their order may be chance."
    )


def _published(rows: Sequence[dict]) -> str:
    known = [row for row in rows if row["fusion"] in PUBLISHED]
    return _table(
        ["", "ours, all", "published as", "on CLEVR", "source"],
        [
            [
                f"`{row['name']}`",
                percent(row["accuracy"]["all"]["accuracy"]),
                PUBLISHED[row["fusion"]][0],
                f"{PUBLISHED[row['fusion']][1]:.1f} %",
                PUBLISHED[row["fusion"]][2],
            ]
            for row in known
        ],
    )
