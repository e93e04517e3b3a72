"""Teaching all heads at once: words, sentences and lists, and which of them a question wants."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.data.questions import QuestionBlock
from vqa.models.heads.reading_order import order_loss, ranks
from vqa.models.image_encoder import Proposals
from vqa.models.network import HEAD_OF, Prediction, VQANetwork
from vqa.reply_space import LIST, SENTENCE, WORD
from vqa.train.bank import Bank, gather, regions_of
from vqa.train.reasoning import set_loss
from vqa.world.families import FAMILIES

_PLACE_WEIGHT = 0.5  # of where a piece attends, beside which piece it is
# Words are most of what is asked, and must not suffer.
REPLY_WEIGHTS = dict.fromkeys(FAMILIES, 1.0) | {
    "describe_object": 2.0,
    "describe_scene": 2.5,
    "explain": 2.0,
    "list": 3.0,
}
ORDER_WEIGHTS = dict.fromkeys(REPLY_WEIGHTS, 0.0) | {
    "list": 4.0,
    "describe_scene": 1.0,
    "explain": 1.0,
}


@dataclass
class ReplyTargets:
    """What B questions are to be answered with.

    Attributes:
        kind: (B,) place in `vqa.reply_space.KINDS`. pieces: (B, L) ids, 0 for the end.
        spoken: (B, L, R) in {0, 1}, the region each piece speaks of. missed: (B, L) bool, it
            speaks of an object that perception did not find.
        labels: (B, R). rank: (B, R) places in the reading order. known: (B, R) bool, regions
            that show an object.
    """

    kind: Tensor
    pieces: Tensor
    spoken: Tensor
    missed: Tensor
    labels: Tensor
    rank: Tensor
    known: Tensor


def gather_replies(bank: Bank, block: QuestionBlock, rows: np.ndarray, device: torch.device):
    """What `gather` returns, and `ReplyTargets`."""
    found, replies = gather(bank, block, rows, device), block.replies
    shown = regions_of(bank, block, rows)  # (B, N)
    regions = found[0].mask.shape[1]
    pieces = torch.from_numpy(replies.pieces[rows].astype(np.int64))
    longest = int((pieces > 0).sum(1).max()) + 1
    pieces = pieces[:, :longest]
    speaks = torch.from_numpy(replies.speaks[rows].astype(np.int64))[:, :longest]
    there = F.one_hot(shown.clamp(min=0), regions) * (shown >= 0).unsqueeze(-1)  # (B, N, R)
    wide = speaks.clamp(min=0).unsqueeze(-1).expand(-1, -1, regions)
    spoken = there.gather(1, wide) * (speaks >= 0).unsqueeze(-1)

    def on_regions(values: np.ndarray) -> Tensor:
        objects = torch.from_numpy(values[rows].astype(np.int64))
        return (there * objects.unsqueeze(-1)).sum(1)

    targets = ReplyTargets(
        kind=torch.from_numpy(replies.kind[rows].astype(np.int64)),
        pieces=pieces,
        spoken=spoken.float(),
        missed=(speaks >= 0) & (spoken.sum(-1) == 0),
        labels=on_regions(replies.labels),
        rank=on_regions(replies.rank),
        known=there.sum(1) > 0,
    )
    return *found, ReplyTargets(**{k: v.to(device) for k, v in vars(targets).items()})


class ReplyingStep(nn.Module):
    """One batch of all kinds of questions as a module, so that it can run on several processes.

    Of the encoder only the projection learns, as in `ReasoningStep`.

    Args:
        set_weight: of the loss of attention beside the others.
    """

    def __init__(self, network: VQANetwork, set_weight: float) -> None:
        super().__init__()
        self.set_weight = set_weight
        self.project = network.image_encoder.project.requires_grad_(True)
        self.parts = nn.ModuleList(
            [network.question_encoder, network.fusion, network.head, network.further]
        )
        self.order, self.router = network.order, network.router
        self._network = [network]  # not a part: the encoder's body stays out

    def forward(
        self,
        proposals: Proposals,
        tokens: Tensor,
        lengths: Tensor,
        answers: Tensor,
        targets: Tensor,
        weights: Tensor,
        replies: ReplyTargets,
    ) -> tuple[Tensor, dict[str, float]]:
        """See `gather_replies` for the arguments. Returns the loss and its parts."""
        network = self._network[0]
        found = network.answer(network.image_encoder.regions(proposals), tokens, lengths)
        words = (replies.kind == WORD).nonzero().squeeze(1)
        losses = {
            "answer": _mean_loss(found.logits[words], answers[words]),
            "sets": self.set_weight * set_loss(found.joint.region_logits, targets, weights),
            "router": F.cross_entropy(found.kinds, replies.kind),
        }
        keys = self.order(found.regions, found.words)
        losses["order"] = order_loss(keys, replies.rank, replies.known)
        for name in network.further:
            rows = (replies.kind == HEAD_OF[name]).nonzero().squeeze(1)
            if len(rows):
                loss = self._sentence if HEAD_OF[name] == SENTENCE else self._list
                losses[name] = loss(name, found.rows(rows), keys[rows].detach(), replies, rows)
        parts = {name: float(value.detach()) for name, value in losses.items()}
        return sum(losses.values()), parts

    def _sentence(
        self, name: str, found: Prediction, keys: Tensor, replies: ReplyTargets, rows: Tensor
    ) -> Tensor:
        head, pieces, spoken = self._head(name), replies.pieces[rows], replies.spoken[rows]
        source = head.read(found.joint, found.regions, found.words, ranks(keys))
        logits, places = head(source, pieces, spoken)
        # The pieces and the end behind them.
        asked = F.pad(pieces[:, :-1] > 0, (1, 0), value=True)
        nowhere = 1 - spoken.sum(-1, keepdim=True)
        place = torch.cat([nowhere, spoken], dim=-1).argmax(-1)
        known = asked & ~replies.missed[rows]
        said = _mean_loss(logits[asked], pieces[asked])
        return said + _PLACE_WEIGHT * _mean_loss(places[known], place[known])

    def _list(
        self, name: str, found: Prediction, keys: Tensor, replies: ReplyTargets, rows: Tensor
    ) -> Tensor:
        head, order = self._head(name), keys.argsort(-1)
        emissions, mask = head(found.joint, found.regions, found.words.summary, order)
        labels = replies.labels[rows].gather(1, order)
        return (head.chain.loss(emissions, labels, mask) / mask.sum(1)).mean()

    def _head(self, name: str) -> nn.Module:
        return self.parts[3][name]


class OrderStep(nn.Module):
    """The reading order alone: only its own few weights learn, until close neighbours are right."""

    def __init__(self, network: VQANetwork) -> None:
        super().__init__()
        self.order = network.order
        self._network = [network]  # not a part: all else stays as it is

    def forward(
        self, proposals: Proposals, tokens: Tensor, lengths: Tensor, *others
    ) -> tuple[Tensor, dict[str, float]]:
        """See `gather_replies` for the arguments, of which the last are the replies."""
        network, replies = self._network[0], others[-1]
        with torch.no_grad():
            regions = network.image_encoder.regions(proposals)
            words = network.question_encoder(tokens, lengths)
        keys = self.order(regions, words)
        loss = order_loss(keys, replies.rank, replies.known)
        told = ranks(keys.masked_fill(~replies.known, 1e4))
        true = ranks(replies.rank.float().masked_fill(~replies.known, 1e4))
        right = ((told == true) | ~replies.known).all(-1).float().mean()
        return loss, {"order": float(loss.detach()), "right": float(right)}


def _mean_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy; 0 where a batch has nothing of the kind, whose mean would not be a number."""
    return F.cross_entropy(logits, targets, reduction="sum") / max(len(targets), 1)


