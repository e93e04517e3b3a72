"""Trains contenders one after another on the same questions, and measures them."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, thread_time

import numpy as np
import torch
from torch import Tensor

from vqa.compare.budget import Budget
from vqa.compare.contenders import Contender
from vqa.compare.stream import ALL_FAMILIES, KeptQuestions
from vqa.data.questions import BlockMaker, QuestionBlock, world_answers, world_vocab
from vqa.errors import ConfigError
from vqa.metrics import wilson_interval
from vqa.models.network import VQANetwork, build
from vqa.options import moved
from vqa.running import Bar
from vqa.train.bank import gather
from vqa.train.feeds import BLOCK, QuestionFeed
from vqa.train.imagine import imagine
from vqa.train.loop import Stage, fit
from vqa.train.reasoning import ReasoningStep, reasoning_report
from vqa.train.run import prepared
from vqa.world.families import FAMILIES

# Families whose questions need one object's place, value or number beside another's.
RELATIONS = tuple(name for name in FAMILIES if name not in ("zero_hop", "single_or"))
HELD_OUT = 1000  # scenes that nobody was trained on
JUDGED = 4096  # questions asked about them at the end, in each language
PROBED = 2048  # questions asked during training
_SHARES = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, 7 / 8, 1)
_WARM_STEPS, _WARM_ROUNDS = 80, 2  # enough that what a start costs hardly counts
_TIMED, _UNTIMED = 200, 20  # single questions timed, and asked before that


class Study:
    """The data of a comparison.

    Args:
        contenders: presets that share seed, languages and image encoder. budget: of each.
        folder: for questions and states of training, which can be dropped afterwards.
        workers: processes that draw questions; 0 for this one.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        budget: Budget,
        folder: Path,
        device: torch.device,
        workers: int,
    ) -> None:
        self.contenders, self.budget, self.folder = contenders, budget, folder
        self.device, self.workers = device, workers
        # On a CPU what else the machine does must not count.
        self.clock = thread_time if device.type == "cpu" else monotonic
        config = contenders[0].config
        encoder = prepared(config.model).image_encoder
        bank, labels = imagine(encoder, config.seed, config.imagined)
        self.trial, trial_labels = imagine(encoder, config.seed + 1, HELD_OUT)
        taught = BlockMaker(
            **_asked(labels), seed=config.seed * 100 + 16, languages=config.languages, size=BLOCK
        )
        self.bank, self.questions = bank, KeptQuestions(taught, folder)
        self.judges = {
            language: _block(trial_labels, config.seed * 100 + 66 + k, (language,), JUDGED)
            for k, language in enumerate(config.languages)
        }
        self.probe = _block(trial_labels, config.seed * 100 + 65, config.languages, PROBED)

    def run(self) -> list[dict]:
        """Trains and measures all; for each what `report.json` holds, the best first.

        Raises:
            ConfigError: the budget is too small for a single step.
        """
        steps = [self._steps(contender) for contender in self.contenders]
        batches = [c.config.question_batch for c in self.contenders]
        most = max(n * size for n, size in zip(steps, batches, strict=True))
        with Bar(desc="drawing questions", unit="block") as bar:
            self.questions.draw(most, self.workers, moved(bar))
        rows = [self._measure(c, n) for c, n in zip(self.contenders, steps, strict=True)]
        return sorted(rows, key=lambda row: -row["accuracy"]["all"]["accuracy"])

    def guess(self) -> dict[str, dict]:
        """Accuracy of the commonest answer to each family in training, as `_score` counts it."""
        taught = next(self.questions.blocks([(0, ALL_FAMILIES)], 0))
        common = [_commonest(taught.answer[taught.family == k]) for k in range(len(FAMILIES))]
        reports = {}
        for language, block in self.judges.items():
            right = block.answer == np.array(common)[block.family]
            reports[language] = {
                name: float(right[block.family == k].mean())
                for k, name in enumerate(FAMILIES)
                if (block.family == k).any()
            }
        return self._table(reports)

    def _steps(self, contender: Contender) -> int:
        """Steps that the budget pays for."""
        size = contender.config.question_batch
        if BLOCK % size:
            raise ConfigError(f"{contender.name}: question_batch must divide {BLOCK}, not {size}.")
        if self.budget.questions is not None:
            steps = self.budget.questions // size
        else:
            self.questions.draw(_WARM_STEPS * size, self.workers, lambda *_: None)
            taken = min(
                self._trained(
                    contender, _WARM_STEPS, self.folder / f"warm-{round}-{contender.name}"
                ).seconds
                for round in range(_WARM_ROUNDS)
            )
            steps = int(self.budget.seconds * _WARM_STEPS / taken)
        if steps < 1:
            raise ConfigError(
                f"The budget {self.budget.text} is less than one batch of {contender.name}; "
                "give more."
            )
        return steps

    def _trained(
        self,
        contender: Contender,
        steps: int,
        folder: Path,
        points: frozenset[int] = frozenset(),
    ) -> _Training:
        """A network after `steps` steps, asked the probe at `points` of them."""
        config = contender.config
        torch.manual_seed(config.seed)
        network = build(prepared(config.model), len(world_vocab()), len(world_answers()))
        network.to(self.device)
        training = _Training(self, network, points)
        feed = QuestionFeed(
            self.bank,
            self.questions,
            config.question_batch,
            steps,
            lambda _: ALL_FAMILIES,
            self.device,
        )
        training.fit(
            Stage(
                contender.name,
                steps,
                config.reasoning_rate,
                ReasoningStep(network, config.set_weight),
                training.batch_of(feed),
                report=training.report if points else None,
                points=points,
                lasting=False,
            ),
            folder,
        )
        return training

    def _measure(self, contender: Contender, steps: int) -> dict:
        config = contender.config
        points = frozenset(max(1, round(share * steps)) for share in _SHARES)
        done = self._trained(contender, steps, self.folder / contender.name, points)
        network, size = done.network, config.question_batch
        score = self._table(
            {
                language: reasoning_report(network, self.trial, block, self.device)
                for language, block in self.judges.items()
            }
        )
        return {
            "name": contender.name,
            "fusion": config.model.fusion.name,
            "attention_steps": self._attention_steps(network),
            "set_weight": config.set_weight,
            "questions": steps * size,
            "seconds": round(done.seconds, 1),
            "parameters": {
                "fusion": sum(p.numel() for p in network.fusion.parameters()),
                "network": sum(p.numel() for p in network.parameters()),
            },
            "latency_ms": self._latency(copy.deepcopy(network).cpu()),
            "accuracy": score,
            "curve": [{"questions": step * size} | figures for step, figures in done.curve.items()],
        }

    def _table(self, reports: dict[str, dict[str, float]]) -> dict[str, dict]:
        """Reports by language -> what -> {"n", "accuracy", "interval"}.

        What: "all", "relations", each language and each family.
        """
        asked, right = Counter(), Counter()
        for language, report in reports.items():
            families = self.judges[language].family
            for k, family in enumerate(FAMILIES):
                n = int((families == k).sum())
                for name in ("all", language, family, *["relations"][: family in RELATIONS]):
                    asked[name] += n
                    right[name] += report[family] * n if n else 0.0
        return {
            name: {
                "n": n,
                "accuracy": right[name] / n,
                "interval": list(wilson_interval(right[name], n)),
            }
            for name, n in asked.items()
            if n
        }

    @torch.inference_mode()
    def _attention_steps(self, network: VQANetwork) -> int:
        regions, tokens, lengths = self._one(network, 0)
        return network.answer(regions, tokens, lengths).joint.region_logits.shape[1]

    def _one(self, network: VQANetwork, row: int) -> tuple:
        """One question of the probe: encoded regions, tokens, lengths."""
        device = next(network.parameters()).device
        proposals, tokens, lengths, *_ = gather(self.trial, self.probe, np.array([row]), device)
        return network.image_encoder.regions(proposals), tokens, lengths

    @torch.inference_mode()
    def _latency(self, network: VQANetwork) -> dict[str, float]:
        """Threads -> median milliseconds of one question about encoded regions, on the CPU."""
        given = torch.get_num_threads()
        asked = [self._one(network, k) for k in range(min(_TIMED, len(self.probe)))]
        found = {}
        for threads in sorted({1, given}):
            torch.set_num_threads(threads)
            times = []
            for question in [*asked[:_UNTIMED], *asked]:
                begin = perf_counter()
                network.answer(*question)
                times.append(1000 * (perf_counter() - begin))
            found[str(threads)] = round(median(times[_UNTIMED:]), 3)
        torch.set_num_threads(given)
        return found


