"""The command line: `python -m vqa COMMAND`.

Options are checked before anything heavy is imported. Errors a user can mend are one line on
standard error and exit code 2.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vqa import commands, commands_training, serving
from vqa.bench.command import add_options as add_bench_options
from vqa.compare.budget import read_budget
from vqa.compare.command import compare
from vqa.errors import VQAError
from vqa.export.command import export
from vqa.options import OneLineParser, number
from vqa.scale.command import add_options as add_costs


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size like 320x240")
    size = int(width), int(height)
    if not all(32 <= side <= 2048 for side in size) or abs(size[0] * 3 - size[1] * 4) > 8:
        raise argparse.ArgumentTypeError(f"{text!r} must be 32 to 2048 pixels a side, in 4:3")
    return size


def _objects(text: str) -> tuple[int, int]:
    low, dash, high = text.partition("-")
    high = high if dash else low
    if not (low.isdigit() and high.isdigit() and 1 <= int(low) <= int(high) <= 10):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 3-10, with 1 to 10 objects")
    return int(low), int(high)


def _languages(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(","))
    if not found or len(set(found)) != len(found) or set(found) - {"en", "zh"}:
        raise argparse.ArgumentTypeError(f"{text!r} must be en, zh or en,zh")
    return found


def _checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", nargs="?", default="scenes", metavar="NAME_OR_DIR")


def _device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps, ...")


def _workers(parser: argparse.ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    parser.add_argument(
        "--workers", type=number(1, 256), default=cores, help=f"processes that draw; {cores} here"
    )


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = OneLineParser(
        prog="python -m vqa", description="Ask pictures, and train what answers."
    )
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    p = sub.add_parser("predict", help="ask one picture, or many from a file")
    p.add_argument("image", nargs="?", help="path of the picture")
    p.add_argument("question", nargs="?", help="in English or Chinese")
    p.add_argument(
        "--checkpoint",
        default="auto",
        metavar="NAME_OR_DIR",
        help="auto: the shipped one that knows most about picture and question",
    )
    _device(p)
    p.add_argument("--top-k", type=number(1, 1000), default=5, help="answers to show")
    p.add_argument("--json", action="store_true", help="print the whole answer as JSON")
    p.add_argument("--overlay", type=Path, metavar="OUT.png", help="draw where it looked")
    p.add_argument(
        "--place",
        metavar="X,Y",
        help="ask about what is there, in shares of the picture's width and height, from 0 to 1",
    )
    p.add_argument(
        "--audio", type=Path, metavar="FILE", help="ask aloud: WAV, FLAC, MP3 or Ogg, no question"
    )
    p.add_argument(
        "--speech",
        metavar="NAME",
        help="who writes down --audio: own (when left out), own:DIR, whisper or "
        "whisper:NAME_OR_DIR (needs transformers)",
    )
    p.add_argument(
        "--batch",
        type=Path,
        metavar="FILE",
        help='a .csv with columns image and question, or lines {"image": "a.png", '
        '"question": "..."}; answers are printed as JSON lines',
    )
    p.add_argument(
        "--out",
        type=Path,
        metavar="ANSWERS.jsonl",
        help="write the answers of --batch here; the same command again goes on where it stopped",
    )
    p.set_defaults(run=commands.predict)

    sub.add_parser("serve", help="serve the page; its options are those of app.py")

    p = sub.add_parser("inspect", help="print a checkpoint's card")
    _checkpoint(p)
    p.add_argument("--json", action="store_true", help="print it as JSON")
    p.set_defaults(run=commands.inspect)

    p = sub.add_parser("simulate", help="draw scenes and write questions, in CLEVR's formats")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--n", type=number(1, 10_000_000), default=100, help="scenes (100)")
    p.add_argument("--seed", type=number(0, 2**31 - 1), default=0)
    p.add_argument("--lang", type=_languages, default=("en",), help="en, zh or en,zh")
    p.add_argument("--questions", type=number(1, 1000), default=10, help="per scene (10)")
    p.add_argument("--size", type=_size, default=(320, 240), metavar="WxH", help="320x240")
    p.add_argument(
        "--objects", type=_objects, default=(3, 10), metavar="3-10", help="in a scene (3-10)"
    )
    p.add_argument("--variety", type=_share, default=1.0, help="of the look; 0 is CLEVR's (1)")
    p.add_argument("--noise", type=_share, default=0.0, help="share of questions with a slip (0)")
    _workers(p)
    p.set_defaults(run=commands.simulate)

    p = sub.add_parser("simulate-speech", help="read questions aloud, as training does")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--n", type=number(1, 1_000_000), default=100, help="questions (100)")
    p.add_argument("--seed", type=number(0, 2**31 - 1), default=0)
    p.add_argument("--lang", type=_languages, default=("en", "zh"), help="en, zh or en,zh")
    p.add_argument("--engine", choices=("espeak", "flite"), default="espeak", help="who reads")
    p.add_argument(
        "--voices",
        choices=("seen", "unseen"),
        default="seen",
        help="of espeak, those heard in training or those kept from it",
    )
    p.add_argument("--clean", action="store_true", help="without room, noise and microphone")
    p.add_argument(
        "--schemas", nargs="*", type=Path, default=[], metavar="SCHEMA.json", help="also ask these"
    )
    p.set_defaults(run=commands_training.simulate_speech)

    p = sub.add_parser("data", help="look data over before training")
    actions = p.add_subparsers(dest="action", required=True, metavar="ACTION")
    p = actions.add_parser("check", help="splits, questions, answers, pictures; what guessing gets")
    p.add_argument("data", metavar="KIND:WHERE", help="folder:DIR, labels:FILE.csv, vqa_v2:DIR ...")
    p.add_argument("--lang", type=_languages, default=("en",), help="of made questions (en)")
    _workers(p)
    p.set_defaults(run=commands.data_check)

    p = sub.add_parser("train", help="train a checkpoint by a preset")
    p.add_argument("preset", type=Path, metavar="configs/PRESET.json")
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument(
        "--data", action="append", default=[], metavar="KIND:WHERE", help="once for each data set"
    )
    _device(p)
    _workers(p)
    p.add_argument("--threads", type=number(1, 256), help="computing threads of this process")
    p.add_argument("--resume", action="store_true", help="go on with what is in --out")
    p.add_argument(
        "--from", dest="start", metavar="NAME_OR_DIR", help="start from a trained checkpoint"
    )
    p.add_argument(
        "--pretrained", action="store_true", help="start with torchvision's weights for its encoder"
    )
    p.add_argument(
        "--stage",
        help="run one stage alone: perception, reasoning, polish, adapt, or one of replies",
    )
    p.set_defaults(run=commands_training.train)

    p = sub.add_parser("compare", help="train presets of scenes side by side and write a report")
    p.add_argument("presets", nargs="+", type=Path, metavar="configs/compare/PRESET.json")
    p.add_argument(
        "--budget",
        type=read_budget,
        required=True,
        help="of each: 90s, 30m or 1h of training, or 200k or 2M questions",
    )
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    _device(p)
    _workers(p)
    p.add_argument("--threads", type=number(1, 256), help="computing threads")
    p.set_defaults(run=compare)

    add_bench_options(sub.add_parser("bench", help="measure the service and write a report"))

    p = sub.add_parser("evaluate", help="measure a checkpoint on questions with answers")
    _checkpoint(p)
    p.add_argument("--data", metavar="KIND:WHERE", help="what to ask (world:heldout)")
    p.add_argument("--split", help="part of the data; test, or val, when left out")
    p.add_argument("--lang", choices=("en", "zh"), help="of the questions (en)")
    _device(p)
    _workers(p)
    p.add_argument("--threads", type=number(1, 256), help="computing threads")
    p.add_argument("--label", help="name of the figures in the card; the data's when left out")
    p.add_argument(
        "--write",
        nargs="?",
        const="",
        metavar="NAME_OR_DIR",
        help="record the figures in the card (of this or another checkpoint)",
    )
    p.add_argument("--rows", type=Path, metavar="OUT.jsonl", help="write every answer")
    p.add_argument("--latency", action="store_true", help="measure the time of a question instead")
    p.add_argument("--n", type=number(1, 5000), help="of speech: questions for each row (1,000)")
    p.set_defaults(run=commands_training.evaluate)

    p = sub.add_parser("export", help="write a checkpoint as ONNX graphs, faster on a CPU")
    p.add_argument("--checkpoint", default="scenes", metavar="NAME_OR_DIR")
    p.add_argument("--format", choices=("onnx",), default="onnx")
    p.add_argument("--out", type=Path, metavar="DIR")
    p.add_argument(
        "--measure", action="store_true", help="time it beside other ways to run it instead"
    )
    p.add_argument("--data", metavar="KIND:WHERE", help="what --measure asks (world:heldout)")
    p.add_argument("--threads", type=number(1, 256), help="computing threads")
    p.set_defaults(run=export)

    p = sub.add_parser("publish", help="write a folder that can be pushed to Hugging Face")
    _checkpoint(p)
    p.add_argument("--out", type=Path, required=True, metavar="DIR")
    p.add_argument("--repo", metavar="USER/NAME", help="upload it there too")
    p.set_defaults(run=commands.publish)

    p = sub.add_parser("costs", help="what questions cost, and what users need, into docs/scale.md")
    add_costs(p)

    p = sub.add_parser("figures", help="write the cards' figures into READMEs")
    p.add_argument("readmes", nargs="*", type=Path, help="all of the project's when left out")
    p.set_defaults(run=commands.figures)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Runs a command; returns the exit code: 0, 2 after an error that the user can mend."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["serve"]:
        # Its options are app.py's own.
        return serving.main(arguments[1:])
    options = build_parser().parse_args(arguments)
    options.typed = ("python", "-m", "vqa", *arguments)
    try:
        return options.run(options) or 0
    except VQAError as error:
        print(f"vqa {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"vqa {options.command}: stopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, say) has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
