"""Inference heads: joint vector -> answers."""

from vqa.models.heads.classifier import HEADS, Classifier

__all__ = ["HEADS", "Classifier"]
