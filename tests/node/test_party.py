"""Two whole nodes on loopback: keys that change while they run, acts that the other side witnesses, holds, repair."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from functools import partial

import apsw
import pytest

from detente.config import (
    Config,
    CoordinationConfig,
    ListenConfig,
    NodeConfig,
    PeerConfig,
    RecordConfig,
    RetentionConfig,
)
from detente.coordination.activity_acts import Declare, GivePlace
from detente.coordination.plan import Cells, Circle, Kind, Plan, PressureLevels, Volume
from detente.desk.orders import PlaceHold, SendText
from detente.engine.values import OrderGiven, PolicySet
from detente.errors import ConfigError, OrderRefused
from detente.evidence.audit import Act, check_chain
from detente.evidence.keys import origin
from detente.evidence.leaf import FIRST_PREV, Lane
from detente.evidence.note import MLDSA44, split_note
from detente.link.transitions import State
from detente.node import office, party, starting
from detente.node.clock import SystemClock
from detente.node.keyring import confirm_peer, keep_peer, load_keyring, load_peers, make_keyring
from detente.node.party import Node
from detente.node.rotation import load_root, replace_keys
from detente.node.sqlite import SqliteStore
from detente.node.starting import INDEX_KEY, Starting
from detente.release.policy import NOTHING
from detente.types import NS_PER_S, Instant, NodeName, PartyId, Role
from node.test_peers import free_port

NAMES = {"alfa": "alfa.example/detente", "bravo": "bravo.example/detente"}
ALFA, BRAVO = (NodeName(name) for name in NAMES.values())
OPS = origin(ALFA, BRAVO, Lane.OPS)
NOW = Instant(SystemClock().now() // NS_PER_S * NS_PER_S)


@pytest.fixture(autouse=True)
def _no_kernels(monkeypatch):
    monkeypatch.setattr(party, "warm", lambda: None)  # nothing flies here


class Stage:
    """Both parties' folders, keys and configurations; nodes are opened from them as often as wanted."""

    def __init__(self, folder, *, confirmed=True, **more):
        self.folder, self.more = folder, more
        self.ports = {name: (free_port(), free_port()) for name in NAMES}
        rings = {}
        for name, node in NAMES.items():
            rings[name] = make_keyring(folder / name / "keys", node, NOW, root_in=folder / name / "stick")
            SqliteStore(folder / name / "record.sqlite", create=True).close()
        for name, other in (("alfa", "bravo"), ("bravo", "alfa")):
            keep_peer(folder / name / "keys", rings[other].pairing)
            if confirmed:
                confirm_peer(folder / name / "keys", rings[other].node, rings[other].own_digits, NOW)

    def node(self, name):
        other = next(one for one in NAMES if one != name)
        console, link = self.ports[name]
        config = Config(
            node=NodeConfig(party=name, name=name.capitalize(), node=NAMES[name]),
            listen=ListenConfig(console=f"127.0.0.1:{console}", link=f"127.0.0.1:{link}"),
            peer=[PeerConfig(party=other, name=other, node=NAMES[other], link=f"127.0.0.1:{self.ports[other][1]}")],
            **{"record": RecordConfig(challenge_s=1.0), **self.more},
        )
        return Node.open(config, self.folder / name)


