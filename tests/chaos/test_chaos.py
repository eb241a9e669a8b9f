"""A minute of the fault harness: two real nodes, a line that is cut, one kill, failing syscalls. `make chaos` does more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "tools"))

from chaos.disk import flip_bits
from chaos.judge import judge, token
from chaos.line import Line
from chaos.night import Night
from chaos.node import free_ports
from chaos.report import Findings
from chaos.victim import LOG

from chaos import syscalls
from detente.node.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def paths(monkeypatch):
    """The processes that are started find the sources of this tree."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT / "tools")]))


def test_cuts_and_a_kill_lose_nothing_double_nothing_and_a_flash_comes_soon_after(tmp_path):
    async def night():
        async with Night.opened(tmp_path) as run:
            run.talk()
            tallies = [await run.cuts(5), await run.kills(2)]
            before = run.acknowledged
            await run.until(lambda: is_more(run, before), "no desk acknowledges anything after a kill")
            return tallies, await run.settled(), len(run.recorded)

    async def is_more(run, before):
        return run.acknowledged > before

    (cuts, kills), verdict, recorded = asyncio.run(night())
    assert not cuts.broken + kills.broken
    assert (cuts.done, kills.done) == (5, 2)
    assert max(cuts.flash_heard_s) < 10.0  # two seconds is the promise; a shared machine is given more
    assert recorded > 6
    assert verdict.said >= recorded
    assert verdict.holds, verdict
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- chaos: begin -->\nlast night\n<!-- chaos: end -->\nafter\n")
    Findings("python -m chaos", "today", tallies={"cut": cuts}, verdict=verdict, acknowledged=7).write(page)
    assert "| cut | 5 |" in page.read_text()
    assert "lost 0, doubled 0" in page.read_text()
    assert "acknowledged at the desk that they came to | 7 |" in page.read_text()
    assert "last night" not in page.read_text()
    assert page.read_text().endswith("after\n")


@pytest.mark.parametrize("what", ["append", "mirror"])
def test_a_write_or_sync_that_fails_is_refused_or_survived_and_never_half_told(tmp_path, what):
    why = asyncio.run(syscalls.why_not())
    if why:
        pytest.skip(why)
    found = asyncio.run(syscalls.record_faults(tmp_path, what, every=24))
    assert found.faults >= 9
    assert not found.broken
    assert found.refused
    assert found.killed


def test_the_judge_sees_what_is_lost_doubled_and_out_of_order(tmp_path):
    """Write two records that differ as they never should, and look that each difference is named."""
    a, b = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    command = [sys.executable, "-m", "chaos.victim", "append"]
    for path in (a, b):
        SqliteStore(path, create=True).close()
        subprocess.run([*command, str(path), "3"], check=True, capture_output=True)
    whole = judge(a, b, set())
    assert not whole.lost + whole.doubled + whole.out_of_order + whole.roots_differ
    assert whole.holds
    subprocess.run([*command, str(b), "1"], check=True, capture_output=True)
    store = SqliteStore(a)
    for seq, n in ((0, 5), (1, 4), (2, 4)):
        store.put_body(LOG, seq, bytes(16), f"says {token('alfa', n)}".encode())
    store.close()
    differs = judge(a, b, {token("alfa", 9), token("alfa", 5)})
    assert differs.lost == [token("alfa", 5), token("alfa", 9)]
    assert differs.doubled == [token("alfa", 4)]
    assert len(differs.out_of_order) == 1
    assert len(differs.roots_differ) == 1
    assert not differs.holds


def test_no_turned_bit_of_a_stopped_record_is_read_as_if_it_were_true(tmp_path):
    record = tmp_path / "record.sqlite"
    SqliteStore(record, create=True).close()
    command = [sys.executable, "-m", "chaos.victim", "mirror", str(record), "20"]
    subprocess.run(command, check=True, capture_output=True)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = flip_bits(record, scratch, 60)
    assert found.flips == 60
    assert found.found_by_hash + found.refused_to_start + found.found_by_peer > 10
    assert found.served_altered == 0
    shutil.rmtree(scratch)


def test_the_line_cuts_throttles_and_swallows():
    async def through(hurt):
        line, (port, to_port) = Line(), free_ports(2)

        async def echo(reader, writer):
            with contextlib.suppress(ConnectionError):
                while got := await reader.read(4096):
                    writer.write(got)
            writer.transport.abort()

        async with await asyncio.start_server(echo, "127.0.0.1", to_port), line.relay(port, to_port, forward=True):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            hurt(line)
            begun = time.monotonic()
            writer.write(bytes(8_000))
            try:
                async with asyncio.timeout(2.0):
                    came = len(await reader.readexactly(8_000))
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
                came = 0
            writer.transport.abort()
            await asyncio.sleep(0.1)
            return came, time.monotonic() - begun

    def narrow(line):
        line.bytes_per_s = 16_000

    def swallow(line):
        line.is_black_hole = True

    came, quick_s = asyncio.run(through(lambda line: None))
    assert came == 8_000
    came, slow_s = asyncio.run(through(narrow))
    assert came == 8_000
    assert slow_s > 0.7 > quick_s
    assert asyncio.run(through(swallow))[0] == 0
    assert asyncio.run(through(Line.cut))[0] == 0
