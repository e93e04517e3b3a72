"""torchvision's classification networks as image encoders, with its trained weights on request.

torchvision itself is imported only where such an encoder is built: that takes seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from vqa.config import ImageEncoderConfig
from vqa.errors import ConfigError
from vqa.models.grid_regions import GridRegions
from vqa.models.image_encoder import IMAGE_ENCODERS

PREFIX = "torchvision:"
_HOW_TO_LIST = "import torchvision.models as m; print(*m.list_models(module=m))"


@dataclass(frozen=True)
class Trained:
    """A backbone with trained weights.

    Attributes:
        source: which weights they are, in words. body: as `TorchvisionEncoder` has it.
        mean, std: (3,) of the red, green and blue that the weights were trained with.
    """

    source: str
    body: nn.Module
    mean: Tensor
    std: Tensor


@IMAGE_ENCODERS.register(f"{PREFIX}NAME")
class TorchvisionEncoder(GridRegions):
    """One of torchvision's networks; the cells of its last feature grid are the regions.

    The weights are random until `adopt` or a checkpoint brings others; nothing is downloaded.

    Args:
        config: `name` is "torchvision:" with the name of a network, for example
            "torchvision:resnet18". dim: D.

    Raises:
        ConfigError: there is no such network, it has no feature grid, or the grid of a picture of
            `image_size` has fewer than two cells.
    """

    def __init__(self, config: ImageEncoderConfig, dim: int) -> None:
        body, channels = _up_to_the_grid(_network(config.name), config.name)
        _check_size(body, config)
        super().__init__(config, dim, body, channels)
        self.register_buffer("mean", torch.full((3,), 0.5))
        self.register_buffer("std", torch.full((3,), 0.5))

    def normalised(self, images: Tensor) -> Tensor:
        return (images - self.mean.view(3, 1, 1)) / self.std.view(3, 1, 1)

    def adopt(self, trained: Trained) -> None:
        """Takes over weights and normalisation."""
        self.body.load_state_dict(trained.body.state_dict())
        self.mean.copy_(trained.mean)
        self.std.copy_(trained.std)


def trained_backbone(name: str) -> Trained:
    """The weights that torchvision offers for a backbone ("torchvision:resnet18"), from its cache
    or else from the network.

    Raises:
        ConfigError: see `TorchvisionEncoder`; also weights that are neither in the cache nor to be
            had, or a file there that does not hold them.
    """
    from torchvision.models import get_model_weights

    _known(name)
    weights = get_model_weights(name.removeprefix(PREFIX)).DEFAULT
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    try:
        # First without unpickling anything but tensors: the file may have come from anywhere.
        weights.get_state_dict(check_hash=True, weights_only=True)
    except (UnpicklingError, EOFError) as error:
        raise ConfigError(_damaged(cached, weights.url)) from error
    except (OSError, HTTPException, RuntimeError) as error:
        if cached.exists():
            raise ConfigError(_damaged(cached, weights.url)) from error
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ConfigError(
            f"The weights of {name} cannot be fetched ({reason}); download {weights.url} "
            f"elsewhere and put the file {cached.name} into {cached.parent}."
        ) from error
    try:
        network = _network(name, weights)
    except (RuntimeError, KeyError, AttributeError, TypeError) as error:
        raise ConfigError(_damaged(cached, weights.url)) from error
    body, _ = _up_to_the_grid(network, name)
    looks = weights.transforms()
    return Trained(
        f"torchvision {weights}", body, torch.tensor(looks.mean), torch.tensor(looks.std)
    )


def _damaged(path: Path, url: str) -> str:
    return f"{path} does not hold the weights of {url}; remove it or get it anew."


def _known(name: str) -> None:
    from torchvision import models

    wanted, names = name.removeprefix(PREFIX), models.list_models(module=models)
    if wanted not in names:
        near = ", ".join(PREFIX + n for n in get_close_matches(wanted, names, 5, 0.5))
        raise ConfigError(
            f"torchvision has no network {wanted!r} for classification; "
            f"{f'near it: {near}; ' if near else ''}"
            f'all are listed by: python -c "{_HOW_TO_LIST}".'
        )


def _network(name: str, weights=None) -> nn.Module:
    from torchvision.models import get_model

    _known(name)
    return get_model(name.removeprefix(PREFIX), weights=weights, progress=False)


@torch.no_grad()
def _up_to_the_grid(network: nn.Module, name: str) -> tuple[nn.Sequential, int]:
    """The parts of a classifier up to its last feature grid, and the number of its channels.

    They are found by watching the network look at a wide picture: what is wide is a grid, and
    after pooling nothing is wide any more. The parts in a row must give the very grid that the
    network had on its way; one that does more between its parts, or that takes pictures of one
    size only, cannot be used.
    """
    ran: list[tuple[str, nn.Module]] = []
    grid, length = None, 0

    def watch(part_name: str):
        def hook(part: nn.Module, _, out: object) -> None:
            nonlocal grid, length
            ran.append((part_name, part))
            if isinstance(out, Tensor) and out.dim() == 4 and 1 < out.shape[2] < out.shape[3]:
                grid, length = out.clone(), len(ran)

        return hook

    hooks = [part.register_forward_hook(watch(n)) for n, part in network.named_children()]
    picture = torch.linspace(-1, 1, 3 * 128 * 256).view(1, 3, 128, 256)
    network.eval()
    try:
        network(picture)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise _unsuitable(name) from error
    finally:
        for hook in hooks:
            hook.remove()
    body = nn.Sequential()
    for part_name, part in ran[:length]:
        body.add_module(part_name, part)
    try:
        # Relative, because the features of a random network can all but vanish.
        same = grid is not None and (body(picture) - grid).norm() <= 1e-3 * grid.norm()
    except (RuntimeError, TypeError, ValueError) as error:
        raise _unsuitable(name) from error
    if not same:
        raise _unsuitable(name)
    return body.train(), grid.shape[1]


def _unsuitable(name: str) -> ConfigError:
    return ConfigError(
        f"{name} cannot be an image encoder: its parts in a row give no grid for any picture size; "
        f"choose a convolutional network, for example {PREFIX}resnet18."
    )


@torch.no_grad()
def _check_size(body: nn.Module, config: ImageEncoderConfig) -> None:
    """The spread of features over a grid needs two cells."""
    width, height = config.image_size
    try:
        cells = body.eval()(torch.zeros(1, 3, height, width)).shape[2:].numel()
    except RuntimeError:  # smaller than a window of the network
        cells = 0
    body.train()
    if cells < 2:
        raise ConfigError(
            f"model.image_encoder.image_size {width}x{height} is too small for {config.name}; "
            "64x64 is enough for most networks, 224x224 is what they are trained with."
        )
