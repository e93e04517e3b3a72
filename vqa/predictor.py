"""Asking a checkpoint: requests in, typed answers out, no state in between."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Answer:
    """What the model says about one image and one question.

    Attributes:
        answer: the most probable answer, in the language of the question.
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
        language: "en" or "zh".
        elapsed_ms: wall time from image to answer, milliseconds.
        device: where it was computed, for example "cpu".
    """

    answer: str
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
    language: str
    elapsed_ms: float
    device: str

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        return asdict(self)
