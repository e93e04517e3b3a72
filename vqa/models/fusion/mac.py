"""Memory, attention and composition (Hudson & Manning 2018), reading sets of regions.

As in the paper, each step has a control (attention over the question's words), a read
(attention over regions) and a write, and a step may look back at all earlier ones (section
3.2.3). Three things differ, because our questions count and relate objects:

- the read's attention is a sigmoid per region, not a softmax over regions, so that a step selects
  a *set* and its size is not lost; simulation supervises it with the program's object sets;
- looking back recalls earlier steps' sets (two of them, for "and", "or" and comparisons);
- the read sees regions relative to the recalled set's mean: differences in position carry
  "left of", products carry "same colour as".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.config import FusionConfig
from vqa.models.fusion.contract import FUSIONS, Joint
from vqa.models.image_encoder import Regions
from vqa.models.question_encoder import Words

_RECALLS = 2
COUNTS = 11  # a set's size is coded over 0 .. 10


def count_code(n: Tensor) -> Tensor:
    """Sizes (..., ) >= 0 -> (..., 11): tent functions around 0 .. 10."""
    centres = torch.arange(COUNTS, device=n.device, dtype=n.dtype)
    return (1 - (n.unsqueeze(-1) - centres).abs()).clamp(min=0)


@FUSIONS.register("mac")
class MAC(nn.Module):
    """S steps of control, recall, read and write.

    Args:
        config: number of steps. dim: D.
    """

    attends = True

    def __init__(self, config: FusionConfig, dim: int) -> None:
        super().__init__()
        self.steps = config.steps
        d = dim
        self.step_question = nn.ModuleList(nn.Linear(d, d) for _ in range(self.steps))
        self.control_in = nn.Linear(2 * d, d)
        self.control_score = nn.Linear(d, 1)
        self.first_control = nn.Parameter(torch.zeros(d))
        self.recall = nn.Linear(d, _RECALLS * (self.steps + 1))
        self.recall_bias = nn.Parameter(torch.zeros(self.steps, _RECALLS, self.steps + 1))
        self.read_region = nn.Linear(d, d)
        self.read_relative = nn.Linear(d, d, bias=False)
        self.read_same = nn.Linear(d, d)
        self.modulate = nn.Linear(d, 3 * d)
        self.read_mix = nn.Linear(3 * d, d)
        self.read_control = nn.Linear(d, d)
        self.read_recalled = nn.Linear(_RECALLS, d)
        self.read_deep = nn.Linear(d, d)
        self.read_gate = nn.Linear(d, 1)
        self.write = nn.Linear(d + COUNTS, d)
        self.output_recall = nn.Linear(d, _RECALLS * self.steps)
        self.output = nn.Sequential(
            nn.Linear(4 * d + 3 * COUNTS, 2 * d), nn.ReLU(), nn.Linear(2 * d, d), nn.ReLU()
        )

    def forward(self, regions: Regions, words: Words) -> Joint:
        """Regions with features (B, R, D), words with states (B, T, D) -> `Joint`."""
        x, present = regions.features, regions.mask.to(regions.features.dtype)
        batch = x.shape[0]
        control = self.first_control.expand(batch, -1)
        gates = [present]
        gate_logits, word_maps = [], []
        region, same = self.read_region(x), self.read_same(x)
        relative = self.read_relative(x)
        for t in range(self.steps):
            asked = self.step_question[t](words.summary)
            wanted = self.control_in(torch.cat([control, asked], dim=-1))
            score = self.control_score(wanted.unsqueeze(1) * words.states).squeeze(-1)
            weights = score.masked_fill(~words.mask, -1e9).softmax(dim=-1)
            control = (weights.unsqueeze(1) @ words.states).squeeze(1)
            # What the step is about: the words attended, and the whole question's view of it.
            topic = torch.tanh(control + wanted)
            history = torch.stack(gates, dim=1)
            choice = self.recall(topic).unflatten(-1, (_RECALLS, -1)) + self.recall_bias[t]
            choice = choice[..., : t + 1].softmax(dim=-1)
            recalled = choice @ history
            share = recalled[:, :1] / (recalled[:, :1].sum(-1, keepdim=True) + 1e-3)
            ref_relative, ref_same = share @ relative, share @ same
            a, b, c = self.modulate(topic).unsqueeze(1).chunk(3, dim=-1)
            mixed = torch.cat(
                [region * a, (relative - ref_relative) * b, same * ref_same * c], dim=-1
            )
            hidden = self.read_mix(mixed) + self.read_control(topic).unsqueeze(1)
            hidden = F.relu(hidden + self.read_recalled(recalled.transpose(1, 2)))
            hidden = F.relu(self.read_deep(hidden))
            logits = self.read_gate(hidden).squeeze(-1).masked_fill(~regions.mask, -20.0)
            gate = logits.sigmoid() * present
            gates.append(gate)
            gate_logits.append(logits)
            word_maps.append(weights)
        sets = torch.stack(gates[1:], 1)
        sizes = sets.sum(-1)
        # Steps recall sets, not what was written of them: all can be written at once.
        means = (sets @ x) / (sizes.unsqueeze(-1) + 1e-3)
        memories = self.write(torch.cat([means, count_code(sizes)], dim=-1))
        vector = self._output(words.summary, memories, sizes)
        return Joint(vector, torch.stack(gate_logits, 1), sets, torch.stack(word_maps, 1))

    def _output(self, summary: Tensor, memories: Tensor, sizes: Tensor) -> Tensor:
        """The question recalls two steps and compares them: (B, D)."""
        choice = self.output_recall(summary).unflatten(-1, (_RECALLS, -1)).softmax(-1)
        first, second = (choice @ memories).unbind(1)
        n = (choice @ sizes.unsqueeze(-1)).squeeze(-1)
        codes = count_code(n).flatten(1)
        difference = count_code((n[:, 0] - n[:, 1] + 5).clamp(0, 10))
        return self.output(
            torch.cat([summary, first, second, first * second, codes, difference], dim=-1)
        )
