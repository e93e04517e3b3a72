"""Encoded pictures that are kept, because people ask several questions about one picture."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import torch

from vqa.models.image_encoder import Regions


class RegionStore:
    """Regions by key, all of one image encoder; those asked for longest ago are given up first.

    They lie in blocks taken once. Kept one by one, small tensors come to lie between the large ones
    that networks compute with, and the heap cannot shrink: 24 MB kept made a server grow by 200 MB.

    Safe to use from several threads.

    Args:
        most_bytes: memory for all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._places: OrderedDict[str, int] = OrderedDict()
        self._blocks: Regions | None = None  # of N pictures, as many as there is room for
        self._lock = Lock()

    @property
    def nbytes(self) -> int:
        """Memory that those kept take."""
        with self._lock:
            return len(self._places) * self._blocks.row_bytes if self._blocks else 0

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._places

    def get(self, key: str) -> Regions | None:
        """A copy of what is kept, a batch of one; None of what is not."""
        with self._lock:
            if key not in self._places:
                return None
            self._places.move_to_end(key)
            return self._blocks.row(self._places[key])

    def clarity(self, key: str) -> float | None:
        """The clarity of a picture, in [0, 1]; None of one that is not kept. Does not count as
        asking for it."""
        with self._lock:
            found = self._places.get(key)
            return None if found is None else self._blocks.clarity[found].item()

    @torch.inference_mode()
    def keep(self, keys: Sequence[str], found: Regions) -> None:
        """Keeps a copy of each picture.

        Args:
            keys: B of them. found: of a batch of B.
        """
        with self._lock:
            room = self._most_bytes // found.row_bytes
            if not room:
                return
            if self._blocks is None:
                self._blocks = found.like(room)
            for k, key in enumerate(keys):
                place = self._places.pop(key, None)
                if place is None:
                    full = len(self._places) == room
                    place = self._places.popitem(last=False)[1] if full else len(self._places)
                self._places[key] = place
                self._blocks.put(place, found, k)
