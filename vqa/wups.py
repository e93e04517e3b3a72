"""WUPS: how near an answer comes in meaning (Malinowski & Fritz 2014, section 4.2).

Two words are as near as their senses nearest to each other, by Wu & Palmer (1994):
2 depth(common ancestor) / (depth(a) + depth(b)) in WordNet. Below a threshold (0.9, or 0.0 for
none) the nearness counts a tenth. An answer is a set of words; each word is matched with the best
of the other set, both ways, and the smaller product counts.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from pathlib import Path

from vqa.errors import DataError

_FOLDERS = (Path("/usr/share/wordnet"), Path("/usr/local/share/wordnet"))
_BELOW = 0.1
_LEXNAMES = 45  # WordNet 3.0 has so many


class WordNet:
    """Nearness of words.

    Args:
        folder: with WordNet's files (index.noun, data.noun, ...); found by itself when None.

    Raises:
        DataError: NLTK or the files are not there; says how to get them.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            from nltk.corpus.reader import WordNetCorpusReader
        except ImportError:
            raise DataError("WUPS needs NLTK: pip install nltk.") from None
        places = (folder,) if folder is not None else _FOLDERS
        found = next((p for p in places if (p / "index.noun").is_file()), None)
        if found is None:
            raise DataError(
                f"WUPS needs WordNet's files in {places[0]}; "
                "Debian and Ubuntu have them: apt install wordnet-base."
            )
        self._senses = _reader(WordNetCorpusReader, found)
        self.nearness = lru_cache(maxsize=200_000)(self._nearness)

    def _nearness(self, a: str, b: str) -> float:
        """Wu-Palmer similarity in [0, 1] of the nearest senses of two words."""
        if a == b:
            return 1.0
        nouns = [self._senses.synsets(word.replace(" ", "_"), pos="n") for word in (a, b)]
        return max((x.wup_similarity(y) or 0.0 for x in nouns[0] for y in nouns[1]), default=0.0)

    def wups(self, answer: Sequence[str], truth: Sequence[str], threshold: float = 0.9) -> float:
        """WUPS in [0, 1] of an answer's words against the true ones."""

        def near(a: str, b: str) -> float:
            value = self.nearness(a, b)
            return value if value >= threshold else _BELOW * value

        if not answer or not truth:
            return 0.0
        onward = prod(max(near(a, t) for t in truth) for a in answer)
        back = prod(max(near(t, a) for a in answer) for t in truth)
        return min(onward, back)


def _reader(kind, folder: Path):
    """NLTK's reader over WordNet's own files.

    NLTK reads only below its data path, and wants a list of file names (lexnames) that Debian
    leaves out and similarity does not need.
    """
    import nltk

    class Reader(kind):
        def open(self, file: str):
            if file == "lexnames":
                return io.StringIO("".join(f"{k}\tfile{k}\t0\n" for k in range(_LEXNAMES)))
            return super().open(file)

        def map_wn(self, *_):
            """Numbers of other versions of WordNet are not asked for."""

    if str(folder) not in nltk.data.path:
        nltk.data.path.append(str(folder))
    with warnings.catch_warnings():
        # Other languages are not asked for.
        warnings.simplefilter("ignore")
        return Reader(str(folder), None)


def words_of(answer: str) -> list[str]:
    """The things an answer names: "book, garbage_bin" gives "book" and "garbage bin"."""
    parts = (part.strip().lower().replace("_", " ") for part in answer.split(","))
    return [part for part in parts if part]
