"""Configurations: frozen dataclasses that read and write plain dictionaries, strictly."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from vqa.errors import ConfigError, plainly

T = TypeVar("T")


def from_dict(kind: type[T], values: Any, where: str = "config") -> T:
    """Builds a configuration dataclass from a dictionary, nested ones too.

    Raises:
        ConfigError: unknown key, missing key, or wrong type; names the place ("model.fusion").
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{where} must be an object with named values, not {values!r}.")
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ConfigError(
            f"{where} has unknown key {unknown[0]!r}; known keys: {', '.join(known)}."
        )
    hints = get_type_hints(kind)
    built = {}
    for name, value in values.items():
        expected = hints[name]
        place = f"{where}.{name}"
        if is_dataclass(expected):
            built[name] = from_dict(expected, value, place)
        else:
            built[name] = _checked(expected, value, place)
    try:
        return kind(**built)
    except TypeError as error:
        raise ConfigError(f"{where} lacks a value: {error}.") from error


def _checked(expected: Any, value: Any, place: str) -> Any:
    """`value` as the annotation `expected` wants it, with all it holds."""
    base, inner = get_origin(expected) or expected, get_args(expected)
    if base is UnionType:
        base = expected
    if base is float and type(value) is int:
        return float(value)
    if base is tuple and isinstance(value, list):
        value = tuple(value)
    if not isinstance(value, base) or (base is int and isinstance(value, bool)):
        kind = getattr(base, "__name__", str(base))
        raise ConfigError(f"{place} must be of type {kind}, not {value!r}.")
    if base is tuple:
        kinds = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        if len(value) != len(kinds):
            raise ConfigError(f"{place} must hold {len(kinds)} values, not {len(value)}.")
        pairs = zip(kinds, value, strict=True)
        return tuple(_checked(kind, v, f"{place}[{k}]") for k, (kind, v) in enumerate(pairs))
    if base is list:
        return [_checked(inner[0], v, f"{place}[{k}]") for k, v in enumerate(value)]
    if base is dict:
        return {k: _checked(inner[1], v, f"{place}.{k}") for k, v in value.items()}
    return value


def to_dict(config: Any) -> dict:
    """Plain dictionary of a configuration, ready for JSON."""
    return asdict(config)


@dataclass(frozen=True)
class ImageEncoderConfig:
    """`name` is "compact", "grid" or "torchvision:" with a network's name; `image_size` is (width,
    height) in pixels; `width` the channels of the first stage; `regions` the most offered (R).
    Only `image_size` matters to torchvision's networks.
    """

    name: str = "compact"
    image_size: tuple[int, int] = (192, 144)
    width: int = 48
    regions: int = 12
    # Attribute name -> its values; what the regions are told apart by.
    attributes: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class QuestionEncoderConfig:
    name: str = "gru"
    embedding: int = 96


@dataclass(frozen=True)
class FusionConfig:
    """A fusion and how many steps it takes.

    `match` is for "stacked_attention" alone: whether region and question are added before they
    are scored ("sum") or multiplied too ("product").
    """

    name: str = "mac"
    steps: int = 5
    match: str = "sum"

    def __post_init__(self) -> None:
        if self.match not in ("sum", "product"):
            raise ConfigError(f'fusion.match must be "sum" or "product", not {self.match!r}.')
        if self.match == "product" and self.name != "stacked_attention":
            raise ConfigError(f'fusion.match is for "stacked_attention", not {self.name!r}.')


