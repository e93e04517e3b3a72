"""Familiarity: high for pictures like those seen, low for others."""

import pytest
import torch

from vqa.models.familiarity import Familiarity, spread


def blobs(n: int, seed: int, shift: float = 0.0) -> torch.Tensor:
    """(n, 4) Gaussian features of unequal spread with two of them tied together."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 4, generator=generator) * torch.tensor([1.0, 5.0, 0.1, 1.0])
    x[:, 3] = x[:, 0] + 0.2 * x[:, 3]
    return x + shift


@pytest.fixture(scope="module")
def fitted():
    familiarity = Familiarity(4)
    familiarity.fit(blobs(4000, 1), blobs(1000, 2))
    return familiarity


def test_everything_is_familiar_before_it_is_fitted():
    assert torch.equal(Familiarity(4)(blobs(10, 3, shift=100)), torch.ones(10))


def test_pictures_of_the_same_kind_are_familiar(fitted):
    found = fitted(blobs(2000, 4))
    assert (found >= 0.5).float().mean() == pytest.approx(0.98, abs=0.01)
    assert found.median() > 0.7


def test_distance_counts_in_units_of_each_direction(fitted):
    assert fitted.distance(blobs(4000, 5)).square().mean() == pytest.approx(1, abs=0.1)
    # Far along the wide direction is less strange than near along the narrow one.
    wide, narrow = torch.zeros(2, 4).unbind()
    wide[1], narrow[2] = 5.0, 1.0
    assert fitted(narrow.unsqueeze(0)) < fitted(wide.unsqueeze(0))
    # Features that always go together are strange when they part.
    assert fitted(torch.tensor([[2.0, 0, 0, -2.0]])) < 0.2


def test_other_pictures_are_not_familiar(fitted):
    assert fitted(blobs(100, 6, shift=3)).max() < 0.3


def test_a_constant_feature_does_no_harm():
    x = torch.cat([blobs(500, 7), torch.ones(500, 1)], dim=1)
    familiarity = Familiarity(5)
    familiarity.fit(x, x)
    assert familiarity(x).isfinite().all() and (familiarity(x) >= 0.5).float().mean() > 0.95


def test_strangers_within_the_cloud_are_told_apart():
    """Inside the spread of the training pictures, but all at one place that these avoid."""
    taught, held_out, strange = (blobs(n, seed) for n, seed in ((3000, 8), (800, 9), (300, 10)))
    for mine in (taught, held_out):
        mine[:, 1] = mine[:, 1].abs() + 1
    strange = strange * 0.1
    plain, contrasted = Familiarity(4), Familiarity(4, contrast=True)
    assert torch.equal(contrasted(strange), torch.ones(300))
    plain.fit(taught, held_out)
    contrasted.fit(taught, held_out, strange)
    assert plain(strange).min() > 0.5
    assert (contrasted(strange) < 0.5).float().mean() > 0.95
    assert (contrasted(held_out) >= 0.5).float().mean() >= 0.95


def test_few_pictures_do_not_make_their_like_strange():
    generator = torch.Generator().manual_seed(11)
    tied = torch.randn(8, 60, generator=generator)
    few, held_out, others = (
        torch.randn(n, 8, generator=generator) @ tied
        + 0.3 * torch.randn(n, 60, generator=generator)
        for n in (40, 12, 300)
    )
    familiarity = Familiarity(60)
    familiarity.fit(few, held_out)
    assert (familiarity(others) >= 0.25).float().mean() > 0.9


def test_spread_is_mean_and_deviation_of_each_channel():
    grid = torch.tensor([[[[1.0, 3.0]], [[5.0, 5.0]]]])
    assert spread(grid)[0].tolist() == pytest.approx([2, 5, 2**0.5, 0])