@contextlib.asynccontextmanager
async def running(*nodes):
    tasks = [asyncio.create_task(node.run()) for node in nodes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    for one in done:
        if isinstance(one, Exception):
            raise one


async def until(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def session(node):
    return next(iter(node.engine._sessions.values()))


def is_up(*nodes):
    return lambda: all(session(node).state in {State.UP, State.DEGRADED} for node in nodes)


async def say(node, to, text):
    order = SendText(to=to, line="watch", precedence="P", text=text)
    return await node.inbox.ask(OrderGiven(order, Role.OPERATOR))


def texts(node):
    return {row.text for row in node.engine.subjects.hotline.rows()}


def faults(node):
    return "\n".join(node.engine.board(Role.OPERATOR, node.clock.now()).faults)


def acts_of(folder, keys):
    """The entries of a stopped node's log of acts, checked."""
    store = SqliteStore(folder / "audit.sqlite", read_only=True)
    try:
        (log,) = store.sizes()
        leaves = [entry.leaf for entry in store.read(log, 0, 99_999)]
    finally:
        store.close()
    return check_chain(leaves, 0, FIRST_PREV, log, keys)


def test_t28_keys_are_replaced_while_both_run_and_the_log_goes_on_under_the_new_ones(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        before = alfa.keyring
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "under the first keys")
            await until(lambda: "under the first keys" in texts(bravo))
            size = session(bravo).mirrors[Lane.OPS].log.size
            keys = tmp_path / "alfa" / "keys"
            root = load_root(tmp_path / "alfa" / "stick" / "root.key", before)
            replace_keys(keys, root, ["env", "log", "mirror", "witness"], {OPS: size + 100}, alfa.clock.now())
            await until(lambda: alfa.keyring.statement.epoch == 2)
            await until(lambda: bravo.keys.paired[PartyId("alfa")].keys.statement.epoch == 2)
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "under the second keys")
            await say(bravo, "alfa", "and back")
            await until(lambda: "under the second keys" in texts(bravo) and "and back" in texts(alfa))
            await until(lambda: session(alfa).writers[Lane.OPS].log.receipt_size == size + 2)  # with the keys leaf
            await until(lambda: session(bravo).writers[Lane.OPS].log.receipt_size >= 1)  # by Alfa's new mirror key
            assert "goes by new keys (statement 2" in faults(bravo)
            return size

    size = asyncio.run(scene())
    kept = load_peers(tmp_path / "bravo" / "keys")[ALFA]
    assert (kept.keys.statement.epoch, kept.confirmed_at) == (2, NOW)
    store = SqliteStore(tmp_path / "bravo" / "record.sqlite", read_only=True)
    leaves = [entry.leaf for entry in store.read(OPS, 0, 99)]
    store.close()
    signers = [split_note(leaf)[1][0][1][:4] for leaf in leaves]
    assert len(set(signers[:size])) == len(set(signers[size:])) == 1
    assert signers[0] != signers[-1]
    assert [kept.keys.chain.decode(leaf).seq for leaf in leaves] == list(range(len(leaves)))
    own = load_keyring(tmp_path / "alfa" / "keys").chain.vkeys("env")
    noted = [(entry.act, entry.about.get("epoch")) for entry in acts_of(tmp_path / "alfa", own)]
    assert (Act.KEYS, 2) in noted
    theirs = [
        entry for entry in acts_of(tmp_path / "bravo", [kept_env(tmp_path, "bravo")]) if entry.act is Act.PEER_KEYS
    ]
    assert [(entry.about["peer"], entry.about["epoch"]) for entry in theirs] == [(ALFA, 2)]


def kept_env(folder, name):
    return load_keyring(folder / name / "keys").env.vkey


def test_t26_each_node_witnesses_the_others_acts_and_an_act_taken_back_is_refused_and_shown(tmp_path):
    stage = Stage(tmp_path)

    async def hour(*nodes):
        for node in nodes:
            assert node.acts.sign()
            node.office._offer_acts()

    async def first():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "hello")
            with pytest.raises(OrderRefused):
                await say(alfa, "nobody", "hello")
            await hour(alfa, bravo)
            await until(lambda: bravo.acts.held_of(ALFA) == alfa.acts.held_of(BRAVO) == 256)
            await until(lambda: set(alfa.acts.witnesses()) == {BRAVO})

    asyncio.run(first())
    entries = acts_of(tmp_path / "alfa", [kept_env(tmp_path, "alfa")])
    said = [(entry.act, entry.by, entry.about.get("order")) for entry in entries]
    assert said[0][:2] == (Act.START, "node")
    assert (Act.ORDER, "operator", "send_text") in said
    assert (Act.REFUSED, "operator", "send_text") in said
    assert said[-1][0] is Act.STOP

    # Somebody who may write the disk builds the log anew without the refused order, and longer.
    path = tmp_path / "alfa" / "audit.sqlite"
    path.unlink()
    for beside in path.parent.glob("audit.sqlite-*"):
        beside.unlink()

    async def second():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            for _ in range(300):
                alfa.acts.note(Act.SCRUB)
            await hour(alfa)
            await until(lambda: "changed its log of acts" in faults(bravo))
            assert bravo.acts.held_of(ALFA) == 256

    asyncio.run(second())


def test_t20_until_the_digits_are_typed_nothing_is_said_on_a_link_that_is_open(tmp_path):
    stage = Stage(tmp_path, confirmed=False)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(lambda: session(alfa).status(alfa.clock.now()).channels)
            with pytest.raises(OrderRefused, match="unverified"):
                await say(alfa, "bravo", "not before the digits")
            await asyncio.sleep(1.5)  # frames would have left by now
            assert session(alfa).state is session(bravo).state is State.UNVERIFIED
            assert all(log.size == 0 for log in bravo.engine.mirrored(PartyId("alfa")))
            assert texts(bravo) == set()

    asyncio.run(scene())


