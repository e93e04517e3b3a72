"""Figures of checkpoints: recorded in cards, shown to people, written into the READMEs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vqa.checkpoint import write_json
from vqa.errors import ConfigError
from vqa.speech.card import report_text as speech_text

BEGIN, END = "<!-- figures:begin -->", "<!-- figures:end -->"
_HEADS = {
    "en": {
        "what": "questions",
        "n": "number",
        "accuracy": "right",
        "interval": "95 % interval",
        "ece": "calibration error",
        "majority": "majority guess",
        "question_only": "question alone",
        "kind": "type",
        "speed": "One question on {device} with {threads} threads, preprocessing included, median: "
        "{new_image_ms:.1f} ms about a new picture, {same_image_ms:.1f} ms about the same one.",
        "measured": "Measured by:",
        "size": "{parameters:.2f} million parameters, {megabytes:.1f} MB.",
    },
    "zh": {
        "what": "问题",
        "n": "数量",
        "accuracy": "正确",
        "interval": "95 % 区间",
        "ece": "校准误差",
        "majority": "多数猜测",
        "question_only": "只看问题",
        "kind": "类型",
        "speed": "在 {device} 上用 {threads} 个线程回答一个问题（含预处理，中位数）："
        "新图片 {new_image_ms:.1f} 毫秒，同一张图片再问 {same_image_ms:.1f} 毫秒。",
        "measured": "测量命令：",
        "size": "{parameters:.2f} 百万个参数，{megabytes:.1f} MB。",
    },
}


def record(folder: Path, card: dict, label: str, figures: dict) -> None:
    """Puts figures under `label` into the card of the checkpoint at `folder`."""
    write_json(folder / "card.json", card | {"figures": card.get("figures", {}) | {label: figures}})


def percent(share: float, digits: int = 1) -> str:
    """0.9876 -> "98.8 %"."""
    return f"{100 * share:.{digits}f} %"


def interval(low_high: Sequence[float]) -> str:
    """(0.981, 0.988) -> "98.1-98.8 %"."""
    low, high = low_high
    return f"{100 * low:.1f}-{100 * high:.1f} %"


def report_text(report: dict) -> str:
    """A report for a terminal."""
    lines = [
        f"{report['data']} ({report['language']}), {report['n']} questions on {report['device']}",
        f"right {percent(report['accuracy'], 2)} (95 % interval {interval(report['interval'])})",
        _without_pictures(report),
        f"calibration error {percent(report['ece'], 2)}; marked sure {percent(report['sure'])}, "
        f"of those right {percent(report['sure_accuracy'], 2)}",
    ]
    if "spoke" in report:
        spoke = ", ".join(f"{name} {percent(n)}" for name, n in sorted(report["spoke"].items()))
        lines.append(f"unfamiliar {percent(report['unfamiliar'])}; answered by {spoke}")
    if "selective" in report:
        lines += _selective(report["coverage"], report["selective"])
    if report.get("extra"):
        lines.append(", ".join(f"{name} {value:.3f}" for name, value in report["extra"].items()))
    width = max(len(kind) for kind in report["kinds"])
    for kind, row in sorted(report["kinds"].items()):
        lines.append(
            f"  {kind:{width}}  {row['n']:5d}  {percent(row['accuracy']):>7}"
            f"  ({interval(row['interval'])}), in the first three {percent(row['in_3'])}"
        )
    return "\n".join(lines)


def _without_pictures(report: dict) -> str:
    """What the same questions score without their pictures."""
    text = f"without the pictures: majority guess {percent(report['majority'])}"
    if "train" not in report:  # recorded by an earlier version
        return text
    if report["question_only"] is None:
        return (
            f"{text}, of these very answers; the question alone is left out, since there is no "
            "training split beside these questions"
        )
    return f"{text}, question alone {percent(report['question_only'])}, both from {report['train']}"


def _selective(best: dict, figures: dict) -> list[str]:
    """Lines about abstaining; `best` is the coverage at the best thresholds."""

    def row(shares: dict) -> str:
        return " / ".join(f"{100 * share:.1f}" for share in shares.values())

    risks = " / ".join(f"{100 * float(risk):g}" for risk in best)
    return [
        f"with at most {risks} % wrong it answers {row(best)} % of the questions at best",
        f"  and {row(figures['coverage'])} % with thresholds from {figures['aside']} "
        f"({figures['aside_n']:,} questions; {row(figures['risk'])} % wrong)",
        f"effective reliability at cost {' / '.join(figures['reliability'])}: "
        f"{row(figures['reliability'])} %, on {figures['n']:,} questions",
    ]


def card_text(card: dict, folder: Path) -> str:
    """A card for a terminal, also one of speech."""
    weights = (folder / "model.safetensors").stat().st_size / 1e6
    trained = card.get("trained_on", {})
    calibration = card.get("calibration", {})
    lines = [
        f"{card.get('name', folder.name)}: {card.get('summary', '')}",
        f"{card.get('parameters', 0):,} parameters, {weights:.1f} MB, "
        f"languages {', '.join(card.get('languages', []))}, licence {card.get('licence', '?')}",
    ]
    lines += [f"trained on {kind}: {what}" for kind, what in trained.items()]
    lines.append(f"made by: {card.get('command', '?')}")
    if calibration:
        sure = f"sure from {percent(calibration['threshold'])}"
        if "temperature" in calibration:  # speech has none
            sure = f"temperature {calibration['temperature']:.3f}, {sure}"
        lines.append(f"calibration: {sure}")
    for label, figures in card.get("figures", {}).items():
        lines.append("")
        if "kinds" in figures:
            lines += [f"[{label}]", report_text(figures)]
        elif "error_rate" in figures:
            lines += [f"[{label}]", speech_text(label, figures)]
        else:
            lines.append(f"[{label}] " + ", ".join(f"{k} {_short(v)}" for k, v in figures.items()))
    lines.append("")
    lines += [f"limit: {text}" for text in card.get("limits", [])]
    return "\n".join(lines)


def _short(value: object) -> object:
    return f"{value:.2f}" if isinstance(value, float) else value


def _share(figures: dict, name: str) -> str:
    """A figure's cell; empty when it was not measured, or by a version that did not."""
    value = figures.get(name)
    return "" if value is None else percent(value)


