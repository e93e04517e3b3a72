"""Encoded pictures are kept as they were, as many as there is room for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from vqa.models.image_encoder import Regions
from vqa.models.region_store import RegionStore

BYTES = 5 * 7 * 4 + 5 + 5 * 4 * 4 + 4  # of one picture's numbers: float32, and a mask of bytes


def drawn(seed: int, images: int = 1) -> Regions:
    generator = torch.Generator().manual_seed(seed)
    return Regions(
        torch.rand(images, 5, 7, generator=generator),
        torch.rand(images, 5, generator=generator) > 0.5,
        torch.rand(images, 5, 4, generator=generator),
        torch.rand(images, generator=generator),
    )


def equal(one: Regions | None, other: Regions) -> bool:
    return all(
        torch.equal(x, y) for x, y in zip(vars(one).values(), vars(other).values(), strict=True)
    )


def test_what_is_asked_for_longest_ago_makes_room():
    found = drawn(1, images=3)
    store = RegionStore(2 * BYTES + 1)
    store.keep(["a", "b"], Regions.join([found.row(0), found.row(1)]))
    assert store.get("a") is not None
    assert store.clarity("b") == found.clarity[1].item(), "which is not to ask for it"
    store.keep(["c"], found.row(2))
    assert "b" not in store and store.get("b") is None and store.clarity("b") is None
    assert equal(store.get("a"), found.row(0)) and equal(store.get("c"), found.row(2))
    assert store.nbytes == 2 * BYTES


def test_a_picture_that_is_kept_again_takes_no_other_place():
    store = RegionStore(3 * BYTES)
    for seed in range(5):
        store.keep(["a"], drawn(seed))
    assert store.nbytes == BYTES and equal(store.get("a"), drawn(4))


def test_a_batch_larger_than_the_store_leaves_its_last_ones():
    found = drawn(2, images=4)
    store = RegionStore(2 * BYTES)
    store.keep(list("abcd"), found)
    assert [key for key in "abcd" if key in store] == ["c", "d"]
    assert equal(store.get("d"), found.row(3))


@pytest.mark.parametrize("room", [0, BYTES - 1])
def test_a_store_without_room_keeps_nothing(room):
    store = RegionStore(room)
    store.keep(["a"], drawn(1))
    assert store.get("a") is None and store.nbytes == 0


def test_what_was_given_is_not_written_over():
    store = RegionStore(BYTES)
    store.keep(["a"], drawn(1))
    given = store.get("a")
    store.keep(["b"], drawn(2))
    assert equal(given, drawn(1))


def test_threads_push_each_other_out_and_get_what_they_kept():
    store = RegionStore(3 * BYTES)

    def work(thread: int) -> int:
        right = 0
        for turn in range(200):
            seed = (thread + turn) % 8
            store.keep([str(seed)], drawn(seed))
            kept = store.get(str(seed))
            right += kept is None or equal(kept, drawn(seed))
        return right

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [200] * 8
    assert store.nbytes == 3 * BYTES
