"""The one place where a foot, a knot or a flight level becomes SI, and back."""

from __future__ import annotations

import math
from typing import Final

M_PER_NM: Final = 1852.0
M_PER_FT: Final = 0.3048
MPS_PER_KT: Final = 1852.0 / 3600.0
MPS_PER_FPM: Final = 0.3048 / 60.0
RAD_PER_DEG: Final = math.pi / 180.0
DEG_PER_RAD: Final = 180.0 / math.pi

EARTH_MEAN_RADIUS_M: Final = 6_371_008.8
"""Mean radius of WGS 84 (2a + b) / 3. For display and screening only; verdicts use the ellipsoid."""
