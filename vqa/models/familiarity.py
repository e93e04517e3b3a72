"""How much a picture is like those an encoder was trained on.

A Gaussian over the encoder's features of training pictures; the Mahalanobis distance to it tells
pictures of another kind (Lee et al. 2018, section 2.1, with one class). An encoder of many kinds
of photographs has so wide a Gaussian that drawings fall into it. So it also learns to tell its
training pictures from strangers that are sure to be none of them (outlier exposure, Hendrycks et
al. 2019), by one logistic regression on the same features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Variance added in every direction, where each feature alone has 1; and more of it the fewer
# pictures there are for each feature, for they say nothing about most directions.
_SHRINK, _FEW = 1e-3, 0.1
_USUAL = 0.98  # share of held-out pictures with a familiarity of at least one half
_STEEP = 4  # how fast familiarity falls around one half
_DECAY = 1e-2  # weight decay of the logistic regression, on features of variance 1


class Familiarity(nn.Module):
    """Features (B, F) -> familiarity (B,) in [0, 1]; 1 for everything until it is fitted.

    One half is where only 2 % of held-out pictures are less familiar.

    Args:
        features: F. contrast: whether it also learns from strangers.
    """

    def __init__(self, features: int, contrast: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("whiten", torch.zeros(features, features))
        self.register_buffer("reference", torch.ones(()))
        self.contrast = contrast
        if contrast:
            self.register_buffer("direction", torch.zeros(features))
            self.register_buffer("least", torch.tensor(-10.0))

    def forward(self, features: Tensor) -> Tensor:
        found = 1 / (1 + (self.distance(features) / self.reference) ** _STEEP)
        if self.contrast:
            found = torch.minimum(found, torch.sigmoid(_STEEP * self.margin(features)))
        return found

    def distance(self, features: Tensor) -> Tensor:
        """(B,) Mahalanobis distance per dimension: about 1 for training pictures."""
        apart = (features - self.mean) @ self.whiten
        return apart.norm(dim=-1) / features.shape[-1] ** 0.5

    def margin(self, features: Tensor) -> Tensor:
        """(B,) how far on the training pictures' side, seen from strangers: 1 for the median of
        held-out pictures, 0 where only 2 % of them are nearer to strangers."""
        return features @ self.direction - self.least

    @torch.no_grad()
    def fit(self, taught: Tensor, held_out: Tensor, strangers: Tensor | None = None) -> None:
        """Fits the Gaussian to features (n, F) of training pictures, and the distance at which
        familiarity is one half to those (m, F) of pictures that nothing was trained on.

        Args:
            strangers: (k, F) of pictures that are none of them; needed with `contrast`.
        """
        taught = taught.double()
        mean = taught.mean(0)
        scale = taught.std(0).clamp(min=1e-6)
        apart = (taught - mean) / scale
        values, vectors = torch.linalg.eigh(apart.T @ apart / max(len(taught) - 1, 1))
        self.mean.copy_(mean)
        shrink = _SHRINK + _FEW * len(scale) / len(taught)
        self.whiten.copy_(vectors / (values.clamp(min=0) + shrink).sqrt() / scale.unsqueeze(1))
        held_out = held_out.to(self.mean)
        distances = self.distance(held_out)
        self.reference.copy_(torch.quantile(distances, _USUAL).clamp(min=1e-6))
        if self.contrast:
            direction = _direction(apart, (strangers.double() - mean) / scale) / scale
            along = held_out.double() @ direction.to(held_out.device)
            low = torch.quantile(along, 1 - _USUAL)
            unit = (along.median() - low).clamp(min=1e-6)
            self.direction.copy_(direction / unit)
            self.least.copy_(low / unit)


def _direction(taught: Tensor, strangers: Tensor) -> Tensor:
    """(F,) weights of a logistic regression that gives both kinds the same weight."""
    features = torch.cat([taught, strangers])
    sides = torch.cat([torch.ones(len(taught)), torch.zeros(len(strangers))]).to(features)
    weights = torch.where(sides > 0, 0.5 / len(taught), 0.5 / len(strangers))
    with torch.enable_grad():
        slope = torch.zeros(features.shape[1]).to(features).requires_grad_()
        bias = torch.zeros(()).to(features).requires_grad_()
        search = torch.optim.LBFGS([slope, bias], max_iter=100, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            search.zero_grad()
            told = F.binary_cross_entropy_with_logits(features @ slope + bias, sides, weights)
            value = told * len(features) + _DECAY * slope.square().sum()
            value.backward()
            return value

        search.step(loss)
    return slope.detach()


def spread(grid: Tensor) -> Tensor:
    """Mean and deviation of each channel over a grid: (B, C, H, W) -> (B, 2 C)."""
    mean = grid.mean(dim=(2, 3), keepdim=True)
    cells = grid.shape[2] * grid.shape[3]
    # `grid.std` takes five times as long where channels come last.
    deviation = ((grid - mean).square().sum(dim=(2, 3)) / (cells - 1)).sqrt()
    return torch.cat([mean.flatten(1), deviation], dim=-1).float()
