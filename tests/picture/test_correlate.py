"""The same aircraft seen twice is shown once; two aircraft are never taken for one."""

import numpy as np
import pytest

from detente.feeds.plot import empty_plots
from detente.picture.correlate import claim_on
from detente.picture.picture import NOBODY, Mark, Reason
from detente.picture.tracker import Tracker
from detente.types import NS_PER_S, Instant
from fresh import in_a_fresh_process

M_PER_RAD = 6.371e6


def plot(second, *, identity, north_m=0.0, east_m=0.0, v_north=0.0, v_east=60.0, altitude_m=1_000.0):
    """Return one plot near 47 N 8 E."""
    one = empty_plots(1)
    one["applicable_at_ns"] = second * NS_PER_S
    one["identity"] = identity
    one["latitude_rad"] = np.radians(47.0) + (north_m + v_north * second) / M_PER_RAD
    one["longitude_rad"] = np.radians(8.0) + (east_m + v_east * second) / (M_PER_RAD * np.cos(np.radians(47.0)))
    one["v_north_mps"], one["v_east_mps"], one["v_up_mps"] = v_north, v_east, 0.0
    one["altitude_pressure_m"] = altitude_m
    return one


def watched(*aircraft, seconds=range(1, 61)):
    """Give each of *aircraft* (party, source, fields, declared_by) a plot a second; return the tracker."""
    tracker = Tracker(16)
    for second in seconds:
        now = Instant(second * NS_PER_S)
        for party, source, fields, declared in aircraft:
            given = fields(second) if callable(fields) else fields
            if given is not None:
                tracker.take(party, source, plot(second, **given), now, declared)
        tracker.tick(now)
    return tracker


def by_party(tracker):
    return {int(track["party"]): track for track in tracker.snapshot()}


def test_one_address_seen_by_both_sides_is_shown_once_and_ours_stands_for_it():
    tracker = watched(
        (1, 5, {"identity": b"4b1805", "north_m": 300.0}, 1),
        (0, 0, {"identity": b"4b1805"}, NOBODY),
        seconds=range(1, 4),
    )
    tracks = by_party(tracker)
    assert tracks[1]["flags"] & Mark.SECONDARY
    assert tracks[1]["same_as"] == tracks[0]["number"]
    assert not tracks[0]["same_as"]
    assert tracks[0]["declared_by"] == 1  # who declares the one declares the aircraft
    assert tracks[0]["not_assessed"] == Reason.NONE


def test_one_name_without_an_address_is_one_aircraft_at_once_when_near_and_two_when_far():
    near = ((0, 0, {"identity": b"~recon"}, 1), (1, 0, {"identity": b"~recon", "north_m": 40.0}, 1))
    tracks = by_party(watched(*near, seconds=range(1, 4)))
    ours, theirs = tracks[0], tracks[1]
    assert theirs["same_as"] == ours["number"]
    far = ((0, 0, {"identity": b"~1cb"}, NOBODY), (1, 0, {"identity": b"~1cb", "north_m": 90_000.0}, NOBODY))
    tracks = by_party(watched(*far))
    ours, theirs = tracks[0], tracks[1]
    assert (ours["same_as"], theirs["same_as"]) == (0, 0)
    assert (ours["not_assessed"], theirs["not_assessed"]) == (0, 0)


def test_one_address_claimed_far_away_by_a_peer_is_not_merged_and_ours_stays_assessed():
    tracker = watched((0, 0, {"identity": b"4b1805"}, NOBODY), (1, 5, {"identity": b"4b1805", "north_m": 40_000.0}, 1))
    tracks = by_party(tracker)
    assert (tracks[0]["same_as"], tracks[1]["same_as"]) == (0, 0)
    assert tracks[0]["not_assessed"] == Reason.NONE
    assert tracks[1]["not_assessed"] == Reason.DUPLICATE_ADDRESS
    assert tracks[0]["declared_by"] == NOBODY


