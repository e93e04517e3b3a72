"""How right sentences and lists are, beyond being exactly the expected text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vqa.metrics import expected_calibration_error
from vqa.text import tokenize
from vqa.world.grammar.sentences import objects_said
from vqa.world.replies import REPLY_FAMILIES

_KIND_OF = dict.fromkeys(REPLY_FAMILIES, "sentence") | {"list": "list"}


def reply_figures(rows: Sequence[dict], language: str) -> dict[str, float]:
    """Further figures of the rows of `vqa.evaluate.evaluate` for simulated questions.

    Returns:
        routed: share that went to the head of the kind of answer wanted. For scenes described,
        read back into objects: scene_mentions, share whose every mentioned object is one of the
        scene's (none more often than there) and that mention one at all; scene_complete, share
        that mention all of them and nothing else, from left to right. ece_sentence, ece_list:
        calibration errors. bleu4, cider: of sentences against the one expected, where nltk and
        pycocoevalcap are installed; CIDEr is scaled by 10 as its authors do. Of dialogues:
        dialogues, their number, and dialogues_right, share with every answer right.
    """
    dialogues = _dialogues(rows)
    if dialogues:
        return {"dialogues": len(dialogues), "dialogues_right": sum(dialogues) / len(dialogues)}
    routed = [row["said"] == _KIND_OF.get(row["kind"], "word") for row in rows]
    figures = {"routed": sum(routed) / len(routed)}
    scenes = [row for row in rows if row["kind"] == "describe_scene"]
    if scenes:
        pairs = [
            (objects_said(row["predicted"], language), objects_said(row["answer"], language))
            for row in scenes
        ]
        good = [bool(said) and not _count(said) - _count(true) for said, true in pairs]
        figures["scene_mentions"] = sum(good) / len(pairs)
        figures["scene_complete"] = sum(said == true for said, true in pairs) / len(pairs)
    for kind in ("sentence", "list"):
        mine = [row for row in rows if _KIND_OF.get(row["kind"]) == kind]
        if mine:
            confidence = [row["confidence"] for row in mine]
            right = [row["right"] for row in mine]
            figures[f"ece_{kind}"] = expected_calibration_error(confidence, right)
    sentences = [row for row in rows if _KIND_OF.get(row["kind"]) == "sentence"]
    return figures | (_overlap(sentences) if sentences else {})


def _dialogues(rows: Sequence[dict]) -> list[bool]:
    """Whether every answer of each dialogue is right; empty for questions that stand alone."""
    found: list[bool] = []
    for row in rows:
        if not row["kind"].startswith("turn_"):
            return []
        if row["kind"] == "turn_1":
            found.append(True)
        found[-1] &= row["right"] == 1
    return found


def _count(objects: list[dict[str, str]]) -> Counter:
    return Counter(tuple(sorted(o.items())) for o in objects)


def _overlap(rows: Sequence[dict]) -> dict[str, float]:
    """String overlap as captioning measures it: BLEU-4 (Papineni et al. 2002) and CIDEr
    (Vedantam et al. 2015); nothing without the libraries."""
    try:
        from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu
        from pycocoevalcap.cider.cider_scorer import CiderScorer
    except ImportError:
        return {}
    said = [tokenize(row["predicted"]) for row in rows]
    true = [tokenize(row["answer"]) for row in rows]
    smooth = SmoothingFunction().method1  # short answers have no four words in a row
    scorer = CiderScorer()
    for hypothesis, reference in zip(said, true, strict=True):
        scorer += (" ".join(hypothesis), [" ".join(reference)])
    return {
        "bleu4": float(corpus_bleu([[t] for t in true], said, smoothing_function=smooth)),
        "cider": float(scorer.compute_score()[0]),
    }
