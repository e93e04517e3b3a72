"""What the command line's commands do. Each takes the parsed options."""

from __future__ import annotations

import json
import shlex
import sys
import time
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from vqa.errors import ConfigError, DataError, VQAError
from vqa.options import public

_BATCH = 32


def predict(options: Namespace) -> int:
    """Asks one picture, or every line of a file."""
    if options.batch is not None:
        if options.image is not None or options.overlay is not None:
            raise ConfigError("--batch takes no picture, question or --overlay of its own.")
        return _predict_batch(options)
    if options.image is None or options.question is None:
        raise ConfigError('Give a picture and a question: python -m vqa predict IMAGE "QUESTION".')
    from vqa.routing import load_predictor

    predictor = load_predictor(options.checkpoint, options.device)
    answer = predictor.ask(options.image, options.question, options.top_k)
    if options.overlay is not None:
        _draw_overlay(options.overlay, options.image, answer)
    if options.json:
        print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
    else:
        print(_answer_text(answer))
        if options.overlay is not None:
            print(f"Where it looked, step by step: {options.overlay}")
    return 0


def _answer_text(answer) -> str:
    sure = "sure" if answer.sure else "not sure"
    lines = [f"{answer.answer}  ({100 * answer.confidence:.1f} %, {sure})"]
    lines += [f"  {100 * p:5.1f} %  {text}" for text, p in answer.top[1:]]
    lines += [f'Read "{typed}" as "{read}".' for typed, read in answer.repaired_words.items()]
    if answer.unknown_words:
        lines.append(f"Unknown words: {', '.join(answer.unknown_words)}.")
    if not answer.familiar:
        lines.append("The picture or the question is unlike what the model was trained on.")
    lines.append(
        f"Checkpoint {answer.checkpoint}; {len(answer.regions)} regions seen; "
        f"{answer.elapsed_ms:.0f} ms on {answer.device}."
    )
    return "\n".join(lines)


def _draw_overlay(path: Path, source: str, answer) -> None:
    """All steps side by side."""
    from PIL import Image

    from vqa.image import load_image
    from vqa.page.overlays import attention_overlay

    picture = load_image(source)
    if not answer.region_attention:
        raise ConfigError(
            f"Checkpoint {answer.checkpoint} has no attention maps to draw; leave --overlay out."
        )
    steps = [attention_overlay(picture, answer.regions, w) for w in answer.region_attention]
    width, height = steps[0].size
    sheet = Image.new("RGB", (width * len(steps), height))
    for k, step in enumerate(steps):
        sheet.paste(step, (k * width, 0))
    try:
        sheet.save(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"The overlay cannot be written to {path}: {error}.") from error


def _predict_batch(options: Namespace) -> int:
    from vqa.predictor import Request
    from vqa.routing import load_predictor

    lines = _read_lines(options.batch)
    predictor = load_predictor(options.checkpoint, options.device)
    failed = 0
    for start in range(0, len(lines), _BATCH):
        part = lines[start : start + _BATCH]
        for entry, answer in zip(part, _ask_all(predictor, part, options, Request), strict=True):
            if isinstance(answer, VQAError):
                failed += 1
                print(json.dumps(entry | {"error": str(answer)}, ensure_ascii=False))
            else:
                print(json.dumps(entry | answer.to_dict(), ensure_ascii=False), flush=True)
    if failed:
        print(f"vqa predict: {failed} of {len(lines)} could not be answered.", file=sys.stderr)
    return 2 if failed else 0


def _ask_all(predictor, entries: list[dict], options: Namespace, request) -> list:
    """Answers, and the error in the place of each question that has none."""
    folder = options.batch.parent
    asked = [request(folder / e["image"], e["question"]) for e in entries]
    try:
        return predictor.ask_batch(asked, options.top_k)
    except VQAError as error:
        if len(entries) == 1:
            return [error]
    return [answer for e in entries for answer in _ask_all(predictor, [e], options, request)]


def _read_lines(path: Path) -> list[dict]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text: {error}.") from error
    entries = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: not JSON ({error}).") from error
        if not isinstance(entry, dict) or not all(
            isinstance(entry.get(key), str) for key in ("image", "question")
        ):
            raise DataError(f'{path}, line {number}: needs the texts "image" and "question".')
        entries.append(entry)
    if not entries:
        raise DataError(f"{path} holds no questions.")
    return entries


