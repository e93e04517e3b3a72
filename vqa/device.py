"""Where to compute."""

from __future__ import annotations

import torch

from vqa.errors import ConfigError


def pick_device(name: str = "auto") -> torch.device:
    """The device `name`; "auto" is what `torch.accelerator` reports, else the CPU.

    Raises:
        ConfigError: unknown device, or one this machine does not have.
    """
    if name == "auto":
        found = torch.accelerator.is_available()
        return torch.accelerator.current_accelerator() if found else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(f"Device {name!r} cannot be used here; try auto or cpu.") from error
    return device
