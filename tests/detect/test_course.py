"""A course beside edges: how far along it a point lies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.detect.course import ahead_m, course_of
from detente.detect.motion import motions


@given(st.floats(-1e6, 1e6), st.floats(6.3e6, 6.4e6), st.sampled_from([1.0, -1.0]))
def test_how_far_ahead_a_point_lies_is_the_same_by_the_series_as_by_the_maths_library(
    ahead: float, above: float, side: float
) -> None:
    flying = motions(*(np.array([x]) for x in (0.7, 0.3, 30_000.0, math.nan, 200.0, 100.0, 0.0, 0.0)))[0]
    course = course_of(flying, 10_000.0)
    expected = course.radius * math.atan2(ahead, side * above)
    assert ahead_m(course, ahead, side * above) == pytest.approx(expected, rel=1e-15, abs=1e-9)
