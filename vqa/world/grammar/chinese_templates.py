"""Chinese question templates.

Slots, all of the set the answer reads (its last step):
    N, Np    full noun phrase, for one object / for a set
    H        the same without its relation
    R        its relation as a predicate ("在红球左边", "和红球颜色相同")
    P        the place its relation names ("红球左边"), for relate only
    I        the object the relation starts from
    Rit, Pit R and P with "它" for that object
    U        both sides of a union
    attr     the attribute asked for
"""

from __future__ import annotations

from vqa.world.grammar.chinese_replies import REPLY_TEMPLATES
from vqa.world.grammar.template import Template, TemplateBook, templates_from

_COUNT = (
    templates_from(
        "count",
        """
    有[几个|多少个|多少]{Np}
    [一共|总共]有[几个|多少个|多少]{Np}
    [图中|图里|画面中|图片里|场景中]有[几个|多少个]{Np}
    {Np}有[几个|多少个|多少]
    {Np}[一共|总共]有[几个|多少个]
    [你能|]看到[几个|多少个]{Np}
    {Np}的[数量|个数|数目]是多少
    {Np}的[数量|个数|数目]
    数一数{Np}[，有几个|有多少个|]
    [图中|图里]{Np}有[几个|多少个]
    [几个|多少个]{Np}
    能数出[几个|多少个]{Np}
    存在[几个|多少个]{Np}
    [告诉我|说说]有[几个|多少个]{Np}
    {Np}[共|]有多少
    """,
    )
    + templates_from(
        "count",
        """
    有[几个|多少个]{H}{R}
    {H}中有[几个|多少个]{R}
    [几个|多少个]{H}{R}
    {R}的{H}有[几个|多少个]
    所有{H}里，[几个|多少个]{R}
    """,
        "relate same intersect",
    )
    + templates_from(
        "count",
        """
    {P}有[几个|多少个|多少]{H}
    {P}[一共|总共|]有[几个|多少个]{H}
    {P}能看到[几个|多少个]{H}
    {P}的{H}有[几个|多少个|多少]
    {P}存在[几个|多少个]{H}
    {P}摆着[几个|多少个]{H}
    数一数{P}有[几个|多少个]{H}
    有一个{I}，{Pit}有[几个|多少个|多少]{H}
    有一个{I}，[几个|多少个]{H}{Rit}
    有{I}，{Pit}的{H}有[几个|多少个]
    [看|找到]{I}，{Pit}有[几个|多少个]{H}
    以{I}为准，{Pit}有[几个|多少个]{H}
    """,
        "relate",
    )
    + templates_from(
        "count",
        """
    [还有|另有][几个|多少个|多少]{H}{R}
    有[几个|多少个]其他{H}{R}
    其他{H}中[几个|多少个]{R}
    有一个{I}，[还有|有][几个|多少个]{H}{Rit}
    [看|找到]{I}，其他{H}有[几个|多少个]{Rit}
    """,
        "same",
    )
    + templates_from(
        "count",
        """
    有[几个|多少个]{U}
    {U}[一共|总共|加起来|]有[几个|多少个]
    {U}的总数是多少
    {U}的[数量|个数]是多少
    [图中|图里|画面中]有[几个|多少个]{U}
    [几个|多少个]{H}是{R}
    有[几个|多少个]{H}是{R}
    {H}中[几个|多少个]是{R}
    数一数{U}
    """,
        "union",
    )
)

