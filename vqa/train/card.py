"""The card of a checkpoint trained on the simulated world: what it is, for people."""

from __future__ import annotations

import platform

import torch

from vqa.config import PhotoConfig, TrainConfig, to_dict


def _common(config: TrainConfig | PhotoConfig, command: str, calibration: dict) -> dict:
    return {
        "command": command,
        "seed": config.seed,
        "training": to_dict(config),
        "software": {"python": platform.python_version(), "torch": torch.__version__},
        "languages": list(config.languages),
        "calibration": calibration,
        "figures": {},
        "licence": "Apache-2.0",
    }


def make_card(
    name: str,
    config: TrainConfig,
    parameters: int,
    command: str,
    extra: str | None,
    calibration: dict[str, float],
) -> dict:
    """A card without figures; `python -m vqa evaluate --write` adds those.

    Args:
        command: the training as typed. extra: other labelled pictures used, in words.
    """
    pictures = [f"{config.renders + config.polish_scenes:,} pictures drawn by vqa.world"]
    if extra:
        pictures.append(extra)
    return _common(config, command, calibration) | {
        "name": name,
        "summary": (
            "Simulated scenes of 3 to 10 cubes, spheres and cylinders on a plain ground "
            "(CLEVR's world): colors, shapes, sizes, materials, places, counts, comparisons."
        ),
        "summary_zh": (
            "由 3 到 10 个立方体、球体和圆柱体组成的模拟场景（CLEVR 世界）："
            "颜色、形状、大小、材质、位置、数量和比较。"
        ),
        "trained_on": {
            "pictures": " and ".join(pictures),
            "questions": (
                f"{config.questions + config.polish_questions:,} drawn from scene programs and "
                f"written by vqa.world.grammar ({', '.join(config.languages)})"
            ),
        },
        "parameters": parameters,
        "limits": [
            "Knows only cubes, spheres and cylinders in eight colors, two sizes and two "
            "materials, seen from above at an angle; it has never seen a photograph.",
            "Answers yes or no, a number from 0 to 10, or an attribute; never a sentence.",
            "Chains longer than three relations, and questions about other things, are not "
            "understood; their answers should not be trusted.",
        ],
    }


def make_photo_card(
    name: str,
    config: PhotoConfig,
    data: list[str],
    parameters: int,
    command: str,
    calibration: dict[str, float],
    backbone: str = "",
) -> dict:
    """As `make_card`, for photographs; `data` names the training data as given, `backbone` the
    weights that the image encoder started with."""
    begun = "Its questions were learned" if backbone else "Trained from scratch"
    return _common(config, command, calibration) | {
        "name": name,
        "summary": (
            "Photographs of products, groceries and rooms: what it is, its kind, its color, "
            "how many, yes or no."
        ),
        "summary_zh": "商品、食品和室内的照片：是什么、哪一类、什么颜色、有几个、是不是。",
        "trained_on": {"pictures and questions": ", ".join(data)}
        | ({"image encoder": backbone} if backbone else {}),
        "parameters": parameters,
        "limits": [
            f"{begun} on a few ten thousand small photographs: it knows shop products "
            "well, and scenes of everyday life poorly.",
            "Answers are chosen from those of its training data; never a sentence.",
        ],
    }
