"""Finding the known word a misspelt one stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LATIN_WORD = re.compile(r"[a-z]+")

# Correct English words that lie within one or two letters of words a checkpoint is likely to
# know but mean something else: reading "black" as "block" or "where" as "there" would answer
# another question, so they stay unknown unless a vocabulary holds them.
REAL_WORDS = frozenset(
    """
    able alone away back bale band bare base bell belt bend best bird bite bits black blur boil
    bold bone book boot born both bowl bull call came cane card care case cave chair class clear
    clue code cold come cone cook cord core corn cure curl cute dark date dead deal dear done
    door down draw each east easy eight else even face fact fall fast feel feet fell felt fill
    find fine fire five floor flower fold food foot four free from full game gave gift give glad
    glass glue gold gone good grass great greet grew grown hair half hall hand hang hard have
    head hear heat held help here high hill hold hole home hope horse hour house human idea
    inch into iron join jump just keep kept kind king knee know lack lake lamp land lane last
    late lead leaf lean leap less life lift light like line link lion list live load loft long
    look lose loss lost lots love luck made mail main male mall many mark mask mass matter
    meal mean meat medal meet men mere mice middle might mile milk mind mine miss mood
    moon more most move much must name near neck need nest never news next nice night nine node
    none noon nose note once only open other oven over page paid pain pair pale palm park part
    pass past path people person petal pick pile pine pink pipe place plain plan plane plant
    plate play plot plug poor post pound pull pure push race rain range rate real rear rent
    rest rice rich ride ring rise road rock role roof room root rope rose round rule rush safe
    said sail salt same sand save seat seen self sell send sent seven shade shale shame shave
    shore short show side sign sing sink site skin slice slide slow smell smile snow soft sold
    some song soon sort soul space spare speed spend stand star stay step stop sure table tail
    take tale talk tall tape task team tear tell term test text than that thank their them then
    these they thick thin think third this those throw time tint tire told tone tool town train
    tray tree trick trip true tube tune turn type upon used vary very view wait wake walk wall
    want warm wash wave wear week well went were west what when where while white whole whose
    wide wife wild will wind wine wing wire wise wish with wood word wore work world wrong year
    your zone
    """.split()
)


def edit_distance(a: str, b: str, limit: int) -> int:
    """Damerau-Levenshtein distance (optimal string alignment), or `limit` + 1 when beyond it.

    Counts insertions, deletions, substitutions and swaps of neighbours.
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        row = [i]
        for j, other in enumerate(b, start=1):
            cost = min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and min(previous) > limit:
            return limit + 1
        before, previous = previous, row
    return min(previous[-1], limit + 1)


def nearest_word(word: str, known: Mapping[int, Sequence[str]]) -> str | None:
    """The known word that `word` most likely misspells, None when none is near enough.

    Words of two and three letters only have swapped neighbours undone; four and five letters
    allow one edit, longer words two. Among equally near words one of the same length
    wins, then a longer one, then the most frequent.

    Args:
        word: a lower-case token that is not known.
        known: length -> known words of that length, most frequent first.
    """
    if not _LATIN_WORD.fullmatch(word) or word in REAL_WORDS:
        return None
    if len(word) < 4:
        swaps = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
        return next((near for near in known.get(len(word), ()) if near in swaps), None)
    limit = 1 if len(word) <= 5 else 2
    letters = set(word)
    best, best_distance = None, limit + 1
    # Same length first: among equals a wrong letter or a swap is the likelier slip; then longer
    # words, for leaving a letter out is likelier than adding one.
    lengths = [len(word) + change for change in (0, 1, -1, 2, -2) if abs(change) <= limit]
    for length in lengths:
        for near in known.get(length, ()):
            # One edit changes at most two letters of the set; most words fail this quick test.
            if len(near) < 3 or len(letters.symmetric_difference(near)) > 2 * limit:
                continue
            distance = edit_distance(word, near, best_distance - 1)
            if distance < best_distance:
                best, best_distance = near, distance
        if best_distance == 1:
            break
    return best
