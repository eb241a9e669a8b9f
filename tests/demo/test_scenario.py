"""The scenario files, what is refused in one, and what each sensor then sees."""

from __future__ import annotations

import zlib
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.demo.reconstruction import account, reconstruction
from detente.demo.scenario import (
    SHIPPED,
    Act,
    AlertIs,
    Box,
    Play,
    RecordsEqual,
    Sensor,
    SetPolicy,
    Share,
    Traffic,
    read_scenario,
    scenario_named,
)
from detente.demo.staging import declared_by, seen_by, shifted, staged, turn_of
from detente.detect.zone import read_zones
from detente.errors import ConfigError
from detente.feeds.plot import empty_plots
from detente.release.policy import parse_policy
from detente.types import NS_PER_S, instant_of_iso

START = instant_of_iso("2026-11-22T12:00:00Z")
TINY = """
name = "tiny"
title = "Two parties"
summary = "…"
labels = []
[clock]
lasts_s = 60
[[view]]
name = "here"
title = "Here"
latitude_deg = 1.0
longitude_deg = 2.0
range_nm = 30
[[party]]
id = "a"
name = "A"
node = "a.demo/detente"
view = "here"
policy = "none.toml"
[[party]]
id = "b"
name = "B"
node = "b.demo/detente"
view = "here"
policy = "none.toml"
[[step]]
n = 1
name = "Nothing happens"
at_s = 1
[[step.do]]
do = "cut_link"
a = "a"
b = "b"
[[step.expect]]
within_s = 5
that = { is = "link", a = "a", b = "b", state = ["DOWN"] }
"""


@pytest.fixture
def written(tmp_path):
    """Write a scenario beside an empty policy; returns its path."""
    (tmp_path / "none.toml").write_text('name = "nothing"\n')

    def write(text):
        path = tmp_path / "tiny.toml"
        path.write_text(text)
        return path

    return write


def plots_at(identities, latitude_deg=0.0, longitude_deg=0.0, at_ns=0):
    plots = empty_plots(len(identities))
    plots["identity"] = [identity.encode() for identity in identities]
    plots["latitude_rad"] = np.radians(latitude_deg)
    plots["longitude_rad"] = np.radians(longitude_deg)
    plots["applicable_at_ns"] = at_ns
    return plots


@pytest.fixture(scope="module")
def paris():
    """Identities and places of the shipped Paris recording, read with DuckDB alone."""
    path = SHIPPED.parent / "data/traffic/paris_tma_20211007_1200-1400Z.parquet"
    columns = duckdb.sql(
        f"select icao24, latitude, longitude, epoch_ns(timestamp) as at_ns from '{path}' where latitude is not null"
    ).fetchnumpy()
    plots = plots_at(list(columns["icao24"].astype(str)), columns["latitude"], columns["longitude"], columns["at_ns"])
    return plots[np.argsort(plots["applicable_at_ns"], kind="stable")]


@pytest.mark.parametrize("name", ["border", "august-2016"])
def test_each_shipped_scenario_reads_and_its_files_exist(name):
    scenario = scenario_named(name)
    assert scenario.name == name
    assert all(scenario.file(party.policy).is_file() for party in scenario.party)


def test_the_border_scenario_is_the_script_of_twelve_steps_and_all_are_built():
    scenario = scenario_named("border")
    assert [party.id for party in scenario.party] == ["alfa", "bravo", "charlie"]
    assert [step.n for step in scenario.step] == list(range(1, 13))
    assert scenario.not_built_yet() == []


def words_of(value):
    """Every text that people read in an act: not its name, keys, references, times."""
    match value:
        case dict():
            read = ("title", "words", "text", "place", "note", "reason", "observer", "speaker", "outlet", "said_by")
            own = [one for key, one in value.items() if key in read]
            return own + [text for one in value.values() for text in words_of(one)]
        case list():
            return [text for one in value for text in words_of(one)]
        case _:
            return []


def test_everything_said_at_a_table_of_the_border_scenario_says_that_it_is_synthetic():
    scenario = scenario_named("border")
    acts = [action.act for step in scenario.step for action in step.do if isinstance(action, Act)]
    said = [text for act in acts for text in words_of(act)]
    assert len(said) > 20
    assert all(text.startswith("SYNTHETIC") for text in said)
    assert all(charter.title.startswith("SYNTHETIC") for charter in scenario.charters().values())


