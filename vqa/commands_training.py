"""What the commands that train and measure do. Each takes the parsed options."""

from __future__ import annotations

import json
import os
import shlex
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

from vqa.errors import ConfigError, DataError
from vqa.options import moved, public
from vqa.outputs import check_file, check_new, made, writing


def train(options: Namespace) -> int:
    """Trains a checkpoint by a preset."""
    from vqa.config import read_preset

    config = read_preset(options.preset)
    _use_threads(options.threads)
    if not os.path.isdir(options.out / "training"):
        check_new(options.out)
    recipes = {"scenes": _train_scenes, "photos": _train_photos, "speech": _train_speech}
    from vqa.train.processes import world

    first = world()[0] == 0
    if options.resume and first and not any(options.out.glob("training/*.state")):
        print(f"There is nothing to resume in {options.out}; the training begins.", flush=True)
    with made(options.out):
        recipes[config.recipe](config, options)
    if options.stage is None and first:
        data = f" --data {shlex.quote(options.data[0])}" if config.recipe == "photos" else ""
        print(f"The checkpoint is in {options.out}; python -m vqa evaluate {options.out}{data}")
    return 0


def _train_scenes(config, options: Namespace) -> None:
    from vqa.checkpoint import load
    from vqa.data.build import existing_folder, split_name
    from vqa.data.clevr import read_renders
    from vqa.device import pick_device
    from vqa.train.processes import own_device
    from vqa.train.run import Job, train_scenes

    if options.start is not None and not config.model.further_heads:
        raise ConfigError("--from is for presets that train on photographs or add further heads.")
    if options.pretrained:
        raise ConfigError("--pretrained is for presets that train on photographs.")
    extra = None
    for name in options.data:
        kind, where = split_name(name)
        if kind != "clevr" or len(options.data) > 1:
            raise ConfigError("This preset takes labelled pictures once: --data clevr:DIR.")
        pictures = read_renders(existing_folder(where), *config.model.image_encoder.image_size)
        extra = (pictures, Path(where).name)
    job = Job(
        config=config,
        out=options.out,
        device=own_device(pick_device(options.device)),
        workers=options.workers,
        resume=options.resume,
        only=options.stage,
        extra=extra,
        start=None if options.start is None else load(options.start),
        command=public(options.typed),
    )
    train_scenes(job)


def _train_photos(config, options: Namespace) -> None:
    from vqa.checkpoint import load
    from vqa.device import pick_device
    from vqa.train.photos import PhotoJob, train_photos
    from vqa.train.processes import own_device

    if options.stage is not None:
        raise ConfigError("--stage is for presets with several stages; this one has one.")
    job = PhotoJob(
        config=config,
        out=options.out,
        data=tuple(options.data),
        device=own_device(pick_device(options.device)),
        resume=options.resume,
        start=None if options.start is None else load(options.start),
        pretrained=options.pretrained,
        command=public(options.typed),
    )
    train_photos(job)


def _train_speech(config, options: Namespace) -> None:
    from vqa.device import pick_device
    from vqa.train.processes import own_device
    from vqa.train.speech import SpeechJob, train_speech

    for name in ("data", "stage", "start", "pretrained"):
        if getattr(options, name):
            said = "from" if name == "start" else name
            raise ConfigError(f"--{said} is not for presets of speech; leave it out.")
    job = SpeechJob(
        config=config,
        out=options.out,
        device=own_device(pick_device(options.device)),
        workers=options.workers,
        resume=options.resume,
        command=public(options.typed),
    )
    train_speech(job)


def simulate_speech(options: Namespace) -> int:
    """Writes spoken questions."""
    from vqa.speech.command import simulate_speech as write

    return write(options)


def _refuse(options: Namespace, names: tuple[str, ...], why: str) -> None:
    """Raises ConfigError: one of these options was given, which would change nothing."""
    for name in names:
        if getattr(options, name) is not None:
            raise ConfigError(f"--{name} {why}; leave it out.")


def _use_threads(count: int | None) -> None:
    if count is not None:
        import torch

        torch.set_num_threads(count)


