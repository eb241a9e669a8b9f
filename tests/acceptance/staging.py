"""The three parties of these tests: what an engineer of each writes into files, and what their sensors play.

Alfa and Bravo first, then Charlie, who comes by configuration alone. Times are short so that a ladder is seen in a
minute; everything else is as shipped.
"""

from __future__ import annotations

import cmath
from pathlib import Path

from acceptance.nodes import Node, command
from conftest import ROOT
from detente.demo.reconstruction import account, recording_csv
from detente.node.recordings import open_recording
from detente.types import NS_PER_S, Instant, instant_of_iso, iso_utc
from detente.units import M_PER_FT, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

DATA = ROOT / "src/detente/demo/data"
OURS = {"alfa": "ALF", "bravo": "BRV", "charlie": "CHA"}
"""By which callsigns each party says "this one is mine"."""

NODE = """
[node]
party = "{party}"
name = "{name}"
node = "{party}.example/detente"

[listen]
console = "127.0.0.1:{console}"
link = "127.0.0.1:{link}"
hosts = ["{party}.localhost:{console}"]

[accounts]
kind = "demo"

[link]
line_test_s = 10.0

[escalation]
conflict_after_s = [0.0, 20.0, 40.0]
hotline_after_s = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]

[detection]
profile = "terminal"
zones = {zones}

[release]
policy = "release.toml"

[declared]
callsigns = {ours}

[coordination]
tables = {tables}
"""

PEER = """
[[peer]]
party = "{party}"
name = "{name}"
node = "{party}.example/detente"
link = "127.0.0.1:{link}"
"""

SENSOR = """
[[feed]]
kind = "sbs"
name = "radar"
address = "127.0.0.1:{port}"
"""

RECORDING = """
[[feed]]
kind = "recording"
name = "{name}"
path = "{name}.csv"
"""

POLICY = """
name = "our own flights"
default = "withhold"

[[rule]]
name = "our declared flights"
effect = "release"
to = {to}
when = {{ declared_by = "own" }}
give = {{ fields = ["position", "altitude", "velocity", "callsign", "identity", "declaration"] }}
"""

CHARTER = """
table = "{table}"
title = "{title}"
members = {members}
agreement = "We tell each other what we see and what we plan, and say so when we do not."
topic = "{topic}"
governs_picture = {governs}
"""


def charters(folder: Path) -> dict[str, Path]:
    """Write the charter of each table once; every member is given the same file."""
    made = {}
    for table, title, members, topic, governs in (
        ("line", "The line", ["alfa", "bravo"], "safety of flight", "true"),
        ("politics", "Talks of the capitals", ["alfa", "bravo"], "politics", "false"),
        ("three", "Reports of the three", ["alfa", "bravo", "charlie"], "reports", "false"),
    ):
        made[table] = folder / f"{table}.toml"
        made[table].write_text(
            CHARTER.format(table=table, title=title, members=quoted(members), topic=topic, governs=governs)
        )
    return made


def configure(node: Node, peers: list[Node], tables: list[Path], recordings: tuple[str, ...] = ()) -> None:
    """Write the files of *node* as its engineer does, and have them checked."""
    party = node.party
    zones = [] if party == "bravo" else [str(DATA / "odbl/alfa_line.geojson")]
    ours = [OURS[party], *(["RECON", "AFR"] if party == "charlie" else [])]
    text = NODE.format(
        party=party,
        name=party.title(),
        console=node.console_port,
        link=node.link_port,
        zones=quoted(zones),
        ours=quoted(ours),
        tables=quoted([str(table) for table in tables]),
    )
    text += "".join(PEER.format(party=p.party, name=p.party.title(), link=p.link_port) for p in peers)
    text += SENSOR.format(port=node.sensor.port)
    text += "".join(RECORDING.format(name=name) for name in recordings)
    (node.folder / "release.toml").write_text(POLICY.format(to=quoted([p.party for p in peers])))
    node.configure(text)
    command("check-config", str(node.folder / "detente.toml"))


def start(*nodes: Node) -> None:
    """Start *nodes* and wait until every link that is configured among them is up."""
    for node in nodes:
        node.start()
    for node in nodes:
        node.until_up()


def reconstruction(path: Path, before_s: float, after_s: float) -> Instant:
    """Write the last seconds of the Turkish version, aircraft 2; returns when it crosses, in the recording's time."""
    crossing = account("TR", 125.0).crossings_at[2]
    header, *rows = recording_csv("TR", 125.0).splitlines()
    first, last = crossing - before_s * NS_PER_S, crossing + after_s * NS_PER_S
    kept = [row for row in rows if ",RECON2," in row and first <= instant_of_iso(row.split(",")[0]) <= last]
    path.write_text("\n".join([header, *kept]) + "\n")
    return crossing


def two_airliners(path: Path) -> None:
    """Write two aircraft of the shipped recording of Paris as they near each other on parallel approaches."""
    plots = open_recording(DATA / "traffic/paris_tma_20211007_1200-1400Z.parquet").plots
    at = plots["applicable_at_ns"]
    first, last = (instant_of_iso(f"2021-10-07T12:{minute}Z") for minute in ("16:50", "18:20"))
    chosen = plots[
        ((plots["callsign"] == b"AFR9455") | (plots["callsign"] == b"AFR16NN")) & (at >= first) & (at <= last)
    ]
    rows = ["timestamp,icao24,callsign,latitude,longitude,altitude,groundspeed,track,vertical_rate"]
    for plot in chosen:
        v_east, v_north = float(plot["v_east_mps"]), float(plot["v_north_mps"])
        speed, course = abs(complex(v_north, v_east)), degrees_of(complex(v_north, v_east))
        where = f"{plot['latitude_rad'] / RAD_PER_DEG:.8f},{plot['longitude_rad'] / RAD_PER_DEG:.8f}"
        how = f"{plot['altitude_pressure_m'] / M_PER_FT:.1f},{speed / MPS_PER_KT:.2f},{course:.3f}"
        name = f"{plot['identity'].decode()},{plot['callsign'].decode()}"
        when = iso_utc(Instant(int(plot["applicable_at_ns"])))
        rows.append(f"{when},{name},{where},{how},{plot['v_up_mps'] / MPS_PER_FPM:.1f}")
    path.write_text("\n".join(rows) + "\n")


def degrees_of(north_east: complex) -> float:
    return float(cmath.phase(north_east) / RAD_PER_DEG) % 360.0


def quoted(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
