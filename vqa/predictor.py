"""Asking a checkpoint: requests in, typed answers out, no state in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from time import perf_counter

import torch
from PIL import Image

from vqa.checkpoint import Checkpoint
from vqa.errors import CheckpointError, ConfigError, QuestionError
from vqa.evidence import Evidence, evidence_of
from vqa.image import to_tensor
from vqa.models.image_encoder import Regions
from vqa.models.network import Prediction
from vqa.models.region_store import RegionStore
from vqa.pictures import Picture, PictureFile, open_picture
from vqa.places import Place, Window, checked, cut, in_whole, only_objects_at, window
from vqa.reply_space import KINDS
from vqa.speech.recogniser import Transcript, listen, with_heard
from vqa.text import PreparedQuestion, QuestionReader
from vqa.wording import Said, Trust, Wording

# Pictures encoded together on a CPU: with 32 it is no quicker, and takes 190 MB more at the peak.
_AT_ONCE = 8
AUTO = "auto"  # in place of a checkpoint's name: the shipped one that knows most about a question


@dataclass(frozen=True)
class Answer:
    """What the model says about one image and one question.

    Attributes:
        answer: the most probable answer, in the language of the question.
        kind: "word", "sentence" or "list".
        items: the items of a list, in order; empty for other kinds.
        confidence: its calibrated probability in [0, 1].
        sure: whether confidence and familiarity reach the checkpoint's thresholds.
        top: (answer, probability), most probable first.
        regions: boxes (x0, y0, x1, y1) in [0, 1] of the upright image, R of them.
        region_attention: for each of S reasoning steps, R weights in [0, 1].
        words: the T words (Latin) or characters (Chinese) as the model read them.
        word_attention: for each of S steps, T weights that sum to 1.
        unknown_words: words of the question that the model has never seen and could not repair.
        repaired_words: word as typed -> known word it was read as.
        familiarity: how well image and question fit the training data, in [0, 1].
        familiar: whether that is as much as nearly all pictures of the training's kind reach.
        checkpoint: name of the checkpoint that spoke.
        why: what to ask to be told the reason for this answer; empty where no reason is given.
        language: "en" or "zh". elapsed_ms: wall time from image to answer, milliseconds.
        device: where it was computed, for example "cpu".
        heard: what was, of a spoken question.
    """

    answer: str
    kind: str
    items: tuple[str, ...]
    confidence: float
    sure: bool
    top: tuple[tuple[str, float], ...]
    regions: tuple[tuple[float, float, float, float], ...]
    region_attention: tuple[tuple[float, ...], ...]
    words: tuple[str, ...]
    word_attention: tuple[tuple[float, ...], ...]
    unknown_words: tuple[str, ...]
    repaired_words: dict[str, str]
    familiarity: float
    familiar: bool
    checkpoint: str
    why: str
    language: str
    elapsed_ms: float
    device: str
    heard: Transcript | None = None

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        # Not by `asdict`: copying every number of the attention takes half a millisecond.
        heard = {"heard": self.heard and self.heard.to_dict()}
        return vars(self) | {"repaired_words": dict(self.repaired_words)} | heard


@dataclass(frozen=True)
class Request:
    """One question about one image, or about one place of it.

    Attributes:
        image: a path, PIL image, (H, W, 3) array, bytes, or a `PictureFile` or `Picture` of
            vqa.pictures.
        question: in English or Chinese.
        place: (x, y) in [0, 1] of the upright image; what is elsewhere is then not looked at.
    """

    image: object
    question: str
    place: Place | None = None


class Predictor:
    """Answers questions with one checkpoint. Keeps nothing of a request but encoded images and,
    of the last few questions, how they were read.

    Safe to use from several threads: a request's data lives in its own call, and what is kept is
    bounded.

    Args:
        checkpoint: a loaded checkpoint, its network on `device`.
        cache_bytes: memory for encoded images kept (6 kB each for `scenes`, 51 kB for `photos`);
            the one asked about longest ago goes first.
        list_head: the further head that answers lists.

    Raises:
        CheckpointError: the card's calibration is not usable.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        device: torch.device,
        cache_bytes: int = 16 * 2**20,
        list_head: str = "crf",
    ) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.card = checkpoint.card
        stored = self._calibration()
        trust = {KINDS[0]: stored, **{k: stored.get(k, {}) for k in KINDS[1:]}}
        self._wording = Wording(
            checkpoint.network,
            checkpoint.answers,
            checkpoint.replies,
            {kind: self._trust(part) for kind, part in trust.items()},
            list_head,
        )
        self._familiar = self._calibrated(stored, "familiarity_threshold", 0.0)
        self._reader = QuestionReader(checkpoint.vocab)
        self._store = RegionStore(cache_bytes)

    @property
    def cached_bytes(self) -> int:
        """Memory that encoded images take."""
        return self._store.nbytes

    @torch.inference_mode()
    def warm_up(self) -> None:
        """Runs the network once, so that the first visitor need not wait for memory."""
        width, height = self.checkpoint.config.image_encoder.image_size
        images = torch.full((1, 3, height, width), 0.5, device=self.device)
        tokens = torch.full((1, 8), 1, device=self.device)
        self.checkpoint.network(images, tokens, torch.tensor([8]))

    def ask(
        self, image: object, question: str = "", top_k: int = 5, audio: object = None
    ) -> Answer:
        """Answers one question about one image, typed or spoken (see `vqa.audio.load_audio`).

        Raises:
            ImageError, QuestionError, AudioError: the input cannot be used; says why.
            ConfigError: `top_k` is not a positive whole number, or a place is none.
        """
        if audio is not None:
            heard = listen(question, audio, self.device)
            return with_heard(self.ask(image, heard.text, top_k), heard)
        return self.ask_batch([Request(image, question)], top_k)[0]

    @torch.inference_mode()
    def ask_batch(self, requests: Sequence[Request], top_k: int = 5) -> list[Answer]:
        """Answers many at once, in order; `elapsed_ms` is then an equal share of the time.

        Raises:
            As `ask`, for the first request that cannot be answered.
        """
        if not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1:
            raise ConfigError(f"top_k must be a whole number of at least 1, not {top_k!r}.")
        if not requests:
            return []
        begin = perf_counter()
        asked, regions, parts = self._read(requests)
        out = self._think(asked, regions)
        said = self._wording.say(out, [q.language for q in asked], top_k)
        gates = out.joint.region_attention.cpu()
        words = out.joint.word_attention.cpu()
        mask, boxes = regions.mask.cpu(), regions.boxes.cpu()
        for k, part in parts.items():
            boxes[k] = in_whole(boxes[k], part)
        clear = zip(asked, regions.clarity.tolist(), strict=True)
        familiarity = [clarity * self._reader.share_known(question) for question, clarity in clear]
        elapsed = (perf_counter() - begin) * 1000 / len(asked)
        places = [getattr(request, "place", None) for request in requests]
        rows = zip(asked, said, gates, words, mask, boxes, familiarity, places, strict=True)
        return [self._answer(*row, elapsed) for row in rows]

    def share_known(self, question: str) -> float:
        """Share of a question's words that the checkpoint knows, in [0, 1]; 0 where it cannot
        read the question, which another one may. Times the clarity of a picture it is the
        familiarity of both."""
        try:
            return self._reader.share_known(self._reader.read(question))
        except QuestionError:
            return 0.0

    @torch.inference_mode()
    def clarity(self, images: Sequence[object]) -> list[float]:
        """How plainly the checkpoint can tell what is on each image, in [0, 1]; it keeps them
        encoded.

        Raises:
            As `ask`, for the first image that cannot be used.
        """
        found = self._encoded([self._keyed(image) for image in images])
        return [regions.clarity.item() for regions in found]

    def kept_clarity(self, picture: Picture | PictureFile) -> float | None:
        """The clarity of a picture that is kept encoded; None of any other."""
        return self._store.clarity(picture.key)

    @torch.inference_mode()
    def evidence(self, request: Request, top_k: int = 5) -> Evidence:
        """Which regions speak for each of the `top_k` answers that `ask_batch` gives.

        Raises:
            As `ask`.
        """
        asked, regions, parts = self._read([request])
        found = self._think(asked, regions)
        kind, weights = evidence_of(found, self._wording, top_k)
        boxes, shown = regions.boxes[0], regions.mask[0].nonzero().squeeze(1)
        if parts:
            boxes = in_whole(boxes, parts[0])
        return Evidence(kind, _rows(boxes[shown]), _rows(weights[:, shown]))

    def _think(self, asked: Sequence[PreparedQuestion], regions: Regions) -> Prediction:
        tokens = torch.zeros(len(asked), max(len(q.ids) for q in asked), dtype=torch.long)
        for row, q in zip(tokens, asked, strict=True):
            row[: len(q.ids)] = torch.tensor(q.ids)
        lengths = torch.tensor([len(q.ids) for q in asked])
        return self.checkpoint.network.answer(regions, tokens.to(self.device), lengths)

    def _read(
        self, requests: Sequence[Request]
    ) -> tuple[list[PreparedQuestion], Regions, dict[int, Window]]:
        """Questions and encoded images as the network wants them; by the number of a request,
        which part of its image was encoded where it is not all of it."""
        asked, images, parts = [], [], {}
        cells = self.checkpoint.network.image_encoder.cells
        places = [getattr(r, "place", None) for r in requests]
        for r in requests:
            if not hasattr(r, "image") or not hasattr(r, "question"):
                raise ConfigError(
                    f"Ask many questions as Request(image, question) of vqa.predictor, not {r!r}."
                )
            asked.append(self._reader.read(r.question))
            place = places[len(images)]
            if place is not None and cells:
                picture = open_picture(r.image)
                parts[len(images)] = part = window(picture.image.size, checked(place))
                images.append((f"{picture.key} {part}", cut(picture.image, part)))
            else:
                images.append(self._keyed(r.image))
        regions = Regions.join(self._encoded(images))
        return asked, regions if cells else only_objects_at(regions, places), parts

    def _answer(
        self,
        question: PreparedQuestion,
        said: Said,
        gates: torch.Tensor,
        words: torch.Tensor,
        mask: torch.Tensor,
        boxes: torch.Tensor,
        familiarity: float,
        place: Place | None,
        elapsed: float,
    ) -> Answer:
        text, confidence = said.top[0]
        familiar = familiarity >= self._familiar
        shown = mask.nonzero().squeeze(1)
        return Answer(
            answer=text,
            kind=said.kind,
            items=said.items,
            confidence=confidence,
            sure=confidence >= said.threshold and familiar,
            top=said.top,
            regions=_rows(boxes[shown]),
            region_attention=_rows(gates[:, shown]),
            words=question.tokens,
            word_attention=_rows(words[:, : len(question.tokens)]),
            unknown_words=question.unknown,
            repaired_words=dict(question.repaired),
            familiarity=familiarity,
            familiar=familiar,
            checkpoint=self.checkpoint.name,
            # It would be asked about the whole picture.
            why="" if place is not None else self._why(question, said),
            language=question.language,
            elapsed_ms=elapsed,
            device=str(self.device),
        )

    def _why(self, question: PreparedQuestion, said: Said) -> str:
        if said.kind != KINDS[0] or "generator" not in self.checkpoint.config.further_heads:
            return ""
        return question.text + {"en": " Why?", "zh": " 为什么？"}[question.language]

    def _calibration(self) -> dict:
        """The card's calibration; what is not a table is reported as unusable."""
        stored = self.card.get("calibration", {})
        parts = (
            [stored] + [stored.get(k, {}) for k in KINDS] if isinstance(stored, dict) else [None]
        )
        if not all(isinstance(part, dict) for part in parts):
            raise self._unusable("it", stored)
        return stored

    def _trust(self, stored: dict) -> Trust:
        temperature = self._calibrated(stored, "temperature", 1.0)
        if temperature == 0:
            raise self._unusable("temperature", temperature)
        return Trust(temperature, self._calibrated(stored, "threshold", 0.5))

    def _calibrated(self, stored: dict, name: str, default: float) -> float:
        """A number of the card's calibration."""
        value = stored.get(name, default)
        if not (isinstance(value, int | float) and isfinite(value) and value >= 0):
            raise self._unusable(name, value)
        return float(value)

    def _unusable(self, name: str, value: object) -> CheckpointError:
        return CheckpointError(
            f"The card of checkpoint {self.checkpoint.folder} holds no usable calibration: "
            f"{name} is {value!r}; get a fresh copy."
        )

    def _keyed(self, source: object) -> tuple[str, Image.Image | Regions]:
        """(key, picture); of the bytes of a file seen lately its regions, without decoding it."""
        if isinstance(source, bytes):
            source = PictureFile.of(source)
        kept = self._store.get(source.key) if isinstance(source, PictureFile) else None
        if kept is not None:
            return source.key, kept
        picture = open_picture(source)
        return picture.key, picture.image

    def knows(self, request: Request) -> bool:
        """Whether the picture, a `PictureFile`, is kept encoded, so that it need not be decoded."""
        return request.image.key in self._store

    def _encoded(self, images: Sequence[tuple[str, Image.Image | Regions]]) -> list[Regions]:
        """Each image encoded; those seen lately come from the cache."""
        keys = [key for key, _ in images]
        known = {key: found for key, found in images if isinstance(found, Regions)}
        for key in keys:
            if key not in known and (kept := self._store.get(key)) is not None:
                known[key] = kept
        new = list({k: i for k, i in images if k not in known}.items())
        most = _AT_ONCE if self.device.type == "cpu" else max(len(new), 1)
        for begin in range(0, len(new), most):
            known |= self._encode(new[begin : begin + most])
        return [known[key] for key in keys]

    def _encode(self, images: Sequence[tuple[str, Image.Image]]) -> dict[str, Regions]:
        """By key; kept for later."""
        size = self.checkpoint.config.image_encoder.image_size
        batch = torch.stack([to_tensor(image, size) for _, image in images])
        batch = batch.to(self.device).contiguous(memory_format=torch.channels_last)
        encoded = self.checkpoint.network.image_encoder(batch)
        keys = [key for key, _ in images]
        self._store.keep(keys, encoded)
        return {key: encoded.row(k) for k, key in enumerate(keys)}


def _rows(matrix: torch.Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
