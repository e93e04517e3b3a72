"""How far an exported network's numbers are from the network's own."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import torch
from PIL import Image
from torch import Tensor

from vqa.checkpoint import Checkpoint
from vqa.errors import QuestionError
from vqa.image import to_tensor
from vqa.models.image_encoder import Regions
from vqa.models.network import Prediction, VQANetwork
from vqa.reply_space import END
from vqa.text import Vocab, prepare_question
from vqa.world.picture import draw_picture
from vqa.world.questions import QuestionSampler
from vqa.world.scene_index import SceneIndex

QUESTIONS = 500
LIMIT = 1e-4
_SEED = 11
_PER_PICTURE = 20
_PIECES = 6  # of a sentence, followed greedily


@dataclass(frozen=True)
class Difference:
    """Largest absolute differences over `questions` questions: of the logits of answers, of the
    kinds of answer and of the pieces of sentences; 0 for what the checkpoint has not.
    `other`: questions whose first answer is another one."""

    questions: int
    answers: float
    kinds: float
    pieces: float
    other: int

    @property
    def largest(self) -> float:
        return max(self.answers, self.kinds, self.pieces)


def difference(checkpoint: Checkpoint, fast: VQANetwork, questions: int = QUESTIONS) -> Difference:
    """Asks both networks the same questions about simulated pictures, many at once.

    Half of the questions are English, half Chinese. Where the checkpoint does not know the
    words of a question, as many words that it knows stand in for them.
    """
    own = checkpoint.network
    answers = kinds = pieces = 0.0
    asked = other = number = 0
    while asked < questions:
        images, tokens, lengths = _batch(checkpoint, number, min(_PER_PICTURE, questions - asked))
        number += 1
        asked += len(tokens)
        with torch.inference_mode():
            found = []
            for network in (own, fast):
                regions = Regions.join([network.image_encoder(images)] * len(tokens))
                found.append(network.answer(regions, tokens, lengths))
            answers = max(answers, _apart(found[0].logits, found[1].logits))
            other += int((found[0].logits.argmax(-1) != found[1].logits.argmax(-1)).sum())
            if found[0].kinds is not None:
                kinds = max(kinds, _apart(found[0].kinds, found[1].kinds))
            if "generator" in own.further:
                pieces = max(pieces, _sentences_apart(own, fast, *found))
    return Difference(asked, answers, kinds, pieces, other)


def _apart(one: Tensor, two: Tensor) -> float:
    return float((one - two).abs().max())


def _batch(checkpoint: Checkpoint, number: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Picture `number` (1, 3, H, W), and tokens and lengths of up to `count` questions."""
    picture = draw_picture(_SEED, number)
    size = checkpoint.config.image_encoder.image_size
    image = to_tensor(Image.fromarray(picture.pixels), size)
    index = SceneIndex(picture.scene)
    half = -(-count // 2)
    texts = [
        question.text
        for language in ("en", "zh")
        for question in QuestionSampler(_SEED, languages=(language,)).sample(index, half, number)
    ]
    random = Random(f"{_SEED}/{number}")
    ids = [_known(text, checkpoint.vocab, random) for text in texts[:count]]
    tokens = torch.zeros(len(ids), max(map(len, ids)), dtype=torch.long)
    for row, words in zip(tokens, ids, strict=True):
        row[: len(words)] = torch.tensor(words)
    return image.unsqueeze(0), tokens, torch.tensor([len(words) for words in ids])


def _known(text: str, vocab: Vocab, random: Random) -> list[int]:
    try:
        question = prepare_question(text, vocab)
        if not question.unknown:
            return list(question.ids)
    except QuestionError:  # not one word is known
        pass
    length = random.randint(1, 16)
    return [random.randrange(1, len(vocab)) for _ in range(length)]


def _sentences_apart(own: VQANetwork, fast: VQANetwork, mine: Prediction, its: Prediction) -> float:
    """Follows each question's sentence piece by piece, both with the same pieces and places."""
    sources = own.source(mine), fast.source(its)
    regions = sources[0].mask.shape[1]
    states = [source.start.unsqueeze(0) for source in sources]
    before = torch.full((len(sources[0].start), 1), END)
    last = covered = torch.zeros(sources[0].mask.shape)
    largest = 0.0
    for _ in range(_PIECES):
        covered = torch.maximum(covered, last)
        outs = [
            step(source, before, last, covered, state)
            for step, source, state in zip(
                (own.further["generator"].step, fast.step), sources, states, strict=True
            )
        ]
        largest = max(largest, _apart(outs[0][0], outs[1][0]))
        states = [out[2] for out in outs]
        before = outs[0][0].argmax(-1, keepdim=True)
        places = outs[0][1].argmax(-1)
        last = torch.nn.functional.one_hot(places, 1 + regions)[:, 1:].float()
    return largest
