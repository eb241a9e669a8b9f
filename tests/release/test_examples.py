"""The example policies do what their comments say."""

import re
from pathlib import Path

import pytest

from detente.detect.zone import read_zones
from detente.release.lint import lint
from detente.release.policy import Area, Daily, During, Give, NearLine, Rule, SafetyOverride, When, parse_policy
from detente.release.release import UNTOLD, Releaser
from detente.types import Instant, PartyId
from release.sky import NOON, SECOND, tracks

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "policies"
PEERS = {PartyId(p): (p.encode() * 16)[:32] for p in ("alfa", "bravo", "ans")}
ZONE = read_zones((FOLDER / "line.geojson").read_bytes())[0]  # Bravo is west of about 6.7° E


def frame(name, sky, peer, now=NOON, policy=None):
    policy = policy or Releaser(parse_policy((FOLDER / f"{name}.toml").read_bytes(), name), [ZONE], PEERS)
    return policy.frame(sky, PartyId(peer), now)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda p: p.stem)
def test_an_example_is_read_and_has_no_rule_that_never_decides(path):
    policy = parse_policy(path.read_bytes(), path.name)
    assert lint(policy, list(PEERS), [ZONE.zone_id]) == []
    assert all(rule.give is not None for rule in policy.rule if rule.effect == "release")


def test_the_border_pair_shares_the_line_exactly_and_the_inland_coarsely():
    sky = tracks(
        {"lat": 46.6, "lon": 6.9, "declared_by": 0},
        {"lat": 46.8, "lon": 8.0},
        {"lat": 47.2, "lon": 8.0, "declared_by": 0},
        {"lat": 47.2, "lon": 8.0},
        {"lat": 47.2, "lon": 10.4},
        {"lat": 47.2, "lon": 10.4, "squawk": 0o7700},
    )
    sent = frame("border-pair", sky, "bravo")
    assert sorted(sent.numbers.tolist()) == [1, 6]
    assert sent.withheld == {"training": 1, "own movements": 1, "no rule releases it": 1, "the delay has not passed": 1}
    policy = Releaser(parse_policy((FOLDER / "border-pair.toml").read_bytes()), [ZONE], PEERS)
    for minute in range(11):
        sent = frame("", sky, "bravo", Instant(NOON + minute * 60 * SECOND), policy)
    assert sorted(sent.numbers.tolist()) == [1, 4, 6]
    near, _ = sent.item(1)
    inland, _ = sent.item(4)
    assert (near["callsign"], int(near["precision_m"])) == (b"THY000", 30)
    assert (inland["callsign"], int(inland["precision_m"]), int(inland["v_east_cmps"])) == (b"", 5_000, UNTOLD)
    assert frame("border-pair", sky, "alfa").released == 0


def test_civil_and_military_share_the_airspace_and_not_the_alert_flights():
    sky = tracks(
        {"lat": 46.0, "lon": 7.5, "callsign": b"QRA01"},
        {"lat": 46.8, "lon": 6.95, "declared_by": 0},
        {"lat": 46.0, "lon": 7.5, "declared_by": 0, "category": b"A7", "altitude_ft": 800},
        {"lat": 46.0, "lon": 7.5},
    )
    sent = frame("civil-military", sky, "ans")
    assert sent.numbers.tolist() == [4]
    assert sent.withheld == {"quick reaction alert": 1, "the delay has not passed": 1, "low helicopters": 1}


def test_the_aid_agency_tells_of_itself_and_of_distress_only():
    sky = tracks(
        {"lat": 48.595, "lon": 2.115, "declared_by": 0, "altitude_ft": 1_000},
        {"lat": 36.5, "declared_by": 0},
        {"lat": 36.5},
        {"lat": 36.5, "squawk": 0o7700},
    )
    for peer in ("alfa", "bravo"):
        assert sorted(frame("aid-agency", sky, peer).numbers.tolist()) == [2, 4]
    policy = Releaser(parse_policy((FOLDER / "aid-agency.toml").read_bytes()), [], PEERS)
    for minute in range(22):
        sent = frame("", sky, "alfa", Instant(NOON + minute * 60 * SECOND), policy)
    item, is_exact = sent.item(1)
    assert not is_exact
    assert int(item["precision_m"]) == 10_000


def test_each_key_of_a_rule_is_documented():
    manual = (FOLDER.parents[1] / "docs" / "operate" / "release.md").read_text()
    for part in (Rule, When, Give, Area, NearLine, Daily, During, SafetyOverride):
        for key in part.__struct_fields__:
            assert re.search(rf"\b{key}\b", manual), f"{part.__name__}.{key}"
    for text in re.findall(r"```toml\n(.*?)```", manual, re.DOTALL):
        policy = parse_policy('name = "manual"\n' + text)
        assert policy.rule or policy.safety_override
