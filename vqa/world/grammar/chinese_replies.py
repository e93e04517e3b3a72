"""Chinese templates of questions whose answers are sentences or lists.

Slots are those of `chinese_templates`; kinds are those of `english_replies`.
"""

from __future__ import annotations

from vqa.world.grammar.template import Template, templates_from

_WAYS = {
    "right": "[从左到右|从左到右|从左往右|由左到右]",
    "left": "[从右到左|从右到左|从右往左|由右到左]",
    "behind": "[从前到后|从前往后|由近到远|从近到远]",
    "front": "[从后到前|从后往前|由远到近|从远到近]",
}
_NAMES = {
    "color": "颜色",
    "shape": "形状",
    "material": "[材质|材料]",
    "size": "[大小|尺寸]",
}
_ALL = """
    {w}列出[所有物体的|全部|所有|]{p}
    {w}说出[所有物体的|]{p}
    {w}依次[说出|列出]{p}
    {w}{p}[分别|依次]是什么
    {w}，{p}[分别|依次]是什么
    {w}[物体|东西]的{p}[分别|依次]是什么
    按{w}的顺序列出{p}
    列出{w}的{p}
    所有物体{w}的{p}
    {w}[看到|有]哪些{p}
    {w}读出{p}
"""
_SOME = """
    {w}列出[所有|]{Np}的{p}
    {w}说出{Np}的{p}
    {w}，{Np}的{p}[分别|依次]是什么
    {w}{Np}的{p}[分别|依次]是什么
    按{w}的顺序列出{Np}的{p}
    {Np}{w}的{p}[分别|依次]是什么
    列出{Np}{w}的{p}
"""


def _lists() -> list[Template]:
    found = []
    for direction, way in _WAYS.items():
        for attribute, name in _NAMES.items():
            for kind, patterns in (("list_all", _ALL), ("list", _SOME)):
                text = patterns.replace("{p}", name).replace("{w}", way)
                found += templates_from(f"{kind}_{direction}", text, attributes=(attribute,))
    return found


REPLY_TEMPLATES = (
    templates_from(
        "describe",
        """
    {N}是什么
    {N}是什么东西
    {N}是什么样的
    {N}长什么样
    {N}是怎样的
    描述[一下|]{N}
    说说{N}
    介绍一下{N}
    """,
    )
    + templates_from(
        "describe",
        """
    {R}的{H}是什么样的
    描述一下{R}的{H}
    """,
        "relate intersect",
    )
    + templates_from(
        "describe_bare",
        """
    {R}的是什么
    {R}的是什么东西
    什么东西{R}
    什么{R}
    描述一下{R}的东西
    """,
        "relate intersect",
    )
    + templates_from(
        "describe_bare",
        """
    {P}是什么
    {P}是什么东西
    {P}有什么
    {P}的是什么
    {P}[放着|摆着|能看到]什么
    """,
        "relate",
    )
    + templates_from(
        "scene",
        """
    描述[这个|一下这个|一下]场景
    描述[这张|一下这张|一下|]图片
    描述[这个|一下这个|一下]画面
    描述一下你看到的
    [图中|图里|画面中|图片里|场景中|场景里][都|]有什么
    [图中|图里|画面中|图片里|场景中]有[什么东西|哪些东西|哪些物体]
    [这张|这幅][图|图片]里[都|]有什么
    你[看到了|看见了|能看到]什么
    能看到[什么|些什么]
    [都|]有什么东西
    说说[你看到了什么|图里有什么]
    """,
    )
    + _lists()
)
WHY = ("为什么？", "为什么？", "为什么呢？", "怎么知道的？", "为何？", "请解释。", "理由是什么？")
