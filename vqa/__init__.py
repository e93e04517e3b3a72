"""Visual question answering that people can point at their own picture."""

from __future__ import annotations

__version__ = "0.1.0"
__all__ = ["__version__", "load_predictor", "pipeline"]


def __getattr__(name: str):
    # Lazy, so that importing a light module (`vqa.errors`, say) does not load torch.
    if name == "load_predictor":
        from vqa.routing import load_predictor

        return load_predictor
    if name == "pipeline":
        from vqa.pipelines import pipeline

        return pipeline
    raise AttributeError(f"module 'vqa' has no attribute {name!r}")
