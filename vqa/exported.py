"""Exported checkpoints: their network runs in ONNX Runtime, which answers faster on a CPU.

Beside a checkpoint's own files such a folder holds

    encoder.onnx         pictures -> regions
    answer.onnx          regions and questions -> logits of answers, attention, encoded words
    sentence_step.onnx   one more piece of sentences; only where the checkpoint writes sentences
    onnx.json            names of inputs and outputs, and how far they were found to be equal

The reading order, lists and what a shown reason asks besides stay in PyTorch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import torch
from torch import Tensor, nn

from vqa.checkpoint import Checkpoint
from vqa.errors import CheckpointError, ConfigError
from vqa.models.fusion import Joint
from vqa.models.heads.generator import Source
from vqa.models.image_encoder import Regions
from vqa.models.network import Prediction, VQANetwork
from vqa.models.question_encoder import Words

DESCRIPTION = "onnx.json"
ENCODER, ANSWER, STEP = "encoder", "answer", "sentence_step"


def is_exported(folder: Path) -> bool:
    """Whether a checkpoint's folder is an exported one."""
    return (folder / DESCRIPTION).is_file()


def fingerprint(folder: Path) -> str:
    """Of a checkpoint's weights: graphs belong to these and no others."""
    return blake2b((folder / "model.safetensors").read_bytes(), digest_size=16).hexdigest()


def accelerate(checkpoint: Checkpoint) -> Checkpoint:
    """The same checkpoint with its network in ONNX Runtime, as many threads as PyTorch has.

    Raises:
        CheckpointError: a graph is missing, damaged or was exported from other weights.
        ConfigError: onnxruntime is not installed.
    """
    folder = checkpoint.folder
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        weights, names = described["weights"], list(described["graphs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{folder / DESCRIPTION} is damaged ({type(error).__name__}); export again."
        ) from error
    if weights != fingerprint(folder):
        raise CheckpointError(
            f"The graphs in {folder} were exported from other weights than its "
            "model.safetensors; export again."
        )
    needed = [ENCODER, ANSWER, *([STEP] if "generator" in checkpoint.network.further else [])]
    lacking = [name for name in needed if name not in names]
    if lacking:
        raise CheckpointError(f"{folder} lacks the graph {lacking[0]}.onnx; export again.")
    graphs = {name: Graph(folder / f"{name}.onnx") for name in needed}
    network = OnnxNetwork(checkpoint.network, graphs[ENCODER], graphs[ANSWER], graphs.get(STEP))
    return replace(checkpoint, network=network.eval())


class Graph:
    """One ONNX file, ready to run on the CPU; safe to use from several threads.

    Raises:
        CheckpointError: the file is missing or damaged. ConfigError: no onnxruntime.
    """

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise ConfigError(
                f"{path.parent} is an exported checkpoint, which needs onnxruntime: "
                "pip install onnxruntime; the checkpoint it was made from needs nothing more."
            ) from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # Threads that wait by spinning would take the cores from preprocessing and the page.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # the runtime has a dozen classes for a file it cannot use
            raise CheckpointError(f"{path} is missing or damaged; export again.") from error
        self._inputs = [found.name for found in self._session.get_inputs()]

    def __call__(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Outputs in the graph's order; inputs that the graph does not read are left out."""
        fed = {name: inputs[name].numpy(force=True) for name in self._inputs}
        return [torch.from_numpy(found) for found in self._session.run(None, fed)]


class _Encoder(nn.Module):
    def __init__(self, graph: Graph, cells: bool) -> None:
        super().__init__()
        self.graph, self.cells = graph, cells

    def forward(self, images: Tensor) -> Regions:
        return Regions(*self.graph({"images": images.contiguous()}))


class OnnxNetwork(VQANetwork):
    """A network whose parts that take time are graphs; for asking, not for training.

    Args:
        network: the same in PyTorch; what it has beyond the graphs is used.
        step: see `Generator.step`; needed where the network has a generator.
    """

    def __init__(
        self, network: VQANetwork, encoder: Graph, answer: Graph, step: Graph | None
    ) -> None:
        super().__init__(
            _Encoder(encoder, network.image_encoder.cells),
            network.question_encoder,
            network.fusion,
            network.head,
            dict(network.further),
            network.order,
            network.router,
        )
        self._answer, self._step = answer, step

    def answer(self, regions: Regions, tokens: Tensor, lengths: Tensor) -> Prediction:
        """See `VQANetwork.answer`."""
        found = self._answer(
            {
                "features": regions.features,
                "mask": regions.mask,
                "boxes": regions.boxes,
                "tokens": tokens,
                "lengths": lengths,
            }
        )
        logits, joint, words, kinds = found[0], found[1:5], found[5:8], found[8:]
        return Prediction(logits, Joint(*joint), regions, Words(*words), *kinds)

    def sentences(
        self, found: Prediction, rows: Tensor, beams: int
    ) -> list[list[tuple[float, list[int], Tensor]]]:
        """See `VQANetwork.sentences`."""
        source = self.source(found.rows(rows))
        return self.further["generator"].search(source, beams, step=self.step)

    def step(
        self, source: Source, before: Tensor, last: Tensor, covered: Tensor, states: Tensor
    ) -> Sequence[Tensor]:
        """See `Generator.step`."""
        return self._step(step_inputs(source, before, last, covered, states))


def step_inputs(
    source: Source, before: Tensor, last: Tensor, covered: Tensor, states: Tensor
) -> dict[str, Tensor]:
    """What `Generator.step` reads, by the graph's names."""
    return {
        "values": source.values,
        "keys": source.keys,
        "hints": source.hints,
        "mask": source.mask,
        "word_states": source.words.states,
        "word_mask": source.words.mask,
        "before": before,
        "last": last,
        "covered": covered,
        "states": states,
    }
