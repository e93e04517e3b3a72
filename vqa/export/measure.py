"""Ways to run a checkpoint on a CPU, timed side by side in one process."""

from __future__ import annotations

import copy
import os
import platform
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from vqa.checkpoint import Checkpoint, load
from vqa.data.build import evaluation_split, open_data
from vqa.data.sample import Sample, score
from vqa.errors import VQAError
from vqa.export.folder import export
from vqa.export.patience import GaveUpError, within
from vqa.exported import accelerate
from vqa.models.folding import folded
from vqa.options import moved
from vqa.predictor import Predictor, Request
from vqa.running import Bar

ROUNDS = 60
BATCH = 64
_BATCHES = 3
PATIENCE = 120.0  # seconds that a way may take until it can be asked
_ASKED = 1000  # questions that accuracy is measured on
_SPOKEN = 10
_SENTENCE = "Describe the scene."


@dataclass(frozen=True)
class Speed:
    """Medians in milliseconds, preprocessing included.

    Attributes:
        way: "eager", "compile", "int8" or "onnx". prepare_s: seconds until it could be asked.
        new, same: one question about a picture not seen before, and another one about it.
        batch: a question in a batch of 64, about 64 new pictures.
        sentence: one whose answer is a sentence, about a picture seen; None without a generator.
        accuracy: share of the questions answered right.
        other: share of the questions whose first answer is another than eager's.
    """

    way: str
    prepare_s: float
    new: float
    same: float
    batch: float
    sentence: float | None
    accuracy: float
    other: float


