"""A small language model of the questions: trigrams of word ids with stupid backoff."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

import numpy as np

_EDGE = 0  # begins and ends a question; no word has the id of padding
_BACKOFF = log(0.3)
_UNSEEN = -14.0  # log probability of a word that never occurred


class NGrams:
    """Log probabilities of the next word after two; "stupid backoff" (Brants et al. 2007): counts'
    ratios, times 0.3 for each shorter context, not normalised.

    Args:
        counts: for contexts of two, one and no words: (context..., word) -> how often.
    """

    def __init__(self, counts: Sequence[dict[tuple[int, ...], int]]) -> None:
        self.counts = [dict(table) for table in counts]
        self._totals: list[Counter] = []
        for table in self.counts:
            totals: Counter = Counter()
            for gram, n in table.items():
                totals[gram[:-1]] += n
            self._totals.append(totals)

    @classmethod
    def of(cls, questions: Iterable[Sequence[int]], least: int = 2) -> NGrams:
        """Counts over questions of word ids; trigrams seen less than `least` times are dropped."""
        counts: list[Counter] = [Counter(), Counter(), Counter()]
        for ids in questions:
            padded = (_EDGE, _EDGE, *ids, _EDGE)
            for k in range(2, len(padded)):
                counts[0][padded[k - 2 : k + 1]] += 1
                counts[1][padded[k - 1 : k + 1]] += 1
                counts[2][padded[k : k + 1]] += 1
        counts[0] = Counter({gram: n for gram, n in counts[0].items() if n >= least})
        return cls(counts)

    def score(self, before: Sequence[int], word: int | None) -> float:
        """Log probability of `word` (None: the question ends) after the words `before`."""
        context = (_EDGE, _EDGE, *before)[-2:]
        gram = (*context, _EDGE if word is None else word)
        for skipped, (table, totals) in enumerate(zip(self.counts, self._totals, strict=True)):
            part = gram[skipped:]
            found = table.get(part)
            if found:
                return log(found / totals[part[:-1]]) + skipped * _BACKOFF
        return _UNSEEN

    def arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays: for n of 1 to 3, grams (N, n) uint16 and counts (N,) int32."""
        stored = {}
        for table, n in zip(self.counts, (3, 2, 1), strict=True):
            grams = np.array(sorted(table), np.uint16).reshape(len(table), n)
            stored[f"grams{n}"] = grams
            stored[f"counts{n}"] = np.array([table[tuple(g)] for g in grams.tolist()], np.int32)
        return stored

    @classmethod
    def from_arrays(cls, stored: dict[str, np.ndarray]) -> NGrams:
        """Reads what `arrays` gave.

        Raises:
            KeyError: an array is missing.
        """
        return cls(
            [
                dict(
                    zip(
                        map(tuple, stored[f"grams{n}"].tolist()),
                        stored[f"counts{n}"].tolist(),
                        strict=True,
                    )
                )
                for n in (3, 2, 1)
            ]
        )