def test_the_august_scenario_has_its_fifteen_steps_and_all_are_built():
    scenario = scenario_named("august-2016")
    assert [step.n for step in scenario.step] == list(range(1, 16))
    assert scenario.not_built_yet() == []


def test_in_the_august_scenario_what_a_party_is_made_to_say_is_synthetic_or_says_who_said_it():
    acts = [action.act for step in scenario_named("august-2016").step for action in step.do if isinstance(action, Act)]
    attributed = {"ledger.statement", "ceasefire.claim", "ledger.conduct", "decision.summit"}
    spoken = [act for act in acts if act["act"] not in attributed and "The news item" not in act.get("title", "")]
    assert len(spoken) > 20
    for act in spoken:
        assert not words_of(act) or any("SYNTHETIC" in text for text in words_of(act)), act
    for act in acts:
        if act["act"] == "ceasefire.claim":
            assert act["words"].startswith("As said by O. Shahbandar"), act
        if act["act"] == "ledger.statement":
            assert act["speaker"], act


def test_the_delegations_of_the_august_scenario_have_three_seats_each_and_the_russian_ones_are_marked_assumed():
    step = scenario_named("august-2016").step[0]
    taken = [
        action for action in step.do if isinstance(action, Act) and action.refused is None and action.table == "line"
    ]
    for party in ("turkiye", "russia"):
        assert [a.role for a in taken if a.party == party] == ["military", "intelligence", "foreign_service"]
    assert all("assumed" in action.act["words"] for action in taken if action.party == "russia")
    assert [action.refused for action in step.do if action.role == "minister"] == ["wrong_seat"]


@pytest.mark.parametrize("name", ["border", "august-2016"])
def test_at_the_chosen_speed_a_headless_run_takes_a_minute_at_most(name):
    clock = scenario_named(name).clock
    assert clock.lasts_s / clock.headless_speed <= 60.0


@pytest.mark.parametrize("name", ["border", "august-2016"])
def test_every_expectation_can_be_judged_before_the_end(name):
    scenario = scenario_named(name)
    for step in scenario.step:
        for expected in step.expect:
            assert step.at_s + expected.within_s <= scenario.clock.lasts_s


@pytest.mark.parametrize("name", ["border", "august-2016"])
def test_every_track_of_a_scenario_ends_before_the_next_playing_begins(name):
    plays = [(at_s, action) for at_s, _, action in scenario_named(name).timeline() if isinstance(action, Play)]
    seen = {}
    for at_s, play in plays:
        plots, _ = staged(play, START)
        ends_s = at_s + (plots["applicable_at_ns"][-1] - START) / NS_PER_S
        for party in play.seen_by:
            assert seen.get(party, -1.0) < at_s
            seen[party] = ends_s


def test_in_the_border_scenario_nothing_is_released_until_the_second_step():
    scenario = scenario_named("border")
    assert {party.policy for party in scenario.party[:2]} == {"policies/nothing.toml"}
    changes = [(at_s, step.n, a.party) for at_s, step, a in scenario.timeline() if isinstance(a, SetPolicy)]
    assert changes == [(100.0, 2, "alfa"), (100.0, 2, "bravo")]


def test_shipped_policies_are_what_the_release_package_reads():
    names = {path.stem: parse_policy(path.read_bytes(), path.name) for path in SHIPPED.glob("policies/*.toml")}
    assert names["nothing"].rule == []
    assert {"alfa", "bravo", "charlie", "nothing"} <= set(names)


def test_shipped_lines_are_what_the_zone_reader_reads_at_ten_metres():
    for file, party in (("alfa_line", "alfa"), ("turkiye_line", "turkiye")):
        (zone,) = read_zones((SHIPPED.parent / f"data/odbl/{file}.geojson").read_bytes())
        assert (zone.asserted_by, zone.exempt, zone.resolution_m, len(zone.rings)) == (party, (party,), 10.0, 1)
        assert len(zone.rings[0]) > 1000


# --- the border scenario's traffic ---------------------------------------------------------------------------------


