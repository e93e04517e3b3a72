"""Which of a program's object sets a fusion's attention steps are shown."""

from __future__ import annotations

import torch
from torch import Tensor


def sets_for(targets: Tensor, steps: int) -> Tensor:
    """As many sets of each program as a fusion has steps.

    Shorter programs repeat their last set. Of longer ones the first set is shown, which needs no
    other, the last, which the answer is read from, and others evenly between them.

    Args:
        targets: (B, M, R), a program's sets from its first on, its last one repeated.

    Returns:
        (B, steps, R), steps <= M.
    """
    changes = (targets[:, 1:] != targets[:, :-1]).any(-1)
    places = torch.arange(1, targets.shape[1], device=targets.device)
    last = (changes * places).amax(1, keepdim=True)
    order = torch.arange(steps, device=targets.device)
    spread = last - (last * (steps - 1 - order) / max(steps - 1, 1)).round().long()
    chosen = torch.where(last < steps, torch.minimum(order, last), spread)
    return targets.gather(1, chosen.unsqueeze(-1).expand(-1, -1, targets.shape[2]))
