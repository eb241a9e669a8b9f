"""Scenarios, and the runner that plays them on real nodes."""