def inspect(options: Namespace) -> int:
    """Prints a card."""
    from vqa.checkpoint import load
    from vqa.figures import card_text

    checkpoint = load(options.checkpoint)
    if options.json:
        print(json.dumps(checkpoint.card, ensure_ascii=False, indent=2))
    else:
        print(card_text(checkpoint.card, checkpoint.folder))
    return 0


def simulate(options: Namespace) -> int:
    """Writes simulated data."""
    from tqdm import tqdm

    from vqa.world.export import ExportOptions, export

    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise ConfigError(f"{options.out} exists and is not empty; choose another --out.")
    wanted = ExportOptions(
        out=options.out,
        n=options.n,
        seed=options.seed,
        languages=options.lang,
        questions=options.questions,
        width=options.size[0],
        height=options.size[1],
        objects=options.objects,
        variety=options.variety,
        noise=options.noise,
    )
    try:
        for _ in tqdm(export(wanted, options.workers), total=options.n, unit="scene"):
            pass
    except OSError as error:
        raise ConfigError(f"{options.out} cannot be written: {error}.") from error
    print(f"{options.out}: images/, scenes.json, questions.json, questions.csv")
    return 0


def train(options: Namespace) -> int:
    """Trains a checkpoint by a preset."""
    from vqa.config import preset_from_dict

    try:
        values = json.loads(options.preset.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"The preset {options.preset} cannot be read: {error}.") from error
    config = preset_from_dict(values, options.preset.name)
    _use_threads(options.threads)
    if options.out.exists() and not (options.out / "training").is_dir():
        if not options.out.is_dir() or any(options.out.iterdir()):
            raise ConfigError(f"{options.out} holds something else; choose another --out.")
    {"scenes": _train_scenes, "photos": _train_photos}[config.recipe](config, options)
    if options.stage is None:
        data = f" --data {shlex.quote(options.data[0])}" if config.recipe == "photos" else ""
        print(f"The checkpoint is in {options.out}; python -m vqa evaluate {options.out}{data}")
    return 0


def _train_scenes(config, options: Namespace) -> None:
    from vqa.data.build import existing_folder, split_name
    from vqa.data.clevr import read_renders
    from vqa.predictor import pick_device
    from vqa.train.run import Job, train_scenes

    if options.start is not None:
        raise ConfigError("--from is for presets that train on photographs.")
    if options.pretrained:
        raise ConfigError("--pretrained is for presets that train on photographs.")
    extra = None
    for name in options.data:
        kind, where = split_name(name)
        if kind != "clevr" or len(options.data) > 1:
            raise ConfigError("This preset takes labelled pictures once: --data clevr:DIR.")
        pictures = read_renders(existing_folder(where), *config.model.image_encoder.image_size)
        extra = (
            pictures,
            f"{len(pictures):,} labelled pictures in CLEVR's format ({Path(where).name})",
        )
    job = Job(
        config=config,
        out=options.out,
        device=pick_device(options.device),
        workers=options.workers,
        resume=options.resume,
        only=options.stage,
        extra=extra,
        command=public(options.typed),
    )
    train_scenes(job)


def _train_photos(config, options: Namespace) -> None:
    from vqa.checkpoint import load
    from vqa.predictor import pick_device
    from vqa.train.photos import PhotoJob, train_photos

    if options.stage is not None:
        raise ConfigError("--stage is for presets with several stages; this one has one.")
    job = PhotoJob(
        config=config,
        out=options.out,
        data=tuple(options.data),
        device=pick_device(options.device),
        resume=options.resume,
        start=None if options.start is None else load(options.start),
        pretrained=options.pretrained,
        command=public(options.typed),
    )
    train_photos(job)


def _use_threads(count: int | None) -> None:
    if count is not None:
        import torch

        torch.set_num_threads(count)