def test_t46_how_ill_a_peer_says_it_knows_a_place_widens_its_claim_to_twice_the_gate_and_no_more():
    def claimed(north_m):
        tracker = Tracker(16)
        for second in range(1, 20):
            now = Instant(second * NS_PER_S)
            tracker.take(0, 0, plot(second, identity=b"4b1805"), now, NOBODY)
            vague = plot(second, identity=b"4b1805", north_m=north_m)
            vague["position_sigma_m"] = 50_000.0
            tracker.take(1, 5, vague, now, 1)
            tracker.tick(now)
        return by_party(tracker)[0]["declared_by"] == 1

    assert claimed(7_000.0)
    assert not claimed(8_000.0)


def test_t46_what_we_declare_ours_no_peer_claims_and_a_claim_says_how_far_it_lies_from_ours():
    theirs = (1, 5, {"identity": b"4b1805", "north_m": 300.0}, 1)
    for declared, claim in ((NOBODY, (1, 300)), (0, None)):
        tracks = watched((0, 0, {"identity": b"4b1805"}, declared), theirs, seconds=range(1, 4)).snapshot()
        number = int(tracks["number"][tracks["party"] == 0][0])
        found = claim_on(tracks, number, 1)
        assert (found and (int(tracks["party"][found[0]]), round(found[1]))) == claim
        assert claim_on(tracks, number, 2) is None


def test_of_one_aircraft_claimed_by_two_parties_both_are_known():
    tracks = watched(
        (0, 0, {"identity": b"4b1805"}, NOBODY),
        (1, 5, {"identity": b"4b1805", "north_m": 40.0}, 1),
        (2, 6, {"identity": b"4b1805", "north_m": 90.0}, 2),
        seconds=range(1, 4),
    ).snapshot()
    number = int(tracks["number"][tracks["party"] == 0][0])
    assert {party: round(claim_on(tracks, number, party)[1]) for party in (1, 2)} == {1: 40, 2: 90}
    assert int(tracks["declared_by"][tracks["party"] == 0][0]) == 1


def test_one_address_in_two_places_by_two_of_our_sensors_at_once_is_not_assessed_in_either():
    tracker = watched((0, 0, {"identity": b"4b1805"}, 0), (0, 5, {"identity": b"4b1805", "north_m": 40_000.0}, 0))
    assert tracker.snapshot()["not_assessed"].tolist() == [Reason.DUPLICATE_ADDRESS] * 2


def test_of_two_places_of_one_address_the_one_heard_first_stays_assessed():
    def later(second):
        return {"identity": b"4b1805", "north_m": 40_000.0} if second > 20 else None

    tracker = watched((0, 0, {"identity": b"4b1805"}, 0), (0, 5, later, 0))
    assert tracker.snapshot()["not_assessed"].tolist() == [Reason.NONE, Reason.DUPLICATE_ADDRESS]


def test_one_address_at_another_height_is_not_merged():
    tracker = watched(
        (0, 0, {"identity": b"4b1805"}, NOBODY), (1, 5, {"identity": b"4b1805", "altitude_m": 3_000.0}, 1)
    )
    assert by_party(tracker)[1]["same_as"] == 0


def test_when_ours_goes_stale_the_peers_is_shown_beside_it():
    def ours(second):
        return {"identity": b"4b1805"} if second < 10 else None

    tracker = watched((0, 0, ours, NOBODY), (1, 5, {"identity": b"4b1805"}, 1), seconds=range(1, 40))
    tracks = by_party(tracker)
    assert (tracks[0]["same_as"], tracks[1]["same_as"]) == (0, 0)
    assert not (tracks[0]["flags"] | tracks[1]["flags"]) & Mark.SECONDARY


def test_when_one_of_our_sensors_goes_stale_another_stands_for_it():
    def one(second):
        return {"identity": b"4b1805"} if second < 10 else None

    tracker = watched((0, 0, one, NOBODY), (0, 5, {"identity": b"4b1805"}, 0), seconds=range(1, 40))
    first, second = tracker.snapshot()
    assert first["same_as"] == second["number"]
    assert not second["same_as"]


