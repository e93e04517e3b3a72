"""Which regions speak for an answer.

For a word, occlusion (Zeiler & Fergus 2014, section 4.2) on regions: each region in turn is taken
away, and what share of the answer's probability that costs is the region's weight. Of a grid, a
cell goes with those around it, for neighbours show much the same. Sentences and lists tell by
themselves which regions they speak of: those their writing attended to, and those listed.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vqa.models.image_encoder import Regions
from vqa.models.network import Prediction, VQANetwork
from vqa.models.question_encoder import Words
from vqa.reply_space import KINDS, LIST, SENTENCE, WORD
from vqa.wording import BEAMS, Wording


@dataclass(frozen=True)
class Evidence:
    """For each of the K most probable answers, most probable first, R weights in [0, 1].

    Attributes:
        kind: "taken_away", the share of its probability that an answer loses without the region,
            or "spoken_of", how much the answer's words or items attend to the region.
        regions: boxes (x0, y0, x1, y1) in [0, 1] of the upright image, R of them.
        weights: K x R.
    """

    kind: str
    regions: tuple[tuple[float, float, float, float], ...]
    weights: tuple[tuple[float, ...], ...]


def evidence_of(found: Prediction, wording: Wording, top_k: int) -> tuple[str, Tensor]:
    """Kind and weights (K, R) of `Evidence` for one question, in the order of `Wording.say`."""
    network = wording.network
    kind = WORD if found.kinds is None else int(found.kinds.argmax(-1))
    if kind == SENTENCE:
        sentences = network.sentences(found, torch.tensor([0]), BEAMS)[0][:top_k]
        nowhere = torch.zeros(1, found.regions.mask.shape[1])
        return "spoken_of", torch.stack(
            [torch.cat([nowhere.to(maps), maps]).amax(0) for _, _, maps in sentences]
        )
    if kind == LIST:
        return "spoken_of", _listed(found, wording, min(top_k, BEAMS))
    return "taken_away", _lost(found, network, wording.trust[KINDS[WORD]].temperature, top_k)


def _listed(found: Prediction, wording: Wording, best: int) -> Tensor:
    network = wording.network
    _, labels = network.lists(found, torch.tensor([0]), best, wording.list_head)
    order = network.order(found.regions, found.words).argsort(-1)[0]
    shown: dict[tuple[str, ...], Tensor] = {}
    for path in labels[0]:
        chosen = torch.zeros(len(order)).to(found.logits)
        chosen[order] = (path > 0).to(chosen)
        shown.setdefault(tuple(wording.replies.values(path.tolist())), chosen)
    return torch.stack(list(shown.values()))


def _lost(found: Prediction, network: VQANetwork, temperature: float, top_k: int) -> Tensor:
    regions, words = found.regions, found.words
    hidden = (
        _around(regions)
        if network.image_encoder.cells
        else torch.eye(regions.mask.shape[1], dtype=torch.bool, device=regions.mask.device)
    )
    masks = regions.mask & ~hidden
    # Without any region there is no answer to compare with: the last one stays.
    empty = ~masks.any(-1)
    masks[empty] = regions.mask
    count = len(masks)
    without = network.fusion(
        Regions(
            regions.features.expand(count, -1, -1),
            masks,
            regions.boxes.expand(count, -1, -1),
            regions.clarity.expand(count),
        ),
        Words(
            words.states.expand(count, -1, -1),
            words.summary.expand(count, -1),
            words.mask.expand(count, -1),
        ),
    )
    before = (found.logits / temperature).log_softmax(-1)[0]
    after = (network.head(without.vector) / temperature).log_softmax(-1)
    top = before.topk(min(top_k, len(before))).indices
    return 1 - (after[:, top] - before[top]).clamp(max=0).exp().T


def _around(regions: Regions) -> Tensor:
    """(R, R) bool: for each cell of a grid, itself and its neighbours."""
    boxes = regions.boxes[0]
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    apart = (middle.unsqueeze(1) - middle).abs() / (boxes[0, 2:] - boxes[0, :2])
    return apart.amax(-1) < 1.5
