"""Checkpoints as ONNX graphs: writing, checking and timing them. `vqa.exported` runs them."""
