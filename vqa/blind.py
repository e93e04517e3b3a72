"""What answering without looking scores: what a model's figure has to be read against.

Questions give answers away: "is it ...?" is answered by yes or no, "what sport ...?" often by
tennis. Two baselines that see no picture measure how much (Goyal et al. 2017, section 4.2): the
most frequent answer of each type of question, and a linear classifier over the question's words
and pairs of words (Joulin et al. 2017), trained here in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from random import Random

import torch
from torch import Tensor, nn

from vqa.data import vqa_v2
from vqa.data.build import Data, existing_folder, split_name, training_split
from vqa.data.check import blind_score
from vqa.data.sample import Sample, score
from vqa.text import normalize_answer, tokenize

# What keeps training to seconds.
_QUESTIONS, _ANSWERS, _TERMS = 60_000, 3_000, 20_000
_LONGEST = 60  # terms of a question
_DIM, _BATCH, _EPOCHS, _RATE = 64, 256, 6, 1e-2


@dataclass(frozen=True)
class Baselines:
    """Scores in [0, 1] of answering without the picture.

    Attributes:
        train: the split they were taken from; "" when the data has none for this, and the most
            frequent answers are those of the questions asked (which flatters them).
        majority: always the most frequent answer of the question's type.
        question_only: see `QuestionOnly`; None without a training split.
    """

    train: str
    majority: float
    question_only: float | None


def baselines(data: Data, split: str, asked: Sequence[Sample], language: str = "en") -> Baselines:
    """Baselines for questions of the split `split`, from the split that is for training."""
    train = training_split(data, split)
    if train is None:
        return Baselines("", blind_score(asked, asked), None)
    taught = data.samples(train, (language,))
    pairs = [(s.question, s.answers) for s in taught]
    known = set(pairs)
    model = QuestionOnly(pairs + [pair for pair in _text_only(data, train) if pair not in known])
    said = model.answer([s.question for s in asked])
    right = sum(score(answer, s) for answer, s in zip(said, asked, strict=True))
    return Baselines(train, blind_score(taught, asked), right / len(asked))


def _text_only(data: Data, train: str) -> list[tuple[str, tuple[str, ...]]]:
    """Training questions that come without pictures; they may hold those with pictures too."""
    kind, where = split_name(data.name)
    if kind != "vqa_v2":
        return []
    root, split = existing_folder(where), f"{vqa_v2.TEXT_ONLY}_{train}"
    return list(vqa_v2.read_text(root, split)) if split in vqa_v2.text_splits(root) else []


class QuestionOnly:
    """A linear classifier over a question's words and pairs of neighbouring words.

    Training is the same for the same questions; some are drawn when there are very many.

    Args:
        taught: (question, answers of one or several people).
    """

    def __init__(self, taught: Sequence[tuple[str, Sequence[str]]]) -> None:
        if len(taught) > _QUESTIONS:
            taught = Random(0).sample(list(taught), _QUESTIONS)
        spoken = Counter(chain.from_iterable(answers for _, answers in taught))
        # An answer is said as most people write it.
        self._said: dict[str, str] = {}
        counts: Counter = Counter()
        for answer, n in spoken.most_common():
            self._said.setdefault(normalize_answer(answer), answer)
            counts[normalize_answer(answer)] += n
        self._answers = [answer for answer, _ in counts.most_common(_ANSWERS)]
        terms = Counter(chain.from_iterable(_terms(question) for question, _ in taught))
        # 0 is padding.
        self._ids = {term: k for k, (term, _) in enumerate(terms.most_common(_TERMS), start=1)}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self._bag = nn.EmbeddingBag(len(self._ids) + 1, _DIM, mode="mean", padding_idx=0)
            self._head = nn.Linear(_DIM, len(self._answers))
            self._train(self._encode([q for q, _ in taught]), *self._targets(taught))

    def answer(self, questions: Sequence[str]) -> list[str]:
        """The most probable answer to each question, as written in training."""
        with torch.inference_mode():
            best = [self._logits(part).argmax(-1) for part in self._encode(questions).split(_BATCH)]
        return [self._said[self._answers[k]] for k in torch.cat(best).tolist()]

    def _logits(self, terms: Tensor) -> Tensor:
        """(n, A) of terms (n, T)."""
        return self._head(self._bag(terms))

    def _train(self, terms: Tensor, answers: Tensor, shares: Tensor) -> None:
        known = shares.sum(-1) > 0
        terms, answers, shares = terms[known], answers[known], shares[known]
        optimiser = torch.optim.Adam([*self._bag.parameters(), *self._head.parameters()], lr=_RATE)
        total = _EPOCHS * -(-len(terms) // _BATCH)
        falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total)
        for _ in range(_EPOCHS):
            for rows in torch.randperm(len(terms)).split(_BATCH):
                logs = self._logits(terms[rows]).log_softmax(-1)
                loss = -(logs.gather(1, answers[rows]) * shares[rows]).sum(-1).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                falling.step()

    def _encode(self, questions: Sequence[str]) -> Tensor:
        """Ids (n, T) of the terms that are known, 0 behind them."""
        found = [[self._ids[t] for t in _terms(q) if t in self._ids][:_LONGEST] for q in questions]
        return _padded(found, torch.long)

    def _targets(self, taught: Sequence[tuple[str, Sequence[str]]]) -> tuple[Tensor, Tensor]:
        """Answers (n, K) and their shares (n, K), which sum to 1, or 0 when none is known."""
        place = {answer: k for k, answer in enumerate(self._answers)}
        answers, shares = [], []
        for _, given in taught:
            said = Counter(place[a] for a in map(normalize_answer, given) if a in place)
            answers.append(list(said))
            shares.append([n / said.total() for n in said.values()])
        return _padded(answers, torch.long), _padded(shares, torch.float32)


def _terms(question: str) -> list[str]:
    words = ["^", *tokenize(question)]
    return words[1:] + [f"{a} {b}" for a, b in pairwise(words)]


def _padded(rows: Sequence[list], kind: torch.dtype) -> Tensor:
    longest = max(1, max(map(len, rows)))
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows], dtype=kind)
