"""Fusions: regions and words -> a joint vector and attention maps, all under one contract."""

# They join the registry.
from vqa.models.fusion import concat, film, mac, stacked_attention  # noqa: F401
from vqa.models.fusion.contract import FUSIONS, Joint

__all__ = ["FUSIONS", "Joint"]
