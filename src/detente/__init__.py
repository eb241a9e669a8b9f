"""Détente: a mechanism between parties that share an airspace and do not trust each other."""

__version__ = "0.1.0"
