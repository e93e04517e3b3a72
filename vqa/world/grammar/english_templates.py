"""English question templates (those that compare are in `english_comparisons`).

Slots, all of the set the answer reads (its last step):
    N, Np, Na    full noun phrase: definite singular, bare plural, indefinite singular
    H, Hp, Ha    the same without its relation: bare singular, bare plural, indefinite singular
    R            its relation as a predicate of "is" / "are"
    M, Mp        its relation as a modifier behind a singular / plural noun
    V            its relation as a plural verb phrase (same attribute only)
    I, Ia        the object the relation starts from, definite / indefinite
    Rit, Mit, Mpit, Vit   R, M, Mp, V with "it" for that object
    U, Ua        both sides of a union, plural / indefinite singular
    attr         the attribute asked for
"""

from __future__ import annotations

from vqa.world.grammar.english_comparisons import COMPARISON_TEMPLATES
from vqa.world.grammar.english_replies import REPLY_TEMPLATES
from vqa.world.grammar.template import TemplateBook, templates_from

_RELATIONS = "relate intersect union"

_COUNT = templates_from(
    "count",
    """
    how many {Np} [are there|are there|do you see|can you see|are visible|are shown|exist]
    what number of {Np} [are there|can be seen|do you see]
    what is the [number|count|total number] of {Np}
    count the {Np}
    [number|count] of {Np}
    [tell|give] me the [number|count] of {Np}
    how many {Np} does the [picture|image|scene] [show|contain|have]
    there are how many {Np}
    how many {Np}
    [look at|find|consider] the {Np}; how many are there
    how many {Np} would you count
    i would like to know how many {Np} there are
    tell me how many {Np} [there are|you see]
    do you know how many {Np} there are
    what do you get when you count the {Np}
    how many {Np} have you got
    """,
) + templates_from(
    "count",
    """
    how many {Hp} are {R}
    what number of {Hp} are {R}
    how many of the {Hp} are {R}
    of [all|] the {Hp}, how many are {R}
    among the {Hp}, how many are {R}
    how many {Hp} are there {Mp}
    how many {Hp} [can you see|do you see] {Mp}
    what number of {Hp} are there {Mp}
    tell me how many {Hp} are {R}
    say how many {Hp} there are {Mp}
    look at the {Hp}; how many [of them|] are {R}
    """,
    _RELATIONS,
)
_COUNT += templates_from(
    "count",
    """
    how many {Hp} [stand|sit|lie] {R}
    {R}, how many {Hp} [are there|do you see]
    {R} there are how many {Hp}
    """,
    "relate intersect",
) + templates_from(
    "count",
    """
    there is {Ia}; how many {Hp} are {Rit}
    there is {Ia}; what number of {Hp} are {Rit}
    there is {Ia}; how many {Hp} are there {Mpit}
    [i see|you can see|we have] {Ia}; how many {Hp} are {Rit}
    [look at|find|take] {I}; how many {Hp} are {Rit}
    [look at|find|take] {I} and count the {Hp} {Mpit}
    with {I} as the reference, how many {Hp} are {Rit}
    """,
    "relate",
)
_COUNT += templates_from(
    "count",
    """
    how many other {Hp} {V}
    what number of other {Hp} {V}
    how many {Hp} {V}
    how many other {Hp} are {R}
    what number of other {Hp} are {R}
    how many [other|] {Hp} are there {Mp}
    what number of other {Hp} are there {Mp}
    how many other {Hp} do you see {Mp}
    there is {Ia}; how many other {Hp} {Vit}
    there is {Ia}; how many other {Hp} are {Rit}
    there is {Ia}; what number of other {Hp} [{Vit}|are {Rit}]
    there is {Ia}; how many other {Hp} are there {Mpit}
    [look at|find] {I}; how many other {Hp} {Vit}
    """,
    "same",
) + templates_from(
    "count",
    """
    how many {U} [are there|do you see|are visible]
    what is the [total|] number of {U}
    what number of {U} are there
    count the {U}
    number of {U}
    tell me how many {U} there are
    how many {U} does the [picture|image|scene] [show|contain]
    """,
    "union",
)

