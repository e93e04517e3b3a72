"""Networks made ready for asking: the same answers with less arithmetic."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module) -> nn.Module:
    """A copy whose batch norms, where they follow a convolution in an `nn.Sequential`, are part of
    its weights, and whose convolutions keep their weights as pictures come, channels last.

    Args:
        network: in evaluation mode.

    Returns:
        The copy, for asking only: it cannot be trained on or saved as a checkpoint.
    """
    network = copy.deepcopy(network)
    for part in network.modules():
        if isinstance(part, nn.Sequential):
            _fold(part)
    return network.to(memory_format=torch.channels_last)


def _fold(row: nn.Sequential) -> None:
    # By number: parts of torchvision's networks are sequences with classes and names of their own.
    for k in range(len(row) - 1):
        if isinstance(row[k], nn.Conv2d) and isinstance(row[k + 1], nn.BatchNorm2d):
            row[k] = fuse_conv_bn_eval(row[k], row[k + 1])
            row[k + 1] = nn.Identity()