def test_t25_a_leaf_damaged_on_the_disk_is_fetched_from_the_peer_and_put_right(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            for i in range(3):
                await say(alfa, "bravo", f"message {i}")
            await until(lambda: session(alfa).writers[Lane.OPS].log.receipt_size == 3)
            whole = alfa.store.read(OPS, 1, 2)[0]
            for node in (alfa, bravo):  # its own leaf at the writer, the mirrored one at the reader
                await node.office.pump.on_disk(lambda node=node: node.store.put_state(INDEX_KEY, b"an index"))
                damage(tmp_path / node.config.node.party / "record.sqlite")
                found = await node.office.scrub()
                assert {(one.what, one.seq) for one in found} == {("leaf", 1)}
                await until(lambda node=node: node.store.read(OPS, 1, 2) == [whole])
                await until(lambda node=node: "was put right" in faults(node))
                assert await node.office.scrub() == []
                assert node.store.state(INDEX_KEY) == b""  # what could not be read may count at the next start
            receipt = session(alfa).writers[Lane.OPS].log.receipt.note
            assert any(keyed[:4] == bravo.keyring.mirror_pq.vkey.key_id for _, keyed, _ in split_note(receipt)[1]) or (
                alfa.store.state(f"pq {OPS}") is not None
            )
            assert bravo.keyring.mirror_pq.vkey.algorithm == MLDSA44

    asyncio.run(scene())
    for name in NAMES:
        acts = [entry.act for entry in acts_of(tmp_path / name, [kept_env(tmp_path, name)])]
        assert {Act.SCRUB, Act.ALARM, Act.REPAIR} <= set(acts)


def damage(path):
    db = apsw.Connection(str(path))
    db.set_busy_timeout(5_000)
    place = db.execute("SELECT id << 40 | 1 FROM log WHERE origin = ?", (OPS,)).get
    leaf = db.execute("SELECT leaf FROM leaf WHERE place = ?", (place,)).get
    flipped = leaf[:60] + bytes([leaf[60] ^ 1]) + leaf[61:]
    db.execute("UPDATE leaf SET leaf = ? WHERE place = ?", (flipped, place))
    db.close()


def test_a_running_node_keeps_its_start_index_new_and_the_next_start_goes_by_it(tmp_path, monkeypatch):
    monkeypatch.setattr(office, "_FIRST_INDEX_S", 0.05)
    monkeypatch.setattr(office, "_INDEX_S", 0.05)
    monkeypatch.setattr(party, "Starting", partial(Starting, folded_whole=2))
    stage, said = Stage(tmp_path), [f"message {i}" for i in range(4)]

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            for text in said:
                await say(alfa, "bravo", text)
            await until(lambda: alfa.store.state(INDEX_KEY))
        whole = []
        monkeypatch.setattr(starting, "restore", lambda *_, **__: whole.append(1))
        again = stage.node("alfa")
        try:
            assert texts(again) == set(said)
            assert not whole  # not read through
        finally:
            again.acts.close()
            again.store.close()

    asyncio.run(scene())


def test_a_node_whose_accounts_cannot_be_read_goes_on_and_says_so_until_they_can(tmp_path, monkeypatch):
    monkeypatch.setattr(party, "_ACCOUNTS_S", 0.02)
    stage = Stage(tmp_path)
    accounts = tmp_path / "alfa" / "accounts.json"
    accounts.write_text("[{]")

    async def scene():
        alfa = stage.node("alfa")
        async with running(alfa):
            await until(lambda: "nobody can sign in" in faults(alfa))
            assert str(accounts) in faults(alfa)
            accounts.write_text("[]")
            await until(lambda: "accounts" not in faults(alfa))
            accounts.write_text("[{]")
            await until(lambda: "the accounts are those read last" in faults(alfa))
            assert "nobody can sign in" not in faults(alfa)

    asyncio.run(scene())


def test_the_address_of_the_desk_is_told_once_browsers_can_come(tmp_path):
    stage = Stage(tmp_path)
    port = stage.ports["alfa"][0]
    came = []

    def come():
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            came.append(port)

    async def scene():
        node = asyncio.create_task(stage.node("alfa").run(come))
        await until(lambda: came)
        node.cancel()
        await asyncio.gather(node, return_exceptions=True)

    asyncio.run(scene())
    assert came == [port]


def test_t12_a_peer_that_does_not_hold_what_it_gave_a_receipt_for_is_found(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "hold this")
            await until(lambda: session(alfa).writers[Lane.OPS].log.receipt_size == 1)
            await until(lambda: alfa.office._challenges >= 2)
            await asyncio.sleep(0.5)
            assert "does not hold it" not in faults(alfa)
            bravo.store.forget_bodies(OPS, [0])
            await until(lambda: "gave a receipt for the body of leaf 0" in faults(alfa))

    asyncio.run(scene())


def test_t12_a_peer_that_answers_no_challenge_on_an_open_line_is_an_alarm_and_an_act(tmp_path, monkeypatch):
    monkeypatch.setattr(office, "_TURN_S", 0.05)
    monkeypatch.setattr(office, "_ANSWER_S", 0.3)
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "hold this")
            await until(lambda: alfa.office._challenges >= 2)
            assert alfa.office._silences["bravo"] == 0
            answering = bravo.engine._sessions["alfa"].received
            is_deaf = [True]

            def received(channel, frame, now):
                passed_over = is_deaf[0] and isinstance(frame, str) and '"t":"challenge"' in frame
                return [] if passed_over else answering(channel, frame, now)

            monkeypatch.setattr(bravo.engine._sessions["alfa"], "received", received)
            await until(lambda: "does not show that it holds" in faults(alfa))
            is_deaf[0] = False
            await until(lambda: "does not show that it holds" not in faults(alfa))
        assert "does not hold it" not in faults(alfa)

    asyncio.run(scene())
    alarms = [e for e in acts_of(tmp_path / "alfa", [kept_env(tmp_path, "alfa")]) if e.act is Act.ALARM]
    assert [e.about["code"] for e in alarms] == ["unanswered"]


