"""Questions and answers as text: tokens, vocabulary, spelling repair, answers in two languages.

Everything typed is plain text here: HTML, emoji and control characters have no meaning and are
dropped between words.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from vqa.errors import CheckpointError, QuestionError
from vqa.spelling import nearest_word

PAD_ID = 0
UNKNOWN_ID = 1
MAX_QUESTION_CHARS = 500
_REPAIRS_KEPT = 4096
_REMEMBERED = 256  # questions
LANGUAGES = ("en", "zh")

# Han characters, the iteration mark and the ideographic zero.
_HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
_LETTER = rf"[^\W\d_{_HAN}]"
_TOKEN = re.compile(rf"[{_HAN}]|\d+|(?<={_LETTER})'(?:s|t|re|m|ll|ve|d)(?!{_LETTER})|{_LETTER}+")
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_LATIN_WORD = re.compile(r"[a-z]+")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\uff07\u0060\u00b4", "'"))
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
}


def detect_language(text: str) -> str:
    """ "zh" when `text` holds any Han character, else "en"."""
    return "zh" if _HAN_CHARACTER.search(unicodedata.normalize("NFKC", text)) else "en"


def tokenize(text: str) -> list[str]:
    """Splits `text` into the units the model reads.

    Lower-cased words of letters with their clitics apart ("cube's" gives "cube", "'s"), runs of
    digits, and each Han character by itself, after Unicode normalisation (NFKC). Punctuation,
    emoji and control characters only separate.
    """
    text = text.translate(_APOSTROPHES)
    if text.isascii():  # nothing to normalise
        return _TOKEN.findall(text.lower())
    text = unicodedata.normalize("NFKC", text)
    # Invisible format characters (zero-width spaces, soft hyphens) must not split a word.
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return _TOKEN.findall(unicodedata.normalize("NFKC", text.lower()))


@dataclass(frozen=True)
class Vocab:
    """The words a model knows; a word's id is its place in `words` plus 2.

    Attributes:
        words: known tokens, most frequent first, then alphabetically. Ids 0 and 1 are padding
            and the unknown word.
    """

    words: tuple[str, ...]

    @classmethod
    def from_questions(cls, texts: Iterable[str], min_count: int = 1) -> Vocab:
        """The vocabulary of `texts` (training data only): tokens seen `min_count` times or more."""
        counts = Counter(token for text in texts for token in tokenize(text))
        kept = [token for token, count in counts.items() if count >= min_count]
        return cls(tuple(sorted(kept, key=lambda token: (-counts[token], token))))

    def __len__(self) -> int:
        """Number of ids, padding and unknown included."""
        return len(self.words) + 2

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Ids of `tokens`, in [1, len(self)); `UNKNOWN_ID` for those not known."""
        return [self._ids.get(token, UNKNOWN_ID) for token in tokens]

    def repair(self, tokens: Sequence[str]) -> tuple[list[str], dict[str, str], list[str]]:
        """Replaces misspelt Latin words by the nearest known one.

        Returns:
            The tokens after repair; word as typed -> word read instead; the words that are
            neither known nor repaired, each once, in order.
        """
        fixed, repaired, unknown = [], {}, []
        for token in tokens:
            if token in self._ids:
                fixed.append(token)
                continue
            if token not in repaired and token not in unknown:
                near = self._nearest(token)
                if near:
                    repaired[token] = near
                else:
                    unknown.append(token)
            fixed.append(repaired.get(token, token))
        return fixed, repaired, unknown

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        return {"words": list(self.words)}

    @classmethod
    def from_dict(cls, data: dict) -> Vocab:
        """Reads what `to_dict` wrote.

        Raises:
            CheckpointError: a field is missing, unknown or malformed.
        """
        _check_fields(data, {"words"}, "vocabulary")
        return cls(_unique_strings(data["words"], "vocabulary", "words"))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self.words, start=2)}

    def _nearest(self, token: str) -> str | None:
        """As `nearest_word`, which searches for up to a millisecond: people's words repeat."""
        if token not in self._repairs:
            if len(self._repairs) >= _REPAIRS_KEPT:
                self._repairs.clear()
            # Not read back from there: another thread may have cleared it.
            near = self._repairs[token] = nearest_word(token, self._latin_by_length)
            return near
        return self._repairs.get(token)

    @cached_property
    def _repairs(self) -> dict[str, str | None]:
        return {}

    @cached_property
    def _latin_by_length(self) -> dict[int, list[str]]:
        groups: dict[int, list[str]] = {}
        for word in self.words:
            if _LATIN_WORD.fullmatch(word):
                groups.setdefault(len(word), []).append(word)
        return groups


