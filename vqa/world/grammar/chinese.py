"""Writes a plan as a Chinese (Mandarin, simplified) question."""

from __future__ import annotations

from random import Random

from vqa.world.grammar.chinese_replies import WHY
from vqa.world.grammar.chinese_templates import BOOK
from vqa.world.grammar.english import pick
from vqa.world.grammar.template import Segment, Slot, worded_kind
from vqa.world.plans import Plan, SetStep

_COLORS = {
    "gray": "灰色",
    "red": "红色",
    "blue": "蓝色",
    "green": "绿色",
    "brown": "棕色",
    "purple": "紫色",
    "cyan": "青色",
    "yellow": "黄色",
}
# Each adjective as it stands before a noun; 的 is left to the writer.
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "large": ("大", "大", "大号"),
    "small": ("小", "小", "小号"),
    "rubber": ("橡胶", "橡胶", "哑光"),
    "metal": ("金属", "金属", "有光泽"),
    **{c: (name, name, name[0]) for c, name in _COLORS.items()},
    "brown": ("棕色", "棕色", "褐色"),
}
NOUNS: dict[str, tuple[str, ...]] = {
    "cube": ("立方体", "方块", "正方体"),
    "sphere": ("球", "球体", "圆球"),
    "cylinder": ("圆柱", "圆柱体"),
    "": ("物体", "东西"),
}
DIRECTIONS: dict[str, tuple[str, ...]] = {
    "left": ("左边", "左边", "左侧", "左面"),
    "right": ("右边", "右边", "右侧", "右面"),
    "front": ("前面", "前面", "前方", "前边"),
    "behind": ("后面", "后面", "后方", "后边"),
}
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "color": ("颜色",),
    "size": ("大小", "大小", "尺寸"),
    "material": ("材质", "材质", "材料"),
    "shape": ("形状",),
}
ANSWERS: dict[str, str] = {
    "yes": "是",
    "no": "否",
    **_COLORS,
    "cube": "立方体",
    "sphere": "球体",
    "cylinder": "圆柱体",
    "large": "大",
    "small": "小",
    "rubber": "橡胶",
    "metal": "金属",
}
POLITE = (
    "请问",
    "请问，",
    "请告诉我，",
    "麻烦你告诉我，",
    "你好，请问",
    "能告诉我吗：",
    "麻烦看一下，",
)
_WITH = ("和", "与", "跟")
_SAME = ("相同", "一样")
_BOTH = (("既在", "又在"), ("在", "并且在"), ("在", "同时在"), ("在", "也在"), ("在", "，又在"))
_ORDER = ("size", "color", "material")
_GLUE = "其他另外别的那个一个既又在并且同时也它或者还是任何同具有色大样"


def write(plan: Plan, rng: Random) -> str:
    """A Chinese question, without politeness and with a question mark.

    Every draw is taken from `rng`, so a plan and a seed make one text.
    """
    answer = plan.answer
    first = plan.steps[answer.inputs[0]]
    template = pick(rng, BOOK.fitting(worded_kind(plan, rng), first.op, answer.attribute))
    return fill(pick(rng, template.variants), plan, rng)


def fill(variant: tuple[Segment, ...], plan: Plan, rng: Random) -> str:
    """One wording of a template that fits the plan, with its slots filled."""
    answer = plan.answer
    parts = []
    for segment in variant:
        if isinstance(segment, Slot):
            if segment.name == "attr":
                parts.append(pick(rng, ATTRIBUTES[answer.attribute]))
            else:
                step = answer.inputs[segment.which]
                parts.append(_SLOTS[segment.name](plan.steps, step, rng))
        else:
            parts.append(segment)
    return "".join(parts) + "？"


def decorate(text: str, rng: Random) -> str:
    """The question with a polite opening or another ending mark."""
    if rng.random() < 0.7:
        text = pick(rng, POLITE) + text
    draw = rng.random()
    if draw < 0.3:
        return text[:-1]
    if draw < 0.5:
        return text[:-1] + "?"
    return text


def vocabulary() -> set[str]:
    """All Chinese characters that `write` and `decorate` can emit."""
    texts = [*BOOK.literals(), *POLITE, *_WITH, *_SAME, *WHY, _GLUE]
    for table in (ADJECTIVES, NOUNS, DIRECTIONS, ATTRIBUTES):
        texts += [word for words in table.values() for word in words]
    return {c for text in texts for c in text if "\u4e00" <= c <= "\u9fff"}


def _adjective(value: str, rng: Random, before_noun: bool) -> str:
    word = pick(rng, ADJECTIVES[value])
    # "有光泽" always takes 的; a colour of one character stands only before a shape's name.
    if word == "有光泽" or rng.random() < 0.18:
        return word + "的"
    if value in _COLORS and len(word) == 1 and not before_noun:
        return word + "色"
    return word


