"""Training of the acoustic encoder on synthesised questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vqa.audio import MELS
from vqa.config import SpeechConfig
from vqa.errors import ConfigError
from vqa.metrics import sequence_errors
from vqa.models.audio_encoder import BLANK, AudioEncoder, states_of
from vqa.models.ctc import greedy, transcript
from vqa.models.ngrams import NGrams
from vqa.running import Bar, helpers
from vqa.speech.decoding import Decoder
from vqa.speech.simulate import SHARD, Reading, Spoken, make_shard, read_shards
from vqa.speech.store import save
from vqa.speech.texts import QuestionTexts, spelt, spelt_alike
from vqa.text import Vocab, detect_language, tokenize
from vqa.train.loop import Stage, fit
from vqa.train.processes import first_alone, world
from vqa.train.speech_feed import SpeechFeed, normalised, targets
from vqa.world.placement import EVALUATION_SEEDS

_SURE = 0.95  # of the transcripts that need no confirmation are to be without error
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
    texts = QuestionTexts(config.seed, [Path(s) for s in config.schemas])
    vocab = texts.vocab()
    spoken = _spoken([(reading, shard) for shard in range(config.shards)], job.workers, vocab)
    kept = replace(reading, seed=_CALIBRATION_SEED)
    trials = {
        group: _spoken([(replace(kept, group=group), 0)], job.workers, vocab)
        for group in ("seen", "unseen")
    }
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
    if world()[0] > 0:
        return
    ngrams = ngrams_of(texts, config.languages, config.scenes)
    threshold = sure_from(encoder, Decoder(vocab, ngrams), vocab, trials["unseen"], job.device)
    save(job.out, encoder, config.model, vocab, ngrams, _card(job, encoder, len(spoken), threshold))


def _card(job: SpeechJob, encoder: AudioEncoder, utterances: int, threshold: float) -> dict:
    asked, asked_zh = "scenes, follow-ups", "场景、追问"
    if job.config.schemas:
        asked, asked_zh = f"{asked}, and photographs", f"{asked_zh}、照片"
    return {
        "name": job.out.name,
        "summary": "Writes down spoken questions in English and Chinese.",
        "summary_zh": "把英语和汉语的口头提问写成文字。",
        "languages": list(job.config.languages),
        "parameters": sum(p.numel() for p in encoder.parameters()),
        "trained_on": {
            "speech": f"{utterances:,} questions about {asked}, read aloud by espeak-ng"
        },
        "trained_on_zh": {"语音": f"{utterances:,} 个问题（{asked_zh}），由 espeak-ng 朗读"},
        "command": job.command,
        "seed": job.config.seed,
        "preset": asdict(job.config),
        "calibration": {"threshold": threshold},
        "figures": {},
        "limits": [
            "Trained on synthesised speech (espeak-ng), not on people: with real voices, rooms and "
            "microphones it errs more often than its figures say.",
            "It writes words of its vocabulary only: questions about simulated scenes, products "
            "and groceries.",
        ],
        "limits_zh": [
            "用合成语音（espeak-ng）训练，没有用真人的声音：遇到真人的声音、真实的房间和麦克风时，"
            "它的错误比所列数字多。",
            "只写得出词表里的词：关于模拟场景、商品和食品的问题。",
        ],
        "licence": "Apache-2.0",
    }


def ngrams_of(texts: QuestionTexts, languages: Sequence[str], scenes: int) -> NGrams:
    """N-grams of the questions about the first `scenes` scenes."""
    vocab = texts.vocab()

    def questions(bar: Bar) -> Iterator:
        for number in range(scenes):
            for language in languages:
                for text in texts.about(number, language):
                    yield vocab.encode(spelt(tokenize(text)))
            bar.update()

    with Bar(total=scenes, unit="scene", desc="counting words", delay=2) as bar:
        return NGrams.of(questions(bar), len(vocab))


def _spoken(jobs: list[tuple[Reading, int]], workers: int, vocab: Vocab) -> Spoken:
    """Shards, those that are missing synthesised in `workers` processes; words that sound alike
    in the spelling that is written."""
    with (
        first_alone(),
        Bar(total=len(jobs) * SHARD, unit="utterance", desc="reading aloud", delay=2) as bar,
    ):
        paths = []
        for path in _made(jobs, workers):
            paths.append(path)
            bar.update(SHARD)
    spoken = read_shards(paths)
    return replace(spoken, tokens=spelt_alike(vocab).astype(np.int16)[spoken.tokens])


def _made(jobs: list[tuple[Reading, int]], workers: int) -> Iterator[Path]:
    if workers <= 1 or len(jobs) == 1:
        yield from (make_shard(*each) for each in jobs)
        return
    with helpers(workers) as pool:
        yield from pool.imap(_make, jobs)


def _make(job: tuple[Reading, int]) -> Path:
    torch.set_num_threads(1)
    return make_shard(*job)


def error_rates(
    encoder: AudioEncoder, vocab: Vocab, spoken: Spoken, device: torch.device
) -> dict[str, float]:
    """Wrong, missing and superfluous words (characters) by the words said, for each language, of
    the first utterances by the most probable path."""
    wrong: dict[str, int] = {}
    said: dict[str, int] = {}
    for logits, truth in _encoded(encoder, spoken, _TRIAL, device):
        language = _language(truth, vocab)
        errors = sequence_errors(greedy(logits, len(logits)), truth)
        wrong[language] = wrong.get(language, 0) + errors
        said[language] = said.get(language, 0) + len(truth)
    return {language: wrong[language] / said[language] for language in sorted(said)}


def sure_from(
    encoder: AudioEncoder, decoder: Decoder, vocab: Vocab, spoken: Spoken, device: torch.device
) -> float:
    """The confidence from which `_SURE` of the transcripts in each language, in voices never heard,
    have no error; 1 where no confidence is enough."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for logits, truth in _encoded(encoder, spoken, SHARD, device):
        heard = transcript(decoder(logits))
        exact = list(heard.ids) == truth
        found.setdefault(_language(truth, vocab), []).append((heard.confidence, exact))
    return max(_threshold(each) for each in found.values())


def _threshold(found: list[tuple[float, bool]]) -> float:
    """The least of the confidences from which `_SURE` are exact."""
    right, threshold = 0, 1.0
    for count, (confidence, exact) in enumerate(sorted(found, reverse=True), start=1):
        right += exact
        if right >= _SURE * count:
            threshold = confidence
    return threshold


def _language(ids: Sequence[int], vocab: Vocab) -> str:
    return detect_language(vocab.words[ids[0] - 2])


@torch.no_grad()
def _encoded(
    encoder: AudioEncoder, spoken: Spoken, count: int, device: torch.device
) -> Iterator[tuple[Tensor, list[int]]]:
    """Logits (T, U) and true word ids of the first `count` utterances."""
    encoder.eval()
    for start in range(0, min(count, len(spoken)), 32):
        rows = np.arange(start, min(start + 32, len(spoken), count))
        parts = [torch.from_numpy(spoken.energies(k)) for k in rows]
        frames = torch.tensor([len(part) for part in parts])
        mels, _ = normalised(nn.utils.rnn.pad_sequence(parts, batch_first=True), frames)
        logits = encoder(mels.to(device), frames).logits.float().cpu()
        tokens, lengths = targets(spoken, rows)
        for k in range(len(rows)):
            states = states_of(int(frames[k]))
            yield logits[k, :states], tokens[k, : lengths[k]].tolist()