_EXIST = (
    templates_from(
        "exist",
        """
    有没有{Np}
    有{Np}吗
    是否有{Np}
    是不是有{Np}
    [图中|图里|画面中|图片里|场景中]有没有{Np}
    [图中|图里|画面中|图片里|场景中]有{Np}吗
    {Np}存在吗
    存在{Np}吗
    是否存在{Np}
    [你|]能看到{Np}吗
    能不能看到{Np}
    能找到{Np}吗
    {Np}有没有
    [告诉我|看看|查一下]有没有{Np}
    看得到{Np}吗
    """,
    )
    + templates_from(
        "exist",
        """
    有没有{H}{R}
    有{H}{R}吗
    是否有{H}{R}
    有没有任何{H}{R}
    """,
        "relate same intersect",
    )
    + templates_from(
        "exist",
        """
    {P}有没有{H}
    {P}有{H}吗
    {P}是否有{H}
    {P}是不是有{H}
    {P}存在{H}吗
    {P}能看到{H}吗
    有一个{I}，{Pit}有没有{H}
    有一个{I}，{Pit}有{H}吗
    有{I}，{Pit}是否有{H}
    [看|找到]{I}，{Pit}有没有{H}
    看看{P}有没有{H}
    """,
        "relate",
    )
    + templates_from(
        "exist",
        """
    还有没有{H}{R}
    还有{H}{R}吗
    有没有其他{H}{R}
    有其他{H}{R}吗
    是否有[别的|另外的]{H}{R}
    有一个{I}，有没有[其他|别的]{H}{Rit}
    有一个{I}，还有{H}{Rit}吗
    """,
        "same",
    )
    + templates_from(
        "exist",
        """
    有没有{U}
    有{U}吗
    [图中|图里]有没有{U}
    是否存在{U}
    """,
        "union",
    )
)

_QUERY = (
    templates_from(
        "query",
        """
    {N}的{attr}是什么
    {N}是什么{attr}
    {N}是什么{attr}的
    {N}的{attr}
    {N}的{attr}是[哪种|哪一种]
    想问一下{N}的{attr}
    [告诉我|说出|说说]{N}的{attr}
    {N}，它的{attr}是什么
    {N}，它是什么{attr}
    有一个{N}，它的{attr}是什么
    有一个{N}，它是什么{attr}
    有一个{N}，[告诉我|说出]它的{attr}
    [看|找到]{N}，它是什么{attr}
    [我|]想知道{N}的{attr}
    {N}有[什么|怎样的]{attr}
    {N}是[哪种|哪个]{attr}
    [你知道|知道]{N}的{attr}吗
    {N}的{attr}[是怎样的|是啥|怎么样]
    {N}是啥{attr}
    """,
    )
    + templates_from(
        "query",
        """
    {N}是[什么|啥]做的
    {N}是用什么[材料|]做的
    {N}由什么材料制成
    {N}是[金属的还是橡胶的|橡胶的还是金属的|金属还是橡胶]
    {N}用的是什么材料
    有一个{N}，它是什么做的
    {N}是什么材料的
    """,
        attributes=("material",),
    )
    + templates_from(
        "query",
        """
    {N}有多大
    {N}是[大的还是小的|小的还是大的|大还是小]
    {N}多大
    有一个{N}，它有多大
    {N}是大号还是小号
    """,
        attributes=("size",),
    )
    + templates_from(
        "query",
        """
    {N}是什么形状的物体
    {N}是什么样子的形状
    {N}长什么形状
    {N}是立方体、球体还是圆柱体
    """,
        attributes=("shape",),
    )
    + templates_from(
        "query",
        """
    {N}是什么色的
    {N}是什么色
    {N}涂成了什么颜色
    有一个{N}，它是什么色的
    """,
        attributes=("color",),
    )
    + templates_from(
        "query",
        """
    有一个{I}，{Pit}的{H}是什么{attr}
    有一个{I}，{Pit}的{H}的{attr}是什么
    [看|找到]{I}，{Pit}的{H}是什么{attr}
    {P}有一个{H}，它是什么{attr}
    {P}有一个{H}，它的{attr}是什么
    {P}那个{H}的{attr}是什么
    {P}那个{H}是什么{attr}
    """,
        "relate",
    )
    + templates_from(
        "query",
        """
    有一个{H}{R}，它是什么{attr}
    有一个{H}{R}，它的{attr}是什么
    另一个{H}{R}，它的{attr}是什么
    """,
        "same",
    )
)

