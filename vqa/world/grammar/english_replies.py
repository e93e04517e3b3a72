"""English templates of questions whose answers are sentences or lists.

Slots are those of `english_templates`. A list's kind names the direction it is read in; "all"
kinds ask about the whole scene, "bare" ones about whatever stands somewhere.
"""

from __future__ import annotations

from vqa.world.grammar.template import Template, templates_from

_WAYS = {
    "right": "[from left to right|from left to right|left to right]",
    "left": "[from right to left|from right to left|right to left]",
    "behind": "[from front to back|from the front to the back|from near to far]",
    "front": "[from back to front|from the back to the front|from far to near]",
}
_PLURALS = {
    "color": "[colors|colors|colours]",
    "shape": "shapes",
    "material": "materials",
    "size": "sizes",
}
_ALL = """
    list [the|all|all the|] {p} {w}
    name [the|all|all the|] {p} {w}
    what are the {p} {w}
    give me the {p} {w}
    read [the|] {p} {w}
    tell me the {p} of everything {w}
    what {p} do you see {w}
    which {p} do you see {w}
    {w}, what are the {p}
    {w}, list the {p}
    the {p} {w}
    {p} {w}
    list the {p} of all [objects|things|items] {w}
    what {p} are there {w}
"""
_SOME = """
    list the {p} of [the|all] {Np} {w}
    name the {p} of [the|all|all the] {Np} {w}
    what are the {p} of [the|all] {Np} {w}
    give me the {p} of the {Np} {w}
    {w}, what are the {p} of the {Np}
    {w}, list the {p} of the {Np}
    {w}, what {p} do the {Np} have
    {p} of the {Np} {w}
    tell me the {p} of the {Np} {w}
"""


def _lists() -> list[Template]:
    found = []
    for direction, way in _WAYS.items():
        for attribute, plural in _PLURALS.items():
            for kind, patterns in (("list_all", _ALL), ("list", _SOME)):
                text = patterns.replace("{p}", plural).replace("{w}", way)
                found += templates_from(f"{kind}_{direction}", text, attributes=(attribute,))
    return found


REPLY_TEMPLATES = (
    templates_from(
        "describe",
        """
    what is {N}
    what's {N}
    what exactly is {N}
    describe {N}
    tell me about {N}
    what does {N} look like
    what kind of [thing|object] is {N}
    give me a description of {N}
    how would you describe {N}
    """,
    )
    + templates_from(
        "describe",
        """
    [what|which] {H} is {R}
    describe the {H} that is {R}
    """,
        "relate intersect",
    )
    + templates_from(
        "describe_bare",
        """
    what is {R}
    what's {R}
    what [stands|sits|lies] {R}
    what do you see {R}
    what can [be seen|you see] {R}
    what is there {R}
    which [thing|object] is {R}
    {R}, what is there
    describe what is {R}
    """,
        "relate intersect",
    )
    + templates_from(
        "scene",
        """
    describe the [scene|picture|image]
    describe what you see
    describe [this|everything]
    what [do|can] you see
    what can be seen
    what is in the [scene|picture|image]
    what's in the [scene|picture|image]
    what does the [scene|picture|image] show
    what is [shown|there]
    what [is|are] in this [scene|picture|image]
    tell me what you see
    tell me about the [scene|picture|image]
    give me a description of the [scene|picture|image]
    what is this a [picture|image] of
    which [objects|things] are there
    """,
    )
    + _lists()
)
WHY = ("Why?", "Why?", "Why is that?", "Why so?", "How come?", "Explain why.", "Explain.")