def test_no_aircraft_is_declared_by_two_parties_and_some_by_nobody(paris):
    alfa, bravo, _ = scenario_named("border").party
    ours, theirs = (set(declared_by(party.sensor[0], seen_by(party.sensor[0], paris))) for party in (alfa, bravo))
    everybody = {bytes(identity).decode() for identity in np.unique(paris["identity"])}
    assert not ours & theirs
    assert len(ours) > 40
    assert len(theirs) > 30
    assert 10 < len(everybody - ours - theirs) < 60


def test_the_pair_of_the_predicted_conflict_is_declared_by_one_party_each_and_seen_by_both(paris):
    scenario = scenario_named("border")
    alfa, bravo, _ = scenario.party
    window = turn_of(scenario.traffic[0], paris, START)
    at = START + 224 * NS_PER_S  # 12:17:14 of the recording
    then = window[np.abs(window["applicable_at_ns"] - at) <= 2 * NS_PER_S]
    for party in (alfa, bravo):
        assert {b"398564", b"39856c"} <= set(seen_by(party.sensor[0], then)["identity"])
    assert "398564" in declared_by(alfa.sensor[0], paris)  # AFR9455
    assert "39856c" in declared_by(bravo.sensor[0], paris)  # AFR16NN


def test_at_one_time_both_see_some_aircraft_and_each_some_that_the_other_does_not(paris):
    alfa, bravo, _ = scenario_named("border").party
    begins = instant_of_iso("2021-10-07T12:13:30Z")
    minute = paris[(paris["applicable_at_ns"] >= begins) & (paris["applicable_at_ns"] < begins + 600 * NS_PER_S)]
    in_time = [minute[minute["applicable_at_ns"] == begins + s * NS_PER_S] for s in range(0, 600, 60)]
    ours, theirs = ([set(seen_by(p.sensor[0], now)["identity"]) for now in in_time] for p in (alfa, bravo))
    assert all(a & b for a, b in zip(ours, theirs, strict=True))
    assert all(a - b for a, b in zip(ours, theirs, strict=True))
    assert any(b - a for a, b in zip(ours, theirs, strict=True))


# --- time and sensors ----------------------------------------------------------------------------------------------


@given(st.integers(-(10**18), 10**18))
def test_moving_in_time_moves_nothing_in_space(by_ns):
    plots = reconstruction("TR", 200.0)
    moved = shifted(plots, by_ns)
    assert (moved["applicable_at_ns"] - plots["applicable_at_ns"] == by_ns).all()
    for field in ("latitude_rad", "longitude_rad", "altitude_pressure_m", "v_east_mps"):
        assert (moved[field] == plots[field]).all()


def test_a_recording_begins_at_the_start_and_its_second_turn_after_the_pause():
    traffic = Traffic(
        name="t", label="t", recording="-", from_="2021-01-01T00:00:10Z", until="2021-01-01T00:00:20Z", pause_s=5.0
    )
    plots = plots_at(["abc123"] * 31)
    plots["applicable_at_ns"] = instant_of_iso("2021-01-01T00:00:00Z") + np.arange(31) * NS_PER_S
    first, second = (turn_of(traffic, plots, START, turn)["applicable_at_ns"] for turn in (0, 1))
    assert list(first) == [START + k * NS_PER_S for k in range(11)]
    assert second[0] == START + 15 * NS_PER_S


def test_a_playing_puts_the_crossing_where_the_step_says():
    play = Play(version="TR", speed_mps=125.0, aircraft=[2], from_s=-60.0, run=1, seen_by=["alfa"])
    plots, event_at = staged(play, START)
    assert event_at == START + 60 * NS_PER_S
    assert plots["applicable_at_ns"][0] == START
    assert set(plots["callsign"]) == {b"RECON2"}
    whole = reconstruction("TR", 125.0)
    crossing = whole[(whole["callsign"] == b"RECON2")][420]
    here = plots[plots["applicable_at_ns"] == event_at][0]
    assert here["latitude_rad"] == crossing["latitude_rad"]
    assert account("TR", 125.0).crossings_at[2] == crossing["applicable_at_ns"]


