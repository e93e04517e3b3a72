"""`python -m vqa bench`: measures in sections, keeps what is measured, writes the report."""

from __future__ import annotations

import argparse
import json
import os
from argparse import Namespace
from pathlib import Path

from vqa.errors import ConfigError
from vqa.options import number, public
from vqa.outputs import writing

FIGURES, REPORT = "figures.json", "report.md"
_PICTURES, _QUESTIONS = 64, 40
_ROUNDS = 25
_MOST_USERS = 200


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="docs/bench, say")
    parser.add_argument(
        "--users", type=_numbers, default=(1, 8, 64, 200), metavar="1,8,64,200", help="at once"
    )
    parser.add_argument("--seconds", type=number(1, 600), default=12, help="of each load (12)")
    parser.add_argument(
        "--requests", type=number(10, 10_000_000), default=20_000, help="of the memory run (20000)"
    )
    parser.add_argument(
        "--pictures", type=number(1, 1000), default=_PICTURES, help=f"to ask about ({_PICTURES})"
    )
    parser.add_argument("--checkpoint", default="auto", metavar="NAME_OR_DIR", help="to serve")
    parser.add_argument("--skip-models", action="store_true", help="no ViLT and BLIP beside ours")
    parser.add_argument("--resume", action="store_true", help="go on with the figures in --out")
    parser.set_defaults(run=bench)


def _numbers(text: str) -> tuple[int, ...]:
    read = number(1, _MOST_USERS)
    return tuple(sorted({read(part.strip()) for part in text.split(",")}))


def bench(options: Namespace) -> int:
    """Measures what is not measured yet and writes figures and report."""
    from vqa.bench.others import others
    from vqa.bench.report import markdown
    from vqa.bench.server import check_proc

    check_proc()
    sheet = Sheet(options.out / FIGURES, _setting(options), options.resume)
    # Asked for at once: what is missing should not be found out after ten minutes.
    beside = [] if options.skip_models or sheet.has("single") else others()
    from vqa.bench.single import against_the_machine, side_by_side
    from vqa.bench.traffic import draw_traffic
    from vqa.checkpoint import shipped
    from vqa.heap import return_large_blocks
    from vqa.predictor import AUTO

    return_large_blocks()  # as the server does

    traffic = draw_traffic(options.pictures, _QUESTIONS)
    sheet.keep("traffic", lambda: _told(traffic))
    rounds = _ROUNDS if options.seconds >= 10 else 1
    # Behind "auto" are all that are shipped.
    alone = list(shipped()) if options.checkpoint == AUTO else [options.checkpoint]
    measured = list(dict.fromkeys((options.checkpoint, *alone)))
    sheet.keep("single", lambda: side_by_side(traffic, measured, rounds, beside))
    sheet.keep("machine_limit", lambda: against_the_machine(traffic, alone, rounds))
    _serve(sheet, options, traffic)
    report = options.out / REPORT
    report.write_text(markdown(sheet.figures), encoding="utf-8")
    print(f"{options.out}: {FIGURES}, {REPORT}")
    return 0


class Sheet:
    """Figures in a file that is written after each section, so that a run can be gone on with.

    Args:
        setting: what the figures hang on. resume: keep those in the file.

    Raises:
        ConfigError: the file cannot be written or read, or holds figures of another setting.
    """

    def __init__(self, path: Path, setting: dict, resume: bool) -> None:
        self._path = path
        self.figures = {"setting": setting}
        if resume and path.exists():
            try:
                self.figures = json.loads(path.read_text(encoding="utf-8"))
                kept = self.figures["setting"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ConfigError(f"{path} holds no figures; leave --resume out.") from error
            differ = [k for k in setting if k != "command" and kept.get(k) != setting[k]]
            if differ:
                raise ConfigError(
                    f"{path} was measured with another {' and '.join(differ)}; leave --resume out."
                )
        self._save()

    def has(self, *place: str) -> bool:
        """Whether this is measured."""
        found = self.figures
        for name in place:
            if name not in found:
                return False
            found = found[name]
        return True

    def keep(self, *place_and_measure) -> None:
        """Measures, unless it is measured, and saves: `keep("a", "b", measure)`."""
        *place, measure = place_and_measure
        if self.has(*place):
            return
        print(f"measuring: {' '.join(place)}", flush=True)
        found = self.figures
        for name in place[:-1]:
            found = found.setdefault(name, {})
        found[place[-1]] = measure()
        self._save()

    def _save(self) -> None:
        from vqa.checkpoint import write_json

        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._path, self.figures)


def _serve(sheet: Sheet, options: Namespace, traffic) -> None:
    """A server of each kind: memory first, while it is fresh, then the loads."""
    from vqa.bench.server import running
    from vqa.bench.service import BATCHED, MIXES, MODES, get_to_know, load, memory

    cells = [(mix, str(users)) for mix in MIXES for users in options.users]
    first = options.requests  # of the new pictures of a load; none comes twice
    for mode, most in MODES.items():
        left = [cell for cell in cells if not sheet.has("service", mode, *cell)]
        remember = mode == BATCHED and not sheet.has("memory")
        if not left and not remember:
            continue
        with running(options.checkpoint, most) as server:
            if remember:
                sheet.keep("memory", lambda: memory(server, traffic, options.requests))
            get_to_know(server, traffic)
            for mix, users in left:
                asked = (server, traffic, mix, int(users), options.seconds, first)
                sheet.keep("service", mode, mix, users, lambda asked=asked: load(*asked))
                first += 1_000_000


def _setting(options: Namespace) -> dict:
    import torch

    from vqa.compare.command import cpu_name

    return {
        "command": public([w for w in options.typed if w != "--resume"]),
        "checkpoint": Path(options.checkpoint).name,
        "seconds": options.seconds,
        "requests": options.requests,
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
    }


def _told(traffic) -> dict:
    sizes = [len(picture) for picture in traffic.pictures]
    return {
        "pictures": len(sizes),
        "questions": sum(len(asked) for asked in traffic.questions),
        "picture_kb": sum(sizes) / len(sizes) / 1000,
    }
