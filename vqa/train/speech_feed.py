"""Batches of spoken questions, varied anew each time; each depends on seed and step only."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from vqa.audio import MELS
from vqa.speech.simulate import Spoken

_SORTED = 16  # batches that are sorted by length together
_SPEED, _WARP = 0.12, 0.12  # largest change of tempo and of the height of formants
_UNEVEN, _BEAT = 0.25, 16  # how much tempo sways, and over how many frames: sounds' lengths differ
_BLURRED = 0.3  # share of utterances whose formants are made broader
_NOISY = 0.3  # share of utterances with more noise than they were simulated with
_ROUND = 48  # frames: few shapes of batches, so that few kernels are compiled and kept
_HIDDEN = ((10, 2), (12, 3))  # (width, number at the most) of bands and of frames masked


class SpeechFeed:
    """Batches for `fit`: mels (B, F, MELS), frames (B,), tokens (B, T), lengths (B,).

    Args:
        size: utterances in a batch of one process.
    """

    def __init__(self, spoken: Spoken, size: int, seed: int, device: torch.device) -> None:
        self.spoken, self.size, self.seed, self.device = spoken, size, seed, device
        self._frames = np.diff(spoken.starts)
        self._order: dict[tuple[int, int], np.ndarray] = {}

    def __call__(self, step: int, rank: int, processes: int) -> tuple[Tensor, ...]:
        rows = self._rows(step * processes + rank)
        rng = np.random.default_rng([self.seed, step, rank])
        mels, frames = varied([self.spoken.energies(k) for k in rows], rng)
        tokens, lengths = targets(self.spoken, rows)
        return tuple(x.to(self.device) for x in (mels, frames, tokens, lengths))

    def _rows(self, number: int) -> np.ndarray:
        """Utterances of about one length, as batch `number`."""
        batches = len(self.spoken) // self.size
        epoch, place = divmod(number, batches)
        if (epoch, batches) not in self._order:
            rng = np.random.default_rng([self.seed, epoch, 999])
            order = rng.permutation(len(self.spoken))[: batches * self.size]
            step = _SORTED * self.size
            groups = [order[k : k + step] for k in range(0, len(order), step)]
            order = np.concatenate([g[np.argsort(self._frames[g])] for g in groups])
            order = order.reshape(batches, self.size)[rng.permutation(batches)]
            self._order = {(epoch, batches): order}
        return self._order[epoch, batches][place]


def targets(spoken: Spoken, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Word ids (B, T) and lengths (B,)."""
    lengths = torch.from_numpy(spoken.lengths[rows])
    tokens = torch.from_numpy(spoken.tokens[rows].astype(np.int64))
    return tokens[:, : int(lengths.max())], lengths


def varied(energies: list[np.ndarray], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Log energies at another, uneven tempo, with formants moved and broader, more noise and gaps;
    normalised. Other engines and people differ from the one that is heard in all of these.

    Formants are moved by stretching the frequency axis (vocal tract length perturbation, Jaitly &
    Hinton 2013); gaps are those of SpecAugment (Park et al. 2019).

    Args:
        energies: (frames, MELS) each.

    Returns:
        mels (B, F, MELS), zeros behind each, F a multiple of `_ROUND`; frames (B,).
    """
    count = len(energies)
    before = np.array([len(e) for e in energies])
    speed = 1 + rng.uniform(-_SPEED, _SPEED, count)
    warp = 1 + rng.uniform(-_WARP, _WARP, count)
    after = np.maximum((before / speed).astype(int), 6)
    x = torch.zeros(count, int(before.max()), MELS)
    for row, e in zip(x, energies, strict=True):
        row[: len(e)] = torch.from_numpy(e)
        row[len(e) :] = row[len(e) - 1]
    longest = -(-int(after.max()) // _ROUND) * _ROUND
    times = _swaying(longest, torch.from_numpy(before), torch.from_numpy(after), rng)
    bands = torch.arange(MELS)[None] * torch.from_numpy(warp)[:, None].float()
    grid = torch.stack(
        torch.broadcast_tensors(
            (2 * bands / (MELS - 1) - 1)[:, None, :],
            (2 * times / max(x.shape[1] - 1, 1) - 1)[:, :, None],
        ),
        -1,
    )
    x = grid_sample(x[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
    return normalised(_noisier(_blurred(x, rng), rng), torch.from_numpy(after), rng)


def _swaying(longest: int, before: Tensor, after: Tensor, rng: np.random.Generator) -> Tensor:
    """The place in each utterance, of `before` frames, that each of `longest` frames is taken from
    so that `after` hold all of it: (B, longest)."""
    knots = torch.from_numpy(rng.normal(0, _UNEVEN, (len(before), 1, longest // _BEAT + 2)))
    tempo = interpolate(knots.float(), longest, mode="linear", align_corners=True)[:, 0].exp()
    times = tempo.cumsum(1) - tempo[:, :1]
    ends = times.gather(1, (after - 1).clamp_min(1).unsqueeze(1))
    return times * ((before - 1).unsqueeze(1) / ends)


def _blurred(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Some with neighbouring bands mixed."""
    share = rng.uniform(0, 0.3, (len(x), 1, 1)) * (rng.random((len(x), 1, 1)) < _BLURRED)
    near = torch.from_numpy(share).float()
    wide = torch.cat([x[..., :1], x, x[..., -1:]], -1)
    return (1 - 2 * near) * x + near * (wide[..., :-2] + wide[..., 2:])


def normalised(
    x: Tensor, frames: Tensor, rng: np.random.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """As `vqa.audio.normalise` does each, zeros behind; with `rng` some bands and frames hidden."""
    mask = (torch.arange(x.shape[1]) < frames[:, None]).unsqueeze(-1)
    share = frames[:, None].float()
    centred = (x - (x * mask).sum(1, keepdim=True) / share.unsqueeze(-1)) * mask
    deviation = (centred.square().sum((1, 2)) / (share.squeeze(1) * MELS)).sqrt().clamp_min(1e-3)
    centred /= deviation[:, None, None]
    if rng is not None:
        for row in centred:
            for axis, (widest, most) in enumerate(_HIDDEN):
                for _ in range(rng.integers(most + 1)):
                    width = int(rng.integers(1, widest + 1))
                    first = int(rng.integers(max(1, row.shape[1 - axis] - width)))
                    row.narrow(1 - axis, first, min(width, row.shape[1 - axis])).zero_()
    return centred, frames


def _noisier(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Some with a steady noise of a smooth spectrum added."""
    count = len(x)
    loudest = x.amax((1, 2))
    level = torch.from_numpy(rng.uniform(4, 12, (count, 1))).float()
    knots = torch.from_numpy(rng.normal(0, 1.5, (count, 1, 6))).float()
    shape = interpolate(knots, MELS, mode="linear", align_corners=True)[:, 0]
    quiet = torch.from_numpy(rng.random(count) > _NOISY)[:, None]
    noise = (loudest[:, None] - level + shape).masked_fill(quiet, -30.0)
    # The energy of noise in one frame scatters about its mean.
    flutter = torch.from_numpy(rng.standard_normal(x.shape, dtype=np.float32)) * 0.5
    return torch.logaddexp(x, noise[:, None] + flutter)
