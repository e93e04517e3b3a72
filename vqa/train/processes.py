"""Training in several processes at once, started by `torchrun`: who does what when."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed

# What the first process does alone, such as drawing pictures, may take long.
_PATIENCE = timedelta(hours=24)


def world() -> tuple[int, int]:
    """(rank, number of processes); starts the process group under `torchrun`."""
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    if not distributed.is_initialized():
        backend = "nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend, timeout=_PATIENCE)
    return distributed.get_rank(), distributed.get_world_size()


def own_device(device: torch.device) -> torch.device:
    """Of several GPUs the one that is this process's."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


@contextmanager
def first_alone() -> Iterator[None]:
    """The first process goes through the block before the others, which then find on disk what
    it has made."""
    rank, processes = world()
    if processes > 1 and rank > 0:
        distributed.barrier()
    yield
    if processes > 1 and rank == 0:
        distributed.barrier()


def any_of_all(mine: bool, device: torch.device) -> bool:
    """Whether it is so in any process; each must ask."""
    if world()[1] == 1:
        return mine
    found = torch.tensor(int(mine), device=device)
    distributed.all_reduce(found, distributed.ReduceOp.MAX)
    return bool(found)


def mean_of_all(row: Mapping[str, float], device: torch.device) -> dict[str, float]:
    """The processes' mean of each figure; each must ask, with the same names in the same order."""
    processes = world()[1]
    if processes == 1:
        return dict(row)
    values = torch.tensor(list(row.values()), dtype=torch.float64, device=device)
    distributed.all_reduce(values)
    return dict(zip(row, (values / processes).tolist(), strict=True))
