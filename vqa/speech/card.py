"""What the card of a speech checkpoint says: a page for its README.md, figures for a terminal."""

from __future__ import annotations

from pathlib import Path

_HEAD = (
    "| voices | questions | words wrong | 95 % interval | without error | needs no confirmation "
    "| right answers, typed | by transcript | heard directly |"
)


def card_page(card: dict, folder: Path) -> str:
    """What a card says, in Markdown."""
    size = (folder / "model.safetensors").stat().st_size / 1e6
    parts = [
        f"# {card['name']}",
        f"{card['summary']}\n\n{card['summary_zh']}",
        f"{card['parameters'] / 1e6:.2f} million parameters, {size:.1f} MB.",
        "## Figures",
        figures(card),
        "## Made from",
        "\n".join(f"- {kind}: {what}" for kind, what in card["trained_on"].items()),
        f"```sh\n{card['command']}\n```",
        "## Limits",
        "\n".join(f"- {limit}" for limit in card["limits"]),
        f"Licence: {card['licence']}. All of this is in `card.json`, from which it is written.",
    ]
    return "\n\n".join(parts) + "\n"


def figures(card: dict) -> str:
    """The table of a card's figures, in Markdown, and what measured them."""
    measured = card["figures"]
    rows = [_row(label, found) for label, found in measured.items() if "error_rate" in found]
    if not rows:
        return "None were measured yet; `python -m vqa evaluate DIR --write` does."
    lines = [_HEAD, "|" + "---|" * (_HEAD.count("|") - 1), *rows]
    lines += ["", "Words are characters in Chinese. Measured by:", "", "```sh"]
    lines += dict.fromkeys(found["command"] for found in measured.values())
    lines.append("```")
    for found in measured.values():
        if "four_seconds_ms" in found:
            lines += [
                "",
                f"A recording of 4 s on {found['device']} with {found['threads']} threads, median: "
                f"{found['four_seconds_ms']:.0f} ms.",
            ]
    return "\n".join(lines)


def report_text(label: str, found: dict) -> str:
    """The figures of one set for a terminal."""
    low, high = found["interval"]
    unit = "characters" if label.startswith("zh") else "words"
    lines = [
        f"{100 * found['error_rate']:.2f} % of {unit} wrong ({100 * low:.2f}-{100 * high:.2f} %), "
        f"{100 * found['exact']:.1f} % of {found['questions']:,} questions without error",
        f"sure of {100 * found['sure']:.1f} %, {100 * found['sure_exact']:.1f} % of those without "
        "error",
    ]
    if found["answer_typed"] is not None:
        lines.append(
            f"answers right: {100 * found['answer_spoken']:.2f} % spoken, "
            f"{100 * found['answer_direct']:.2f} % heard directly, "
            f"{100 * found['answer_typed']:.2f} % typed"
        )
    return "\n".join(lines)


def _row(label: str, found: dict) -> str:
    low, high = (100 * bound for bound in found["interval"])
    cells = [
        label,
        f"{found['questions']:,}",
        f"{100 * found['error_rate']:.2f} %",
        f"{low:.2f}-{high:.2f} %",
        f"{100 * found['exact']:.1f} %",
        f"{100 * found['sure']:.1f} %",
    ]
    answers = [found[f"answer_{how}"] for how in ("typed", "spoken", "direct")]
    cells += ["" if share is None else f"{100 * share:.2f} %" for share in answers]
    return f"| {' | '.join(cells)} |"
