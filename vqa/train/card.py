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
    extra: tuple[int, str] | None,
    calibration: dict[str, float],
    start: dict | None = None,
) -> dict:
    """A card without figures; `python -m vqa evaluate --write` adds those.

    Args:
        command: the training as typed. extra: how many other labelled pictures, in CLEVR's
            format, were used, and the name of their folder.
        start: card of the checkpoint that the further heads were given to.
    """
    drawn = config.polish_scenes + (config.renders if start is None else 0)
    pictures = [f"{drawn:,} pictures drawn by vqa.world"]
    pictures_zh = [f"由 vqa.world 绘制的 {drawn:,} 张图片"]
    if extra:
        count, folder = extra
        pictures.append(f"{count:,} labelled pictures in CLEVR's format ({folder})")
        pictures_zh.append(f"{count:,} 张 CLEVR 格式的带标注图片（{folder}）")
    asked = config.replies + config.replies_polish + config.replies_order
    if start is None:
        asked += config.questions + config.polish_questions
    further = bool(config.model.further_heads)
    spoken = " Describes objects and scenes, says why, and lists what it sees in order."
    spoken_zh = "还能描述物体和场景、说明理由、按顺序列出所见。"
    card = _common(config, command, calibration) | {
        "name": name,
        "summary": (
            "Simulated scenes of 3 to 10 cubes, spheres and cylinders on a plain ground "
            "(CLEVR's world): colors, shapes, sizes, materials, places, counts, comparisons."
            + spoken
            * further
        ),
        "summary_zh": (
            "由 3 到 10 个立方体、球体和圆柱体组成的模拟场景（CLEVR 世界）："
            "颜色、形状、大小、材质、位置、数量和比较。" + spoken_zh * further
        ),
        "trained_on": {
            "pictures": " and ".join(pictures),
            "questions": (
                f"{asked:,} drawn from scene programs and "
                f"written by vqa.world.grammar ({', '.join(config.languages)})"
            ),
        },
        "trained_on_zh": {
            "图片": "，以及 ".join(pictures_zh),
            "问题": (
                f"{asked:,} 个问题，从场景程序得出，由 vqa.world.grammar "
                f"写成（{'、'.join(config.languages)}）"
            ),
        },
        "parameters": parameters,
        "limits": [
            "Knows only cubes, spheres and cylinders in eight colors, two sizes and two "
            "materials, seen from above at an angle; it has never seen a photograph.",
            "Answers yes or no, a number from 0 to 10, or an attribute"
            + (
                "; its sentences and lists speak of the same things only."
                if further
                else ", never a sentence."
            ),
            "Chains longer than three relations, and questions about other things, are not "
            "understood; their answers should not be trusted.",
        ],
        "limits_zh": [
            "只认识八种颜色、两种大小、两种材质的立方体、球体和圆柱体，视角为斜上方；从未见过照片。",
            "回答是或否、0 到 10 的数，或一种属性"
            + ("；它的句子和列表也只谈这些。" if further else "，从不说整句。"),
            "超过三层关系的问题和关于其他事物的问题它听不懂，这些回答不可信。",
        ],
    }
    if start is not None:
        _begun(card, start)
    return card


def _begun(card: dict, start: dict) -> None:
    """Says what training went on from; in English alone where an older card of it does."""
    made = start.get("trained_on", {})
    made_zh = start.get("trained_on_zh", made)
    name = start.get("name")
    card["trained_on"]["before that"] = f"{'; '.join(made.values())} (checkpoint {name})"
    card["trained_on_zh"]["此前"] = f"{'；'.join(made_zh.values())}（检查点 {name}）"
    kept = ("name", "command", "training", "software", "started_from")
    card["started_from"] = {key: start[key] for key in kept if key in start}


def make_photo_card(
    name: str,
    config: PhotoConfig,
    data: list[str],
    parameters: int,
    command: str,
    calibration: dict[str, float],
    start: dict | None = None,
    backbone: str = "",
) -> dict:
    """As `make_card`, for photographs.

    Args:
        data: names of the training data. start: card of the checkpoint that training went on from.
        backbone: the weights that the image encoder started with.
    """
    named = ", ".join(data)
    trained_on = {"pictures and questions": named}
    trained_on_zh = {"图片和问题": "、".join(data)}
    if backbone:
        trained_on["image encoder"] = backbone
        trained_on_zh["图像编码器"] = backbone
    card = _common(config, command, calibration) | {
        "name": name,
        "summary": config.summary.get("en", f"Pictures and questions like those of {named}."),
        "summary_zh": config.summary.get("zh", f"与 {named} 相似的图片和问题。"),
        "trained_on": trained_on,
        "trained_on_zh": trained_on_zh,
        "parameters": parameters,
        "limits": [
            *config.limits,
            "Answers are chosen from those of its training data; never a sentence.",
        ],
        "limits_zh": [*config.limits_zh, "答案从训练数据的答案中选出，从不说整句。"],
    }
    if start is not None:
        _begun(card, start)
    return card