def evaluate(options: Namespace) -> int:
    """Measures a checkpoint."""
    from vqa.speech import store

    if options.rows is not None:
        check_file(options.rows)
    if options.latency:
        _refuse(options, ("rows", "n"), "is not for --latency, which times questions alone")
    speech = store.find(options.checkpoint)
    if speech is not None:
        return _evaluate_speech(options, speech)
    _refuse(options, ("n",), "is for checkpoints of speech; --data and --split say what is asked")
    import torch

    from vqa.aside import set_aside
    from vqa.blind import baselines
    from vqa.checkpoint import load
    from vqa.data.build import evaluation_split, open_data, split_name
    from vqa.evaluate import evaluate as measure
    from vqa.evaluate import latency
    from vqa.figures import record, report_text
    from vqa.predictor import AUTO
    from vqa.routing import load_predictor
    from vqa.running import Bar

    where, language = options.data or "world:heldout", options.lang or "en"
    _use_threads(options.threads)
    predictor = load_predictor(options.checkpoint, options.device)
    with Bar(unit="scene", desc="drawing", leave=False, delay=1) as bar:
        data = open_data(where, options.workers, moved(bar))
        split = options.split or evaluation_split(data)
        samples = data.samples(split, (language,))
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
        name = shlex.split(public((where,)))[0]
        label = options.label or f"{name} {language}"
        blind = baselines(data, split, samples, language)
        training = predictor.checkpoint.card.get("training", {})
        aside = set_aside(data, split, language, training.get("validation", 0.0))
        total = len(samples) + len(aside.samples)
        with Bar(total=total, unit="question", leave=False) as bar:
            report, rows = measure(
                *(predictor, samples, name, language, blind, aside),
                progress=lambda done: bar.update(done - bar.n),
            )
        kind = split_name(where)[0]
        if kind == "daquar":
            report = replace(report, extra=_nearness(rows))
        elif kind == "world" and options.checkpoint != AUTO:
            report = replace(report, extra=_replies(predictor, language, samples, rows))
        figures = report.to_dict() | {"command": command}
        print(report_text(figures))
        _write_rows(options.rows, rows)
    if options.write is not None:
        target = load(options.write or options.checkpoint)
        record(target.folder, target.card, label, figures)
        print(f"Recorded as {label!r} in {target.folder / 'card.json'}")
    return 0


def _evaluate_speech(options: Namespace, folder: Path) -> int:
    """Measures a speech checkpoint, in all languages and voices."""
    import torch

    from vqa import evaluate_speech as measure
    from vqa.checkpoint import load
    from vqa.device import pick_device
    from vqa.predictor import Predictor
    from vqa.running import Bar
    from vqa.speech import store
    from vqa.speech.card import report_text
    from vqa.speech.recogniser import Recogniser

    _refuse(options, ("data", "split", "label"), "is not for checkpoints of speech")
    if options.write:
        raise ConfigError(f"--write is into the card of {folder} here; leave the name out.")
    if not options.latency:
        _refuse(options, ("lang",), "is for --latency here; all languages are measured")
    _use_threads(options.threads)
    device = pick_device(options.device)
    checkpoint = store.load(folder, device)
    recogniser = Recogniser(checkpoint, device)
    found, lines, answered = {}, [], []
    if options.latency:
        language = options.lang or "en"
        samples = measure.questions_to_read(recogniser, language, 50)
        figures = measure.latency(recogniser, samples, language)
        figures |= {"device": str(device), "threads": torch.get_num_threads()}
        found["latency"] = figures
        lines.append(f"4 s of speech: {figures['four_seconds_ms']:.1f} ms (median)")
    else:
        # On the CPU: questions are asked one by one there, and are small.
        predictor = Predictor(load("scenes"), pick_device("cpu"))
        count = options.n or 1000
        total = count * len(measure.SETS)
        with Bar(total=total, unit="question", leave=False) as bar:
            for label, language, engine, group in measure.SETS:
                samples = measure.questions_to_read(recogniser, language, count)
                report, rows = measure.evaluate_voices(
                    *(recogniser, samples, language, engine, group, predictor),
                    progress=bar.update,
                )
                found[label] = report.to_dict()
                lines.append(f"[{label}]\n{report_text(label, found[label])}")
                answered += [{"set": label, **row} for row in rows]
        _write_rows(options.rows, answered)
    print("\n".join(lines))
    if options.write is not None:
        command = public(options.typed)
        kept = checkpoint.card.get("figures", {})
        kept |= {label: figures | {"command": command} for label, figures in found.items()}
        store.write_card(folder, checkpoint.card | {"figures": kept})
        print(f"Recorded in {folder / 'card.json'}")
    return 0


def _write_rows(path: Path | None, rows: list[dict]) -> None:
    if path is not None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        with writing(path):
            path.write_text(text, encoding="utf-8")


def _replies(predictor, language: str, samples: list, rows: list[dict]) -> dict[str, float]:
    """Figures of sentences and lists; lists also without the field, where the checkpoint can."""
    from vqa.data.sample import score
    from vqa.evaluate_replies import reply_figures
    from vqa.predictor import Predictor

    found = reply_figures(rows, language)
    lists = [sample for sample in samples if sample.kind == "list"]
    checkpoint = predictor.checkpoint
    if lists and "softmax_list" in checkpoint.config.further_heads:
        plain = Predictor(checkpoint, predictor.device, list_head="softmax_list")
        right = [score(a.answer, s) for a, s in zip(plain.ask_batch(lists), lists, strict=True)]
        found["list_without_crf"] = sum(right) / len(right)
    return found


def _nearness(rows: list[dict]) -> dict[str, float]:
    from vqa.evaluate import nearness_in_meaning
    from vqa.wups import WordNet

    try:
        return nearness_in_meaning(rows, WordNet())
    except DataError as error:
        print(f"Left out: {error}", file=sys.stderr)
        return {}