@dataclass
class Answered:
    """How n questions were answered: kind (n,) the router chose, right (n,) whether the head of
    the kind that was wanted gave exactly the answer, log_p (n,) of what it gave, 0 for words."""

    kind: np.ndarray
    right: np.ndarray
    log_p: np.ndarray


@torch.no_grad()
def answered(
    network: VQANetwork, bank: Bank, block: QuestionBlock, device: torch.device, beams: int = 1
) -> Answered:
    """Answers a block's questions, sentences with `beams`, greedily with one."""
    network.eval()
    n = len(block)
    result = Answered(np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n))
    for start in range(0, n, 256):
        rows = np.arange(start, min(start + 256, n))
        batch = gather_replies(bank, block, rows, device)
        proposals, tokens, lengths, answers, _, _, replies = batch
        found = network.answer(network.image_encoder.regions(proposals), tokens, lengths)
        result.kind[rows] = found.kinds.argmax(-1).cpu()
        result.right[rows] = (found.logits.argmax(-1) == answers).cpu()
        lists = (replies.kind == LIST).nonzero().squeeze(1)
        if len(lists):
            log_p, labels = network.lists(found, lists, 1)
            at = rows[lists.cpu()]
            result.right[at] = [
                said[said > 0].tolist() == _listed(block, row)
                for said, row in zip(labels[:, 0], at, strict=True)
            ]
            result.log_p[at] = log_p[:, 0].cpu()
        sentences = (replies.kind == SENTENCE).nonzero().squeeze(1)
        if len(sentences):
            for row, (best, *_) in zip(
                sentences.tolist(), network.sentences(found, sentences, beams), strict=True
            ):
                true = replies.pieces[row]
                result.right[rows[row]] = best[1] == true[true > 0].tolist()
                result.log_p[rows[row]] = best[0]
    return result


def _listed(block: QuestionBlock, row: int) -> list[int]:
    """The labels that a question asks for, in their order."""
    labels, rank = block.replies.labels[row], block.replies.rank[row]
    return labels[sorted(np.flatnonzero(labels), key=lambda k: rank[k])].tolist()


def replying_report(
    network: VQANetwork, bank: Bank, block: QuestionBlock, device: torch.device
) -> dict[str, float]:
    """Shares of a block's questions that are answered exactly, overall and by family; "routed":
    those whose kind of answer was told."""
    found = answered(network, bank, block, device)
    routed = found.kind == block.replies.kind
    report = {"all": float(found.right.mean()), "routed": float(routed.mean())}
    for k, family in enumerate(REPLY_WEIGHTS):
        mine = block.family == k
        if mine.any():
            report[family] = float(found.right[mine].mean())
    return report