def _head(step: SetStep, rng: Random) -> str:
    filters = step.filters
    order = _ORDER
    if rng.random() < 0.15:
        order = rng.sample(order, 3)
    named = [a for a in order if a in filters]
    shape = filters.get("shape", "")
    words = [_adjective(filters[a], rng, bool(shape) and a == named[-1]) for a in named]
    return "".join(words) + pick(rng, NOUNS[shape])


def _phrase(steps: list[SetStep], i: int, rng: Random) -> str:
    """Noun phrase: what stands before 的 is the relation."""
    step = steps[i]
    head = _head(step, rng)
    if step.op == "scene":
        return head
    if step.op == "union":
        # "大的或小的金属球" would leave open what 金属 belongs to; a shape leaves nothing open.
        clear = step.filters.keys() <= {"shape"}
        sides = _bare_sides(steps, i, rng) if clear else ""
        return sides + head if sides else f"是{_full_sides(steps, i, rng)}的{head}"
    if step.op == "same" and rng.random() < 0.4:
        head = pick(rng, ("其他", "另外的", "别的")) + head
    return f"{_relation(steps, i, rng)}的{head}"


phrase = _phrase  # an object or set, in words


def _relation(steps: list[SetStep], i: int, rng: Random) -> str:
    """The relation of step `i` before 的."""
    step = steps[i]
    if step.op == "relate" and rng.random() < 0.93:
        return _place(steps, i, rng)
    return _predicate(steps, i, rng)


def _place(steps: list[SetStep], i: int, rng: Random, it: str = "") -> str:
    step = steps[i]
    referent = it or _phrase(steps, step.inputs[0], rng)
    return referent + pick(rng, ("", "", "的")) + pick(rng, DIRECTIONS[step.argument])


def _predicate(steps: list[SetStep], i: int, rng: Random, it: str = "") -> str:
    """The relation of step `i` as a predicate."""
    step = steps[i]
    if step.op == "relate":
        return "在" + _place(steps, i, rng, it)
    if step.op == "intersect":
        a, b = (_place(steps, j, rng) for j in step.inputs)
        first, second = pick(rng, _BOTH)
        return f"{first}{a}{second}{b}"
    if step.op == "union":
        return _bare_sides(steps, i, rng) or _full_sides(steps, i, rng)
    referent = it or _phrase(steps, step.inputs[0], rng)
    attribute, same = pick(rng, ATTRIBUTES[step.argument]), pick(rng, _SAME)
    draw = rng.random()
    if step.argument == "size" and draw < 0.25:
        return f"{pick(rng, _WITH)}{referent}一样大"
    if step.argument == "color" and draw < 0.15:
        return f"{pick(rng, _WITH)}{referent}同色"
    if draw < 0.4:
        return f"{pick(rng, _WITH)}{referent}的{attribute}{same}"
    if draw < 0.55:
        return f"{pick(rng, _WITH)}{referent}{pick(rng, ('具有', '有'))}{same}的{attribute}"
    return f"{pick(rng, _WITH)}{referent}{attribute}{same}"


def _full_sides(steps: list[SetStep], i: int, rng: Random) -> str:
    """The two sides of a union as noun phrases."""
    either = pick(rng, ("或者", "或", "或者是"))
    return either.join(_phrase(steps, j, rng) for j in steps[i].inputs)


def _bare_sides(steps: list[SetStep], i: int, rng: Random) -> str:
    """The two sides of a union as adjectives, most times when they can be; else empty."""
    sides = [steps[j] for j in steps[i].inputs]
    if rng.random() < 0.4 or any(s.op != "scene" or "shape" in s.filters for s in sides):
        return ""
    words = [
        "".join(pick(rng, ADJECTIVES[s.filters[a]]) for a in _ORDER if a in s.filters) + "的"
        for s in sides
    ]
    return pick(rng, ("或者", "或")).join(words)


def _coordinated(steps: list[SetStep], i: int, rng: Random) -> str:
    """Both sides of a union as one noun phrase."""
    if steps[i].filters:
        return _phrase(steps, i, rng)
    return pick(rng, ("或", "或者")).join(_phrase(steps, j, rng) for j in steps[i].inputs)


_SLOTS = {
    "N": _phrase,
    "Np": _phrase,
    "H": lambda steps, i, rng: _head(steps[i], rng),
    "R": _predicate,
    "P": _place,
    "I": lambda steps, i, rng: _phrase(steps, steps[i].inputs[0], rng),
    "Rit": lambda steps, i, rng: _predicate(steps, i, rng, "它"),
    "Pit": lambda steps, i, rng: _place(steps, i, rng, "它"),
    "U": _coordinated,
}
