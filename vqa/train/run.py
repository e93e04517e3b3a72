"""One training run for the simulated world: perception, reasoning, calibration, checkpoint.

The stages have their own seeds and states in one folder. Perception and the first stage of
reasoning do not need each other, so two processes can work on them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vqa.checkpoint import save
from vqa.config import ModelConfig
from vqa.data.questions import BlockMaker, world_answers, world_replies, world_vocab
from vqa.data.renders import SHARD, Renders, join, read_shard, render_shards
from vqa.errors import ConfigError
from vqa.models.network import VQANetwork, build
from vqa.train.bank import Bank, gather, joined, look_at_all
from vqa.train.calibrate import calibrate
from vqa.train.calibrate_replies import calibrate_replies
from vqa.train.card import make_card
from vqa.train.feeds import BLOCK, PictureFeed, QuestionFeed
from vqa.train.imagine import imagine
from vqa.train.job import STAGES, Job, prepared
from vqa.train.loop import Stage, fit, restore
from vqa.train.perception import PerceptionStep, perception_report
from vqa.train.processes import world
from vqa.train.reasoning import ReasoningStep, family_weights, reasoning_report
from vqa.train.replying import (
    ORDER_WEIGHTS,
    REPLY_WEIGHTS,
    OrderStep,
    ReplyingStep,
    gather_replies,
    replying_report,
)
from vqa.train.transfer import keep_share, take_over
from vqa.world.picture import refuse_evaluation_seed
from vqa.world.plans import MAX_SET_STEPS

_TRIAL = 2048  # questions that are answered at each report
_NEAR_END = 1.0  # progress at which all families take part


def train_scenes(job: Job) -> None:
    """Runs a job to its end.

    Raises:
        ConfigError: the seed is reserved for evaluation, sizes do not fit, or `out` holds an
            unfinished training and `resume` is not set.
    """
    config = job.config
    refuse_evaluation_seed(config.seed)
    refuse_evaluation_seed(config.seed + 1)
    if min(config.renders, config.polish_scenes, config.calibration_scenes) < SHARD:
        raise ConfigError(
            f"renders, polish_scenes and calibration_scenes must be at least {SHARD}."
        )
    if BLOCK % config.question_batch:
        raise ConfigError(f"question_batch must divide {BLOCK}, not {config.question_batch}.")
    if config.model.fusion.steps > MAX_SET_STEPS:
        raise ConfigError(
            f"model.fusion.steps must be at most {MAX_SET_STEPS}, those of the longest question, "
            f"not {config.model.fusion.steps}."
        )
    if job.start is not None and job.only is not None:
        raise ConfigError("--stage does not go with --from, which runs all stages of replies.")
    torch.manual_seed(config.seed)
    model = prepared(config.model)
    network = build(model, len(world_vocab()), len(world_answers()), world_replies())
    if job.start is not None:
        take_over(network, world_vocab(), job.start)
    network.to(job.device).to(memory_format=torch.channels_last)
    run = _Run(job, network)
    if job.start is not None:
        run.further()
        run.finish(job.out, model)
        return
    if job.only is not None:
        for name in (*STAGES.get(job.only, ()), job.only):
            run.stage(name)
        return
    for name in ("perception", "reasoning", "polish"):
        run.stage(name)
    if job.extra is not None:
        run.finish(job.out.with_name(job.out.name + "-simulated-only"), model, adapted=False)
        run.stage("adapt")
    if model.further_heads:
        run.further()
    run.finish(job.out, model)


@dataclass(frozen=True)
class _Asking:
    """What a stage asks: share of training done -> weights of families, rows of a block -> batch,
    and what its reports measure."""

    weights: Callable[[float], Mapping[str, float]]
    collect: Callable[..., tuple]
    report: Callable[..., dict[str, float]]


class _Run:
    """The stages of one job on one network."""

    def __init__(self, job: Job, network: VQANetwork) -> None:
        self.job, self.config, self.network = job, job.config, network
        self.encoder = network.image_encoder
        self.folder = job.out / "training"
        self._fit = partial(fit, folder=self.folder, device=job.device, resume=job.resume)

    def stage(self, name: str) -> None:
        """Runs stage `name`, one of `STAGES`."""
        if name not in STAGES:
            raise ConfigError(f"There is no stage {name!r}; choose one of: {', '.join(STAGES)}.")
        # A stage that has ended needs no data.
        if self.job.resume and restore(name, self._steps(name), self._module(name), self.folder):
            return
        getattr(self, f"_{name}")()

    def further(self) -> None:
        """Trains the further heads, and all of reasoning with them."""
        self.stage("replies")
        if self.job.start is not None:
            keep_share(self.network, world_vocab(), self.job.start, self.config.replies_keep)
        for name in ("replies_polish", "replies_order"):
            if self._steps(name):
                self.stage(name)

    def _steps(self, name: str) -> int:
        config = self.config
        return {
            "perception": config.perception_samples // config.perception_batch,
            "adapt": config.adapt_samples // config.perception_batch,
            "reasoning": config.questions // config.question_batch,
            "polish": config.polish_questions // config.question_batch,
            "replies": config.replies // config.question_batch,
            "replies_polish": config.replies_polish // config.question_batch,
            "replies_order": config.replies_order // config.question_batch,
        }[name]

    def _module(self, name: str) -> nn.Module:
        if name in ("perception", "adapt"):
            return PerceptionStep(self.encoder)
        if name == "replies_order":
            return OrderStep(self.network)
        step = ReplyingStep if name.startswith("replies") else ReasoningStep
        return step(self.network, self.config.set_weight)

    def _renders(self, seed: int, shards: range) -> Renders:
        width, height = self.config.model.image_encoder.image_size
        folder = self.folder / f"renders-{seed}"
        # Of several processes, each second one begins at the end, so that they share the drawing.
        order = -1 if world()[0] % 2 else 1
        workers = self.job.workers
        paths = list(render_shards(folder, seed, shards[::order], width, height, workers))
        return join([read_shard(path) for path in paths[::order]])

    def _held_out(self) -> Renders:
        count = self.config.calibration_scenes // SHARD
        return self._renders(self.config.seed + 1, range(count))

    def _perception(self) -> None:
        config = self.config
        own = self._renders(config.seed, range(config.renders // SHARD))
        self._perceive("perception", [(own, 1.0)], config.perception_rate, 11)

    def _adapt(self) -> None:
        config = self.config
        own = self._renders(config.seed, range(config.renders // SHARD))
        extra, share = self.job.extra[0], config.adapt_share
        parts = [(own, 1 - share), (extra, share)]
        self._perceive("adapt", parts, config.adapt_rate, 12)

    def _perceive(self, name: str, parts: list, rate: float, stream: int) -> None:
        config, device = self.config, self.job.device
        held_out = self._held_out()
        feed = PictureFeed(parts, config.perception_batch, config.seed * 100 + stream, device)
        self._fit(
            Stage(
                name,
                self._steps(name),
                rate,
                self._module(name),
                feed,
                half=True,
                report=lambda: perception_report(self.encoder, held_out, device),
            )
        )

    def _reasoning(self) -> None:
        config = self.config
        encoder = self.encoder.config
        bank, labels = imagine(encoder, config.seed, config.imagined)
        trial, trial_labels = imagine(encoder, config.seed + 1, 500)
        self._reason(
            "reasoning",
            (bank, _asked_about(labels)),
            (trial, _asked_about(trial_labels)),
            config.reasoning_rate,
            13,
        )

    def _polish(self) -> None:
        config, device = self.config, self.job.device
        unseen, held_out = self._unseen(), self._held_out()
        self._reason(
            "polish",
            (look_at_all(self.encoder, unseen, device), labels_of(unseen)),
            (look_at_all(self.encoder, held_out, device), labels_of(held_out)),
            config.polish_rate,
            14,
        )

    def _reason(
        self,
        name: str,
        taught: tuple[Bank, dict],
        trial: tuple[Bank, dict],
        rate: float,
        stream: int,
    ) -> None:
        # Polishing starts with every family in play.
        weights = family_weights if name == "reasoning" else (lambda _: family_weights(_NEAR_END))
        self._ask(name, taught, trial, rate, stream, _Asking(weights, gather, reasoning_report))

    def _ask(
        self,
        name: str,
        taught: tuple[Bank, dict],
        trial: tuple[Bank, dict],
        rate: float,
        stream: int,
        asking: _Asking,
    ) -> None:
        """Trains on questions about what perception found; both pairs are a bank and labels."""
        config, device = self.config, self.job.device
        steps = self._steps(name)
        seed = config.seed * 100 + stream
        maker = BlockMaker(**taught[1], seed=seed, languages=config.languages, size=BLOCK)
        feed = QuestionFeed(
            *(taught[0], maker, config.question_batch, steps, asking.weights, device),
            collect=asking.collect,
        )
        judge = BlockMaker(**trial[1], seed=seed + 50, languages=config.languages, size=_TRIAL)
        block = judge.make((0, asking.weights(_NEAR_END)))
        try:
            self._fit(
                Stage(
                    name,
                    steps,
                    rate,
                    self._module(name),
                    feed,
                    report=lambda: asking.report(self.network, trial[0], block, device),
                )
            )
        finally:
            feed.close()

    def _replies(self) -> None:
        """All heads, on what perception found and on more scenes imagined."""
        unseen, config = self._unseen(), self.config
        imagined, labels = imagine(self.encoder.config, config.seed + 2, config.imagined)
        taught = joined([look_at_all(self.encoder, unseen, self.job.device), imagined])
        about = {k: np.concatenate([v, labels[k]]) for k, v in labels_of(unseen).items()}
        self._reply("replies", (taught, about), config.replies_rate, 16)

    def _replies_polish(self) -> None:
        self._reply("replies_polish", self._looked_at(), self.config.polish_rate, 18)

    def _replies_order(self) -> None:
        taught, weights = self._looked_at(), ORDER_WEIGHTS
        self._reply("replies_order", taught, self.config.order_rate, 19, weights)

    def _looked_at(self) -> tuple[Bank, dict]:
        """What perception found, in pictures from elsewhere as well: it must be reasoned over."""
        parts = [self._unseen()]
        if self.job.extra is not None:
            parts.append(self.job.extra[0])
        bank = joined([look_at_all(self.encoder, part, self.job.device) for part in parts])
        labels = [labels_of(part) for part in parts]
        return bank, {name: np.concatenate([part[name] for part in labels]) for name in labels[0]}

    def _unseen(self) -> Renders:
        """Pictures that perception was not trained on."""
        first = self.config.renders // SHARD
        shards = range(first, first + self.config.polish_scenes // SHARD)
        return self._renders(self.config.seed, shards)

    def _reply(
        self,
        name: str,
        taught: tuple[Bank, dict],
        rate: float,
        stream: int,
        weights: Mapping[str, float] = REPLY_WEIGHTS,
    ) -> None:
        held_out = self._held_out()
        trial = look_at_all(self.encoder, held_out, self.job.device), labels_of(held_out)
        asking = _Asking(lambda _: weights, gather_replies, replying_report)
        self._ask(name, taught, trial, rate, stream, asking)

    def _fit_familiarity(self, held_out: Renders, adapted: bool) -> None:
        first = self.config.renders // SHARD
        taught = [self._renders(self.config.seed, range(max(first - 8, 0), first))]
        if adapted and self.job.extra is not None:
            taught.append(self.job.extra[0])
        self.encoder.familiarity.fit(
            *(
                torch.cat(
                    [self.encoder.signature(x) for part in parts for x in self._batches(part)]
                )
                for parts in (taught, [held_out])
            )
        )

    def _batches(self, renders: Renders) -> Iterator[Tensor]:
        """Pictures (B, 3, H, W) as the encoder reads them."""
        for start in range(0, len(renders), 64):
            pixels = torch.from_numpy(renders.images[start : start + 64])
            yield pixels.permute(0, 3, 1, 2).float().div(255).to(self.job.device)

    @torch.no_grad()
    def finish(self, out: Path, model: ModelConfig, adapted: bool = True) -> None:
        """Calibrates and writes the checkpoint, in the first process."""
        if world()[0] > 0:
            return
        config, device = self.config, self.job.device
        self.network.eval()
        held_out = self._held_out()
        if self.job.start is None:  # perception, and so what is familiar to it, stays
            self._fit_familiarity(held_out, adapted)
        clarity = torch.cat([self.encoder(x).clarity.cpu() for x in self._batches(held_out)])
        bank = look_at_all(self.encoder, held_out, device)
        maker = BlockMaker(
            **labels_of(held_out),
            seed=config.seed * 100 + 15,
            languages=config.languages,
            size=10 * len(held_out),
        )
        block = maker.make((0, family_weights(_NEAR_END)))
        logits = []
        for start in range(0, len(block), 256):
            rows = np.arange(start, min(start + 256, len(block)))
            proposals, tokens, lengths, *_ = gather(bank, block, rows, device)
            seen = self.encoder.regions(proposals)
            logits.append(self.network.answer(seen, tokens, lengths).logits.cpu())
        answers = torch.from_numpy(block.answer)
        calibration = calibrate(torch.cat(logits), answers, clarity)
        if self.network.further:
            seed = config.seed * 100 + 17
            calibration |= calibrate_replies(
                self.network, bank, labels_of(held_out), config.languages, seed, device
            )
        extra = None
        if adapted and self.job.extra is not None:
            pictures, folder = self.job.extra
            extra = (len(pictures), folder)
        card = make_card(
            name=self.job.out.name,
            config=config,
            parameters=sum(p.numel() for p in self.network.parameters()),
            command=self.job.command,
            extra=extra,
            calibration=calibration,
            start=None if self.job.start is None else self.job.start.card,
        )
        replies = world_replies()
        save(out, self.network, model, world_vocab(), world_answers(), card, replies)


def labels_of(renders: Renders) -> dict[str, np.ndarray]:
    """The labels that questions are drawn from."""
    return _asked_about(vars(renders))


def _asked_about(labels: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: labels[name] for name in ("count", "attributes", "ground")}
