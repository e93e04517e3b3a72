"""`python -m vqa export`: a checkpoint as ONNX graphs, or how fast it would be."""

from __future__ import annotations

from argparse import Namespace

from vqa.errors import ConfigError


def export(options: Namespace) -> int:
    """Writes an exported checkpoint; with --measure times the ways to run one instead."""
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    if options.measure:
        return _measure(options)
    if options.data is not None:
        raise ConfigError("--data is what --measure asks; leave it out to export.")
    if options.out is None:
        raise ConfigError("Give the folder to write with --out, or --measure to time it.")
    from vqa.export.folder import export as write

    found = write(options.checkpoint, options.out)
    names = ("answers", "kinds", "pieces")
    parts = ", ".join(f"{name} {getattr(found, name):.1e}" for name in names)
    print(
        f"{options.out}: largest difference in logits on {found.questions} questions "
        f"{found.largest:.1e} ({parts}); {found.other} other answers."
    )
    print(f'python -m vqa predict IMAGE "QUESTION" --checkpoint {options.out}')
    return 0


def _measure(options: Namespace) -> int:
    if options.out is not None:
        raise ConfigError("--measure writes nothing; leave --out out.")
    from vqa.export.measure import measure, table

    print(table(*measure(options.checkpoint, options.data or "world:heldout")))
    return 0
