"""From a network to ONNX graphs with any number of questions, words and beams."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from vqa.errors import ConfigError
from vqa.exported import ANSWER, ENCODER, STEP, step_inputs
from vqa.models.heads.generator import Generator, Source
from vqa.models.image_encoder import Regions
from vqa.models.network import VQANetwork
from vqa.models.question_encoder import Words

OPSET = 18
_REGIONS = ("features", "mask", "boxes")
_ANSWERED = (
    *("logits", "vector", "region_logits", "region_attention", "word_attention"),
    *("word_states", "summary", "word_mask"),
)
_ASKED, _LENGTH = 2, 7  # sizes of the example that is followed; the graphs hold for any


class _Encode(nn.Module):
    def __init__(self, network: VQANetwork) -> None:
        super().__init__()
        self.encoder = network.image_encoder

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        found = self.encoder(images)
        return found.features, found.mask, found.boxes, found.clarity


class _Answer(nn.Module):
    def __init__(self, network: VQANetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, features: Tensor, mask: Tensor, boxes: Tensor, tokens: Tensor, lengths: Tensor
    ) -> tuple[Tensor, ...]:
        # No part that answers reads the clarity.
        regions = Regions(features, mask, boxes, features[:, 0, 0])
        found = self.network.answer(regions, tokens, lengths)
        joint, words = found.joint, found.words
        given = (
            found.logits,
            joint.vector,
            joint.region_logits,
            joint.region_attention,
            joint.word_attention,
            words.states,
            words.summary,
            words.mask,
        )
        return given if found.kinds is None else (*given, found.kinds)


class _Step(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(
        self,
        values: Tensor,
        keys: Tensor,
        hints: Tensor,
        mask: Tensor,
        word_states: Tensor,
        word_mask: Tensor,
        before: Tensor,
        last: Tensor,
        covered: Tensor,
        states: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        # A step reads neither the first state nor the question's summary.
        words = Words(word_states, states[0], word_mask)
        source = Source(states[0], values, keys, hints, mask, words)
        return self.generator.step(source, before, last, covered, states)


def write_graphs(network: VQANetwork, image_size: tuple[int, int], folder: Path) -> dict[str, dict]:
    """Writes `encoder.onnx`, `answer.onnx` and, with a generator, `sentence_step.onnx`.

    Args:
        network: on the CPU, in evaluation mode. image_size: width and height.

    Returns:
        Graph -> {"inputs": names, "outputs": names}.

    Raises:
        ConfigError: the packages that export are not installed, or a part cannot be exported.
    """
    try:
        import onnx  # noqa: F401  (the exporter needs it)
    except ImportError:
        raise ConfigError(
            "Exporting needs onnx and onnxruntime: pip install -r requirements-export.txt"
        ) from None
    width, height = image_size
    images = torch.rand(_ASKED, 3, height, width)
    tokens = torch.ones(_ASKED, _LENGTH, dtype=torch.long)
    lengths = torch.full((_ASKED,), _LENGTH)
    with torch.no_grad():
        regions = network.image_encoder(images)
        found = network.answer(regions, tokens, lengths)
    described = {
        ENCODER: _write(
            folder / f"{ENCODER}.onnx",
            _Encode(network),
            {"images": images},
            (*_REGIONS, "clarity"),
        ),
        ANSWER: _write(
            folder / f"{ANSWER}.onnx",
            _Answer(network),
            {name: getattr(regions, name) for name in _REGIONS}
            | {"tokens": tokens, "lengths": lengths},
            _ANSWERED if found.kinds is None else (*_ANSWERED, "kinds"),
            long=("tokens",),
        ),
    }
    if "generator" in network.further:
        with torch.no_grad():
            source = network.source(found)
        nowhere = torch.zeros(source.mask.shape)
        before = torch.ones(_ASKED, 1, dtype=torch.long)
        described[STEP] = _write(
            folder / f"{STEP}.onnx",
            _Step(network.further["generator"]),
            step_inputs(source, before, nowhere, nowhere.clone(), source.start.unsqueeze(0)),
            ("logits", "places", "new_states"),
            long=("word_states", "word_mask"),
        )
    return described


def _write(
    path: Path,
    module: nn.Module,
    inputs: dict[str, Tensor],
    outputs: tuple[str, ...],
    long: tuple[str, ...] = (),
) -> dict:
    """One graph; the inputs in `long` have any number of words on their second axis."""
    from torch.onnx import register_custom_op_symbolic, unregister_custom_op_symbolic

    free = {
        name: {1: "n"} if name == "states" else {0: "n", 1: "words"} if name in long else {0: "n"}
        for name in inputs
    }
    register_custom_op_symbolic("aten::sigmoid", _sigmoid, OPSET)
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter about itself
            # By tracing: it takes a tenth of the time of `dynamo=True`.
            torch.onnx.export(
                module.eval(),
                tuple(inputs.values()),
                str(path),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_axes=free,
                opset_version=OPSET,
                dynamo=False,
            )
    except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"The part {path.stem} cannot be exported: {reason}") from error
    finally:
        unregister_custom_op_symbolic("aten::sigmoid", OPSET)
    return {"inputs": list(inputs), "outputs": list(outputs)}


def _sigmoid(graph, x):
    """1 / (1 + exp(-x)). ONNX Runtime's own sigmoid is good to 1e-7 of one, not of its value; the
    fusion divides by sums of gates that may be as small."""
    one = graph.op("Constant", value_t=torch.tensor(1.0))
    return graph.op("Reciprocal", graph.op("Add", graph.op("Exp", graph.op("Neg", x)), one))
