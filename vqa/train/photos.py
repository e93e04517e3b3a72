"""Training on photographs with questions: several data sets at once, answers as they come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vqa.checkpoint import Checkpoint, save
from vqa.config import PhotoConfig
from vqa.errors import ConfigError
from vqa.models.familiarity import spread
from vqa.models.image_encoder import Regions
from vqa.models.network import VQANetwork, build
from vqa.models.torchvision_encoder import TorchvisionEncoder
from vqa.train.calibrate import UNFAMILIAR, calibrate
from vqa.train.card import make_photo_card
from vqa.train.grid_feed import GridFeed, grid_cache
from vqa.train.loop import Stage, fit
from vqa.train.photo_feed import PhotoFeed, picture_cache, pixels_of
from vqa.train.processes import first_alone, world
from vqa.train.strangers import strangers
from vqa.train.taught import open_taught, said, vocabularies
from vqa.train.transfer import chosen_backbone, extended, prepare_encoder

_RISK = 0.05  # share of sure answers that may be wrong
_STRANGERS = 160  # pictures that familiarity is told apart from


@dataclass(frozen=True)
class PhotoJob:
    """What a run is asked to do; see `vqa.train.run.Job`.

    Attributes:
        data: names like "daquar:DIR". start: a checkpoint to go on from instead of from nothing;
            its sizes are kept, whatever the preset says. pretrained: start with torchvision's
            weights for the image encoder.
    """

    config: PhotoConfig
    out: Path
    data: tuple[str, ...]
    device: torch.device
    resume: bool = False
    start: Checkpoint | None = None
    pretrained: bool = False
    command: str = ""


class PhotoStep(nn.Module):
    """One batch as a module, so that it can run on several processes.

    Args:
        dim: D. classes: number of values of each of the pictures' labels. weight: of telling the
            labels from the mean of a picture's regions, which shows the encoder at every picture
            all that is known about it (deep supervision, Lee et al. 2015).
        frozen: pictures come as the grids that the image encoder has found in them.
    """

    def __init__(
        self,
        network: VQANetwork,
        dim: int,
        classes: Sequence[int] = (),
        weight: float = 0.0,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        self.network, self.weight, self.frozen = network, weight, frozen
        self.probes = nn.ModuleList(nn.Linear(dim, n) for n in classes if weight > 0)

    def look(self, images: Tensor) -> Regions:
        """Encodes a feed's pictures (P, 3, H, W), or grids (P, C, h, w) when frozen."""
        encoder = self.network.image_encoder
        return encoder.regions(images) if self.frozen else encoder(images)

    def answer(
        self, regions: Regions, seen: Tensor, tokens: Tensor, lengths: Tensor, picture: Tensor
    ) -> Tensor:
        """Logits (Q, A) of questions about encoded pictures; those not `seen` are hidden."""
        shown = seen.view(-1, 1)
        regions = Regions(
            regions.features * shown.unsqueeze(-1),
            regions.mask & shown,
            regions.boxes,
            regions.clarity,
        )
        spread = Regions(
            *(x[picture] for x in (regions.features, regions.mask, regions.boxes, regions.clarity))
        )
        return self.network.answer(spread, tokens, lengths).logits

    def forward(
        self,
        images: Tensor,
        seen: Tensor,
        tokens: Tensor,
        lengths: Tensor,
        picture: Tensor,
        targets: Tensor,
        labels: Tensor,
    ) -> tuple[Tensor, dict[str, float]]:
        """See `PhotoFeed` for the arguments. Returns the loss and its parts."""
        regions = self.look(images)
        logits = self.answer(regions, seen, tokens, lengths, picture).float()
        loss = -(targets * logits.log_softmax(-1)).sum(-1).mean()
        right = targets.gather(1, logits.argmax(-1, keepdim=True)).mean()
        parts = {"answer": float(loss.detach()), "accuracy": float(right)}
        if self.probes:
            told = self._told(regions, labels)
            parts["probes"] = float(told.detach())
            loss = loss + self.weight * told
        return loss, parts

    def _told(self, regions: Regions, labels: Tensor) -> Tensor:
        """Mean cross-entropy of the labels that are known."""
        mean = torch.relu(regions.features).mean(1)
        total, known = mean.new_zeros((), dtype=torch.float32), labels >= 0
        for k, probe in enumerate(self.probes):
            total = total + F.cross_entropy(
                probe(mean).float(), labels[:, k], ignore_index=-1, reduction="sum"
            )
        return total / known.sum().clamp(min=1)


