"""The palette holds by arithmetic: contrast by WCAG 2, and any two track or alert colours apart for colour-deficient eyes."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import pytest

from detente.node.web.assets import assets

TOKENS = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", assets()["tokens.css"].body.decode()))
SIGNS = ("own", "party-2", "party-3", "unknown", "alarm", "warning", "caution")

# Linear RGB as seen without one kind of cone. Source: Machado, Oliveira, Fernandes 2009, severity 1.
DEFICIENCIES = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour: str) -> np.ndarray:
    s = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(rgb, 0, 1)
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("ground", ["bg", "panel", "raised", "land"])
@pytest.mark.parametrize("ink", ["text", "muted", *SIGNS])
def test_text_and_signs_can_be_read_on_every_ground(ink: str, ground: str) -> None:
    assert contrast(TOKENS[ink], TOKENS[ground]) >= 4.5


@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("#ffffff", "alarm-fill", 4.5),
        ("dark", "warning", 4.5),
        ("dark", "caution", 4.5),
        ("text", "pressed", 4.5),
        ("ctl", "panel", 3.0),
        ("ctl", "raised", 3.0),
        ("focus", "panel", 3.0),
    ],
)
def test_filled_signs_and_controls_stand_out(ink: str, ground: str, least: float) -> None:
    assert contrast(TOKENS.get(ink, ink), TOKENS[ground]) >= least


@pytest.mark.parametrize("eyes", DEFICIENCIES)
def test_any_two_signs_differ_to_every_eye(eyes: str) -> None:
    seen = {name: lab(np.array(DEFICIENCIES[eyes]) @ linear(TOKENS[name])) for name in SIGNS}
    nearest = min(float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(SIGNS, 2))
    assert nearest >= 20
