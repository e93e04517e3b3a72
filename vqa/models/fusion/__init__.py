"""Fusions: regions and words -> a joint vector and attention maps. All under one contract."""

from vqa.models.fusion import mac, stacked_attention  # noqa: F401  (they join the registry)
from vqa.models.fusion.contract import FUSIONS, Joint

__all__ = ["FUSIONS", "Joint"]
