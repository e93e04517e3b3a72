"""Fusions side by side: each learns reasoning on the same data with the same budget."""