@given(st.integers(1, 64), st.sets(st.text("0123456789abcdef", min_size=6, max_size=6), min_size=1, max_size=40))
def test_the_parts_of_a_share_divide_all_aircraft_between_them(of, identities):
    plots = plots_at(sorted(identities))
    parts = [declared_by(Sensor(feed="f", traffic="t", declares=Share(of=of, parts=[p])), plots) for p in range(of)]
    assert sorted(one for part in parts for one in part) == sorted(identities)
    for p, part in enumerate(parts):
        assert all(zlib.crc32(one.encode()) % of == p for one in part)


def test_a_sensor_without_a_share_declares_nothing_and_one_without_an_area_sees_all():
    sensor = Sensor(feed="f", traffic="t")
    plots = plots_at(["abc123", "def456"])
    assert declared_by(sensor, plots) == []
    assert len(seen_by(sensor, plots)) == 2
    boxed = Sensor(feed="f", traffic="t", area=Box(south_deg=1.0, west_deg=1.0, north_deg=2.0, east_deg=2.0))
    assert len(seen_by(boxed, plots)) == 0
    assert len(seen_by(boxed, plots_at(["abc123"], 1.5, 1.5))) == 1


# --- what is refused -----------------------------------------------------------------------------------------------


def test_a_small_scenario_reads(written):
    scenario = read_scenario(written(TINY))
    assert scenario.timeline()[0][0] == 1.0
    assert scenario_named(str(Path(scenario.folder) / "tiny.toml")) == scenario


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "a"', 'id = "a"\ncolour = 1', r"unknown field `colour` - at `\$\.party\[0\]`"),
        ("lasts_s = 60", 'lasts_s = 60\n[folder]\nx = "y"', r"Expected `str`, got `object` - at `\$\.folder`"),
        ('name = "tiny"', 'name = "tiny"\nfolder = "/"', "unknown field `folder`"),
        ("lasts_s = 60", "lasts_s = -1", r"at `\$\.clock\.lasts_s`"),
        ("lasts_s = 60", "lasts_s = 0.5", "clock.lasts_s: an action is due at 1 s"),
        ("lasts_s = 60", "lasts_s = 60\nrepeat_from_step = 4", "repeat_from_step: no built step 4"),
        (
            'view = "here"\npolicy = "none.toml"\n[[step]]',
            'view = "there"\npolicy = "none.toml"\n[[step]]',
            "no view 'there'",
        ),
        ('policy = "none.toml"\n[[step]]', 'policy = "gone.toml"\n[[step]]', r"party\[1\]\.policy: no file"),
        ('id = "b"', 'id = "a"', "'a' is named twice"),
        ('a = "a"\nb = "b"', 'a = "a"\nb = "c"', r"step\[0\]\.do\[0\]\.b: no party 'c'"),
        ('state = ["DOWN"]', 'state = ["ASLEEP"]', "Invalid enum value 'ASLEEP'"),
        ('that = { is = "link", a = "a",', 'that = { is = "link", a = "x",', r"expect\[0\]\.that\.a: no party 'x'"),
        ('do = "cut_link"', 'do = "fire"', "Invalid value 'fire'"),
        ("at_s = 1", "built = false", "a built step has one|not built does"),
        ("at_s = 1", "", "a built step has one"),
        ("[[step.expect]]", "[[step.hope]]", "unknown field `hope`"),
        ("n = 1", "n = 0", r"at `\$\.step\[0\]\.n`"),
        ("title = ", "title ", "not TOML"),
    ],
)
def test_a_scenario_that_does_not_fit_is_refused_with_the_place(written, old, new, said):
    assert old in TINY
    with pytest.raises(ConfigError, match=said) as refused:
        read_scenario(written(TINY.replace(old, new, 1)))
    assert "\n" not in str(refused.value)


def test_an_action_that_waits_says_how_long(written):
    waits = TINY.replace('do = "cut_link"', 'do = "cut_link"\nwhen = { is = "records_equal", a = "a", b = "b" }')
    with pytest.raises(ConfigError, match=r"do\[0\]\.within_s"):
        read_scenario(written(waits))
    scenario = read_scenario(written(waits.replace('do = "cut_link"', 'do = "cut_link"\nwithin_s = 3')))
    assert scenario.step[0].do[0].when == RecordsEqual(a="a", b="b")


