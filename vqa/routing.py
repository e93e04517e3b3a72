"""Predictors by name; "auto" gives each question to the checkpoint that knows most about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import torch

from vqa.checkpoint import find, load, shipped
from vqa.device import pick_device
from vqa.errors import CheckpointError, ConfigError
from vqa.evidence import Evidence
from vqa.exported import accelerate, is_exported
from vqa.models.folding import folded
from vqa.pictures import Picture, PictureFile, open_picture
from vqa.predictor import AUTO, Answer, Predictor, Request
from vqa.speech.recogniser import listen, with_heard


class Router:
    """Asks, of several predictors, the one most familiar with picture and question.

    A picture is a photograph or a scene of objects: the clearer it is to a checkpoint for one kind,
    the stranger to those for the other, and both clarities add up to one at most. So a picture
    need not be encoded by a predictor that could not win any more; most are encoded by one alone.

    Stateless like them, and used like one of them. `Answer.checkpoint` says which one spoke.

    Args:
        predictors: by name, at least one, all on one device.
    """

    def __init__(self, predictors: Mapping[str, Predictor]) -> None:
        self.predictors = dict(predictors)
        self.device = next(iter(self.predictors.values())).device
        # Checkpoints for photographs have cells as regions, those for scenes have objects.
        self._photos = {
            name: p.checkpoint.network.image_encoder.cells for name, p in self.predictors.items()
        }
        cards = [p.card for p in self.predictors.values()]
        self.card = {
            key: " ".join(card[key] for card in cards if key in card)
            for key in ("summary", "summary_zh")
        }

    @property
    def choices(self) -> tuple[str, ...]:
        """Names that `ask` takes for `checkpoint`."""
        return tuple(self.predictors)

    @property
    def cached_bytes(self) -> int:
        """Memory that encoded images take."""
        return sum(p.cached_bytes for p in self.predictors.values())

    def knows(self, request: Request) -> bool:
        """Whether the picture, a `PictureFile`, is kept encoded by all that the question needs."""
        seen = self._seen(request.image)
        if len(seen) in (0, len(self.predictors)):
            return bool(seen)
        return self._winner(self._shares(request.question), seen) is not None

    def warm_up(self) -> None:
        """Runs every network once."""
        for predictor in self.predictors.values():
            predictor.warm_up()

    def ask(
        self,
        image: object,
        question: str = "",
        top_k: int = 5,
        checkpoint: str = AUTO,
        audio: object = None,
    ) -> Answer:
        """Answers one question about one image; see `Predictor.ask`.

        Args:
            checkpoint: one of `choices` to ask that one, whatever the picture.

        Raises:
            As `Predictor.ask`. CheckpointError: there is no such choice.
        """
        if audio is not None:
            heard = listen(question, audio, self.device)
            return with_heard(self.ask(image, heard.text, top_k, checkpoint), heard)
        return self.ask_batch([Request(image, question)], top_k, checkpoint)[0]

    def ask_batch(
        self, requests: Sequence[Request], top_k: int = 5, checkpoint: str = AUTO
    ) -> list[Answer]:
        """Answers many at once, in order; see `Predictor.ask_batch`."""
        if checkpoint != AUTO:
            return self.predictors[self._known(checkpoint)].ask_batch(requests, top_k)
        begin = perf_counter()
        opened: dict[int, Picture] = {}
        asked = [replace(r, image=self._opened(r, opened)) for r in requests]
        names = self.route(asked)
        answers: list[Answer | None] = [None] * len(asked)
        for name in dict.fromkeys(names):
            places = [k for k, chosen in enumerate(names) if chosen == name]
            found = self.predictors[name].ask_batch([asked[k] for k in places], top_k)
            for k, answer in zip(places, found, strict=True):
                answers[k] = answer
        # Choosing takes time too.
        elapsed = (perf_counter() - begin) * 1000 / max(len(asked), 1)
        return [replace(answer, elapsed_ms=elapsed) for answer in answers]

    def evidence(self, request: Request, top_k: int = 5, checkpoint: str = AUTO) -> Evidence:
        """Which regions speak for each answer; see `Predictor.evidence`."""
        name = self.route([request])[0] if checkpoint == AUTO else checkpoint
        return self.predictors[self._known(name)].evidence(request, top_k)

    def _known(self, name: str) -> str:
        if name not in self.predictors:
            raise CheckpointError(
                f"There is no checkpoint {name!r} here; choose one of: "
                f"{', '.join((AUTO, *self.choices))}."
            )
        return name

    def _opened(self, request: Request, opened: dict[int, Picture]) -> Picture | PictureFile:
        """Files stay files where their pictures are known; all else is decoded, once for all.

        Args:
            opened: pictures decoded before, by the identity of their source.
        """
        source = request.image
        if id(source) not in opened:
            file = PictureFile.of(source) if isinstance(source, bytes) else source
            if isinstance(file, PictureFile) and self.knows(replace(request, image=file)):
                return file
            opened[id(source)] = open_picture(file)
        return opened[id(source)]

    def route(self, requests: Sequence[Request]) -> list[str]:
        """The name of the predictor that each question is for.

        Raises:
            As `Predictor.ask`, for the first request whose picture cannot be used.
        """
        shares = [self._shares(r.question) for r in requests]
        seen = [self._seen(r.image) for r in requests]
        # In each round those still in doubt are encoded by one predictor more.
        for _ in self.predictors:
            places: dict[str, list[int]] = {}
            for k, (known, clear) in enumerate(zip(shares, seen, strict=True)):
                if self._winner(known, clear) is None:
                    places.setdefault(self._next(known, clear), []).append(k)
            for name, rows in places.items():
                found = self.predictors[name].clarity([requests[k].image for k in rows])
                for k, clarity in zip(rows, found, strict=True):
                    seen[k][name] = clarity
        return [self._winner(*pair) for pair in zip(shares, seen, strict=True)]

    def _shares(self, question: str) -> dict[str, float]:
        return {name: p.share_known(question) for name, p in self.predictors.items()}

    def _seen(self, image: object) -> dict[str, float]:
        """How clear the picture is to each predictor that keeps it."""
        if not isinstance(image, Picture | PictureFile):
            return {}
        found = {name: p.kept_clarity(image) for name, p in self.predictors.items()}
        return {name: clarity for name, clarity in found.items() if clarity is not None}

    def _winner(self, shares: dict[str, float], seen: dict[str, float]) -> str | None:
        """Who is most familiar with a question and its picture; None while others may be.

        Args:
            shares: of the question's words that each knows. seen: the picture's clarity to those
                that have encoded it.
        """
        best = {
            name: share * (seen[name] if name in seen else self._most(name, seen))
            for name, share in shares.items()
        }
        winner = max(best, key=best.get)
        return winner if winner in seen or not any(shares.values()) else None

    def _most(self, name: str, seen: dict[str, float]) -> float:
        """The clarity that a picture has at most to one that has not encoded it."""
        others = (c for n, c in seen.items() if self._photos[n] != self._photos[name])
        return 1 - max(others, default=0.0)

    def _next(self, shares: dict[str, float], seen: dict[str, float]) -> str:
        """Who is to encode the picture: who knows most of the words. Where several know them all
        they say most about the one that knows few others."""
        left = (name for name in self.predictors if name not in seen)
        return max(left, key=lambda n: (shares[n], -len(self.predictors[n].checkpoint.vocab)))


def load_predictor(checkpoint: str | Path = AUTO, device: str = "auto") -> Predictor | Router:
    """A predictor for a shipped checkpoint's name or a checkpoint folder; for "auto" one that
    asks all shipped ones.

    Raises:
        CheckpointError: see `vqa.checkpoint.load` and `vqa.exported.accelerate`.
        ConfigError: see `pick_device`, or an exported checkpoint on another device than the CPU.
    """
    if str(checkpoint) != AUTO and is_exported(find(checkpoint)):
        return _exported(checkpoint, device)
    where = pick_device(device)
    if str(checkpoint) != AUTO:
        return _quick(checkpoint, where)
    names = shipped()
    if not names:
        raise CheckpointError("No checkpoint is shipped here; give the folder of one.")
    return Router({name: _quick(name, where) for name in names})


def _quick(checkpoint: str | Path, where: torch.device) -> Predictor:
    found = load(checkpoint, where)
    return Predictor(replace(found, network=folded(found.network)), where)


def _exported(checkpoint: str | Path, device: str) -> Predictor:
    where = torch.device("cpu") if device == "auto" else pick_device(device)
    if where.type != "cpu":
        raise ConfigError(
            f"{checkpoint} was exported for the CPU and cannot run on {device}; leave --device "
            "out, or use the checkpoint it was made from."
        )
    return Predictor(accelerate(load(checkpoint)), where)
