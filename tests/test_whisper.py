"""Whisper through transformers, with a tiny model of its kind that always says the same."""

import json

import numpy as np
import pytest
import torch

from vqa.audio import RATE
from vqa.errors import CheckpointError, ConfigError
from vqa.speech.whisper import WhisperRecogniser, by_name

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
SPECIAL = ["endoftext", "startoftranscript", "en", "zh", "translate", "transcribe", "notimestamps"]
SOUND = (RATE, (0.3 * np.sin(np.arange(2 * RATE) / 10)).astype(np.float32))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from tokenizers.pre_tokenizers import ByteLevel

    folder = tmp_path_factory.mktemp("whisper")
    letters = {letter: k for k, letter in enumerate(sorted(ByteLevel.alphabet()))}
    (folder / "vocab.json").write_text(json.dumps(letters), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    tokenizer = transformers.WhisperTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt")
    )
    tokenizer.add_tokens([f"<|{name}|>" for name in SPECIAL], special_tokens=True)
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in SPECIAL}
    features = transformers.WhisperFeatureExtractor(feature_size=80)
    transformers.WhisperProcessor(features, tokenizer).save_pretrained(folder)
    sizes = dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "d_model"), 16)
    sizes |= dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 2)
    sizes |= dict.fromkeys(("encoder_layers", "decoder_layers"), 1)
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), ids["endoftext"])
    config = transformers.WhisperConfig(
        vocab_size=len(tokenizer),
        decoder_start_token_id=ids["startoftranscript"],
        suppress_tokens=None,
        begin_suppress_tokens=None,
        **sizes,
        **ends,
    )
    torch.manual_seed(0)
    model = transformers.WhisperForConditionalGeneration(config)
    with torch.no_grad():  # all states alike, nearest to the letter "b"
        norm = model.model.decoder.layer_norm
        norm.weight.zero_()
        norm.bias.copy_(100 * model.model.decoder.embed_tokens.weight[letters["b"]])
    generation = model.generation_config
    generation.is_multilingual = True
    generation.lang_to_id = {f"<|{name}|>": ids[name] for name in ("en", "zh")}
    generation.task_to_id = {name: ids[name] for name in ("transcribe", "translate")}
    generation.no_timestamps_token_id = ids["notimestamps"]
    model.save_pretrained(folder)
    return folder


def test_it_is_loaded_and_listens(folder):
    found = by_name(f"whisper:{folder}").transcribe(SOUND)
    assert set(found.text) == {"b"} and found.words == (found.text,)
    assert 0 < found.confidence <= 1
    assert found.language == "en" and found.duration == 2


def test_a_folder_without_weights_is_told(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be loaded.*whisper:DIR"):
        WhisperRecogniser(str(tmp_path))


@pytest.mark.parametrize("name", ["", "siri", "whisper:", "own:"])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError, match="own, own:DIR, whisper or whisper:NAME_OR_DIR"):
        by_name(name)
