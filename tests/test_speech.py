"""Spoken questions: who reads what, the acoustic encoder, and that it learns to write down."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from starlette import testclient

from vqa import evaluate_speech
from vqa.api.app import build_api
from vqa.api.gate import ApiLimits
from vqa.audio import MELS, RATE, log_mel, normalise
from vqa.batching import Batcher
from vqa.checkpoint import load
from vqa.cli import main
from vqa.config import AudioEncoderConfig
from vqa.data.sample import Sample
from vqa.errors import AudioError, CheckpointError, ConfigError, QuestionError
from vqa.models.audio_encoder import AudioEncoder, states_of
from vqa.models.ctc import beam_search, transcript
from vqa.models.ngrams import NGrams
from vqa.models.soft_words import soft_words
from vqa.predictor import Predictor
from vqa.routing import Router
from vqa.speech import recogniser, store
from vqa.speech.card import report_text
from vqa.speech.decoding import Decoder, joined
from vqa.speech.listening import choose
from vqa.speech.recogniser import Recogniser
from vqa.speech.room import recorded, resampled
from vqa.speech.simulate import Spoken, Utterance
from vqa.speech.texts import PER_SCENE, QuestionTexts
from vqa.speech.voices import Voice
from vqa.text import Vocab, tokenize
from vqa.train.speech import SpeechStep, error_rates
from vqa.train.speech_feed import SpeechFeed, varied

SCHEMAS = ["configs/schemas/fashion.json", "configs/schemas/grocery.json"]
TINY = AudioEncoderConfig(channels=8, hidden=24, layers=2, dropout=0.0)
WORDS = Vocab(("small", "red", "ball", "球"))


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return AudioEncoder(TINY, MELS, 9).eval()


@pytest.mark.parametrize("frames", [1, 5, 6, 7, 12, 13, 100])
def test_states_are_as_many_as_told(encoder, frames):
    with torch.no_grad():
        heard = encoder(torch.randn(1, frames, MELS), torch.tensor([frames]))
    assert heard.logits.shape == (1, states_of(frames), 9)
    assert heard.words.states.shape == (1, states_of(frames), 48)
    assert heard.words.summary.shape == (1, 48)
    assert heard.words.mask.all()


def test_what_lies_behind_a_recording_changes_nothing(encoder):
    torch.manual_seed(2)
    mels = torch.randn(3, 90, MELS)
    lengths = torch.tensor([90, 31, 7])
    for row, n in zip(mels, lengths, strict=True):
        row[n:] = 0
    with torch.no_grad():
        together = encoder(mels, lengths)
        for k, n in enumerate(lengths.tolist()):
            alone = encoder(mels[k : k + 1, :n], lengths[k : k + 1])
            states = states_of(n)
            assert together.words.mask[k].sum() == states
            assert torch.allclose(together.logits[k, :states], alone.logits[0], atol=1e-5)
            assert torch.allclose(together.words.summary[k], alone.words.summary[0], atol=1e-5)
            assert (together.words.states[k, states:] == 0).all()


def test_the_preset_is_as_small_as_promised():
    texts = QuestionTexts(1, SCHEMAS)
    network = AudioEncoder(AudioEncoderConfig(), MELS, len(texts.vocab()))
    assert sum(p.numel() for p in network.parameters()) < 4_000_000


@pytest.mark.parametrize("size", ["channels", "hidden", "layers"])
def test_sizes_below_one_are_refused(size):
    with pytest.raises(ConfigError, match=size):
        AudioEncoder(AudioEncoderConfig(**{size: 0}), MELS, 9)


def test_questions_are_the_same_each_time_and_all_words_are_in_the_vocabulary():
    texts, again = QuestionTexts(3, SCHEMAS), QuestionTexts(3, SCHEMAS)
    vocab = texts.vocab()
    assert vocab == again.vocab()
    for language in ("en", "zh"):
        first = texts.about(0, language)
        assert len(first) == PER_SCENE
        assert first == again.about(0, language) != texts.about(1, language)
        for number in range(8):
            for text in texts.about(number, language):
                assert all(token in vocab for token in tokenize(text)), text


def test_rooms_and_noise_keep_the_voice_and_follow_their_seed():
    voice = (0.4 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)).astype(np.float32)
    for seed in range(8):
        heard = recorded(voice, np.random.default_rng(seed))
        again = recorded(voice, np.random.default_rng(seed))
        assert np.array_equal(heard, again)
        assert heard.dtype == np.float32 and np.abs(heard).max() <= 1.0001
        assert len(voice) < len(heard) <= len(voice) + RATE
        power = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        assert power.argmax() * RATE / len(heard) == pytest.approx(500, abs=5)


def test_playing_faster_makes_it_shorter():
    assert len(resampled(np.zeros(22050, np.float32), 22050, 1.1)) == pytest.approx(
        RATE / 1.1, rel=0.01
    )


def test_variations_keep_each_utterance_apart_from_its_padding():
    rng = np.random.default_rng(0)
    parts = [rng.normal(-5, 2, (n, MELS)).astype(np.float32) for n in (40, 200, 90)]
    mels, frames = varied(parts, np.random.default_rng(1))
    assert mels.shape[0] == 3 and mels.shape[2] == MELS
    assert 0 <= mels.shape[1] - int(frames.max()) < 48
    for row, n, part in zip(mels, frames.tolist(), parts, strict=True):
        assert n == pytest.approx(len(part), rel=0.16)
        assert (row[n:] == 0).all()
        assert row.abs().sum() > 0
    again, _ = varied(parts, np.random.default_rng(1))
    assert torch.equal(mels, again)


def test_transcripts_are_written_as_people_write():
    assert joined(("what", "'s", "it", "?")[:3]) == "what's it"
    assert joined(tuple("它是什么")) == "它是什么"
    assert joined(("t", "恤")) == "t恤"


def tones(words):
    """Each word of `WORDS` as a tone of its own, with gaps."""
    parts = [np.zeros(RATE // 10)]
    for word in words:
        hertz = {"small": 300, "red": 900, "ball": 2700, "球": 5000}[word]
        parts += [0.3 * np.sin(2 * np.pi * hertz * np.arange(RATE // 6) / RATE)]
        parts += [np.zeros(RATE // 10)]
    sound = np.concatenate(parts)
    return (sound + np.random.default_rng(len(words)).normal(0, 1e-3, len(sound))).astype("f4")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A tiny recogniser that has learned to name tones."""
    rng = np.random.default_rng(0)
    said = [[WORDS.words[k] for k in rng.integers(4, size=rng.integers(1, 5))] for _ in range(96)]
    mels = [log_mel(tones(words)).numpy() for words in said]
    mels = [((m + 18.5) / 0.1).round().clip(0, 255).astype(np.uint8) for m in mels]
    tokens = np.zeros((96, 4), np.int16)
    for row, words in zip(tokens, said, strict=True):
        row[: len(words)] = WORDS.encode(words)
    lengths = np.array([len(words) for words in said])
    spoken = Spoken(np.concatenate(mels), np.cumsum([0, *map(len, mels)]), tokens, lengths)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = AudioEncoder(TINY, MELS, len(WORDS))
        step, feed = SpeechStep(encoder), SpeechFeed(spoken, 16, 1, torch.device("cpu"))
        before = error_rates(encoder, WORDS, spoken, torch.device("cpu"))
        optimizer = torch.optim.AdamW(encoder.parameters(), 6e-3)
        for k in range(120):
            encoder.train()
            loss, _ = step(*feed(k, 0, 1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(encoder.parameters(), 5.0)
            optimizer.step()
    after = error_rates(encoder, WORDS, spoken, torch.device("cpu"))
    folder = tmp_path_factory.mktemp("speech") / "speech"
    ngrams = NGrams.of([WORDS.encode(words) for words in said], len(WORDS))
    card = dict.fromkeys(("name", "summary", "summary_zh", "command", "licence"), "...")
    card |= {"parameters": 1, "trained_on": {"tones": "96"}, "limits": ["tones"], "figures": {}}
    store.save(folder, encoder, TINY, WORDS, ngrams, card | {"calibration": {"threshold": 0.5}})
    return folder, before, after


def test_it_learns_to_write_down(taught):
    _, before, after = taught
    assert max(after.values()) < 0.1 < min(before.values())


def test_a_stored_recogniser_writes_down_with_times(taught):
    listener = Recogniser(store.load(taught[0]))
    said = listener.transcribe((RATE, tones(["ball", "small", "red"])))
    assert said.text == "ball small red" and said.language == "en"
    assert 0 < said.confidence <= 1
    # Tones begin after 0.1 s and last a sixth of a second each, with 0.1 s between.
    for seconds, begin in zip(said.seconds, (0.1, 0.37, 0.63), strict=True):
        assert begin - 0.1 < seconds < begin + 0.3
    assert listener.transcribe((RATE, tones(["球"]))).language == "zh"


def test_less_is_believed_of_noise_than_of_a_question(taught):
    listener = Recogniser(store.load(taught[0]))
    hiss = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    plain = listener.transcribe((RATE, tones(["ball", "small", "red"]))).confidence
    try:
        assert listener.transcribe((RATE, hiss)).confidence < 0.7 * plain
    except AudioError as error:
        assert "No word was heard" in str(error)


@pytest.mark.parametrize("name", store.FILES)
def test_a_damaged_checkpoint_is_told(taught, tmp_path, name):
    for path in taught[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(CheckpointError):
        store.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(CheckpointError, match=f"lacks {name}"):
        store.load(tmp_path)


def test_neither_quiet_nor_loud_is_heard_otherwise(taught):
    encoder = store.load(taught[0]).encoder
    sound = tones(["small", "ball"])
    with torch.no_grad():
        found = [
            encoder(normalise(log_mel(k * sound))[None], torch.tensor([len(sound) // 160 + 1]))
            for k in (0.2, 1.0)
        ]
    assert torch.equal(found[0].logits.argmax(-1), found[1].logits.argmax(-1))


@pytest.fixture
def listening(taught, monkeypatch):
    monkeypatch.setattr(recogniser, "shared", lambda *_: Recogniser(store.load(taught[0])))


def test_a_spoken_question_is_answered_as_the_typed_one(listening, tiny_checkpoint, pictures):
    asked = Predictor(load(tiny_checkpoint), torch.device("cpu"))
    picture = pictures[0].pixels
    typed = asked.ask(picture, "ball small red", top_k=3)
    spoken = asked.ask(picture, top_k=3, audio=(RATE, tones(["ball", "small", "red"])))
    assert spoken.heard.text == "ball small red" and typed.heard is None
    assert spoken.top == typed.top and spoken.words == typed.words
    assert spoken.to_dict()["heard"]["text"] == "ball small red"
    with pytest.raises(QuestionError, match="give one of them"):
        asked.ask(picture, "a ball", audio=(RATE, tones(["ball"])))
    with pytest.raises(AudioError, match="silent"):
        asked.ask(picture, audio=(RATE, np.zeros(RATE)))


def test_who_is_not_sure_what_was_said_is_not_sure_of_the_answer(
    taught, monkeypatch, tiny_checkpoint, pictures
):
    doubting = store.load(taught[0])
    doubting.card["calibration"]["threshold"] = 1.1
    monkeypatch.setattr(recogniser, "shared", lambda *_: Recogniser(doubting))
    asked = Router({"tiny": Predictor(load(tiny_checkpoint), torch.device("cpu"))})
    answers = [asked.ask(p.pixels, audio=(RATE, tones(["ball"]))) for p in pictures]
    assert not any(answer.sure or answer.heard.sure for answer in answers)
    assert any(asked.ask(p.pixels, "ball").sure for p in pictures)


def test_the_api_takes_a_recording_in_place_of_the_question(listening, tiny_checkpoint, pictures):
    predictor = Predictor(load(tiny_checkpoint), torch.device("cpu"))
    batcher = Batcher(predictor, wait_ms=1, waiting=4)
    client = testclient.TestClient(build_api(batcher, ApiLimits(), 4, None, choose("own")[0]))
    picture, sound = io.BytesIO(), io.BytesIO()
    Image.fromarray(pictures[0].pixels).save(picture, "png")
    soundfile.write(sound, tones(["red", "ball"]), RATE, format="FLAC")
    files = {"image": picture.getvalue(), "audio": sound.getvalue()}
    spoken = client.post("/api/ask", files=files)
    typed = client.post(
        "/api/ask", files={"image": picture.getvalue()}, data={"question": "red ball"}
    )
    wrong = client.post("/api/ask", files=files | {"audio": b"none"})
    batcher.close()
    assert spoken.status_code == typed.status_code == 200
    assert spoken.json()["heard"]["text"] == "red ball" and typed.json()["heard"] is None
    assert spoken.json()["top"] == typed.json()["top"]
    assert wrong.status_code == 422 and wrong.json()["error"]["kind"] == "audio"
    assert "录音" in wrong.json()["error"]["message_zh"]


def test_the_command_says_what_it_heard(listening, tiny_checkpoint, pictures, tmp_path, capsys):
    Image.fromarray(pictures[0].pixels).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.flac", tones(["red", "ball"]), RATE)
    command = ["predict", str(tmp_path / "a.png")]
    assert main([*command, "red ball", "--audio", str(tmp_path / "a.flac")]) == 2
    assert "Both a question and a recording were given" in capsys.readouterr().err
    command += ["--checkpoint", str(tiny_checkpoint)]
    assert main([*command, "--audio", str(tmp_path / "a.flac")]) == 0
    assert capsys.readouterr().out.startswith('Heard "red ball"')
    assert main([*command, "--audio", str(tmp_path / "a.png")]) == 2
    assert "not a recording that can be read" in capsys.readouterr().err


def test_words_heard_plainly_are_encoded_as_typed_ones(tiny_checkpoint):
    checkpoint = load(tiny_checkpoint)
    encoder, vocab = checkpoint.network.question_encoder, checkpoint.vocab
    ids = torch.tensor([0, 1, *vocab.encode(WORDS.words)])
    plain = torch.full((7, len(WORDS)), -30.0)
    for state, unit in enumerate([0, 2, 2, 0, 2, 4, 0]):  # "small small ball"
        plain[state, unit] = 30.0
    tokens = torch.tensor([vocab.encode(["small", "small", "ball"])])
    with torch.no_grad():
        typed = encoder(tokens, torch.tensor([3]))
        heard = soft_words(beam_search(plain, 7), encoder, ids)
        assert soft_words(beam_search(plain, 1), encoder, ids) is None
        plain[5, 3] = 30.0  # "ball" or "red", as likely
        vague = soft_words(beam_search(plain, 7), encoder, ids)
    assert torch.allclose(heard.states, typed.states, atol=1e-5)
    assert torch.allclose(heard.summary, typed.summary, atol=1e-5)
    assert heard.mask.all() and heard.mask.shape == (1, 3)
    assert not torch.allclose(vague.states, typed.states, atol=1e-3)


def uttered(vocab, *said):
    """Logits of words said one after the other; of several in one place all are as likely."""
    logits = torch.full((2 * len(said), len(vocab)), -12.0)
    logits[1::2, 0] = 9.0
    for place, words in enumerate(said):
        logits[2 * place, vocab.encode(words.split("|"))] = 9.0
    return logits


def test_spellings_of_one_word_are_one():
    vocab = Vocab(("what", "color", "colour", "gray", "grey", "is", "it"))
    questions = [vocab.encode(["what", "color", "is", "it"])] * 5
    decoder = Decoder(vocab, NGrams.of(questions, len(vocab)))
    found = decoder(uttered(vocab, "what", "color|colour", "is", "it"))
    assert joined(decoder.words(found[0].ids)) == "what color is it"
    assert transcript(found).confidence > 0.9  # neither spelling is a doubt
    assert decoder.words(decoder(uttered(vocab, "grey"))[0].ids) == ("gray",)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("how many|any red balls are there", "how many red balls are there"),
        ("any|many red balls", "any red balls"),
        ("红 色 的 球 有 几|大 个", "红色的球有几个"),
    ],
)
def test_what_the_grammar_reads_is_preferred(said, written):
    vocab = Vocab(tuple(dict.fromkeys(said.replace("|", " ").split())))
    # The n-grams know nothing of the words' order.
    ngrams = NGrams.of([[k] for k in range(2, len(vocab))], len(vocab))
    decoder = Decoder(vocab, ngrams)
    found = decoder(uttered(vocab, *said.split()))
    assert joined(decoder.words(found[0].ids)) == written
    assert found == sorted(found, key=lambda each: -each.score)


@pytest.fixture
def asked_aloud(taught, monkeypatch, tiny_checkpoint, pictures, tmp_path):
    """Four questions about pictures, and who reads them aloud as tones."""
    monkeypatch.setattr(
        evaluate_speech,
        "read_aloud",
        lambda text, language, reading, number: Utterance(
            text, language, Voice("espeak", "tone", 1.0), tones(tokenize(text))
        ),
    )
    predictor = Predictor(load(tiny_checkpoint), torch.device("cpu"))
    samples = []
    for k, text in enumerate(["small ball", "red", "ball red small", "red ball"]):
        Image.fromarray(pictures[k].pixels).save(tmp_path / f"{k}.png")
        right = predictor.ask(pictures[k].pixels, text).answer if k else "no such answer"
        samples.append(Sample(tmp_path / f"{k}.png", text, (right,), "zero_hop"))
    return Recogniser(store.load(taught[0])), samples, predictor


def test_figures_of_voices_that_are_understood(asked_aloud):
    listener, samples, predictor = asked_aloud
    report, rows = evaluate_speech.evaluate_voices(
        listener, samples, "en", "espeak", "unseen", predictor
    )
    assert report.error_rate == 0 and report.interval == (0, 0) and report.exact == 1
    assert report.answer_typed == report.answer_spoken == report.answer_direct == 0.75
    assert [row["heard"] for row in rows] == [s.question for s in samples]
    assert "0.00 % of words wrong" in report_text("en", report.to_dict())


def test_figures_of_voices_that_are_not(asked_aloud, monkeypatch):
    listener, samples, _ = asked_aloud
    swapped = {"small": "red", "red": "red", "ball": "ball"}
    read = evaluate_speech.read_aloud

    def mumble(text, *rest):
        said = read(" ".join(swapped[word] for word in tokenize(text)), *rest)
        return replace(said, text=text)

    monkeypatch.setattr(evaluate_speech, "read_aloud", mumble)
    report, rows = evaluate_speech.evaluate_voices(listener, samples, "en", "espeak", "unseen")
    assert report.error_rate == 2 / 8 and report.exact == 0.5
    assert report.interval[0] < 2 / 8 < report.interval[1]
    assert [row["errors"] for row in rows] == [1, 0, 1, 0]
    assert report.answer_typed is None


def test_the_card_shows_what_was_measured(asked_aloud, tmp_path, capsys):
    listener, samples, predictor = asked_aloud
    checkpoint = listener.checkpoint
    shutil.copytree(checkpoint.folder, tmp_path / "copy")
    page = tmp_path / "copy" / "README.md"
    assert "None were measured yet" in page.read_text("utf-8")
    report, _ = evaluate_speech.evaluate_voices(
        listener, samples, "en", "espeak", "unseen", predictor
    )
    found = {"en unseen voices": report.to_dict() | {"command": "python -m vqa evaluate copy"}}
    store.write_card(tmp_path / "copy", checkpoint.card | {"figures": found})
    assert main(["inspect", str(tmp_path / "copy")]) == 0
    shown = capsys.readouterr().out
    assert "[en unseen voices]\n0.00 % of words wrong (0.00-0.00 %), 100.0 % of 4" in shown
    assert "made by: " in shown and "|" not in shown
    row = "| en unseen voices | 4 | 0.00 % | 0.00-0.00 % | 100.0 % |"
    written = page.read_text("utf-8")
    assert row in written and "| 75.00 % | 75.00 % | 75.00 % |" in written
    assert store.load(tmp_path / "copy").card["figures"] == found


def test_the_time_of_four_seconds_is_measured(asked_aloud):
    listener, samples, _ = asked_aloud
    assert 0 < evaluate_speech.latency(listener, samples, "en")["four_seconds_ms"] < 60_000
