"""Spoken questions: synthesised to train on, recognised, written down."""