@dataclass(frozen=True)
class ModelConfig:
    """Sizes and parts of a network; `dim` is D, shared by regions, words and the joint vector.

    `head` chooses a word; `further_heads` stand beside it: "generator" writes sentences, "crf"
    ordered lists ("softmax_list" does so without a field, for comparison).
    """

    dim: int = 128
    image_encoder: ImageEncoderConfig = field(default_factory=ImageEncoderConfig)
    question_encoder: QuestionEncoderConfig = field(default_factory=QuestionEncoderConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    head: str = "classifier"
    further_heads: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainConfig:
    """A training preset for the simulated world.

    Attributes:
        recipe: "scenes". seed: of everything drawn at random.
        languages: which questions are asked in.
        renders: pictures drawn for perception; perception_samples: pictures it is shown;
            perception_batch, perception_rate: batch size and peak learning rate.
        imagined: scenes that reasoning first learns from, not drawn; questions: asked about them;
            question_batch, reasoning_rate: batch size and peak learning rate; set_weight: of the
            loss of attention, shown the sets that programs select, beside that of answers.
        polish_scenes: further pictures, which perception was not trained on; polish_questions,
            polish_rate: then asked about what it found in them.
        adapt_samples, adapt_share, adapt_rate: pictures shown to perception when other labelled
            pictures are given, and the share of those among them.
        replies, replies_rate: questions, of all kinds, that the whole of reasoning is then shown
            with the further heads in place; replies_keep: the share of a starting checkpoint's
            weights that is then mixed in; replies_polish: as polish_questions, after that;
            replies_order, order_rate: questions that at last the reading order alone is shown.
        calibration_scenes: further pictures, for temperature and thresholds.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    recipe: str = "scenes"
    seed: int = 1
    languages: tuple[str, ...] = ("en", "zh")
    renders: int = 16000
    perception_samples: int = 120000
    perception_batch: int = 32
    perception_rate: float = 2e-3
    imagined: int = 30000
    questions: int = 4000000
    question_batch: int = 256
    reasoning_rate: float = 1e-3
    set_weight: float = 2.0
    polish_scenes: int = 4000
    polish_questions: int = 600000
    polish_rate: float = 4e-4
    adapt_samples: int = 24000
    adapt_share: float = 0.35
    adapt_rate: float = 8e-4
    replies: int = 0
    replies_rate: float = 1e-3
    replies_polish: int = 0
    replies_keep: float = 0.0
    replies_order: int = 0
    order_rate: float = 1e-2
    calibration_scenes: int = 500


@dataclass(frozen=True)
class PhotoConfig:
    """A training preset for photographs.

    Attributes:
        recipe: "photos". seed: of everything drawn at random. languages: of made questions.
        summary: language -> what the checkpoint can be asked about; of the data's names when empty.
        limits, limits_zh: what users should know that it cannot do, in English and Chinese.
        shares: kind of data -> its share of the pictures; "text" for questions without pictures.
        splits: kind of data -> split to train on, "train" when not named.
        steps: of the optimiser; pictures: per step; questions: per picture; rate: peak learning
            rate.
        early, early_scale: in the first share `early` of the steps pictures are smaller by this
            factor, which is quicker and teaches most of what there is to learn (progressive
            resizing; see Touvron et al. 2019 on why the end must be at full size).
        crop: the smallest share of a picture's side that is shown; turn: the largest rotation in
            degrees. Pictures are varied by as much at random.
        frozen: the image encoder's body keeps the weights it starts with, and only what comes
            after its feature grid is trained. The grid of each picture is computed once and kept
            on disk, so pictures are not varied: early, early_scale, crop and turn do not apply.
        probes: weight of telling a picture's labels from its mean feature beside the questions;
            dropped after training.
        dropout: share of the joint vector dropped before the head, against learning little data
            by heart.
        validation: share of training pictures held back, for calibration.
        least_words, least_answers: words and answers that occur less often are left out.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    recipe: str = "photos"
    seed: int = 1
    languages: tuple[str, ...] = ("en", "zh")
    summary: dict[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    limits_zh: tuple[str, ...] = ()
    shares: dict[str, float] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    steps: int = 6000
    pictures: int = 64
    questions: int = 4
    rate: float = 2e-3
    early: float = 0.0
    early_scale: float = 1.0
    crop: float = 0.75
    turn: float = 0.0
    frozen: bool = False
    probes: float = 0.5
    dropout: float = 0.0
    validation: float = 0.03
    least_words: int = 2
    least_answers: int = 3


@dataclass(frozen=True)
class AudioEncoderConfig:
    """`channels` of the convolutions, `hidden` units of each GRU and way, `layers` of them;
    `dropout` before each and before the head."""

    channels: int = 32
    hidden: int = 256
    layers: int = 2
    dropout: float = 0.1


@dataclass(frozen=True)
class SpeechConfig:
    """A training preset for spoken questions.

    Attributes:
        recipe: "speech". seed: of everything drawn at random. languages: spoken in turn.
        schemas: files with questions about photographs that are read beside those about scenes.
        shards: of 1,024 utterances each, synthesised once and kept; steps: of the optimiser;
            batch: utterances in each; rate: peak learning rate.
        scenes: how many are asked about, unspoken, for the n-grams: 16 questions of each in each
            language.
    """

    model: AudioEncoderConfig = field(default_factory=AudioEncoderConfig)
    recipe: str = "speech"
    seed: int = 1
    languages: tuple[str, ...] = ("en", "zh")
    schemas: tuple[str, ...] = ()
    shards: int = 48
    steps: int = 20000
    batch: int = 32
    rate: float = 1e-3
    scenes: int = 9600


RECIPES = {"scenes": TrainConfig, "photos": PhotoConfig, "speech": SpeechConfig}


def preset_from_dict(
    values: Any, where: str = "preset"
) -> TrainConfig | PhotoConfig | SpeechConfig:
    """A training preset; its "recipe" says which kind ("scenes" when there is none).

    Raises:
        ConfigError: as `from_dict`; also an unknown recipe.
    """
    recipe = values.get("recipe", "scenes") if isinstance(values, dict) else "scenes"
    if not isinstance(recipe, str) or recipe not in RECIPES:
        raise ConfigError(f"{where}.recipe {recipe!r} is not one of: {', '.join(RECIPES)}.")
    return from_dict(RECIPES[recipe], values, where)


def read_preset(path: Path) -> TrainConfig | PhotoConfig | SpeechConfig:
    """The training preset in a file.

    Raises:
        ConfigError: it cannot be read or is not JSON; or as `preset_from_dict`.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"The preset {path} cannot be read: {plainly(error)}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The preset {path} is not JSON ({error}).") from error
    return preset_from_dict(values, path.name)
