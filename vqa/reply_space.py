"""What answers that are not single words are made of: pieces of sentences, labels of lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vqa.errors import CheckpointError

END = 0  # id behind the last piece of a sentence
NOT_LISTED = 0  # label of a region that a list leaves out
KINDS = ("word", "sentence", "list")  # of answers, in the order that a router scores them
WORD, SENTENCE, LIST = range(3)


@dataclass(frozen=True)
class ReplySpace:
    """Pieces and labels; the id of each is its place plus 1.

    Attributes:
        pieces: words and set phrases of sentences, in all languages.
        labels: canonical words of lists, which an `AnswerSpace` translates.
    """

    pieces: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    def sentence(self, ids: Sequence[int]) -> str:
        """The text of a sentence, its end not included."""
        return join_pieces([self.pieces[i - 1] for i in ids])

    def values(self, ids: Sequence[int]) -> list[str]:
        """The canonical words of a list, what is not listed left out."""
        return [self.labels[i - 1] for i in ids if i != NOT_LISTED]

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        return {"pieces": list(self.pieces), "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, data: object) -> ReplySpace:
        """Reads what `to_dict` wrote; None is an empty space.

        Raises:
            CheckpointError: it is something else.
        """
        if data is None:
            return cls()
        found = [data.get(name) for name in ("pieces", "labels")] if isinstance(data, dict) else []
        for words in found:
            if not isinstance(words, list) or not all(isinstance(w, str) and w for w in words):
                found = []
                break
        if not found:
            raise CheckpointError(
                "The replies of this checkpoint should hold the lists pieces and labels; get a "
                "fresh copy of the checkpoint."
            )
        return cls(*(tuple(words) for words in found))


def join_pieces(pieces: Sequence[str]) -> str:
    """Pieces as text: blanks between words that use them, none before punctuation."""
    text = ""
    for piece in pieces:
        spaced = text and text[-1].isascii() and piece[0].isascii() and piece[0] not in ",."
        text += (" " if spaced else "") + piece
    return text


def join_list(values: Sequence[str], language: str) -> str:
    """A list's values, already in `language`, as text."""
    return (", " if language == "en" else "、").join(values)
