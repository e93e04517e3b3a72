"""What perception found in many pictures, kept so that reasoning trains without images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vqa.data.questions import QuestionBlock
from vqa.data.renders import Renders
from vqa.models.image_encoder import CompactEncoder, Proposals
from vqa.train.perception import match, proposal_centres


@dataclass
class Bank:
    """What perception found in n pictures, in both orientations (index 1: mirrored), on the CPU.

    Attributes:
        descriptors: two (n, R, K). mask: two (n, R). boxes: two (n, R, 4).
        shown: two (n, N): the region that shows each object, -1 where none does.
    """

    descriptors: list[Tensor]
    mask: list[Tensor]
    boxes: list[Tensor]
    shown: list[Tensor]

    def __len__(self) -> int:
        return len(self.mask[0])


@torch.no_grad()
def look_at_all(
    encoder: CompactEncoder, renders: Renders, device: torch.device, batch: int = 64
) -> Bank:
    """Runs perception over a set of pictures once, so that reasoning trains without images."""
    encoder.eval()
    parts: dict[str, list[list[Tensor]]] = {
        k: [[], []] for k in ("descriptors", "mask", "boxes", "shown")
    }
    for start in range(0, len(renders), batch):
        rows = slice(start, min(start + batch, len(renders)))
        images = torch.from_numpy(renders.images[rows]).permute(0, 3, 1, 2).float() / 255
        centre = torch.from_numpy(renders.centre[rows]).to(device)
        present = torch.from_numpy(np.arange(centre.shape[1]) < renders.count[rows][:, None])
        for mirrored in (0, 1):
            view = images.flip(-1) if mirrored else images
            where = torch.stack([1 - centre[..., 0], centre[..., 1]], -1) if mirrored else centre
            found = encoder.propose(view.to(device).to(memory_format=torch.channels_last))
            shown = match(where, proposal_centres(encoder, found), found.mask, present.to(device))
            for name in ("descriptors", "mask", "boxes"):
                parts[name][mirrored].append(getattr(found, name).cpu())
            parts["shown"][mirrored].append(shown.cpu())
    return Bank(**{name: [torch.cat(x) for x in both] for name, both in parts.items()})


def gather(bank: Bank, block: QuestionBlock, rows: np.ndarray, device: torch.device):
    """Rows of a block with what perception saw.

    Returns:
        proposals; tokens (B, T), lengths (B,), answers (B,); targets (B, S, R) in {0, 1} and
        weights (B, S, R) of the set loss: 0 where there is no region.
    """
    parts = (bank.descriptors, bank.mask, bank.boxes)
    proposals = Proposals(*(_pick(both, block, rows) for both in parts))
    shown = regions_of(bank, block, rows)
    sets = torch.from_numpy(block.sets[rows]).float()
    regions = proposals.mask.shape[1]
    # Objects -> regions; objects that were missed fall into a last column that is cut off.
    slot = torch.where(shown >= 0, shown, torch.full_like(shown, regions))
    targets = torch.zeros(*sets.shape[:2], regions + 1)
    targets.scatter_(2, slot.unsqueeze(1).expand(-1, sets.shape[1], -1), sets)
    weights = proposals.mask.float().unsqueeze(1).expand(-1, sets.shape[1], -1)
    longest = int(block.lengths[rows].max())
    tokens = torch.from_numpy(block.tokens[rows, :longest].astype(np.int64)).to(device)
    lengths = torch.from_numpy(block.lengths[rows])
    answers = torch.from_numpy(block.answer[rows]).to(device)
    return (
        Proposals(
            *(x.to(device) for x in (proposals.descriptors, proposals.mask, proposals.boxes))
        ),
        tokens,
        lengths,
        answers,
        targets[..., :regions].to(device),
        weights.to(device),
    )


def regions_of(bank: Bank, block: QuestionBlock, rows: np.ndarray) -> Tensor:
    """(B, N): the region that shows each object of the rows' scenes, -1 where none does."""
    return _pick(bank.shown, block, rows)


def _pick(both: list[Tensor], block: QuestionBlock, rows: np.ndarray) -> Tensor:
    """The rows' scenes from what holds both orientations."""
    scene = torch.from_numpy(block.scene[rows])
    side = torch.from_numpy(block.mirrored[rows].astype(np.int64))
    straight, mirrored = both[0][scene], both[1][scene]
    return torch.where(side.view(-1, *[1] * (straight.dim() - 1)) > 0, mirrored, straight)


def joined(banks: list[Bank]) -> Bank:
    """One bank from several, in order."""
    names = Bank.__dataclass_fields__
    return Bank(
        **{n: [torch.cat([getattr(b, n)[side] for b in banks]) for side in (0, 1)] for n in names}
    )