_EQUAL = (
    templates_from(
        "equal",
        """
    {N}[和|与|跟]{N2}的{attr}[相同吗|一样吗|是否相同|是否一样]
    {N}[和|与|跟]{N2}的{attr}[是不是一样|是不是相同|一不一样|相不相同]
    {N}[和|与|跟]{N2}{attr}[相同吗|一样吗|是否相同|是否一样]
    {N}的{attr}[和|与|跟]{N2}的{attr}[相同吗|一样吗|是否相同]
    {N}的{attr}[和|与|跟]{N2}的[相同吗|一样吗]
    {N}是不是[和|与|跟]{N2}{attr}[相同|一样]
    {N}[和|与|跟]{N2}是同一种{attr}吗
    {N}[和|与|跟]{N2}是不是同一种{attr}
    {N}[和|与|跟]{N2}有[相同|一样]的{attr}吗
    {N}[和|与|跟]{N2}[是否|是不是]有[相同|一样]的{attr}
    {N}[和|与|跟]{N2}具有相同的{attr}吗
    有一个{N}，它[和|与|跟]{N2}的{attr}[相同吗|一样吗]
    有一个{N}，它的{attr}[和|与|跟]{N2}[相同吗|一样吗]
    比较{N}[和|与|跟]{N2}，{attr}[相同吗|一样吗]
    {N}[和|与|跟]{N2}，它们的{attr}[相同吗|一样吗|是否相同]
    [告诉我|看看]{N}[和|与|跟]{N2}的{attr}[是否相同|是否一样]
    """,
    )
    + templates_from(
        "equal",
        """
    {N}[和|与|跟]{N2}是同一种材料做的吗
    {N}[和|与|跟]{N2}是用同样的材料做的吗
    {N}[和|与|跟]{N2}的材料一样吗
    """,
        attributes=("material",),
    )
    + templates_from(
        "equal",
        """
    {N}[和|与|跟]{N2}一样大吗
    {N}[和|与|跟]{N2}[是不是|是否]一样大
    {N}有没有{N2}那么大
    """,
        attributes=("size",),
    )
    + templates_from(
        "equal",
        """
    {N}[和|与|跟]{N2}是同色的吗
    {N}[和|与|跟]{N2}是不是同一个颜色
    """,
        attributes=("color",),
    )
    + templates_from(
        "equal",
        """
    {N}[和|与|跟]{N2}是同一个形状吗
    {N}[和|与|跟]{N2}形状是不是同一个
    """,
        attributes=("shape",),
    )
)

_EQUAL_INTEGER = templates_from(
    "equal_integer",
    """
    {Np}[和|与|跟]{Np2}一样多吗
    {Np}[和|与|跟]{Np2}[是不是一样多|是否一样多]
    {Np}的[数量|个数|数目][和|与|跟]{Np2}的[数量|个数|数目][相同吗|一样吗|相等吗]
    {Np}[和|与|跟]{Np2}的[数量|个数|数目][相同吗|一样吗|相等吗|是否相同|是否相等]
    {Np}[和|与|跟]{Np2}数量[相同吗|一样吗|相等吗]
    {Np}是不是[和|与|跟]{Np2}一样多
    {Np}的[数量|个数]等于{Np2}的[数量|个数]吗
    {Np}的[数量|个数]是否等于{Np2}的[数量|个数]
    {Np}的[数量|个数]是不是[和|与|跟]{Np2}的[数量|个数]相同
    {Np}有{Np2}那么多吗
    比较{Np}[和|与|跟]{Np2}，数量[一样吗|相同吗]
    {Np}[和|与|跟]{Np2}同样多吗
    """,
)


def _ordering(kind: str, many: str, big: str, beyond: str) -> list[Template]:
    patterns = f"""
    {{Np}}比{{Np2}}{many}吗
    {{Np}}是不是比{{Np2}}{many}
    {{Np}}是否比{{Np2}}{many}
    {{Np}}的[数量|个数|数目]比{{Np2}}的[数量|个数|数目]{many}吗
    {{Np}}的[数量|个数|数目]比{{Np2}}{many}吗
    {{Np}}的[数量|个数]{beyond}{{Np2}}的[数量|个数]吗
    {{Np}}的[数量|个数]是否{beyond}{{Np2}}的[数量|个数]
    {{Np}}{beyond}{{Np2}}吗
    {{Np}}的[数量|个数]是不是比{{Np2}}的{many}
    比起{{Np2}}，{{Np}}是不是更{many}
    {{Np}}比{{Np2}}{big}吗
    """
    return templates_from(kind, patterns)


_LESS = _ordering("less_than", "少", "更少", "少于")
_GREATER = _ordering("greater_than", "多", "更多", "多于")

BOOK = TemplateBook(
    _COUNT + _EXIST + _QUERY + _EQUAL + _EQUAL_INTEGER + _LESS + _GREATER + REPLY_TEMPLATES
)