def test_no_answer_is_no_alarm_while_the_line_is_down(tmp_path, monkeypatch):
    monkeypatch.setattr(office, "_TURN_S", 0.05)
    monkeypatch.setattr(office, "_ANSWER_S", 0.3)
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa):
            async with running(bravo):
                await until(is_up(alfa, bravo))
                await say(alfa, "bravo", "hold this")
                await until(lambda: alfa.office._challenges >= 2)
            await until(lambda: session(alfa).state is State.DOWN)
            asked = alfa.office._challenges
            await asyncio.sleep(1.0)
            assert (alfa.office._challenges, alfa.office._challenged) == (asked, {})
            alfa.office._silences.clear()  # the seconds before DOWN are the line's to explain
            await asyncio.sleep(0.5)
            assert alfa.office._silences["bravo"] == 0

    asyncio.run(scene())


def test_t38_a_clock_that_was_set_and_another_policy_are_entries_among_the_acts(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa = stage.node("alfa")
        set_by_s = [0.0]
        alfa.clock.stepped_s = lambda: set_by_s[0]
        async with running(alfa):
            await until(lambda: alfa.office.pump is not None)
            await asyncio.sleep(0.3)
            for at_s, said in ((-3_600.0, "CLOCK SET -3600.0 s"), (-3_598.5, "CLOCK SET +1.5 s"), (-3_598.0, "")):
                set_by_s[0] = at_s
                await until(lambda said=said: said in str(alfa.engine.board(Role.OPERATOR, alfa.clock.now())))
            alfa.inbox.put(PolicySet(alfa.releaser(NOTHING)))
            await asyncio.sleep(0.3)

    asyncio.run(scene())
    acts = acts_of(tmp_path / "alfa", [kept_env(tmp_path, "alfa")])
    assert [e.about["offset_ms"] for e in acts if e.act is Act.CLOCK] == [-3_600_000, 1_500]
    assert [e.about["digest"] for e in acts if e.act is Act.POLICY] == [NOTHING.digest] * 2


def test_a_hold_of_one_side_keeps_the_bodies_of_both(tmp_path):
    stage = Stage(tmp_path, retention=RetentionConfig(ops_days=1))

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            await say(alfa, "bravo", "what happened at ten")
            await until(lambda: session(bravo).mirrors[Lane.OPS].log.size == 1)
            written = bravo.clock.now() // 1_000_000
            order = PlaceHold("incident-1", written - 60_000, written + 60_000)
            await bravo.inbox.ask(OrderGiven(order, Role.DUTY_OFFICER))
            await until(lambda: [hold.by for hold in alfa.engine.holds.all()] == ["bravo"])
            await until(lambda: alfa.office._holds)
            for node in (alfa, bravo):
                clock = node.office._clock
                node.office._clock = Ahead(clock, days=3)
                assert await node.office.forget_old_bodies() == 0
                node.engine.holds._placed.clear()
                assert await node.office.forget_old_bodies() >= 1
                node.office._clock = clock
                assert node.store.read(OPS, 0, 1)[0].body is None
                assert node.store.read(OPS, 0, 1)[0].leaf

    asyncio.run(scene())
    assert Act.HOLD in [entry.act for entry in acts_of(tmp_path / "alfa", [kept_env(tmp_path, "alfa")])]


def test_t56_reading_the_place_of_a_protected_site_is_an_entry_among_the_acts(tmp_path):
    charter = 'table = "line"\ntitle = "The line"\nmembers = ["alfa", "bravo"]\nagreement = "We share."\n'
    stage = Stage(tmp_path, coordination=CoordinationConfig(tables=["line.toml"]))
    (tmp_path / "alfa" / "line.toml").write_text(charter)

    async def scene():
        alfa = stage.node("alfa")
        at_ms = alfa.clock.now() // 1_000_000
        times = {"start_ms": at_ms, "end_ms": at_ms + 3_600_000}
        coarse = Volume(outline=Cells(((350, 360),)), levels=PressureLevels(), **times)
        place = Volume(outline=Circle((350_500_000, 360_500_000), 20_000), levels=PressureLevels(), **times)
        site = Plan(kind=Kind.PROTECTED_SITE, title="Hospital", volumes=(coarse,), verified_ms=at_ms)
        table = alfa.engine.tables.tables["line"]
        name = table.order(Declare(plan=site), Role.FOREIGN_SERVICE, at_ms)[0].name
        table.order(GivePlace(activity=name, volumes=(place,)), Role.FOREIGN_SERVICE, at_ms)
        async with running(alfa):
            await until(lambda: alfa.office.pump is not None)
            assert alfa.desk.place("line", name, "operator") == (place,)
            with pytest.raises(OrderRefused):
                alfa.desk.place("line", "alfa-9", "operator")

    asyncio.run(scene())
    acts = acts_of(tmp_path / "alfa", [kept_env(tmp_path, "alfa")])
    read = [(entry.by, entry.about) for entry in acts if entry.act is Act.READ]
    assert read == [("operator", {"table": "line", "activity": "alfa-1"})]


class Ahead:
    def __init__(self, clock, days):
        self.clock, self.ahead_ns = clock, days * 86_400 * 10**9

    def now(self):
        return self.clock.now() + self.ahead_ns


def test_t27_a_backup_put_back_writes_nothing_before_the_peer_has_given_back_what_is_missing(tmp_path):
    stage = Stage(tmp_path)
    record = tmp_path / "alfa" / "record.sqlite"

    async def speak(*words):
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            for word in words:
                await say(alfa, "bravo", word)
            await until(lambda: {*words} <= texts(bravo))

    asyncio.run(speak("one"))
    backup = record.read_bytes()
    asyncio.run(speak("two", "three"))
    for beside in record.parent.glob("record.sqlite-*"):
        beside.unlink()
    record.write_bytes(backup)

    async def back():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        assert session(alfa).writers[Lane.OPS].frozen is not None
        async with running(alfa):
            await until(lambda: "a backup put back?" in faults(alfa))
            with pytest.raises(OrderRefused, match="takes no leaf now") as refused:
                await say(alfa, "bravo", "too early")
            assert refused.value.code == "frozen"
        alfa = stage.node("alfa")
        async with running(alfa, bravo):
            await until(lambda: session(alfa).writers[Lane.OPS].log.size >= 3)
            await until(lambda: session(alfa).writers[Lane.OPS].frozen is None)
            await say(alfa, "bravo", "four")
            await until(lambda: {"one", "two", "three", "four"} <= texts(bravo))

    asyncio.run(back())


def test_t15_an_address_in_a_new_statement_is_shown_and_never_dialled_by_itself(tmp_path):
    stage = Stage(tmp_path)

    async def scene():
        alfa, bravo = stage.node("alfa"), stage.node("bravo")
        dialled = bravo.links._sides[ALFA].address.url
        async with running(alfa, bravo):
            await until(is_up(alfa, bravo))
            keys = tmp_path / "alfa" / "keys"
            root = load_root(tmp_path / "alfa" / "stick" / "root.key", alfa.keyring)
            replace_keys(keys, root, ["env"], {OPS: 100}, alfa.clock.now(), url="wss://169.254.169.254:1/link")
            await until(lambda: "another address (wss://169.254.169.254:1/link)" in faults(bravo))
            await until(is_up(alfa, bravo))
            assert bravo.links._sides[ALFA].address.url == dialled

    asyncio.run(scene())


def test_a_node_whose_peer_is_not_paired_does_not_start(tmp_path):
    stage = Stage(tmp_path)
    (tmp_path / "alfa" / "keys" / "peers" / "bravo.example.txt").unlink()
    with pytest.raises(ConfigError, match="not paired"):
        stage.node("alfa")