def train_photos(job: PhotoJob) -> None:
    """Trains, calibrates and writes a checkpoint; under `torchrun` each process takes batches of
    its own, and the first one does the rest.

    Raises:
        ConfigError, DataError: see `vqa.data.build`; also data the preset has no share for, and
            too little data to calibrate on.
    """
    config = job.config
    if not job.data:
        raise ConfigError("Photographs need data: add --data KIND:WHERE, once for each data set.")
    if job.resume and (job.out / "card.json").exists():
        raise ConfigError(
            f"The training in {job.out} has ended, there is nothing to resume; to learn more, go "
            f"on from it with --from {job.out} and another --out."
        )
    backbone = chosen_backbone(config, job.pretrained, job.start)
    torch.manual_seed(config.seed)
    taught = [part for name in job.data for part in open_taught(name, config)]
    vocab, answers = vocabularies(taught, config)
    if world()[0] == 0:
        for part in taught:
            print(part)
        print(f"{len(vocab):,} words and {len(answers):,} answers", flush=True)
    if job.start is None:
        model, network = config.model, build(config.model, len(vocab), len(answers))
    else:
        model = job.start.config
        network, vocab, answers = extended(job.start, vocab, answers)
    network.head.dropout.p = config.dropout
    encoder = network.image_encoder
    prepare_encoder(encoder, backbone, config.frozen)
    network.to(job.device).to(memory_format=torch.channels_last)
    folder, size = job.out / "training", model.image_encoder.image_size
    resumed = job.resume and any(folder.glob("*.state"))
    trained = backbone is not None or job.start is not None or resumed
    if isinstance(encoder, TorchvisionEncoder) and not trained:
        print(f"{model.image_encoder.name} starts with random weights; --pretrained gives others.")

    def feed(which: str, seed: int, varied: bool) -> PhotoFeed:
        sources = []
        for number, part in enumerate(taught):
            source = getattr(part, which)
            if source is None or not source.pictures:
                continue
            pictures, name = None, f"{which}{number}"
            if source.pictures[0] is not None and config.frozen:
                pictures = grid_cache(source.pictures, encoder, folder, name, job.device)
            elif source.pictures[0] is not None:
                pictures = picture_cache(source.pictures, size, folder, name)
            sources.append((source, pictures, part.share))
        if not sources:
            raise ConfigError(
                f"None of the pictures is held back for calibration with validation "
                f"{config.validation}; raise it in the preset or add pictures."
            )
        kind = GridFeed if config.frozen else PhotoFeed
        return kind(sources, vocab, answers, size, config, seed, job.device, varied)

    with first_alone():
        train = feed("train", config.seed * 100 + 31, varied=True)
        check = feed("check", config.seed * 100 + 32, varied=False)
    step = PhotoStep(network, model.dim, train.classes, config.probes, config.frozen)
    step.to(job.device)

    def report() -> dict[str, float]:
        right = [float(_right(step, check(k, 0, 1)).mean()) for k in range(8)]
        return {"right": sum(right) / len(right)}

    fit(
        Stage(
            "photos",
            config.steps,
            config.rate,
            step,
            train,
            half=True,
            report=report,
        ),
        folder,
        job.device,
        job.resume,
    )
    if world()[0] > 0:
        return
    step.eval()
    signature = spread if config.frozen else encoder.signature
    strange = pixels_of(torch.from_numpy(strangers(size, _STRANGERS, config.seed)))
    encoder.familiarity.fit(
        _signatures(signature, train, 6000),
        _signatures(signature, check, 2000),
        _signed(encoder.signature, strange, job.device),
    )
    calibration = _calibration(step, check)
    card = make_photo_card(
        name=job.out.name,
        config=config,
        data=[said(part.name) for part in taught],
        parameters=sum(p.numel() for p in network.parameters()),
        command=job.command,
        calibration=calibration,
        start=None if job.start is None else job.start.card,
        backbone="" if backbone is None else backbone.source,
    )
    save(job.out, network, model, vocab, answers, card)


@torch.no_grad()
def _right(step: PhotoStep, batch: tuple) -> Tensor:
    step.eval()
    images, *inputs, targets, _ = batch
    logits = step.answer(step.look(images), *inputs)
    return targets.gather(1, logits.argmax(-1, keepdim=True)).cpu()


def _signatures(signature: Callable[[Tensor], Tensor], feed: PhotoFeed, count: int) -> Tensor:
    """(n, F) of about `count` of the feed's pictures, each source with its share."""
    parts = [(pictures, share) for _, pictures, share in feed.sources if pictures is not None]
    total = sum(share for _, share in parts)
    found = []
    for pictures, share in parts:
        wanted = min(len(pictures), max(1, round(count * share / total)))
        rows = np.linspace(0, len(pictures) - 1, wanted).astype(int)
        shown = torch.from_numpy(np.array(pictures[rows]))
        found.append(_signed(signature, shown, feed.device, feed.plain))
    return torch.cat(found)


@torch.no_grad()
def _signed(
    signature: Callable[[Tensor], Tensor],
    images: Tensor,
    device: torch.device,
    plain: Callable[[Tensor], Tensor] = lambda images: images,
) -> Tensor:
    """(n, F) of images (n, ...), after `plain`."""
    found = []
    for batch in images.split(64):
        found.append(signature(plain(batch).to(device)).cpu())
    return torch.cat(found)


@torch.no_grad()
def _calibration(step: PhotoStep, check: PhotoFeed, batches: int = 40) -> dict[str, float]:
    """Calibration from pictures that were held back from training."""
    logits, best = [], []
    for k in range(batches):
        images, seen, *asked, targets, _ = check(1000 + k, 0, 1)
        logits.append(step.answer(step.look(images), seen, *asked).float().cpu())
        best.append(targets.argmax(-1).cpu())
    clarity = _least_familiar(step, check)
    return calibrate(torch.cat(logits), torch.cat(best), clarity, _RISK)


def _least_familiar(step: PhotoStep, check: PhotoFeed) -> Tensor:
    """(n,) clarity of the pictures of the source whose pictures are the least familiar: what is
    rare in training must not count as strange for that."""
    found = []
    for _, pictures, _ in check.sources:
        if pictures is not None:
            shown = torch.from_numpy(np.array(pictures))
            found.append(_signed(lambda x: step.look(x).clarity, shown, check.device, check.plain))
    return min(found, key=lambda clarity: float(torch.quantile(clarity, UNFAMILIAR)))
