"""A small language model of the questions: n-grams of word ids, smoothed by Kneser and Ney."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

EDGE = 0  # begins and ends a question; no word has the id of padding
ORDER = 6
# N-grams of 1, 2, ... words that training saw less often than this are left out.
_LEAST = (1, 1, 1, 2, 2, 2)

Context = tuple[int, ...]  # nodes of the last word, the last two, ...: as far as they are known


@dataclass
class NGrams:
    """Probabilities of the next word after up to five: modified Kneser-Ney smoothing (Chen &
    Goodman 1999), interpolated, as a tree in which a node's children stand side by side.

    Attributes:
        words: for each order from 2, the last word of each n-gram; n-grams are sorted by the node
            of their words before, then by this one. uint16.
        starts: for each order from 2, where the children of each node of the order before begin
            in `words`, and the end of all. int32.
        logs: for each order from 1, log probability of the last word after the others; of order 1
            all ids have one. float16.
        backoffs: for each order but the last, what is added to the log probability of a word with
            which the node has no child. float16.

    Raises:
        ValueError: the arrays do not fit each other.
    """

    words: list[np.ndarray]
    starts: list[np.ndarray]
    logs: list[np.ndarray]
    backoffs: list[np.ndarray]

    def __post_init__(self) -> None:
        for k, (words, starts) in enumerate(zip(self.words, self.starts, strict=True)):
            parents, grams = len(self.logs[k]), len(self.logs[k + 1])
            whole = len(starts) == parents + 1 and len(self.backoffs[k]) == parents
            if not whole or starts[0] != 0 or starts[-1] != grams or len(words) != grams:
                raise ValueError(f"The n-grams of order {k + 2} do not fit those below.")

    @classmethod
    def of(cls, questions: Iterable[Sequence[int]], units: int) -> NGrams:
        """The n-grams of questions of word ids.

        Args:
            units: all ids are below.
        """
        text = np.fromiter((k for ids in questions for k in (EDGE, *ids, EDGE)), np.int64)
        tables = _counted(text, units)
        words, starts, logs, backoffs = [], [], [], []
        # Of the order before: where each n-gram is stored, and which are.
        place = stored = np.arange(units)
        lower = np.array([1 / units])
        for n, table in enumerate(tables, start=1):
            kept = table.times >= _LEAST[n - 1] if n > 1 else np.ones(units, bool)
            chances, rest = _smoothed(table, kept, lower)
            if n > 1:
                before = place[table.context[kept]]
                words.append(table.word[kept].astype(np.uint16))
                firsts = np.searchsorted(before, np.arange(len(logs[-1]) + 1))
                starts.append(firsts.astype(np.int32))
                backoffs.append(np.log(rest[stored]).astype(np.float16))
            logs.append(np.log(chances[kept]).astype(np.float16))
            place, stored, lower = kept.cumsum() - 1, np.flatnonzero(kept), chances
        return cls(words, starts, logs, backoffs)

    @property
    def begin(self) -> Context:
        """Before the first word."""
        return (EDGE,)

    def after(self, context: Context, word: int) -> Context:
        """The context once `word` was said in it."""
        nodes = [word]
        for words, starts, node in zip(self.words[:-1], self.starts, context, strict=False):
            first, end = starts[node], starts[node + 1]
            child = first + words[first:end].searchsorted(word)
            if child == end or words[child] != word:
                break
            nodes.append(int(child))
        return tuple(nodes)

    def scores(self, context: Context) -> np.ndarray:
        """Log probabilities (units,) float32 of each word being next; of `EDGE`: the end."""
        scores = self.logs[0].astype(np.float32)
        for k, node in enumerate(context):
            scores += self.backoffs[k][node]
            children = slice(self.starts[k][node], self.starts[k][node + 1])
            scores[self.words[k][children]] = self.logs[k + 1][children]
        return scores

    def arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays by name: words2, starts2, logs1, backoffs1 and so on."""
        firsts = {"words": 2, "starts": 2, "logs": 1, "backoffs": 1}
        return {
            f"{name}{n}": array
            for name, first in firsts.items()
            for n, array in enumerate(getattr(self, name), start=first)
        }

    @classmethod
    def from_arrays(cls, stored: dict[str, np.ndarray]) -> NGrams:
        """Reads what `arrays` gave.

        Raises:
            KeyError: an array is missing. ValueError: they do not fit each other.
        """
        above, below = range(2, ORDER + 1), range(1, ORDER)
        return cls(
            [stored[f"words{n}"] for n in above],
            [stored[f"starts{n}"] for n in above],
            [stored[f"logs{n}"] for n in (*below, ORDER)],
            [stored[f"backoffs{n}"] for n in below],
        )


@dataclass
class _Table:
    """The different n-grams of one order, G of them, sorted; each field is (G,).

    Attributes:
        context: which n-gram of the order below its first words are, ending: which its last.
        word: its last word. times: how often it was seen. count: what its probability comes of:
            how many different words it was seen behind, but of the longest, and of those that
            begin a question, how often.
    """

    context: np.ndarray
    ending: np.ndarray
    word: np.ndarray
    times: np.ndarray
    count: np.ndarray


def _counted(text: np.ndarray, units: int) -> list[_Table]:
    """The n-grams of each order in questions that are written one behind the other, each between
    two edges."""
    # How far each place is from the edge that begins its question.
    edges = np.flatnonzero(text == EDGE)[::2]
    depth = np.arange(len(text)) - edges[np.searchsorted(edges, np.arange(len(text)), "right") - 1]
    times = np.bincount(text[depth > 0], minlength=units)
    everything, nothing = np.arange(units), np.zeros(units, int)
    tables = [_Table(nothing, nothing, everything, times, times)]
    at = text  # for each place the n-gram that ends there
    for n in range(2, ORDER + 1):
        places = np.flatnonzero(depth >= n - 1)
        keys, firsts, which, times = np.unique(
            at[places - 1] * units + text[places],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        ending = at[places[firsts]]
        tables.append(_Table(keys // units, ending, keys % units, times, times))
        below = tables[-2]
        behind = np.bincount(ending, minlength=len(below.times))
        below.count = np.where(behind > 0, behind, below.times)
        at = np.full(len(text), -1)
        at[places] = which
    return tables


def _smoothed(table: _Table, kept: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability of each n-gram's last word after its others, and for each context the share that
    is left to the order below.

    Args:
        kept: which n-grams are stored; the others have what the order below gives them.
        lower: probabilities (as the first result) of the order below.
    """
    once, twice, thrice, often = (max(1, int((table.count == k).sum())) for k in (1, 2, 3, 4))
    share = once / (once + 2 * twice)
    discounts = (
        0,
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * often / thrice,
    )
    discounts = np.clip(discounts, 0, (0, 1, 2, 3))  # few questions make odd ones
    totals = np.bincount(table.context, table.count, len(lower))
    own = table.count - discounts[np.minimum(table.count, 3)]
    own = np.where(kept, own / np.maximum(totals[table.context], 1), 0)
    rest = np.maximum(1 - np.bincount(table.context, own, len(lower)), 1e-6)
    return own + rest[table.context] * lower[table.ending], rest