def test_a_reconstruction_is_not_played_twice_under_one_identity(written):
    play = '[[step.do]]\ndo = "play"\nversion = "TR"\nspeed_mps = 125\nrun = 1\nseen_by = ["a"]\n'
    with pytest.raises(ConfigError, match="was played before"):
        read_scenario(written(TINY + play + play))


def test_traffic_is_checked_too(written):
    bad = '\n[[traffic]]\nname = "t"\nlabel = "t"\nrecording = "gone.csv"\nfrom = "2021-01-01T00:00:00"\nuntil = "x"\n'
    with pytest.raises(ConfigError, match=r"traffic\[0\]"):
        read_scenario(written(TINY + bad))


@pytest.mark.parametrize("name", ["nowhere", "../border", "/dev/null", ""])
def test_a_scenario_that_does_not_exist_is_refused(name):
    with pytest.raises(ConfigError):
        scenario_named(name)


CHARTER = 'table = "talks"\ntitle = "Talks"\nmembers = ["a", "b"]\nagreement = "We talk."\n'
AT_TABLE = (
    TINY.replace("labels = []", 'labels = []\ntables = ["talks.toml"]')
    + """
[[step.do]]
do = "act"
party = "a"
role = "foreign_service"
table = "talks"
act = { act = "proposal.withdraw", proposal = "$proposals[0].proposal", reason = "x" }
[[step.do]]
do = "act"
party = "b"
role = "foreign_service"
table = "talks"
act = { act = "ledger.statement", speaker = "x", said_ms = "-30s", words = "x" }
[[step.expect]]
within_s = 5
that = { is = "table", party = "b", table = "talks", at = "proposals[0].state", equals = "withdrawn" }
"""
)


@pytest.fixture
def with_table(written, tmp_path):
    def write(text, charter=CHARTER):
        (tmp_path / "talks.toml").write_text(charter)
        return written(text)

    return write


def test_a_scenario_with_a_table_reads(with_table):
    scenario = read_scenario(with_table(AT_TABLE))
    assert scenario.charters()["talks.toml"].parties == ("a", "b")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tables = ["talks.toml"]', 'tables = ["gone.toml"]', r"tables\[0\]: gone.toml: No such file"),
        ('table = "talks"', 'table = "walks"', r"step\[0\]\.do\[1\]\.table: a sits at no table 'walks'"),
        ('reason = "x"', 'cause = "x"', r"step\[0\]\.do\[1\]\.act: Object contains unknown field `cause`"),
        ('reason = "x"', 'reason = ""', r"do\[1\]\.act: Expected `str` of length >= 1 - at `\$\.reason`"),
        ("$proposals[0].proposal", "$proposals[0].name", r"do\[1\]\.act: .* nothing at a table is found by name"),
        ("$proposals[0].proposal", "$proposals[", r"do\[1\]\.act: 'proposals\[' cannot be read from '\[' on"),
        ('said_ms = "-30s"', 'said_ms = "lately"', "do\\[2\\]\\.act: said_ms: 'lately' is neither"),
        ('at = "proposals[0].state"', 'at = "proposals.state"', r"expect\[1\]\.that\.at: .* found by state"),
        ('equals = "withdrawn"', 'is_so = "withdrawn"', r"unknown field `is_so` - at `\$\.step\[0\]\.expect\[1\]"),
    ],
)
def test_what_does_not_fit_at_a_table_is_refused_with_the_place(with_table, old, new, said):
    assert old in AT_TABLE
    with pytest.raises(ConfigError, match=said) as refused:
        read_scenario(with_table(AT_TABLE.replace(old, new, 1)))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["a", "b"]', '["b", "a"]', r"tables\[0\]: talks.toml: table talks: members stand in order"),
        ('["a", "b"]', '["a", "c"]', r"tables\[0\]: no party 'c'"),
        ("title =", "titel =", r"tables\[0\]: talks.toml: Object contains unknown field `titel`"),
    ],
)
def test_a_charter_that_does_not_fit_is_refused_with_its_file(with_table, old, new, said):
    with pytest.raises(ConfigError, match=said):
        read_scenario(with_table(AT_TABLE, CHARTER.replace(old, new)))


def test_a_condition_names_whose_half_it_means():
    last = scenario_named("border").step[2].expect[1].that
    assert isinstance(last, AlertIs)
    assert (last.party, last.half, last.by) == ("alfa", "bravo", "leader")
