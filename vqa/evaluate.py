"""How right, how well calibrated and how fast a checkpoint is, asked as users ask it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np

from vqa.aside import Aside, in_half
from vqa.blind import Baselines
from vqa.data.sample import Sample, score
from vqa.metrics import accuracy_table, expected_calibration_error, reliability_bins
from vqa.selective import (
    coverage,
    coverage_at_risk,
    effective_reliability,
    reliability_threshold,
    risk_at,
    risk_curve,
    risk_threshold,
)
from vqa.wups import WordNet, words_of

_BATCH = 50
_RISKS = (0.01, 0.05, 0.1)
_COSTS = (1, 10, 100)
_FAILURES = 8


class Asked(Protocol):
    """What evaluation needs of a predictor; a `Sample` serves as a request."""

    def ask(self, image, question: str, top_k: int = 5): ...

    def ask_batch(self, requests: Sequence, top_k: int = 5) -> list: ...


@dataclass(frozen=True)
class Report:
    """Figures of one checkpoint on one set of questions.

    Attributes:
        data, language, device: what was asked and where it was computed.
        n: questions. accuracy: share right, or official VQA accuracy where several people
            answered; with its 95 % interval.
        kinds: type of question -> {"n", "accuracy", "interval"}.
        ece: expected calibration error, 15 bins. sure: share of answers marked sure;
            sure_accuracy: share right among those.
        unfamiliar: share of questions flagged as unlike the training's.
        spoke: checkpoint -> share of questions it answered.
        train, majority, question_only: what needs no picture scores; see `vqa.blind.Baselines`.
        coverage: risk -> share of questions that can be answered with at most that share wrong,
            at the best threshold for these questions.
        selective: the same with thresholds from other questions, as one has to choose them:
            {"aside": what these are, "aside_n", "n": how many they and the questions measured on
            are, "coverage" and "risk": aimed-at risk -> share answered, and of those wrong,
            "reliability": cost -> `effective_reliability`, in [-cost, 1]}.
        extra: further measures by name (see `nearness_in_meaning`).
        reliability: bins of confidence from `vqa.metrics.reliability_bins`.
        risk_coverage: [share answered, share of those wrong], from `vqa.selective.risk_curve`.
        failures: the wrong answers that the checkpoint was surest of, as
            {"question", "answer", "predicted", "confidence"}; at most 8, each predicted once. Of
            simulated questions only: other people's do not belong in a card, which is published.
    """

    data: str
    language: str
    device: str
    n: int
    accuracy: float
    interval: tuple[float, float]
    kinds: dict[str, dict]
    ece: float
    sure: float
    sure_accuracy: float
    unfamiliar: float
    spoke: dict[str, float]
    train: str
    majority: float
    question_only: float | None
    coverage: dict[str, float]
    selective: dict
    extra: dict[str, float] = field(default_factory=dict)
    reliability: list[dict] = field(default_factory=list)
    risk_coverage: list[list[float]] = field(default_factory=list)
    failures: list[dict] = field(default_factory=list)

    def to_dict(self) -> dict:
        return asdict(self)


def evaluate(
    predictor: Asked,
    samples: Sequence[Sample],
    data: str,
    language: str,
    blind: Baselines,
    aside: Aside,
    progress: Callable[[int], None] = lambda done: None,
) -> tuple[Report, list[dict]]:
    """Asks every sample's question.

    Args:
        blind: what the same questions score without the pictures. aside: where thresholds come
            from. progress: told the number of questions asked, those of `aside` included.

    Returns:
        The report, and one row per question: image, question, answer, predicted, confidence,
        sure, familiar, checkpoint, said (its kind), right, right_in_3, kind.
    """
    rows, device = _ask(predictor, samples, progress)
    others, _ = _ask(predictor, aside.samples, lambda done: progress(len(samples) + done))
    right = [row["right"] for row in rows]
    kinds = [row["kind"] for row in rows]
    table = accuracy_table(right, kinds)
    for kind, row in accuracy_table([row["right_in_3"] for row in rows], kinds).items():
        table[kind]["in_3"] = row["accuracy"]
    overall = table.pop("all")
    confidence = [row["confidence"] for row in rows]
    sure = [row["right"] for row in rows if row["sure"]]
    report = Report(
        data=data,
        language=language,
        device=device,
        n=len(rows),
        accuracy=overall["accuracy"],
        interval=tuple(overall["interval"]),
        kinds=table,
        ece=expected_calibration_error(confidence, right),
        sure=len(sure) / len(rows),
        sure_accuracy=float(np.mean(sure)) if sure else 0.0,
        unfamiliar=sum(not row["familiar"] for row in rows) / len(rows),
        spoke={k: n / len(rows) for k, n in Counter(row["checkpoint"] for row in rows).items()},
        train=blind.train,
        majority=blind.majority,
        question_only=blind.question_only,
        coverage={str(risk): coverage_at_risk(confidence, right, risk) for risk in _RISKS},
        selective=_selective(rows, others, aside.source),
        reliability=reliability_bins(confidence, right),
        risk_coverage=risk_curve(confidence, right),
        failures=_failures(rows) if data.startswith("world:") else [],
    )
    return report, rows


def _ask(
    predictor: Asked, samples: Sequence[Sample], progress: Callable[[int], None]
) -> tuple[list[dict], str]:
    """A row for each sample, and the device."""
    rows = []
    device = ""
    for start in range(0, len(samples), _BATCH):
        part = samples[start : start + _BATCH]
        answers = predictor.ask_batch(part, top_k=3)
        for sample, answer in zip(part, answers, strict=True):
            device = answer.device
            rows.append(
                {
                    "image": str(sample.image),
                    "question": sample.question,
                    "answer": sample.answer,
                    "predicted": answer.answer,
                    "confidence": answer.confidence,
                    "sure": answer.sure,
                    "familiar": answer.familiar,
                    "checkpoint": answer.checkpoint,
                    "said": answer.kind,
                    "right": score(answer.answer, sample),
                    "right_in_3": max(score(said, sample) for said, _ in answer.top),
                    "kind": sample.kind,
                }
            )
        progress(len(rows))
    return rows, device


def _failures(rows: Sequence[dict]) -> list[dict]:
    """`Report.failures`: each wrong answer and true answer once, so that they differ in kind."""
    wrong = sorted((row for row in rows if not row["right"]), key=lambda r: -r["confidence"])
    told = {}
    for row in wrong:
        told.setdefault((row["predicted"], row["answer"]), row)
    names = ("question", "answer", "predicted", "confidence")
    return [{name: row[name] for name in names} for row in list(told.values())[:_FAILURES]]


def _selective(rows: Sequence[dict], others: Sequence[dict], source: str) -> dict:
    """`Report.selective`; without other rows half of the pictures stand in for them."""
    if not others:
        others = [row for row in rows if in_half(row["image"])]
        rows = [row for row in rows if not in_half(row["image"])]
    chosen_by = [[row[name] for row in others] for name in ("confidence", "right")]
    confidence, right = ([row[name] for row in rows] for name in ("confidence", "right"))
    at = {risk: risk_threshold(*chosen_by, risk) for risk in _RISKS}
    return {
        "aside": source,
        "aside_n": len(others),
        "n": len(rows),
        "coverage": {str(risk): coverage(confidence, t) for risk, t in at.items()},
        "risk": {str(risk): risk_at(confidence, right, t) for risk, t in at.items()},
        "reliability": {
            str(cost): effective_reliability(
                confidence, right, reliability_threshold(*chosen_by, cost), cost
            )
            for cost in _COSTS
        },
    }


def nearness_in_meaning(rows: Sequence[dict], wordnet: WordNet) -> dict[str, float]:
    """WUPS of the rows of `evaluate`, for data whose answers are lists of things (DAQUAR).

    "wups@0.9" and "wups@0.0" are the official measure. "first" and "wups_first@0.925" compare the
    first thing of the true answer alone, as published for the split by question.
    """
    sums: dict[str, float] = {}
    for row in rows:
        said, true = words_of(row["predicted"]), words_of(row["answer"])
        first = true[:1]
        for name, value in (
            ("wups@0.9", wordnet.wups(said, true, 0.9)),
            ("wups@0.0", wordnet.wups(said, true, 0.0)),
            ("first", float(said == first)),
            ("wups_first@0.925", wordnet.wups(said, first, 0.925)),
        ):
            sums[name] = sums.get(name, 0.0) + value
    return {name: total / len(rows) for name, total in sums.items()}


def latency(predictor: Asked, samples: Sequence[Sample], rounds: int = 200) -> dict[str, float]:
    """Median milliseconds of one question, preprocessing included.

    Args:
        samples: questions about different pictures; the files are read beforehand, as a page
            holds an upload in memory.

    Returns:
        new_image_ms: picture not seen before. same_image_ms: another question about it.
    """
    pictures: dict[Path, bytes] = {}
    for sample in samples:
        if len(pictures) < rounds and sample.image not in pictures:
            pictures[sample.image] = sample.image.read_bytes()
    questions = [s.question for s in samples[: 2 * len(pictures)]]
    new, same = [], []
    for k, data in enumerate(pictures.values()):
        # Reading a file is not the model's work; decoding it is.
        new.append(predictor.ask(data, questions[k]).elapsed_ms)
        same.append(predictor.ask(data, questions[-1 - k]).elapsed_ms)
    # The first questions warm up.
    skip = min(10, len(new) // 2)
    return {"new_image_ms": median(new[skip:]), "same_image_ms": median(same[skip:])}
