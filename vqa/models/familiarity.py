"""How much a picture is like those an encoder was trained on.

A Gaussian over the encoder's features of training pictures; the Mahalanobis distance to it tells
pictures of another kind (Lee et al. 2018, section 2.1, with one class).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_SHRINK = 1e-3  # variance added in every direction, where each feature alone has 1
_USUAL = 0.98  # share of held-out pictures with a familiarity of at least one half
_STEEP = 4  # how fast familiarity falls around one half


class Familiarity(nn.Module):
    """Features (B, F) -> familiarity (B,) in [0, 1]; 1 for everything until it is fitted.

    One half is where only 2 % of held-out pictures are less familiar.

    Args:
        features: F.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("whiten", torch.zeros(features, features))
        self.register_buffer("reference", torch.ones(()))

    def forward(self, features: Tensor) -> Tensor:
        return 1 / (1 + (self.distance(features) / self.reference) ** _STEEP)

    def distance(self, features: Tensor) -> Tensor:
        """(B,) Mahalanobis distance per dimension: about 1 for training pictures."""
        apart = (features - self.mean) @ self.whiten
        return apart.norm(dim=-1) / features.shape[-1] ** 0.5

    @torch.no_grad()
    def fit(self, taught: Tensor, held_out: Tensor) -> None:
        """Fits the Gaussian to features (n, F) of training pictures, and the distance of familiarity
        one half to those (m, F) of pictures that nothing was trained on."""
        taught = taught.double()
        mean = taught.mean(0)
        scale = taught.std(0).clamp(min=1e-6)
        apart = (taught - mean) / scale
        values, vectors = torch.linalg.eigh(apart.T @ apart / max(len(taught) - 1, 1))
        self.mean.copy_(mean)
        self.whiten.copy_(vectors / (values.clamp(min=0) + _SHRINK).sqrt() / scale.unsqueeze(1))
        distances = self.distance(held_out.to(self.mean))
        self.reference.copy_(torch.quantile(distances, _USUAL).clamp(min=1e-6))


def spread(grid: Tensor) -> Tensor:
    """Mean and deviation of each channel over a grid: (B, C, H, W) -> (B, 2 C)."""
    return torch.cat([grid.mean(dim=(2, 3)), grid.std(dim=(2, 3))], dim=-1).float()
