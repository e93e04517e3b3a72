"""Which of a program's object sets a fusion's attention steps are shown."""

from __future__ import annotations

import torch
from torch import Tensor


def last_sets(targets: Tensor, steps: int) -> Tensor:
    """The last `steps` sets of each program, in order; shorter programs repeat their last one.

    Args:
        targets: (B, M, R), a program's sets from its first on, its last one repeated.

    Returns:
        (B, steps, R), steps <= M.
    """
    changes = (targets[:, 1:] != targets[:, :-1]).any(-1)
    places = torch.arange(1, targets.shape[1], device=targets.device)
    last = (changes * places).amax(1)
    first = (last + 1 - steps).clamp(min=0)
    chosen = first.unsqueeze(1) + torch.arange(steps, device=targets.device)
    return targets.gather(1, chosen.unsqueeze(-1).expand(-1, -1, targets.shape[2]))
