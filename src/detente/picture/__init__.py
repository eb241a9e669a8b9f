"""Plots become the picture: all tracks one party holds at one instant."""
