"""English question templates that compare two sets or two objects.

Slots as in `english_templates`; the digit 2 marks the second set.
"""

from __future__ import annotations

from vqa.world.grammar.template import Template, templates_from

_EQUAL = (
    templates_from(
        "equal",
        """
    does {N} have the same {attr} as {N2}
    is {N} the same {attr} as {N2}
    is {N} of the same {attr} as {N2}
    do {N} and {N2} have the same {attr}
    are {N} and {N2} the same {attr}
    are {N} and {N2} of the same {attr}
    is the {attr} of {N} the same as [the {attr} of|that of|] {N2}
    do {N} and {N2} share [the same|a|their] {attr}
    does {N} share its {attr} with {N2}
    does {N} match {N2} in {attr}
    is the {attr} of {N} [equal|identical] to [the {attr} of|that of] {N2}
    are {N} and {N2} [identical|alike] in {attr}
    does the {attr} of {N} match [the {attr} of|that of] {N2}
    {N} and {N2}: do they have the same {attr}
    {N} and {N2}: [are they|] the same {attr}
    there is {Na}; does it have the same {attr} as {N2}
    there is {Na}; is it the same {attr} as {N2}
    there is {Na}; is its {attr} the same as [that of|] {N2}
    is it true that {N} [has|is] the same {attr} as {N2}
    tell me [if|whether] {N} and {N2} have the same {attr}
    compare {N} with {N2}: same {attr}
    do both {N} and {N2} have the same {attr}
    would you say {N} has the same {attr} as {N2}
    """,
    )
    + templates_from(
        "equal",
        """
    is {N} made of the same material as {N2}
    are {N} and {N2} made [of|from] the same material
    are both {N} and {N2} made of the same material
    there is {Na}; is it made of the same material as {N2}
    is {N} made of the same [stuff|thing] as {N2}
    do {N} and {N2} consist of the same material
    """,
        attributes=("material",),
    )
    + templates_from(
        "equal",
        """
    is {N} [as big as|as large as|just as big as] {N2}
    are {N} and {N2} equally [big|large]
    there is {Na}; is it as big as {N2}
    """,
        attributes=("size",),
    )
    + templates_from(
        "equal",
        """
    are {N} and {N2} [painted in|] the same {attr}
    is {N} painted in the same {attr} as {N2}
    """,
        attributes=("color",),
    )
    + templates_from(
        "equal",
        """
    is {N} shaped like {N2}
    are {N} and {N2} shaped the same
    """,
        attributes=("shape",),
    )
)

_EQUAL_INTEGER = templates_from(
    "equal_integer",
    """
    are there [as many|exactly as many|just as many] {Np} as {Np2}
    are there as many {Np} as there are {Np2}
    is the number of {Np} [the same as|equal to|identical to] the number of {Np2}
    are there the same number of {Np} and {Np2}
    are there [an equal number|equal numbers] of {Np} and {Np2}
    is there the same number of {Np} [and|as] {Np2}
    is there an equal number of {Np} and {Np2}
    does the number of {Np} [match|equal] the number of {Np2}
    do you see as many {Np} as {Np2}
    the number of {Np} and the number of {Np2}: are they [equal|the same]
    are the number of {Np} and the number of {Np2} [equal|the same]
    are there equally many {Np} and {Np2}
    does the count of {Np} equal the count of {Np2}
    is it true that there are as many {Np} as {Np2}
    are {Np} as numerous as {Np2}
    does the [picture|image|scene] [show|contain] as many {Np} as {Np2}
    """,
)


def _ordering(kind: str, many: str, big: str, verb: str) -> list[Template]:
    patterns = f"""
    are there {many} {{Np}} than {{Np2}}
    are there {many} {{Np}} than there are {{Np2}}
    is the number of {{Np}} {big} than the number of {{Np2}}
    is the number of {{Np}} {big} than that of {{Np2}}
    do you see {many} {{Np}} than {{Np2}}
    is it true that there are {many} {{Np}} than {{Np2}}
    does the [picture|image|scene] [show|contain] {many} {{Np}} than {{Np2}}
    is the count of {{Np}} {big} than the count of {{Np2}}
    {verb}
    {many} {{Np}} than {{Np2}}
    can you see {many} {{Np}} than {{Np2}}
    tell me [if|whether] there are {many} {{Np}} than {{Np2}}
    """
    return templates_from(kind, patterns)


_LESS = _ordering(
    "less_than",
    "[fewer|fewer|less]",
    "[less|smaller|lower]",
    "are the {Np} outnumbered by the {Np2}",
)
_GREATER = _ordering(
    "greater_than", "more", "[greater|larger|higher|more]", "do the {Np} outnumber the {Np2}"
)

COMPARISON_TEMPLATES = _EQUAL + _EQUAL_INTEGER + _LESS + _GREATER
