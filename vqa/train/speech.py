"""Training of the acoustic encoder on synthesised questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from vqa.audio import MELS
from vqa.config import SpeechConfig
from vqa.errors import ConfigError
from vqa.metrics import sequence_errors
from vqa.models.audio_encoder import BLANK, AudioEncoder, states_of
from vqa.models.ctc import greedy
from vqa.models.ngrams import NGrams
from vqa.speech.simulate import SHARD, Reading, Spoken, make_shard, read_shards
from vqa.speech.store import save
from vqa.speech.texts import QuestionTexts
from vqa.text import Vocab
from vqa.train.loop import Stage, fit
from vqa.train.speech_feed import SpeechFeed, normalised, targets
from vqa.world.placement import EVALUATION_SEEDS

_TRIAL = 384  # utterances that are transcribed when a state is saved, of each group
_CALIBRATION_SEED = EVALUATION_SEEDS.start + 1


@dataclass(frozen=True)
class SpeechJob:
    """What to train and where; see `vqa.train.job.Job`."""

    config: SpeechConfig
    out: Path
    device: torch.device
    workers: int
    resume: bool
    command: str


class SpeechStep(nn.Module):
    """CTC's loss of a batch, per word."""

    def __init__(self, encoder: AudioEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(
        self, mels: Tensor, frames: Tensor, tokens: Tensor, lengths: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        heard = self.encoder(mels, frames)
        scores = heard.logits.float().log_softmax(-1).transpose(0, 1)
        states = states_of(frames)
        # A question with more words than states cannot be aligned; it teaches nothing.
        loss = nn.functional.ctc_loss(
            scores, tokens, states, lengths, blank=BLANK, zero_infinity=True
        )
        return loss, {}


def train_speech(job: SpeechJob) -> None:
    """Synthesises what is missing, trains, and writes the checkpoint.

    Raises:
        ConfigError: espeak-ng is missing; or as `fit`.
    """
    config = job.config
    reading = Reading(config.seed, config.languages, schemas=config.schemas)
    if config.seed in EVALUATION_SEEDS:
        raise ConfigError(f"Seed {config.seed} is one of evaluation; train with a smaller one.")
    spoken = _spoken([(reading, shard) for shard in range(config.shards)], job.workers)
    kept = replace(reading, seed=_CALIBRATION_SEED)
    trials = {
        group: _spoken([(replace(kept, group=group), 0)], job.workers)
        for group in ("seen", "unseen")
    }
    vocab = QuestionTexts(config.seed, [Path(s) for s in config.schemas]).vocab()
    torch.manual_seed(config.seed)
    encoder = AudioEncoder(config.model, MELS, len(vocab)).to(job.device)
    feed = SpeechFeed(spoken, config.batch, config.seed, job.device)
    stage = Stage(
        "speech",
        config.steps,
        config.rate,
        SpeechStep(encoder),
        feed,
        half=True,
        report=lambda: {
            f"{language} {group}": rate
            for group, trial in trials.items()
            for language, rate in error_rates(encoder, vocab, trial, job.device).items()
        },
    )
    fit(stage, job.out / "training", job.device, job.resume)
    ngrams = NGrams.of(
        row[:n].tolist() for row, n in zip(spoken.tokens, spoken.lengths, strict=True)
    )
    card = {
        "name": job.out.name,
        "summary": {
            "en": "Writes down spoken questions in English and Chinese.",
            "zh": "把英语和汉语的口头提问写成文字。",
        },
        "limits": [
            "Trained on synthesised speech (espeak-ng), not on people: with real voices, rooms and "
            "microphones it errs more often than its figures say.",
            "It writes words of its vocabulary only: questions about simulated scenes, products "
            "and groceries.",
        ],
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "training": {
            "command": job.command,
            "seed": config.seed,
            "utterances": len(spoken),
            "preset": asdict(config),
        },
        "figures": {},
    }
    save(job.out, encoder, config.model, vocab, ngrams, card)


def _spoken(jobs: list[tuple[Reading, int]], workers: int) -> Spoken:
    """Shards, those that are missing synthesised in `workers` processes."""
    with tqdm(total=len(jobs) * SHARD, unit="utterance", desc="reading aloud", delay=2) as bar:
        paths = []
        for path in _made(jobs, workers):
            paths.append(path)
            bar.update(SHARD)
    return read_shards(paths)


def _made(jobs: list[tuple[Reading, int]], workers: int) -> Iterator[Path]:
    if workers <= 1 or len(jobs) == 1:
        yield from (make_shard(*each) for each in jobs)
        return
    with get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_make, jobs)


def _make(job: tuple[Reading, int]) -> Path:
    torch.set_num_threads(1)
    return make_shard(*job)


@torch.no_grad()
def error_rates(
    encoder: AudioEncoder, vocab: Vocab, spoken: Spoken, device: torch.device
) -> dict[str, float]:
    """Wrong, missing and superfluous words (characters) by the words said, for each language, of
    the first utterances by the most probable path."""
    encoder.eval()
    wrong: dict[str, int] = {}
    said: dict[str, int] = {}
    for start in range(0, min(_TRIAL, len(spoken)), 32):
        rows = np.arange(start, min(start + 32, len(spoken)))
        parts = [torch.from_numpy(spoken.energies(k)) for k in rows]
        frames = torch.tensor([len(part) for part in parts])
        mels, _ = normalised(nn.utils.rnn.pad_sequence(parts, batch_first=True), frames)
        heard = encoder(mels.to(device), frames)
        tokens, lengths = targets(spoken, rows)
        for k in range(len(rows)):
            truth = tokens[k, : lengths[k]].tolist()
            found = greedy(heard.logits[k].cpu(), states_of(int(frames[k])))
            language = "en" if vocab.words[truth[0] - 2].isascii() else "zh"
            wrong[language] = wrong.get(language, 0) + sequence_errors(found, truth)
            said[language] = said.get(language, 0) + len(truth)
    return {language: wrong[language] / said[language] for language in sorted(said)}
