"""What the command line's commands do. Each takes the parsed options."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from vqa.errors import ConfigError
from vqa.options import moved
from vqa.outputs import check_file, check_new, made, unwritable, writing
from vqa.speech.names import OWN, read_name


def predict(options: Namespace) -> int:
    """Asks one picture, or every line of a file."""
    if options.batch is not None:
        alone = ("image", "overlay", "audio", "place", "speech")
        if any(getattr(options, name) is not None for name in alone):
            raise ConfigError(
                "--batch takes no picture, question, --audio, --speech, --place or --overlay of "
                "its own."
            )
        return _predict_batch(options)
    if options.out is not None:
        raise ConfigError("--out is for the answers of --batch FILE.")
    if options.image is None or (options.question is None and options.audio is None):
        raise ConfigError(
            'Give a picture and a question: python -m vqa predict IMAGE "QUESTION", or a recording '
            "in place of the question: --audio FILE."
        )
    if options.speech is not None:
        read_name(options.speech)
        if options.audio is None:
            raise ConfigError("--speech is for --audio FILE; leave it out of a typed question.")
    from vqa.image import load_image
    from vqa.places import written
    from vqa.predictor import Request
    from vqa.routing import load_predictor
    from vqa.speech.recogniser import check_alone, with_heard
    from vqa.speech.whisper import by_name

    if options.audio is not None:
        check_alone(options.question or "")
    place = None if options.place is None else written(options.place)
    if options.overlay is not None:
        check_file(options.overlay)
    picture = load_image(options.image, called=options.image)
    predictor = load_predictor(options.checkpoint, options.device)
    question, heard = options.question, None
    if options.audio is not None:
        heard = by_name(options.speech or OWN, predictor.device).transcribe(options.audio)
        question = heard.text
    asked = Request(picture, question, place)
    answer = with_heard(predictor.ask_batch([asked], options.top_k)[0], heard)
    if options.overlay is not None:
        _draw_overlay(options.overlay, picture, answer)
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
    if answer.heard is not None:
        doubt = "" if answer.heard.sure else " (not sure: is that what you said?)"
        lines.insert(0, f'Heard "{answer.heard.text}"{doubt}')
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


def _draw_overlay(path: Path, picture, answer) -> None:
    """All steps side by side."""
    from PIL import Image

    from vqa.page.overlays import attention_overlay

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
    except (OSError, ValueError) as error:  # a ValueError: no picture's ending
        raise unwritable(path, error) from error


def _predict_batch(options: Namespace) -> int:
    from vqa.bulk import answer_rows, beside, write_answers
    from vqa.routing import load_predictor
    from vqa.rows import read_rows
    from vqa.running import Bar

    if options.out is not None:
        check_file(options.out)
    predictor = load_predictor(options.checkpoint, options.device)
    rows = failed = 0
    if options.out is not None:
        with Bar(unit="row", disable=None) as bar:
            rows, failed = write_answers(
                predictor, options.batch, options.out, options.top_k, bar.update
            )
        print(f"{options.out}: {rows} rows")
    else:
        for records in answer_rows(
            predictor, read_rows(options.batch), beside(options.batch), options.top_k
        ):
            for record in records:
                print(json.dumps(record, ensure_ascii=False))
            sys.stdout.flush()
            rows += len(records)
            failed += sum("error" in record for record in records)
    if failed:
        print(f"vqa predict: {failed} of {rows} could not be answered.", file=sys.stderr)
    return 2 if failed else 0


def inspect(options: Namespace) -> int:
    """Prints a card."""
    from vqa.checkpoint import load
    from vqa.figures import card_text
    from vqa.speech import store

    speech = store.find(options.checkpoint)
    checkpoint = load(options.checkpoint) if speech is None else store.load(speech)
    if options.json:
        print(json.dumps(checkpoint.card, ensure_ascii=False, indent=2))
    else:
        print(card_text(checkpoint.card, checkpoint.folder))
    return 0


def simulate(options: Namespace) -> int:
    """Writes simulated data."""
    from vqa.running import Bar
    from vqa.world.export import ExportOptions, export

    check_new(options.out)
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
    with (
        made(options.out),
        writing(options.out),
        Bar(total=options.n, unit="scene") as bar,
    ):
        for _ in export(wanted, options.workers):
            bar.update()
    print(f"{options.out}: images/, scenes.json, questions.json, questions.csv")
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


def data_check(options: Namespace) -> int:
    """Looks a data set over; 2 when pictures cannot be read."""
    from vqa.data.build import open_data
    from vqa.data.check import survey, survey_text
    from vqa.running import Bar

    with Bar(unit="picture", leave=False, delay=1) as bar:
        data = open_data(options.data, options.workers, moved(bar))
        found = survey(data, options.lang, moved(bar))
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


def figures(options: Namespace) -> int:
    """Writes the shipped cards' figures into READMEs; without names, into all of the project's."""
    from vqa.checkpoint import SHIPPED, load, read_json
    from vqa.figures import card_page, table, write_readme
    from vqa.speech import card as speech_card
    from vqa.speech import store

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
        if (speech := store.find("speech")) is not None:
            card = read_json(speech / "card.json")
            (speech / "README.md").write_text(speech_card.card_page(card, speech), encoding="utf-8")
            write_readme(SHIPPED.parent / "docs" / "speech.md", [speech_card.figures(card)])
    return 0
