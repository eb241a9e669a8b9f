"""Flight paths of staged encounters become plots."""

import numpy as np
import pytest

from detente.errors import FeedFault
from detente.feeds.flight_path import plots_of_flight_path
from detente.feeds.plot import Reject
from detente.types import Instant

HEAD = "#Title     : 1CB\n#ResSec    : 1.0\n#OriginSec : 100.5\n"


def test_a_line_a_second_from_its_origin():
    plots, rejected = plots_of_flight_path(HEAD + "7.4;47.1;432.0\n7.5;47.2;433.0\n", Instant(1_000))
    assert plots["applicable_at_ns"].tolist() == [100_500_001_000, 101_500_001_000]
    assert plots["identity"].tolist() == [b"~1cb"] * 2
    assert plots["callsign"].tolist() == [b"1CB"] * 2
    assert np.degrees(plots["longitude_rad"][1]) == pytest.approx(7.5)
    assert plots["altitude_ellipsoid_m"].tolist() == [432.0, 433.0]
    assert np.isnan(plots["altitude_pressure_m"]).all()
    assert not rejected


def test_a_damaged_line_is_counted_and_keeps_its_second():
    plots, rejected = plots_of_flight_path(HEAD + "7.4;47.1;432.0\n7;x\n\n7.5;47.2;433.0\n", Instant(0))
    assert rejected == {Reject.MALFORMED: 1}
    assert np.diff(plots["applicable_at_ns"]).tolist() == [2_000_000_000]


def test_a_file_without_an_origin_is_refused():
    with pytest.raises(FeedFault, match="OriginSec"):
        plots_of_flight_path("7;47;400\n", Instant(0))
