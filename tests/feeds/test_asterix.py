"""ASTERIX records become plots; an edition or category that is not known is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.feeds.asterix import AsterixReader, _panel_m, _register_4_0_m
from detente.feeds.beast import distance_m
from detente.feeds.plot import Reject
from detente.feeds.site import Site
from detente.types import Instant

BARCELONA = Site(41 + 18 / 60 + 2.5284 / 3600, 2 + 6 / 60 + 7.4095 / 3600, 27.257)
MIDNIGHT = Instant(1_682_985_600_000_000_000)


def decoded(shared, name, site=None):
    reader = AsterixReader(MIDNIGHT, site)
    return reader.feed((shared / "data/asterix" / name).read_bytes())


def test_an_hour_of_radar_is_where_another_decoder_put_it(shared):
    import duckdb

    folder = shared / "data/asterix"
    reader = AsterixReader(MIDNIGHT, BARCELONA)
    plots, rejected = reader.feed((folder / "bcn_cat048_20230502_0800-0900.ast").read_bytes())
    assert reader.records == 44_085
    assert rejected == {Reject.NO_POSITION: 172}  # the radar carried its track on without a detection
    reference = duckdb.execute(
        "SELECT tod_s, coalesce(fl, 'nan'::DOUBLE) fl, coalesce(addr, '') addr, lat_ref, lon_ref, gs_kt FROM read_parquet(?) "
        "WHERE typ <> 'No detection' ORDER BY i",
        [str(folder / "bcn_cat048_20230502_0800-0900.decoded.parquet")],
    ).fetchnumpy()
    assert np.array_equal((plots["applicable_at_ns"] - MIDNIGHT) / 1e9, reference["tod_s"])
    addressed = reference["addr"] != ""
    assert (plots["identity"][addressed].astype("U6") == np.char.lower(reference["addr"][addressed].astype("U6"))).all()
    level = plots["altitude_pressure_m"] / 30.48
    both = ~np.isnan(level)
    assert np.allclose(level[both], reference["fl"][both])
    speed_kt = np.hypot(plots["v_east_mps"], plots["v_north_mps"]) * 3600 / 1852
    assert np.allclose(speed_kt, reference["gs_kt"])
    north_m = (np.degrees(plots["latitude_rad"]) - np.asarray(reference["lat_ref"], float)) * 111_100
    east_m = (np.degrees(plots["longitude_rad"]) - np.asarray(reference["lon_ref"], float)) * 83_500
    off_m = np.hypot(north_m, east_m)[both]
    assert np.median(off_m) < 150  # the reference is on a sphere
    assert np.max(off_m) < 500
    selected = np.rint(plots["selected_altitude_m"] / 0.3048)
    assert np.isfinite(selected).mean() > 0.85
    assert np.nanmin(selected) >= 1_000.0
    assert np.nanmax(selected) <= 45_000.0
    level_ft = np.rint(level * 100.0)
    # High up, where both are of one datum: who flies level flies at what is selected.
    flies_level = (level_ft > 20_000.0) & (level_ft % 1_000.0 == 0.0) & np.isfinite(selected)
    assert np.mean(np.abs(selected - level_ft)[flies_level] < 50.0) > 0.8


@pytest.mark.parametrize(
    ("registers", "ft"),
    [
        ([{"MB": "C6500030AA0000", "BDS1": 4, "BDS2": 0}], 36_000.0),
        ([{"MB": "801B97332004D6", "BDS1": 5, "BDS2": 0}, {"MB": "C6500030AA0000", "BDS1": 4, "BDS2": 0}], 36_000.0),
        ([{"MB": "000000310C0000", "BDS1": 4, "BDS2": 0}], np.nan),  # the panel's bit is not set
        ([{"MB": "C6500030AA0000", "BDS1": 5, "BDS2": 0}], np.nan),
        ([], np.nan),
    ],
)
def test_the_panel_is_read_from_register_4_0_only(registers, ft):
    assert _register_4_0_m(registers) / 0.3048 == pytest.approx(ft, nan_ok=True)


@pytest.mark.parametrize(
    ("selected", "ft"),
    [
        ({"SAS": 1, "Source": 2, "Alt": 8_000.0}, 8_000.0),
        ({"SAS": 0, "Source": 0, "Alt": 8_000.0}, 8_000.0),
        ({"SAS": 1, "Source": 3, "Alt": 8_000.0}, np.nan),  # of the FMS
        ({"SAS": 1, "Source": 1, "Alt": 8_000.0}, np.nan),  # the aircraft's own altitude
        (None, np.nan),
    ],
)
def test_a_selected_altitude_is_the_panel_s_or_none(selected, ft):
    assert _panel_m(selected) / 0.3048 == pytest.approx(ft, nan_ok=True)


def test_a_radar_without_a_site_gives_no_positions(shared):
    plots, rejected = decoded(shared, "croatiacontrol/cat048.raw")
    assert not len(plots)
    assert rejected == {Reject.NO_POSITION: 1}


def test_an_adsb_report_and_a_system_track_are_plots(shared):
    (plot,), _ = decoded(shared, "jasterix_records/cat021ed2.1.bin")
    assert plot["identity"] == b"1a4b65"
    assert plot["callsign"] == b"EZS14ZH"
    assert plot["squawk"] == 0o7106
    assert np.degrees(plot["latitude_rad"]) == pytest.approx(46.844201)
    assert plot["altitude_pressure_m"] == pytest.approx(10_668.0)
    assert plot["altitude_ellipsoid_m"] == pytest.approx(34_750 * 0.3048)
    (plot,), _ = decoded(shared, "jasterix_records/cat062ed1.12.bin")
    assert plot["identity"] == b"663ca6"
    assert plot["v_east_mps"] == pytest.approx(207.5)
    assert plot["selected_altitude_m"] == pytest.approx(10_668.0)
    (plot,), _ = decoded(shared, "jasterix_records/cat062ed1.16.bin")
    assert plot["identity"] == b"~0-5-5533"


def test_records_of_an_unknown_edition_are_refused_not_displayed(shared):
    for name, records in (("cat021ed0.26.bin", 2), ("cat048ed1.23.bin", 1)):
        plots, rejected = decoded(shared, f"jasterix_records/{name}", BARCELONA)
        assert not len(plots)
        assert rejected == {Reject.MALFORMED: records}


def test_service_messages_are_no_plots_and_no_faults_and_old_categories_are_counted(shared):
    assert not decoded(shared, "croatiacontrol/cat034.raw")[1]
    assert decoded(shared, "jasterix_records/cat001ed1.1.bin")[1] == {Reject.MALFORMED: 1}
    plots, rejected = decoded(shared, "croatiacontrol/cat062cat065.raw")
    assert len(plots) == 2
    assert not rejected


def test_midnight_turns_the_day(shared):
    block = (shared / "data/asterix/croatiacontrol/cat048.raw").read_bytes()
    at = block.index((27354 * 128 + 77).to_bytes(3, "big"))
    early = block[:at] + (10 * 128).to_bytes(3, "big") + block[at + 3 :]
    late = block[:at] + (86_390 * 128).to_bytes(3, "big") + block[at + 3 :]
    plots, _ = AsterixReader(MIDNIGHT, BARCELONA).feed(late + early)
    assert np.diff(plots["applicable_at_ns"]).tolist() == [20_000_000_000]


def test_a_block_cut_short_ends_the_reading_and_is_counted(shared):
    block = (shared / "data/asterix/croatiacontrol/cat048.raw").read_bytes()
    plots, rejected = AsterixReader(MIDNIGHT, BARCELONA).feed(block + block[:-5])
    assert len(plots) == 1
    assert rejected == {Reject.MALFORMED: 1}


@given(st.binary(max_size=80), st.sampled_from([21, 48, 62, 34, 200]))
def test_no_bytes_make_it_raise(body, category):
    reader = AsterixReader(MIDNIGHT, BARCELONA)
    reader.feed(body)
    reader.feed(bytes([category]) + (len(body) + 3).to_bytes(2, "big") + body)


def test_a_plot_overhead_is_at_the_radar():
    assert distance_m((41.3, 2.1), (41.3, 2.1)) == 0.0