_EXIST = templates_from(
    "exist",
    """
    is there {Na}
    are there [any|] {Np}
    are there any {Np} [visible|to be seen]
    can you see {Na}
    do you see [{Na}|any {Np}]
    does the [picture|image|scene] [contain|show|have] {Na}
    is it true that there [is {Na}|are {Np}]
    check whether there is {Na}
    tell me [if|whether] there [is {Na}|are any {Np}]
    any {Np}
    can {Na} be seen
    does {Na} exist
    do any {Np} exist
    i wonder [if|whether] there is {Na}
    would you say there is {Na}
    have you spotted {Na}
    can you find {Na}
    """,
) + templates_from(
    "exist",
    """
    are any {Hp} {R}
    are any of the {Hp} {R}
    is any {H} {R}
    is at least one {H} {R}
    is it true that some {Hp} are {R}
    """,
    _RELATIONS,
)
_EXIST += templates_from(
    "exist",
    """
    are there any {Hp} that are {R}
    is there any {H} that is {R}
    does {Ha} [stand|sit|lie] {R}
    do any {Hp} [stand|sit|lie] {R}
    {R}, [is there {Ha}|are there any {Hp}|do you see {Ha}]
    """,
    "relate intersect",
) + templates_from(
    "exist",
    """
    there is {Ia}; is there {Ha} {Mit}
    there is {Ia}; are there any {Hp} {Mpit}
    there is {Ia}; are any {Hp} {Rit}
    there is {Ia}; is any {H} {Rit}
    [i see|you can see|we have] {Ia}; is there {Ha} {Mit}
    [look at|find|take] {I}; [are there any {Hp} {Mpit}|is there {Ha} {Mit}]
    """,
    "relate",
)
_EXIST += templates_from(
    "exist",
    """
    do any other {Hp} {V}
    do any {Hp} {V}
    are any other {Hp} {R}
    is any other {H} {R}
    is there another {H} {M}
    is there any other {H} {M}
    are there [any|] other {Hp} {Mp}
    can you see another {H} {M}
    there is {Ia}; do any other {Hp} {Vit}
    there is {Ia}; are any other {Hp} {Rit}
    there is {Ia}; is there another {H} {Mit}
    there is {Ia}; are there any other {Hp} {Mpit}
    [look at|find] {I}; is there [any other|another] {H} {Mit}
    """,
    "same",
) + templates_from(
    "exist",
    """
    is there {Ua}
    are there any {U}
    do you see any {U}
    does the [picture|image|scene] [contain|show] {Ua}
    """,
    "union",
)

_QUERY = templates_from(
    "query",
    """
    what {attr} is {N}
    what is the {attr} of {N}
    what's the {attr} of {N}
    which {attr} is {N}
    [what|which] {attr} does {N} have
    {N} has what {attr}
    {N} is what {attr}
    tell me the {attr} of {N}
    tell me [what|which] {attr} {N} is
    the {attr} of {N} is what
    {attr} of {N}
    there is {Na}; what is its {attr}
    there is {Na}; what {attr} is it
    there is {Na}; tell me its {attr}
    name the {attr} of {N}
    i [want|would like] to know the {attr} of {N}
    [look at|find|take] {N}; what {attr} is it
    [look at|find|take] {N}; what is its {attr}
    {N}: what {attr} is it
    do you know [what|which] {attr} {N} is
    what would you say is the {attr} of {N}
    i see {Na}; what {attr} does it have
    {N}, what's its {attr}
    what can you say about the {attr} of {N}
    describe the {attr} of {N}
    """,
)
_QUERY += (
    templates_from(
        "query",
        """
    {N}'s {attr}
    what is {N}'s {attr}
    what's {N}'s {attr}
    tell me {N}'s {attr}
    """,
        "scene",
    )
    + templates_from(
        "query",
        """
    what is {N} made of
    what's {N} made [of|from|out of]
    [what|which] material is {N} made of
    {N} is made of what material
    {N} is made of what
    what is the material {N} is made of
    there is {Na}; what is it made of
    there is {Na}; what material is it made of
    [look at|find|take] {N}; what is it made of
    is {N} [metal or rubber|rubber or metal|made of metal or rubber|made of rubber or metal]
    is {N} [shiny or matte|matte or shiny]
    tell me what {N} is made of
    """,
        attributes=("material",),
    )
    + templates_from(
        "query",
        """
    how [big|large] is {N}
    is {N} [big or small|small or big|large or small|small or large|big or tiny]
    there is {Na}; how [big|large] is it
    there is {Na}; is it [big or small|large or small|small or large]
    tell me how [big|large] {N} is
    """,
        attributes=("size",),
    )
    + templates_from(
        "query",
        """
    what kind of shape does {N} have
    what kind of shape is {N}
    is {N} a [cube, a sphere or a cylinder|cube, sphere or cylinder|sphere, a cube or a cylinder]
    what is the geometric shape of {N}
    there is {Na}; what shape does it have
    """,
        attributes=("shape",),
    )
    + templates_from(
        "query",
        """
    [what|which] {attr} is {N} painted
    in [what|which] {attr} is {N} [painted|]
    {N} comes in [what|which] {attr}
    there is {Na}; which {attr} does it have
    """,
        attributes=("color",),
    )
    + templates_from(
        "query",
        """
    there is {Ia}; what {attr} is the {H} {Mit}
    there is {Ia}; what is the {attr} of the {H} {Mit}
    there is {Ia}; the {H} {Mit} [is what {attr}|has what {attr}]
    [i see|you can see|we have] {Ia}; what {attr} is the {H} {Mit}
    [look at|find|take] {I}; what is the {attr} of the {H} {Mit}
    """,
        "relate same",
    )
    + templates_from(
        "query",
        """
    {R} there is {Ha}; what {attr} is it
    {R} there is {Ha}; what is its {attr}
    {R} you see {Ha}; tell me its {attr}
    """,
        "relate intersect",
    )
    + templates_from(
        "query",
        """
    there is another {H} {M}; what {attr} is it
    there is another {H} {M}; what is its {attr}
    what is the {attr} of the other {H} {M}
    the other {H} {M} [has|is] what {attr}
    """,
        "same",
    )
)

BOOK = TemplateBook(_COUNT + _EXIST + _QUERY + COMPARISON_TEMPLATES + REPLY_TEMPLATES)