def evaluate(options: Namespace) -> int:
    """Measures a checkpoint."""
    import torch
    from tqdm import tqdm

    from vqa.aside import set_aside
    from vqa.blind import baselines
    from vqa.checkpoint import load
    from vqa.data.build import evaluation_split, open_data, split_name
    from vqa.evaluate import evaluate as measure
    from vqa.evaluate import latency
    from vqa.figures import record, report_text
    from vqa.routing import load_predictor

    _use_threads(options.threads)
    predictor = load_predictor(options.checkpoint, options.device)
    with tqdm(unit="scene", desc="drawing", leave=False, delay=1) as bar:
        data = open_data(options.data, options.workers, _shown(bar))
        split = options.split or evaluation_split(data)
        samples = data.samples(split, (options.lang,))
    command = public(options.typed)
    if options.latency:
        label = options.label or "latency"
        figures = latency(predictor, samples) | {
            "device": str(predictor.device),
            "threads": torch.get_num_threads(),
            "command": command,
        }
        print(
            f"new picture {figures['new_image_ms']:.2f} ms, same picture "
            f"{figures['same_image_ms']:.2f} ms (median, {figures['threads']} threads)"
        )
    else:
        name = shlex.split(public((options.data,)))[0]
        label = options.label or f"{name} {options.lang}"
        blind = baselines(data, split, samples, options.lang)
        training = predictor.checkpoint.card.get("training", {})
        aside = set_aside(data, split, options.lang, training.get("validation", 0.0))
        total = len(samples) + len(aside.samples)
        with tqdm(total=total, unit="question", leave=False) as bar:
            report, rows = measure(
                *(predictor, samples, name, options.lang, blind, aside),
                progress=lambda done: bar.update(done - bar.n),
            )
        if split_name(options.data)[0] == "daquar":
            report = replace(report, extra=_nearness(rows))
        figures = report.to_dict() | {"command": command}
        print(report_text(figures))
        if options.rows is not None:
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            options.rows.write_text(text, encoding="utf-8")
    if options.write is not None:
        target = load(options.write or options.checkpoint)
        record(target.folder, target.card, label, figures)
        print(f"Recorded as {label!r} in {target.folder / 'card.json'}")
    return 0


def publish(options: Namespace) -> int:
    """Writes a folder that can be pushed to a model hub."""
    from vqa.publish import publish as write
    from vqa.publish import upload

    names = write(options.checkpoint, options.out)
    print(f"{options.out}: {', '.join(names)}")
    if options.repo is not None:
        print(f"Uploaded: {upload(options.out, options.repo)}")
    return 0


def _shown(bar):
    """What moves a progress bar: (done, total). Its clock starts at the first call."""

    def move(done: int, total: int) -> None:
        if bar.total != total:
            bar.total, bar.start_t = total, time.time()
        bar.update(done - bar.n)

    return move


def data_check(options: Namespace) -> int:
    """Looks a data set over; 2 when pictures cannot be read."""
    from tqdm import tqdm

    from vqa.data.build import open_data
    from vqa.data.check import survey, survey_text

    with tqdm(unit="picture", leave=False, delay=1) as bar:
        data = open_data(options.data, options.workers, _shown(bar))
        found = survey(data, options.lang, _shown(bar))
    print(survey_text(found))
    if data.guessed is not None:
        print("No schema was given, so these questions are asked. Save this as SCHEMA.json to edit")
        print(f"it, and name it too: {options.data},SCHEMA.json")
        print(data.guessed.to_json())
    if found.unreadable:
        print(
            f"vqa data: {len(found.unreadable)} of {found.pictures} pictures cannot be read; "
            "replace them or leave their questions out.",
            file=sys.stderr,
        )
        return 2
    return 0


def _nearness(rows: list[dict]) -> dict[str, float]:
    from vqa.evaluate import nearness_in_meaning
    from vqa.wups import WordNet

    try:
        return nearness_in_meaning(rows, WordNet())
    except DataError as error:
        print(f"Left out: {error}", file=sys.stderr)
        return {}


def figures(options: Namespace) -> int:
    """Writes the shipped cards' figures into READMEs; without names, into all of the project's."""
    from vqa.checkpoint import SHIPPED, load
    from vqa.figures import card_page, table, write_readme

    shipped = [load(path.parent) for path in sorted(SHIPPED.glob("*/config.json"))]
    for path in options.readmes or [
        SHIPPED.parent / name for name in ("README.md", "README.zh.md")
    ]:
        language = "zh" if ".zh." in path.name else "en"
        write_readme(path, [table(c.card, c.folder, language) for c in shipped])
        print(f"{path.name}: figures of {', '.join(c.name for c in shipped)}")
    if not options.readmes:
        for c in shipped:
            (c.folder / "README.md").write_text(card_page(c.card, c.folder), encoding="utf-8")
    return 0