@dataclass(frozen=True)
class AnswerSpace:
    """The answers a classifier chooses from, and how each is said in another language.

    Attributes:
        answers: canonical (English) answers; the class index is the place in this tuple.
        translations: language -> canonical answer -> what is shown. Answers without an entry
            (digits, say) are shown as they are.
    """

    answers: tuple[str, ...]
    translations: dict[str, dict[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.answers)

    def index(self, answer: str) -> int | None:
        """Class index of an answer in either language; None when it is not in the space."""
        return self._indices.get(answer.strip().lower())

    def localise(self, answer: str, language: str) -> str:
        """The canonical `answer` as said in `language` ("en" or "zh")."""
        return self.translations.get(language, {}).get(answer, answer)

    def to_dict(self) -> dict:
        """Plain types, ready for JSON."""
        translations = {language: dict(table) for language, table in self.translations.items()}
        return {"answers": list(self.answers), "translations": translations}

    @classmethod
    def from_dict(cls, data: dict) -> AnswerSpace:
        """Reads what `to_dict` wrote.

        Raises:
            CheckpointError: a field is missing, unknown or malformed.
        """
        _check_fields(data, {"answers", "translations"}, "answers")
        answers = _unique_strings(data["answers"], "answers", "answers")
        translations = data["translations"]
        good = isinstance(translations, dict) and all(
            language in LANGUAGES
            and isinstance(table, dict)
            and set(table) <= set(answers)
            and all(isinstance(said, str) and said for said in table.values())
            for language, table in translations.items()
        )
        if not good:
            raise CheckpointError(
                "The answers of this checkpoint have a malformed 'translations' table; "
                "get a fresh copy of the checkpoint."
            )
        return cls(answers, {language: dict(table) for language, table in translations.items()})

    @cached_property
    def _indices(self) -> dict[str, int]:
        said = {
            text.lower(): self.answers.index(canonical)
            for table in self.translations.values()
            for canonical, text in table.items()
        }
        return said | {answer.lower(): index for index, answer in enumerate(self.answers)}


def normalize_answer(text: str) -> str:
    """An answer in the form answers are compared in: tokens without articles, digits for words.

    "The Red one." gives "red 1"; a Chinese answer keeps its characters, without spaces.
    """
    tokens = [_NUMBER_WORDS.get(token, token) for token in tokenize(text)]
    tokens = [token for token in tokens if token not in _ARTICLES] or tokens
    return ("" if detect_language(text) == "zh" else " ").join(tokens)


@dataclass(frozen=True)
class PreparedQuestion:
    """A question ready for a model.

    Attributes:
        text: as typed, without surrounding space.
        language: "en" or "zh".
        tokens: after repair, T of them, at least one known.
        ids: T ids of a `Vocab`.
        repaired: word as typed -> word read instead.
        unknown: words neither known nor repaired.
    """

    text: str
    language: str
    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    repaired: dict[str, str]
    unknown: tuple[str, ...]


def prepare_question(
    text: str, vocab: Vocab, max_chars: int = MAX_QUESTION_CHARS
) -> PreparedQuestion:
    """Tokenises, repairs and encodes a question as typed.

    Raises:
        QuestionError: it is not text, is empty, longer than `max_chars` characters, holds no
            words, or none that `vocab` knows.
    """
    if not isinstance(text, str):
        raise QuestionError(
            f"The question is a {type(text).__name__}, not text; pass it as a string.",
            zh="问题不是文字，请用文字提问。",
        )
    text = text.strip()
    if not text:
        raise QuestionError(
            "The question is empty; type a question about the picture.",
            zh="问题是空的，请输入一个关于图片的问题。",
        )
    if len(text) > max_chars:
        raise QuestionError(
            f"The question has {len(text):,} characters and the limit is {max_chars}; shorten it.",
            zh=f"问题有 {len(text)} 个字符，上限是 {max_chars} 个，请缩短问题。",
        )
    tokens = tokenize(text)
    if not tokens:
        raise QuestionError(
            "The question has no words, only symbols; type a question about the picture.",
            zh="问题里只有符号，没有文字，请输入一个关于图片的问题。",
        )
    fixed, repaired, unknown = vocab.repair(tokens)
    if not any(token in vocab for token in fixed):
        shown = _listed(unknown)
        raise QuestionError(
            f"The model knows none of the words in this question ({shown}); use other words.",
            zh=f"模型不认识这个问题里的任何一个词（{shown}），请换一种说法。",
        )
    ids = tuple(vocab.encode(fixed))
    language = detect_language(text)
    return PreparedQuestion(text, language, tuple(fixed), ids, repaired, tuple(unknown))


class QuestionReader:
    """Prepares questions for one vocabulary and remembers the last few, because a question is
    looked at several times on its way: who knows most of it, what is kept for it, what it says.

    Safe to use from several threads.
    """

    def __init__(self, vocab: Vocab) -> None:
        self._vocab = vocab
        self._remembered = lru_cache(_REMEMBERED)(self._prepare)

    def read(self, text: str) -> PreparedQuestion:
        """See `prepare_question`."""
        # Neither what is no text and may not be hashable, nor what would fill the memory.
        usual = isinstance(text, str) and len(text) <= MAX_QUESTION_CHARS
        return (self._remembered if usual else self._prepare)(text)

    def share_known(self, question: PreparedQuestion) -> float:
        """Share of the words that the vocabulary knows, in (0, 1]."""
        return sum(token in self._vocab for token in question.tokens) / len(question.tokens)

    def _prepare(self, text: str) -> PreparedQuestion:
        return prepare_question(text, self._vocab)


def _listed(words: Sequence[str], most: int = 5) -> str:
    """The first few `words` for a message, long ones cut."""
    shown = [word if len(word) <= 20 else word[:19] + "…" for word in words[:most]]
    return ", ".join(shown) + (", …" if len(words) > most else "")


def _check_fields(data: object, expected: set[str], what: str) -> None:
    if not isinstance(data, dict) or set(data) != expected:
        found = ", ".join(sorted(map(str, data))) if isinstance(data, dict) else type(data).__name__
        raise CheckpointError(
            f"The {what} of this checkpoint should hold the fields {', '.join(sorted(expected))} "
            f"but holds: {found or 'nothing'}; get a fresh copy of the checkpoint."
        )


def _unique_strings(values: object, what: str, name: str) -> tuple[str, ...]:
    good = isinstance(values, list) and all(isinstance(v, str) and v for v in values)
    if not good or len(set(values)) != len(values):
        raise CheckpointError(
            f"The {what} of this checkpoint: {name!r} should be a list of different words; "
            "get a fresh copy of the checkpoint."
        )
    return tuple(values)
