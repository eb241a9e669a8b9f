"""Bytes of a sensor or a recording become plots."""