class _Training:
    """One network's training: its curve, and the seconds of computing without measuring."""

    def __init__(self, study: Study, network: VQANetwork, points: frozenset[int]) -> None:
        self.study, self.network, self.points = study, network, points
        self.curve: dict[int, dict[str, float]] = {}
        self.seconds = 0.0
        self._step = 0

    def fit(self, stage: Stage, folder: Path) -> None:
        begin = self.study.clock()
        fit(stage, folder, self.study.device, resume=False)
        self.seconds += self.study.clock() - begin

    def batch_of(self, feed: QuestionFeed):
        """`feed`, with its steps counted."""

        def batch(step: int, rank: int, processes: int) -> tuple[Tensor, ...]:
            self._step = step + 1
            return feed(step, rank, processes)

        return batch

    def report(self) -> dict[str, float]:
        """Accuracy on the probe, kept when it is a point's turn."""
        study = self.study
        begin = study.clock()
        report = reasoning_report(self.network, study.trial, study.probe, study.device)
        counts = {name: int((study.probe.family == k).sum()) for k, name in enumerate(FAMILIES)}
        asked = sum(counts[name] for name in RELATIONS)
        found = sum(counts[name] * report.get(name, 0.0) for name in RELATIONS)
        figures = {"all": report["all"], "relations": found / max(asked, 1)}
        if self._step in self.points:
            self.curve[self._step] = figures
        self.seconds -= study.clock() - begin
        return figures


def _asked(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The labels that questions are drawn from."""
    return {name: labels[name] for name in ("count", "attributes", "ground")}


def _block(labels: dict, seed: int, languages: Sequence[str], size: int) -> QuestionBlock:
    maker = BlockMaker(**_asked(labels), seed=seed, languages=languages, size=size)
    return maker.make((0, ALL_FAMILIES))


def _commonest(answers: np.ndarray) -> int:
    return int(np.bincount(answers).argmax()) if len(answers) else -1