def test_when_ours_is_dropped_the_peers_is_shown():
    def ours(second):
        return {"identity": b"4b1805"} if second < 10 else None

    tracker = watched((0, 0, ours, NOBODY), (1, 5, {"identity": b"4b1805"}, 1), seconds=range(1, 90))
    (track,) = tracker.snapshot()
    assert track["party"] == 1
    assert track["same_as"] == 0


def test_two_devices_in_one_aircraft_are_one_after_a_while_and_not_before():
    devices = ((0, 0, {"identity": b"~1cb"}, NOBODY), (0, 1, {"identity": b"~68d", "north_m": 1.0}, NOBODY))
    assert not watched(*devices, seconds=range(1, 15)).snapshot()["same_as"].any()
    assert watched(*devices).snapshot()["same_as"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("an aerotow", {"identity": b"~68d", "north_m": 60.0}),
        ("two transponders in formation", {"identity": b"4b1806", "north_m": 10.0}),
        ("one above the other", {"identity": b"~68d", "altitude_m": 1_100.0}),
        ("an unknown height", {"identity": b"~68d", "altitude_m": np.nan}),
    ],
)
def test_what_only_looks_like_one_aircraft_stays_two(name, other):
    first = b"4b1805" if "transponders" in name else b"~1cb"
    tracker = watched((0, 0, {"identity": first}, NOBODY), (0, 1, other, NOBODY), seconds=range(1, 200))
    assert not tracker.snapshot()["same_as"].any(), name


def test_aircraft_parked_side_by_side_stay_two():
    parked = ({"identity": b"~1cb", "v_east": 0.0}, {"identity": b"~68d", "v_east": 0.0, "north_m": 8.0})
    tracker = watched(*((0, n, fields, NOBODY) for n, fields in enumerate(parked)), seconds=range(1, 200))
    assert not tracker.snapshot()["same_as"].any()


@pytest.mark.parametrize("v_north", [-60.0, -10.0, -4.0])
def test_two_aircraft_in_a_near_mid_air_are_never_one(v_north):
    """They converge to nothing at 100 s and part again: at no moment may one hide the other."""
    tracker = Tracker(16)
    for second in range(1, 200):
        now = Instant(second * NS_PER_S)
        tracker.take(0, 0, plot(second, identity=b"~1cb"), now)
        tracker.take(0, 1, plot(second, identity=b"~68d", north_m=-100.0 * v_north, v_north=v_north), now)
        tracker.tick(now)
        assert not tracker.snapshot()["same_as"].any()


def test_devices_that_part_are_two_again():
    def other(second):
        return {"identity": b"~68d", "north_m": max(0.0, (second - 40) * 10.0)}

    tracker = Tracker(16)
    merged = []
    for second in range(1, 60):
        now = Instant(second * NS_PER_S)
        tracker.take(0, 0, plot(second, identity=b"~1cb"), now)
        tracker.take(0, 1, plot(second, **other(second)), now)
        tracker.tick(now)
        merged.append(bool(tracker.snapshot()["same_as"].any()))
    assert merged[35]
    assert not any(merged[44:])


WARMED = """
import sys
from detente.picture.tracker import Tracker, warm
from detente.types import NS_PER_S, Instant
from picture.test_correlate import plot
def kernels():
    return {
        f"{module.__name__}.{name}": list(kernel.signatures)
        for module in list(sys.modules.values()) if module.__name__.startswith("detente.picture")
        for name, kernel in vars(module).items() if hasattr(kernel, "signatures")
    }
warm()
compiled = kernels()
tracker = Tracker(8)
for second in range(40):
    now = Instant(second * NS_PER_S)
    tracker.take(0, 0, plot(second, identity=b"4b1805"), now)
    tracker.take(1, 1000, plot(second, identity=b"4b1805", north_m=20.0), now)
    tracker.tick(now)
print(len(compiled), kernels() == compiled)
"""


def test_once_warmed_traffic_compiles_nothing():
    kernels, are_the_same = in_a_fresh_process(WARMED, NUMBA_DISABLE_JIT="0").split()
    assert int(kernels) > 8
    assert are_the_same == "True"
