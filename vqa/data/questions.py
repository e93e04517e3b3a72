"""Blocks of simulated questions as arrays, ready to train reasoning on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vqa.reply_space import LIST, SENTENCE, ReplySpace
from vqa.running import helpers
from vqa.text import AnswerSpace, Vocab, tokenize
from vqa.world.grammar import answer_in, vocabulary
from vqa.world.grammar.sentences import sentence_pieces
from vqa.world.plans import LISTS, MAX_SET_STEPS
from vqa.world.questions import Question, QuestionSampler
from vqa.world.replies import REPLY_FAMILIES, reading_order
from vqa.world.scene import ATTRIBUTES, DIRECTIONS, RADIUS, Scene, SceneObject, make_scene
from vqa.world.scene_index import SceneIndex, ids_of

MAX_TOKENS = 96
MAX_PIECES = 128  # of a sentence, its end included
PER_SCENE = 8  # questions about one scene within a block


def world_vocab() -> Vocab:
    """Every word and character the grammar can write, without slips."""
    return Vocab(tuple(sorted(vocabulary("en")) + sorted(vocabulary("zh"))))


def world_answers() -> AnswerSpace:
    """yes, no, 0 to 10 and all attribute values, with their Chinese names."""
    answers = ["yes", "no", *map(str, range(11))]
    answers += [value for values in ATTRIBUTES.values() for value in values]
    chinese = {a: answer_in("zh", a) for a in answers if answer_in("zh", a) != a}
    return AnswerSpace(tuple(answers), {"zh": chinese})


def world_replies() -> ReplySpace:
    """Every piece of a sentence and every label of a list."""
    labels = tuple(value for values in ATTRIBUTES.values() for value in values)
    return ReplySpace(sentence_pieces(), labels)


@dataclass
class Replies:
    """The answers of n questions that are not words; rows of those that are hold zeros.

    Attributes:
        kind: (n,) place in `vqa.reply_space.KINDS`.
        pieces: (n, L) int16 ids of pieces, 0 for the end and behind it.
        speaks: (n, L) int8, the object that each piece speaks of, -1 for none.
        labels: (n, N) int8 ids of labels, 0 for objects not listed.
        rank: (n, N) int8, place of each object in the order it is read in; sentences and words
            are read from left to right.
    """

    kind: np.ndarray
    pieces: np.ndarray
    speaks: np.ndarray
    labels: np.ndarray
    rank: np.ndarray


@dataclass
class QuestionBlock:
    """n questions; N objects at the most, S set steps.

    Attributes:
        scene: (n,) place of each question's scene in the bank it was drawn for.
        mirrored: (n,) bool: the scene is meant left and right exchanged.
        tokens: (n, T) int16 word ids, 0 for padding. lengths: (n,).
        answer: (n,) class index. family: (n,) place in the list of families.
        sets: (n, S, N) bool, the objects each step selects; steps after the last repeat it.
        steps: (n,) number of steps. replies: answers that are sentences or lists, whose `answer`
            is 0; None where no family has such.
    """

    scene: np.ndarray
    mirrored: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray
    answer: np.ndarray
    family: np.ndarray
    sets: np.ndarray
    steps: np.ndarray
    replies: Replies | None = None

    def __len__(self) -> int:
        return len(self.scene)


def scene_of_labels(count: int, attributes: np.ndarray, ground: np.ndarray, mirror: bool) -> Scene:
    """The scene that label arrays describe (see `Renders`), mirrored on request."""
    right, behind = np.array(DIRECTIONS["right"]), np.array(DIRECTIONS["behind"])
    objects = []
    for row, (along, depth) in zip(attributes[:count], ground[:count], strict=True):
        named = {a: values[row[k]] for k, (a, values) in enumerate(ATTRIBUTES.items())}
        x, y = (-along if mirror else along) * right + depth * behind
        objects.append(SceneObject(**named, position=(x, y, RADIUS[named["size"]])))
    return make_scene(objects)


class BlockMaker:
    """Draws blocks; block `k` depends on the seed and `k` only.

    Args:
        count, attributes, ground: labels of the bank's scenes, as in `Renders`.
        weights: family -> weight.
    """

    def __init__(
        self,
        count: np.ndarray,
        attributes: np.ndarray,
        ground: np.ndarray,
        seed: int,
        languages: Sequence[str],
        size: int,
        decorated: float = 0.2,
        noise: float = 0.08,
    ) -> None:
        self.count, self.attributes, self.ground = count, attributes, ground
        self.seed, self.languages, self.size = seed, tuple(languages), size
        self.decorated, self.noise = decorated, noise
        self.vocab, self.answers = world_vocab(), world_answers()
        space = world_replies()
        self._pieces = {piece: k for k, piece in enumerate(space.pieces, start=1)}
        self._labels = {label: k for k, label in enumerate(space.labels, start=1)}

    def make(self, job: tuple[int, Mapping[str, float]]) -> QuestionBlock:
        number, weights = job
        rng = np.random.default_rng([self.seed, number])
        sampler = QuestionSampler(self.seed, weights, self.languages, self.decorated, self.noise)
        families = list(weights)
        rows = []
        while len(rows) < self.size:
            which, mirror = int(rng.integers(len(self.count))), bool(rng.random() < 0.5)
            scene = scene_of_labels(
                int(self.count[which]), self.attributes[which], self.ground[which], mirror
            )
            draw = int(rng.integers(2**40))
            index = SceneIndex(scene)
            for q in sampler.sample(index, PER_SCENE, draw):
                rows.append((which, mirror, q, index))
        rows = [rows[k] for k in rng.permutation(len(rows))[: self.size]]
        ids = [self.vocab.encode(tokenize(q.text))[:MAX_TOKENS] for _, _, q, _ in rows]
        tokens = np.zeros((len(rows), max(map(len, ids))), np.int16)
        sets = np.zeros((len(rows), MAX_SET_STEPS, self.attributes.shape[1]), bool)
        for k, (_, _, q, _) in enumerate(rows):
            tokens[k, : len(ids[k])] = ids[k]
            for step in range(MAX_SET_STEPS):
                mask = q.step_sets[min(step, len(q.step_sets) - 1)]
                sets[k, step, ids_of(mask)] = True
        return QuestionBlock(
            scene=np.array([r[0] for r in rows]),
            mirrored=np.array([r[1] for r in rows]),
            tokens=tokens,
            lengths=np.array([len(i) for i in ids]),
            answer=np.array([self._class(q) for _, _, q, _ in rows]),
            family=np.array([families.index(q.family) for _, _, q, _ in rows]),
            sets=sets,
            steps=np.array([len(q.step_sets) for _, _, q, _ in rows]),
            replies=self._replies([(q, index) for _, _, q, index in rows], families),
        )

    def _class(self, question: Question) -> int:
        return 0 if question.reply else self.answers.index(question.answer)

    def _replies(
        self, rows: list[tuple[Question, SceneIndex]], families: list[str]
    ) -> Replies | None:
        if not set(families) & set(REPLY_FAMILIES):
            return None
        objects = self.attributes.shape[1]
        kind = np.zeros(len(rows), np.int8)
        pieces = np.zeros((len(rows), MAX_PIECES), np.int16)
        speaks = np.full((len(rows), MAX_PIECES), -1, np.int8)
        labels = np.zeros((len(rows), objects), np.int8)
        rank = np.zeros((len(rows), objects), np.int8)
        for k, (question, index) in enumerate(rows):
            direction = LISTS.get(question.plan.answer.kind, "right")
            order = reading_order(index, list(range(index.size)), direction)
            rank[k, order] = np.arange(index.size)
            reply = question.reply
            if reply is None:
                continue
            kind[k] = SENTENCE if reply.sentence else LIST
            if reply.sentence:
                said = reply.sentence
                pieces[k, : len(said.pieces)] = [self._pieces[piece] for piece in said.pieces]
                speaks[k, : len(said.objects)] = said.objects
            else:
                labels[k, list(reply.listed)] = [self._labels[value] for value in reply.values]
        longest = int((pieces > 0).sum(1).max()) + 1
        return Replies(kind, pieces[:, :longest], speaks[:, :longest], labels, rank)

    def blocks(
        self, jobs: Sequence[tuple[int, Mapping[str, float]]], workers: int = 1
    ) -> Iterator[QuestionBlock]:
        """Blocks in the order of `jobs`, drawn ahead in `workers` processes (0: in this one)."""
        if workers == 0:
            yield from map(self.make, jobs)
            return
        with helpers(workers) as pool:
            pending = [pool.apply_async(self.make, (job,)) for job in jobs[: workers + 2]]
            for job in [*jobs[workers + 2 :], *[None] * len(pending)]:
                yield pending.pop(0).get()
                if job is not None:
                    pending.append(pool.apply_async(self.make, (job,)))