def table(card: dict, folder: Path, language: str) -> str:
    """The figures of one card as Markdown."""
    say = _HEADS[language]
    sets = {k: v for k, v in card.get("figures", {}).items() if "kinds" in v}
    lines = [
        f"`{card['name']}`: "
        + say["size"].format(
            parameters=card["parameters"] / 1e6,
            megabytes=(folder / "model.safetensors").stat().st_size / 1e6,
        ),
        "",
        f"| {say['what']} | {say['n']} | {say['accuracy']} | {say['interval']} | {say['ece']} "
        f"| {say['majority']} | {say['question_only']} |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, f in sets.items():
        lines.append(
            f"| {label} | {f['n']:,} | {percent(f['accuracy'], 2)} | {interval(f['interval'])} "
            f"| {percent(f['ece'], 2)} | {percent(f['majority'])} | {_share(f, 'question_only')} |"
        )
    kinds = list(dict.fromkeys(kind for f in sets.values() for kind in f["kinds"]))
    lines += ["", f"| {say['kind']} | " + " | ".join(sets) + " |", "|---" * (len(sets) + 1) + "|"]
    for kind in kinds:
        cells = [
            percent(f["kinds"][kind]["accuracy"]) if kind in f["kinds"] else ""
            for f in sets.values()
        ]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    for figures in card.get("figures", {}).values():
        if "new_image_ms" in figures:
            lines += ["", say["speed"].format(**figures)]
    commands = [f["command"] for f in card.get("figures", {}).values() if "command" in f]
    lines += ["", say["measured"], "", "```sh", *commands, "```"]
    return "\n".join(lines)


def card_page(card: dict, folder: Path) -> str:
    """The README.md of a checkpoint folder."""
    about = [
        f"# {card['name']}",
        f"{card['summary']}\n\n{card['summary_zh']}",
        "## Figures",
        table(card, folder, "en"),
        "## Made from",
        "\n".join(f"- {kind}: {what}" for kind, what in card["trained_on"].items()),
        f"```sh\n{card['command']}\n```" + _start(card),
        "## Limits",
        "\n".join(f"- {limit}" for limit in card["limits"]),
        f"Licence: {card['licence']}. All of this is in `card.json`, from which it is written.",
    ]
    return "\n\n".join(about) + "\n"


def _start(card: dict) -> str:
    start = card.get("started_from")
    if start is None:
        return ""
    return (
        f"\n\nwhere `{start['name']}` is an earlier checkpoint of that name or another, made by\n\n"
        f"```sh\n{start['command']}\n```\n\nwith the preset that `card.json` holds."
    )


def write_readme(path: Path, tables: Sequence[str]) -> None:
    """Replaces what stands between the markers in a README.

    Raises:
        ConfigError: the file lacks the markers.
    """
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ConfigError(f"{path} needs the lines {BEGIN} and {END} to put the figures between.")
    middle = "\n\n".join(tables)
    path.write_text(f"{head}{BEGIN}\n{middle}\n{END}{tail}", encoding="utf-8")
