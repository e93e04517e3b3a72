"""Answers that are sentences: a recurrent decoder that attends to regions and words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.models.fusion.contract import Joint
from vqa.models.fusion.mac import COUNTS, count_code
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words
from vqa.reply_space import END

_EMBEDDING = 64
_SHARP = 4.0  # hints count that much, so that attention soon tells neighbours in order apart


@dataclass
class Source:
    """What a decoder reads, for B questions.

    Attributes:
        start: (B, D) first state. values: (B, R, D) regions. keys: (B, R, D) the same with what
            selects them. hints: (B, R, 1 + S): place in the reading order, and how much each step
            of the fusion attended to the region. mask: (B, R). words: the question.
    """

    start: Tensor
    values: Tensor
    keys: Tensor
    hints: Tensor
    mask: Tensor
    words: Words

    def rows(self, index: Tensor) -> Source:
        """The questions at `index`, which may repeat."""
        w = self.words
        words = Words(w.states[index], w.summary[index], w.mask[index])
        parts = (self.start, self.values, self.keys, self.hints, self.mask)
        return Source(*(x[index] for x in parts), words)


# See `Generator.step`.
Step = Callable[[Source, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


class Generator(nn.Module):
    """A GRU decoder with attention (Sutskever et al. 2014, Bahdanau et al. 2015).

    p(y | x) = product over t of p(y_t | y_<t, x). Each state h_t reads the piece before and the
    region attended before. A region's score is v . tanh(W k_r + U h_t), as Bahdanau's, plus
    u(h_t) . (place, attention of the fusion's steps, attended so far, attended last): what has
    been spoken of (coverage, See et al. 2017) and where reading has come to. One more place to
    attend stands for no region, for pieces between objects. How many objects there still are to
    speak of, of all and of those of each step, joins what a piece is chosen by: whether "and" or
    a full stop comes next is a matter of counting.

    Args:
        dim: D. pieces: number of pieces. steps: S, of the fusion's attention.
    """

    def __init__(self, dim: int, pieces: int, steps: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(pieces + 1, _EMBEDDING)
        self.begin = nn.Linear(2 * dim, dim)
        self.key = nn.Linear(dim, dim)
        self.cell = nn.GRU(_EMBEDDING + dim, dim, batch_first=True)
        self.query = nn.Linear(dim, dim)
        self.score = nn.Linear(dim, 1)
        self.nowhere = nn.Linear(dim, 1)
        self.weigh = nn.Linear(dim, 3 + steps)
        self.word_query = nn.Linear(dim, dim)
        self.output = nn.Linear(3 * dim + (1 + steps) * COUNTS, pieces + 1)
        with torch.no_grad():
            # From the start: the first region in order that has not been spoken of.
            self.weigh.bias.zero_()[0], self.weigh.bias[-2] = -1.0, -12.0

    def read(self, joint: Joint, regions: Regions, words: Words, rank: Tensor) -> Source:
        """Everything that does not change from piece to piece; rank (B, R) is the reading order."""
        hints = torch.cat([rank.unsqueeze(-1), joint.region_attention.transpose(1, 2)], dim=-1)
        start = torch.tanh(self.begin(torch.cat([joint.vector, words.summary], dim=-1)))
        features = regions.features
        return Source(start, features, self.key(features), hints, regions.mask, words)

    def forward(self, source: Source, pieces: Tensor, spoken: Tensor) -> tuple[Tensor, Tensor]:
        """Teaching: pieces come from the true sentence, and so does what was attended before.

        Args:
            pieces: (B, L) ids, `END` behind the last. spoken: (B, L, R) in {0, 1}, the region
                that each piece speaks of.

        Returns:
            Logits (B, L, pieces + 1) of each piece, and (B, L, 1 + R) of where it attends, the
            first of them for no region.
        """
        before = F.pad(pieces[:, :-1], (1, 0), value=END)
        last = F.pad(spoken[:, :-1], (0, 0, 1, 0))
        seen = last @ source.values
        states, _ = self.cell(
            torch.cat([self.embed(before), seen], dim=-1), source.start.unsqueeze(0)
        )
        # What the last piece spoke of counts as spoken of only by pieces before it, too.
        covered = last.cumsum(1).clamp(max=1)
        return self._attend(source, states, covered, last)

    def _attend(
        self, source: Source, states: Tensor, covered: Tensor, last: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of pieces and of places for states (B, L, D); covered and last (B, L, R)."""
        mixed = torch.tanh(source.keys.unsqueeze(1) + self.query(states).unsqueeze(2))
        score = self.score(mixed).squeeze(-1)
        length = states.shape[1]
        hints = source.hints.unsqueeze(1).expand(-1, length, -1, -1)
        hints = torch.cat([hints, covered.unsqueeze(-1), last.unsqueeze(-1)], dim=-1)
        score = score + _SHARP * (hints * self.weigh(states).unsqueeze(2)).sum(-1)
        score = score.masked_fill(~source.mask.unsqueeze(1), -1e4)
        places = torch.cat([self.nowhere(states), score], dim=-1)
        seen = places.softmax(-1)[..., 1:] @ source.values
        words = source.words
        match = self.word_query(states) @ words.states.transpose(1, 2)
        match = (match / states.shape[-1] ** 0.5).masked_fill(~words.mask.unsqueeze(1), -1e4)
        heard = match.softmax(-1) @ words.states
        sets = torch.cat([source.mask.unsqueeze(-1), source.hints[..., 1:]], dim=-1)
        left = count_code((1 - covered) @ sets).flatten(2)
        return self.output(torch.cat([states, seen, heard, left], dim=-1)), places

    def step(
        self, source: Source, before: Tensor, last: Tensor, covered: Tensor, states: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One more piece of each of n sentences.

        Args:
            source: n rows. before: (n, 1) ids of the pieces before. last, covered: (n, R) in
                {0, 1}, the region spoken of last and those spoken of so far. states: (1, n, D).

        Returns:
            Logits of pieces (n, pieces + 1) and of places (n, 1 + R), and the states behind.
        """
        seen = last.unsqueeze(1) @ source.values
        out, states = self.cell(torch.cat([self.embed(before), seen], dim=-1), states)
        logits, places = self._attend(source, out, covered.unsqueeze(1), last.unsqueeze(1))
        return logits.squeeze(1), places.squeeze(1), states

    @torch.no_grad()
    def search(
        self, source: Source, beams: int = 4, longest: int = 128, step: Step | None = None
    ) -> list[list[tuple[float, list[int], Tensor]]]:
        """Beam search: for each question its `beams` most probable sentences found.

        Args:
            step: does what `Generator.step` does, if that is not to do it.

        Returns:
            Per question, most probable first: log p of the whole sentence, its piece ids without
            the end, and (pieces, R) how much each piece attended to each region.
        """
        return [
            self._search(source.rows(torch.tensor([k])), beams, longest, step or self.step)
            for k in range(len(source.start))
        ]

    def _search(self, source: Source, beams: int, longest: int, step: Step):
        regions = source.mask.shape[1]
        device = source.start.device
        running = [(0.0, [], [])]  # log p, pieces, places attended
        states = source.start.unsqueeze(0)  # (1, beams, D)
        covered = torch.zeros(1, regions, device=device)
        last = torch.zeros(1, regions, device=device)
        done: list[tuple[float, list[int], Tensor]] = []
        for _ in range(longest):
            many = source.rows(torch.zeros(len(running), dtype=torch.long, device=device))
            before = torch.tensor([[b[1][-1] if b[1] else END] for b in running], device=device)
            covered = torch.maximum(covered, last)
            logits, places, states = step(many, before, last, covered, states)
            attended = places.softmax(-1)[:, 1:]
            # As in teaching, one region or none: shares of several would add up, piece by piece.
            chosen = F.one_hot(places.argmax(-1), 1 + regions)[:, 1:].to(attended.dtype)
            total = logits.log_softmax(-1) + torch.tensor([[b[0]] for b in running], device=device)
            found, index = total.flatten().topk(min(beams, total.numel()))
            kept, origin = [], []
            for value, flat in zip(found.tolist(), index.tolist(), strict=True):
                row, piece = divmod(flat, total.shape[1])
                _, pieces, maps = running[row]
                if piece == END:
                    shown = torch.stack(maps) if maps else attended.new_zeros(0, regions)
                    done.append((value, pieces, shown))
                else:
                    kept.append((value, [*pieces, piece], [*maps, attended[row]]))
                    origin.append(row)
            # Longer sentences only lose: nothing still running can beat what is done.
            best = sorted((d[0] for d in done), reverse=True)[:beams]
            if not kept or (len(best) == beams and kept[0][0] < best[-1]):
                break
            running, rows = kept, torch.tensor(origin, device=device)
            states, covered, last = states[:, rows], covered[rows], chosen[rows]
        done = done or [(v, pieces, torch.stack(maps)) for v, pieces, maps in running]
        return sorted(done, key=lambda d: -d[0])[:beams]
