"""The reconstruction through tracker, detector and alerts: the Turkish version is warned in time, the Russian is near."""

from __future__ import annotations

import pytest

from detente.alerts.alert import Happening, Kind
from detente.alerts.life import AlertBook
from detente.demo.reconstruction import FASTEST_MPS, SLOWEST_MPS, recording_csv
from detente.demo.scenario import SHIPPED, Play
from detente.demo.staging import staged
from detente.detect.detector import Detector
from detente.detect.profile import profile_named
from detente.detect.zone import read_zones
from detente.node.recordings import open_recording
from detente.picture.tracker import Tracker
from detente.surveillance import Surveillance
from detente.types import NS_PER_S, Instant, PartyId, instant_of_iso

START = instant_of_iso("2026-11-22T12:00:00Z")
LINE = read_zones((SHIPPED.parent / "data/odbl/alfa_line.geojson").read_bytes())


def raised(version, speed_mps, profile_name):
    """Every alert raised, as its kind and the seconds to the event, with a pass of the detector each 2 s."""
    play = Play(version=version, speed_mps=speed_mps, aircraft=(2,), run=1, seen_by=[])
    plots, event_at = staged(play, START)
    profile = profile_named(profile_name)
    watch = Surveillance(Tracker(64), Detector(profile, LINE, (PartyId("alfa"),)), AlertBook(profile))
    found = []
    stamps = plots["applicable_at_ns"]
    for now in range(START, int(stamps[-1]) + 1, 2 * NS_PER_S):
        watch.take(0, 0, plots[(stamps > now - 2 * NS_PER_S) & (stamps <= now)], Instant(now))
        events = [event for event in watch.tick(Instant(now)) if event.happening is Happening.RAISED]
        found += [(event.alert.kind, (event_at - now) / NS_PER_S) for event in events]
    return found


@pytest.mark.parametrize("profile", ["terminal", "en-route"])
@pytest.mark.parametrize("speed_mps", [SLOWEST_MPS, 200.0, FASTEST_MPS])
def test_the_turkish_version_is_warned_a_minute_and_more_before_it_crosses(speed_mps, profile):
    leads_s = [lead_s for kind, lead_s in raised("TR", speed_mps, profile) if kind is Kind.INCURSION]
    assert len(leads_s) == 1
    assert leads_s[0] >= 60.0


@pytest.mark.parametrize("version", ["RU", "RU_1KM"])
@pytest.mark.parametrize("speed_mps", [SLOWEST_MPS, FASTEST_MPS])
def test_the_russian_version_is_told_as_an_approach_and_never_as_an_incursion(version, speed_mps):
    kinds = [kind for kind, _ in raised(version, speed_mps, "terminal")]
    assert kinds == [Kind.APPROACH]


@pytest.mark.parametrize("version", ["TR", "RU", "RU_1KM"])
def test_the_recording_of_a_version_reads_back_and_says_what_it_is(version, tmp_path):
    text = recording_csv(version, 200.0)
    assert all(line.endswith('"') and "RECONSTRUCTION of 24 November 2015" in line for line in text.splitlines()[1:])
    path = tmp_path / "reconstruction.csv"
    path.write_text(text)
    read = open_recording(path)
    assert len(read.plots) == len(text.splitlines()) - 1
    assert not read.rejected
    assert {name[:1] for name in read.plots["identity"].tolist()} == {b"~"}