def measure(name_or_dir: str | Path, data: str) -> tuple[list[Speed], dict[str, str]]:
    """Times every way with as many threads as PyTorch has; "eager" is the first.

    Returns:
        The ways that were ready within `PATIENCE`, and for each of the others why it was not.

    Raises:
        As `vqa.checkpoint.load` and `vqa.data.build.open_data`. VQAError: not even PyTorch as it
        is was ready.
    """
    folder = load(name_or_dir).folder
    with Bar(unit="scene", desc="drawing", leave=False, delay=1) as bar:
        opened = open_data(data, os.cpu_count() or 1, moved(bar))
        samples = opened.samples(evaluation_split(opened), ("en",))
    asked = samples[:: max(1, len(samples) // _ASKED)][:_ASKED]
    files = _files(samples)
    ways: dict[str, tuple[Predictor, float]] = {}
    failed: dict[str, str] = {}
    with (
        tempfile.TemporaryDirectory(prefix="vqa-export-") as scratch,
        Bar(total=len(WAYS) + 2, unit="step", leave=False) as bar,
    ):
        graphs, threads = Path(scratch) / "onnx", torch.get_num_threads()
        for way in WAYS:
            bar.set_description(f"preparing {way}")
            try:
                # Elsewhere first: a compiler may take for ever. What it makes is kept on disk.
                given = way, folder, graphs, files[:BATCH], threads
                seconds = within(PATIENCE, _rehearse, *given)
            except GaveUpError as error:
                failed[way] = str(error)
            else:
                ways[way] = _ready(way, folder, graphs, files[:BATCH]), seconds
            bar.update()
        if "eager" not in ways:
            raise VQAError(
                f"{name_or_dir} cannot be asked ({failed['eager']}); is the machine busy?"
            )
        bar.set_description("timing")
        times = _times({way: predictor for way, (predictor, _) in ways.items()}, files[BATCH:])
        bar.update()
        bar.set_description("comparing answers")
        said = {way: _answers(predictor, asked) for way, (predictor, _) in ways.items()}
    speeds = [
        Speed(
            way,
            seconds,
            *times[way],
            sum(map(score, said[way], asked)) / len(asked),
            sum(a != b for a, b in zip(said[way], said["eager"], strict=True)) / len(asked),
        )
        for way, (_, seconds) in ways.items()
    ]
    return speeds, failed


def table(rows: Sequence[Speed], failed: Mapping[str, str]) -> str:
    """Markdown, times beside how many times faster than eager.

    Args:
        failed: way -> why it was not ready; see `measure`.
    """
    first = rows[0]

    def cell(value: float | None, base: float | None) -> str:
        return "" if value is None else f"{value:.2f} ms ({base / value:.2f}x)"

    lines = [
        f"{platform.machine()}, PyTorch {torch.__version__}, {torch.get_num_threads()} threads, "
        f"medians; accuracy on {_ASKED} questions at most",
        "",
        "| way | ready after | new picture | same picture | in a batch of 64 | sentence "
        "| right | other answers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [
            row.way,
            f"{row.prepare_s:.1f} s",
            cell(row.new, first.new),
            cell(row.same, first.same),
            cell(row.batch, first.batch),
            cell(row.sentence, first.sentence),
            f"{100 * row.accuracy:.2f} %",
            f"{100 * row.other:.2f} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {way} | not: {why} | | | | | | |" for way, why in failed.items()]
    return "\n".join(lines)


def _rehearse(way: str, folder: Path, graphs: Path, files: Sequence, threads: int) -> float:
    """Seconds until a way can be asked."""
    torch.set_num_threads(threads)
    begin = perf_counter()
    _ready(way, folder, graphs, files)
    return perf_counter() - begin


def _ready(way: str, folder: Path, graphs: Path, files: Sequence) -> Predictor:
    checkpoint = load(folder)
    checkpoint = replace(checkpoint, network=folded(checkpoint.network))
    predictor = Predictor(WAYS[way](checkpoint, graphs), torch.device("cpu"))
    _warm_up(predictor, files)
    return predictor


def _compiled(checkpoint: Checkpoint, graphs: Path) -> Checkpoint:
    """The recurrent question encoder stays: compiled, it is unrolled anew for every length."""
    network = copy.deepcopy(checkpoint.network)
    network.image_encoder = torch.compile(network.image_encoder, dynamic=True)
    network.fusion = torch.compile(network.fusion, dynamic=True)
    network.head = torch.compile(network.head, dynamic=True)
    return replace(checkpoint, network=network)


def _int8(checkpoint: Checkpoint, graphs: Path) -> Checkpoint:
    """Linear and recurrent layers with 8 bit weights; convolutions have no dynamic kind."""
    from torch.ao.quantization import quantize_dynamic

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch announces a successor in another package
        network = quantize_dynamic(
            checkpoint.network, {torch.nn.Linear, torch.nn.GRU, torch.nn.LSTM}, torch.qint8
        )
    return replace(checkpoint, network=network.eval())


def _onnx(checkpoint: Checkpoint, graphs: Path) -> Checkpoint:
    if not graphs.exists():
        export(checkpoint.folder, graphs)
    return accelerate(load(graphs))


# How a way makes its checkpoint, given one and a folder for graphs.
WAYS: dict[str, Callable[[Checkpoint, Path], Checkpoint]] = {
    "eager": lambda checkpoint, graphs: checkpoint,
    "compile": _compiled,
    "int8": _int8,
    "onnx": _onnx,
}


def _files(samples: Sequence[Sample]) -> list[tuple[bytes, str, str]]:
    """Different pictures, each with two questions: enough for all that is timed."""
    asked: dict[Path, list[str]] = {}
    for sample in samples:
        asked.setdefault(sample.image, []).append(sample.question)
    wanted = BATCH + max(ROUNDS, BATCH * _BATCHES)
    return [
        (image.read_bytes(), questions[0], questions[-1])
        for image, questions in list(asked.items())[:wanted]
    ]


def _warm_up(predictor: Predictor, files: Sequence[tuple[bytes, str, str]]) -> None:
    predictor.ask_batch([Request(file, first) for file, first, _ in files])
    for file, first, second in files[:10]:
        predictor.ask(file, first)
        predictor.ask(file, second)
    if _speaks(predictor):
        predictor.ask(files[0][0], _SENTENCE)


def _speaks(predictor: Predictor) -> bool:
    return "generator" in predictor.checkpoint.config.further_heads


def _times(
    ways: dict[str, Predictor], files: Sequence[tuple[bytes, str, str]]
) -> dict[str, tuple[float, float, float, float | None]]:
    """Ways take turns, so that what else the machine does meets all of them alike."""
    new, same, batch, sentence = ({way: [] for way in ways} for _ in range(4))
    for file, first, second in files[:ROUNDS]:
        for way, predictor in ways.items():
            predictor = _forgetful(predictor)
            new[way].append(predictor.ask(file, first).elapsed_ms)
            same[way].append(predictor.ask(file, second).elapsed_ms)
            if _speaks(predictor) and len(sentence[way]) < _SPOKEN:
                sentence[way].append(predictor.ask(file, _SENTENCE).elapsed_ms)
    for start in range(0, len(files), BATCH):
        part = [Request(file, first) for file, first, _ in files[start : start + BATCH]]
        for way, predictor in ways.items():
            batch[way].append(_forgetful(predictor).ask_batch(part)[0].elapsed_ms)
    return {
        way: (
            median(new[way]),
            median(same[way]),
            median(batch[way]),
            median(sentence[way]) if sentence[way] else None,
        )
        for way in ways
    }


def _forgetful(predictor: Predictor) -> Predictor:
    """The same with no picture kept."""
    return Predictor(predictor.checkpoint, predictor.device)


def _answers(predictor: Predictor, asked: Sequence[Sample]) -> list[str]:
    found = []
    for start in range(0, len(asked), BATCH):
        found += [a.answer for a in predictor.ask_batch(asked[start : start + BATCH])]
    return found
