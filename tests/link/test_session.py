from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from detente.errors import OwnFault
from detente.evidence.checkpoint import Checkpoint, sign_checkpoint
from detente.evidence.leaf import Kind, Lane, disclose, is_disclosed, unpack_items
from detente.evidence.note import b64
from detente.evidence.store import Entry
from detente.link.effects import Close, Forked, Heard, Held, Previewed, Refused, StateChanged, Wrote
from detente.link.frames import Bodies, Channel, Code, Cp, Credit, Fork, Hb, Leaves, Preview, Rcpt, decode, encode
from detente.link.identity import LinkLimits
from detente.link.transitions import State
from detente.testing.identities import own_identity, peer_identity
from detente.types import NS_PER_S, Instant, instant_ms
from link.pair import ALFA, AMPLE, BRAVO, POL, Node, Pair, draft, joined


def test_a_flash_is_recorded_heard_and_receipted_in_one_round():
    pair = joined()
    hashed = pair.write(pair.alfa, Lane.FLASH, draft("turn left"))
    assert [w.leaf_hash for w in pair.alfa.told_of(Wrote)] == [hashed]
    heard = pair.bravo.told_of(Heard)
    assert [(h.leaf_hash, h.body, h.envelope.seq) for h in heard] == [(hashed, b"turn left", 0)]
    held = pair.alfa.told_of(Held)
    assert [h.size for h in held] == [1]
    assert pair.roots_equal()


def test_the_line_is_up_after_hello_and_down_five_seconds_after_the_cut():
    pair = joined()
    pair.run(2)
    assert {node.session.state for node in pair.nodes} == {State.UP}
    pair.cut()
    pair.run(2.5)
    assert {node.session.state for node in pair.nodes} == {State.DEGRADED}
    pair.run(2.5)
    assert {node.session.state for node in pair.nodes} == {State.DOWN}
    assert [c.state for c in pair.alfa.told_of(StateChanged)][-2:] == [State.DEGRADED, State.DOWN]


def test_what_was_said_in_a_cut_arrives_once_and_in_order_after_it():
    pair = joined(limits=AMPLE)
    pair.run(1)
    pair.cut()
    for n in range(100):
        for node in pair.nodes:
            for lane in Lane:
                pair.write(node, lane, draft(f"{lane} {n}"))
    pair.heal()
    pair.run(12)
    assert pair.roots_equal()
    for node in pair.nodes:
        for lane in Lane:
            heard = [h.envelope.seq for h in node.told_of(Heard) if f"/{lane}/" in h.envelope.log]
            assert heard == list(range(100))
        assert max(h.size for h in node.told_of(Held)) == 100
        status = node.session.status(pair.now)
        assert [lane.own_held for lane in status.lanes] == [100, 100, 100]
        assert [lane.bodies_missing for lane in status.lanes] == [0, 0, 0]


# --- what leaves, and when


def test_nothing_leaves_and_no_receipt_is_given_before_the_disk_has_it():
    for name in (ALFA, BRAVO):
        pair = joined()
        node = pair.alfa if name == ALFA else pair.bravo
        node.disk_works = False
        pair.write(pair.alfa)
        pair.run(1)
        sent = [raw for sender, _, raw in pair.frames if sender == name]
        assert not any(isinstance(raw, bytes) or raw.startswith('{"t":"rcpt"') for raw in sent)
        assert not pair.alfa.told_of(Held)
        assert not pair.bravo.told_of(Heard)


def test_a_leaf_read_back_altered_is_neither_sent_nor_receipted():
    pair = joined()
    pair.alfa.altered_on_disk = pair.alfa.session.writers[Lane.FLASH].log.origin
    pair.write(pair.alfa)
    assert [r.code for r in pair.alfa.told_of(Refused)] == [Code.DISK]
    with pytest.raises(OwnFault, match="frozen"):
        pair.write(pair.alfa)
    pair.bravo.altered_on_disk = pair.alfa.session.writers[Lane.OPS].log.origin
    for _ in range(3):
        pair.write(pair.alfa, Lane.OPS)
        pair.run(1)
    assert pair.bravo.session.mirrors[Lane.OPS].frozen is Code.DISK
    assert not pair.alfa.told_of(Held)
    assert not pair.bravo.told_of(Heard)


def test_no_more_is_written_than_the_disk_can_owe():
    pair = joined(limits=LinkLimits(unstored=3))
    pair.alfa.disk_works = False
    for _ in range(3):
        pair.write(pair.alfa)
    with pytest.raises(OwnFault, match="wait for the disk"):
        pair.write(pair.alfa)


def test_a_restart_goes_on_from_the_store_and_tells_nothing_twice():
    pair = joined()
    for n in range(5):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.run(2)
    for node in pair.nodes:
        pair.replace(node, node.store)
    pair.heal()
    pair.write(pair.alfa, Lane.OPS, draft("5"))
    pair.run(2)
    assert [h.envelope.seq for h in pair.bravo.told_of(Heard)] == [5]
    assert pair.alfa.session.status(pair.now).lanes[1].own_held == 6
    assert pair.roots_equal()


def test_a_receipt_lost_in_the_cut_is_given_again_though_nothing_is_new():
    pair = joined()
    pair.is_cut = True  # what is said now is lost on the way
    pair.write(pair.alfa)
    pair.cut()
    pair.heal()
    assert [h.size for h in pair.alfa.told_of(Held)] == [1]
    pair.cut()
    pair.heal()
    assert [h.size for h in pair.alfa.told_of(Held)] == [1]  # and told once


def test_flash_checkpoints_at_each_commit_ops_each_second_track_each_ten():
    pair = joined()
    pair.run(11)
    sizes = {lane: [] for lane in Lane}
    for _ in range(80):
        for lane in Lane:
            pair.write(pair.alfa, lane)
        pair.step(0.25)
    for _, _, raw in pair.frames:
        if isinstance(raw, str) and raw.startswith('{"t":"cp"'):
            cp = decode(raw)
            sizes[cp.lane].append(int(cp.note.split("\n")[1]))
    assert sizes[Lane.FLASH] == list(range(1, 81))
    assert 20 <= len(sizes[Lane.OPS]) <= 22
    assert 2 <= len(sizes[Lane.TRACK]) <= 4


def test_in_a_long_backlog_receipts_come_on_the_way():
    pair = joined(limits=AMPLE)
    pair.cut()
    for n in range(1_000):
        pair.write(pair.alfa, Lane.TRACK, draft(f"frame {n}"))
    pair.heal()
    pair.run(1)
    assert [h.size for h in pair.alfa.told_of(Held)][:3] == pytest.approx([256, 512, 768], abs=60)


# --- bodies


def test_a_leaf_without_its_body_is_mirrored_and_receipted_and_told_when_the_body_comes():
    pair = joined()
    pair.bravo.session.mirrors[Lane.OPS].chunk = lambda chunk: []  # bodies are lost on the way
    for n in range(3):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.run(1.5)
    assert pair.alfa.told_of(Held)[-1].size == 3
    assert not pair.bravo.told_of(Heard)
    assert pair.bravo.session.status(pair.now).lanes[1].bodies_missing == 3
    del pair.bravo.session.mirrors[Lane.OPS].chunk
    pair.run(3)
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"0", b"1", b"2"]
    assert [e.body for e in pair.bravo.store.read(pair.bravo.session.mirrors[Lane.OPS].log.origin, 0, 3)] == [
        b"0",
        b"1",
        b"2",
    ]


def test_bodies_missing_at_a_restart_are_asked_for_again():
    pair = joined()
    pair.bravo.session.mirrors[Lane.FLASH].chunk = lambda chunk: []
    pair.write(pair.alfa)
    pair.write(pair.alfa)
    pair.replace(pair.bravo, pair.bravo.store)
    assert pair.bravo.session.mirrors[Lane.FLASH].delivered == 0
    pair.heal()
    pair.run(1)
    assert [h.envelope.seq for h in pair.bravo.told_of(Heard)] == [0, 1]


def test_a_body_that_its_writer_has_no_more_holds_up_nothing():
    pair = joined()
    pair.cut()
    for n in range(3):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.alfa.start()  # what it has just written it would send from memory
    log = pair.alfa.store.logs[pair.alfa.session.writers[Lane.OPS].log.origin]
    log[1] = Entry(leaf=log[1].leaf, body=None, salt=b"")
    pair.heal()
    pair.run(3)
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"0", None, b"2"]


def test_a_tree_body_arrives_with_its_seed_and_one_item_can_be_shown():
    pair = joined()
    items = tuple(f'["{n}"]'.encode() for n in range(300))
    pair.write(pair.alfa, Lane.TRACK, draft("", media="application/json+tree", items=items, kind=Kind.TRACK))
    heard = pair.bravo.told_of(Heard)[0]
    assert unpack_items(heard.body) == list(items)
    seed = pair.bravo.store.read(heard.envelope.log, 0, 1)[0].salt
    assert is_disclosed(heard.envelope.body, disclose(seed, items, 17))


@pytest.mark.parametrize(
    ("media", "items"), [("application/json+tree", None), ("application/json", (b"1",))], ids=["no items", "no tree"]
)
def test_items_and_media_go_together(media, items):
    pair = joined()
    with pytest.raises(OwnFault, match="of items"):
        pair.write(pair.alfa, Lane.TRACK, draft("x", media=media, items=items))


def test_a_body_over_the_limit_is_refused_at_home():
    pair = joined(limits=LinkLimits(body_bytes=100))
    with pytest.raises(OwnFault, match="a body of 101 bytes"):
        pair.write(pair.alfa, Lane.OPS, draft("x" * 101))


def test_t01_a_body_that_is_not_the_committed_one_stops_its_lane():
    pair = joined()
    log = pair.alfa.session.writers[Lane.OPS].log.origin
    pair.cut()
    pair.write(pair.alfa, Lane.OPS, draft("yes"))
    pair.alfa.start()  # what it has just written it would send from memory
    entry = pair.alfa.store.logs[log][0]
    pair.alfa.store.logs[log][0] = Entry(leaf=entry.leaf, body=b"no!", salt=entry.salt)
    pair.heal()
    pair.write(pair.alfa, Lane.FLASH, draft("flash goes on"))
    assert Code.BODY in [r.code for r in pair.bravo.told_of(Refused)]
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"flash goes on"]
    assert pair.alfa.session.status(pair.now).lanes[1].own_stopped is Code.BODY
    assert pair.bravo.session.status(pair.now).lanes[1].their_stopped is Code.BODY


# --- previews


def test_a_flash_is_shown_before_its_turn_when_a_leaf_before_it_was_refused():
    pair = joined()
    pair.alfa.session.writers[Lane.FLASH].stop(Code.LEAF)
    hashed = pair.write(pair.alfa, Lane.FLASH, draft("turn now"))
    shown = pair.bravo.told_of(Previewed)
    assert [(p.leaf_hash, p.body) for p in shown] == [(hashed, b"turn now")]
    assert not pair.bravo.told_of(Heard)
    pair.cut()
    pair.heal()
    assert [h.leaf_hash for h in pair.bravo.told_of(Heard)] == [hashed]
    assert len(pair.bravo.told_of(Previewed)) == 1


def test_the_newest_track_frame_is_shown_before_the_backlog_of_a_cut():
    pair = joined(limits=AMPLE)
    pair.cut()
    for n in range(400):
        pair.write(pair.alfa, Lane.TRACK, draft(f"frame {n}"))
    pair.heal()
    told = [e for e in pair.bravo.told if isinstance(e, Previewed | Heard)]
    assert isinstance(told[0], Previewed)
    assert told[0].body == b"frame 399"
    pair.run(30)
    assert [h.envelope.seq for h in pair.bravo.told_of(Heard)] == list(range(400))
    assert pair.bravo.session.status(pair.now).lanes[2].bodies_missing < 400


# --- threats


def test_t01_a_bad_leaf_stops_its_lane_and_no_other_until_the_channel_opens_again():
    pair = joined()
    writer = pair.alfa.session.writers[Lane.OPS]
    pair.deliver(pair.bravo, Channel.PRIO, encode(Leaves(Lane.OPS, 0, [b"no leaf at all"])))
    pair.carry()
    assert writer.stopped is Code.LEAF
    assert [(r.code, r.by_peer) for r in pair.alfa.told_of(Refused)] == [(Code.LEAF, True)]
    pair.write(pair.alfa, Lane.OPS, draft("waits"))
    pair.write(pair.alfa, Lane.FLASH, draft("goes"))
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"goes"]
    pair.cut()
    pair.heal()
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"goes", b"waits"]


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=300) | st.text(max_size=200), max_size=5), st.data())
def test_t01_no_frame_of_a_peer_raises_or_changes_a_log(garbage, data):
    pair = joined()
    pair.write(pair.alfa, Lane.OPS)
    pair.run(1)
    valid = [raw for _, _, raw in pair.frames if isinstance(raw, bytes)]
    for raw in data.draw(st.lists(st.sampled_from(valid), max_size=3)):
        at = data.draw(st.integers(0, len(raw) - 1))
        garbage.append(raw[:at] + bytes([raw[at] ^ data.draw(st.integers(1, 255))]) + raw[at + 1 :])
    before = [m.log.head() for m in pair.bravo.session.mirrors.values()]
    for raw in garbage:
        for channel in Channel:
            pair.deliver(pair.bravo, channel, raw)
    assert [m.log.head() for m in pair.bravo.session.mirrors.values()] == before
    assert len(pair.bravo.told_of(Heard)) == 1


def test_t06_a_writer_with_two_histories_is_found_at_its_next_checkpoint():
    """A clone of Alfa says another thing, and its checkpoint reaches Bravo by any way."""
    pair = joined()
    pair.write(pair.alfa, Lane.FLASH, draft("common"))
    clone = Node(ALFA, BRAVO, store=pair.alfa.store.backup())
    pair.write(pair.alfa, Lane.FLASH, draft("we warned you"))
    clone.write(Lane.FLASH, draft("we said nothing"), pair.now)
    origin = pair.alfa.session.writers[Lane.FLASH].log.origin
    pair.deliver(pair.bravo, Channel.PRIO, encode(Cp(Lane.FLASH, clone.store.checkpoint(origin).decode())))
    assert pair.bravo.session.state is State.FORK
    proof = pair.bravo.told_of(Forked)[0].proof
    heads = [peer_identity(ALFA).chain.checkpoint(raw, origin).checkpoint for raw in proof]
    assert heads[0].size == heads[1].size == 2
    assert heads[0].root != heads[1].root
    pair.carry()
    assert pair.alfa.session.state is State.FORK
    assert pair.alfa.session.forks[origin] == proof  # both sides hold the same proof
    with pytest.raises(OwnFault, match="frozen"):
        pair.write(pair.alfa, Lane.FLASH, draft("more"))
    pair.write(pair.bravo, Lane.FLASH, draft("the other direction goes on"))
    assert [h.body for h in pair.alfa.told_of(Heard)] == [b"the other direction goes on"]


def test_t06_two_signed_leaves_of_one_place_are_proof_of_two_histories():
    pair = joined()
    backup = pair.alfa.store.backup()
    pair.write(pair.alfa, Lane.OPS, draft("one"))
    clone = Node(ALFA, BRAVO, store=backup)
    clone.write(Lane.OPS, draft("other"), pair.now)
    leaf = clone.store.read(clone.session.writers[Lane.OPS].log.origin, 0, 1)[0].leaf
    pair.deliver(pair.bravo, Channel.PRIO, encode(Leaves(Lane.OPS, 0, [leaf])))
    assert leaf in pair.bravo.told_of(Forked)[0].proof
    assert pair.bravo.session.state is State.FORK
    pair.carry()
    assert pair.alfa.session.state is State.FORK
    pair.write(pair.alfa, Lane.FLASH, draft("other lanes go on"))
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"one", b"other lanes go on"]


def test_t06_a_preview_that_the_log_does_not_come_to_is_a_fork():
    pair = joined()
    clone = Node(ALFA, BRAVO)
    clone.write(Lane.FLASH, draft("shown"), pair.now)
    leaf = clone.store.read(clone.session.writers[Lane.FLASH].log.origin, 0, 1)[0].leaf
    pair.deliver(pair.bravo, Channel.PRIO, encode(Preview(Lane.FLASH, leaf)))
    pair.write(pair.alfa, Lane.FLASH, draft("recorded"))
    assert len(pair.bravo.told_of(Forked)[0].proof) == 2
    assert not pair.bravo.told_of(Heard)


def test_a_body_of_a_history_whose_leaf_never_came_does_not_stop_the_lane_after_the_next_hello():
    pair = joined()
    for seq, stale in enumerate((b"said before the backup", b"and this")):
        pair.deliver(pair.bravo, Channel.PRIO, encode(Bodies(Lane.FLASH, seq, [bytes(16) + stale])))
    pair.cut()
    pair.write(pair.alfa, Lane.FLASH, draft("one"))
    pair.write(pair.alfa, Lane.FLASH, draft("two"))
    pair.heal()
    pair.run(1)
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"one", b"two"]
    assert not pair.bravo.told_of(Refused)


def shown_to_alfa(pair, checkpoint):
    pair.deliver(pair.alfa, Channel.PRIO, encode(Fork(Lane.FLASH, own=False, notes=(checkpoint.decode(),))))


def test_t06_a_checkpoint_alone_that_we_signed_before_we_went_back_is_a_fork_for_us():
    """Bravo has the checkpoint, a cut took the leaves under it, and the nack too: all it can show is our own root."""
    pair = joined()
    past = Node(ALFA, BRAVO)
    past.write(Lane.FLASH, draft("before the backup"), pair.now)
    pair.write(pair.alfa, Lane.FLASH, draft("after it"))
    origin = pair.alfa.session.writers[Lane.FLASH].log.origin
    signed = past.store.checkpoint(origin)
    shown_to_alfa(pair, signed)
    assert pair.alfa.session.state is State.FORK
    assert pair.alfa.session.forks[origin] == (pair.alfa.store.checkpoint(origin), signed)
    with pytest.raises(OwnFault, match="frozen"):
        pair.write(pair.alfa, Lane.FLASH, draft("more"))
    shown_to_alfa(pair, signed)
    assert len(pair.alfa.told_of(Forked)) == 1


def test_t06_a_checkpoint_of_our_own_leaves_or_by_another_key_is_no_fork():
    pair = joined()
    pair.write(pair.alfa, Lane.FLASH)
    origin = pair.alfa.session.writers[Lane.FLASH].log.origin
    forged = sign_checkpoint(Checkpoint(origin, 1, bytes(32)), own_identity(BRAVO).log)
    beyond = sign_checkpoint(Checkpoint(origin, 2, bytes(32)), own_identity(ALFA).log)
    for checkpoint in (pair.alfa.store.checkpoint(origin), forged, beyond):
        shown_to_alfa(pair, checkpoint)
    assert pair.alfa.session.state is not State.FORK
    assert not pair.alfa.told_of(Forked)


def test_t06_a_false_root_in_seen_is_a_fork_with_the_leaf_as_proof():
    pair = joined()
    pair.write(pair.alfa, Lane.FLASH)
    pair.bravo.session.mirrors[Lane.FLASH].log.tree.extend([])
    pair.bravo.session._newly_seen = lambda lane: {Lane.FLASH: (1, POL)}
    pair.write(pair.bravo, Lane.OPS)
    forked = pair.alfa.told_of(Forked)[0]
    assert forked.origin == pair.alfa.session.writers[Lane.FLASH].log.origin
    assert b'"seen":{"flash":[1,' in forked.proof[-1]
    assert pair.alfa.session.state is State.FORK
    assert pair.alfa.told_of(Heard)  # the leaf itself is heard


def test_t09_a_peer_that_never_gives_receipts_is_shown_after_thirty_seconds():
    pair = joined()
    for mirror in pair.bravo.session.mirrors.values():
        mirror.cosign = lambda now: []
    pair.run(2)
    pair.write(pair.alfa)
    pair.run(6)
    assert pair.alfa.session.state is State.DEGRADED
    assert not pair.alfa.session.status(pair.now).receipts_withheld
    pair.run(25)
    status = pair.alfa.session.status(pair.now)
    assert status.receipts_withheld
    assert status.receipt_lag_ms > 30_000
    assert status.lanes[0].own_held == 0


def test_t09_a_forged_receipt_is_refused():
    pair = joined()
    pair.is_cut = True
    pair.write(pair.alfa)
    pair.is_cut = False
    pair.run(1)
    for size, lines in ((0, ""), (1, ""), (1, "— bravo.example/detente/mirror AAAA\n"), (9, "x")):
        pair.deliver(pair.alfa, Channel.PRIO, encode(Rcpt(Lane.OPS, size, lines)))
    pair.write(pair.bravo, Lane.FLASH)
    other = pair.bravo.session.writers[Lane.FLASH].log.receipt.note.decode().splitlines(keepends=True)[-1]
    pair.deliver(pair.alfa, Channel.PRIO, encode(Rcpt(Lane.FLASH, 1, other)))
    assert {r.code for r in pair.alfa.told_of(Refused)} == {Code.RECEIPT}


def test_t10_a_replayed_frame_has_no_effect_anywhere():
    """Every binary frame and checkpoint of a whole session, again, at both sides, on both channels, and at a third."""
    pair = joined()
    for n in range(5):
        for lane in Lane:
            pair.write(pair.alfa, lane, draft(f"{n}"))
            pair.write(pair.bravo, lane, draft(f"{n}"))
    pair.run(11)
    captured = [raw for _, _, raw in pair.frames if isinstance(raw, bytes) or raw.startswith('{"t":"cp"')]
    heads = [m.log.head() for node in pair.nodes for m in node.session.mirrors.values()]
    told = [len(node.told_of(Heard)) for node in pair.nodes]
    third = Pair()
    third.alfa = Node("charlie.example/detente", ALFA)
    third.bravo = Node(ALFA, "charlie.example/detente")
    third.heal()
    for raw in captured:
        for node in (*pair.nodes, *third.nodes):
            for channel in Channel:
                node.session.received(channel, raw, pair.now)
                for lane in Lane:
                    node.session.received(channel, moved(raw, lane), pair.now)
    assert [m.log.head() for node in pair.nodes for m in node.session.mirrors.values()] == heads
    assert [len(node.told_of(Heard)) for node in pair.nodes] == told
    assert all(m.next_seq == 0 for node in third.nodes for m in node.session.mirrors.values())


def moved(raw, lane):
    """The same frame, said to be of another lane."""
    frame = decode(raw)
    if isinstance(frame, Cp):
        return encode(Cp(lane, frame.note))
    return encode(replace(frame, lane=lane))


def test_t11_a_peer_that_lost_what_it_gave_receipts_for_is_shown_and_given_it_again():
    pair = joined()
    backup = pair.bravo.store.backup()
    for n in range(4):
        pair.write(pair.alfa, Lane.OPS, draft(f"{n}"))
    pair.run(2)
    assert pair.alfa.told_of(Held)[-1].size == 4
    pair.replace(pair.bravo, backup)
    pair.alfa.told = []
    pair.heal()
    assert Code.ROLLBACK in [r.code for r in pair.alfa.told_of(Refused)]
    assert pair.alfa.told_of(StateChanged)[0].state is State.ROLLBACK
    pair.run(2)
    assert pair.roots_equal()
    assert pair.alfa.session.state is State.UP


def test_t13_a_channel_without_hello_is_closed_after_five_seconds():
    pair = Pair()
    pair.alfa.perform(pair.alfa.session.opened(Channel.PRIO, pair.now), pair.now)
    pair.run(5)
    assert [(c.channel, c.code) for c in pair.alfa.told_of(Close)] == [(Channel.PRIO, Code.HELLO)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"versions": (2, 9)}, Code.VERSION),
        ({"node": "mallory.example/detente"}, Code.NODE),
        ({"channel": Channel.BULK}, Code.HELLO),
        ({"lanes": {}}, Code.HELLO),
    ],
)
def test_a_hello_that_is_not_the_peers_ends_the_connection(change, code):
    pair = joined()
    pair.cut()
    hello = structs.replace(pair.bravo.session._hello(Channel.PRIO), **change)
    pair.alfa.perform(pair.alfa.session.opened(Channel.PRIO, pair.now), pair.now)
    pair.deliver(pair.alfa, Channel.PRIO, encode(hello))
    assert [c.code for c in pair.alfa.told_of(Close)] == [code]
    assert pair.alfa.session.status(pair.now).refused == {code: 1}


def test_a_second_hello_or_a_frame_before_it_ends_the_connection():
    pair = joined()
    pair.deliver(pair.alfa, Channel.BULK, encode(pair.bravo.session._hello(Channel.BULK)))
    assert [c.code for c in pair.alfa.told_of(Close)] == [Code.HELLO]
    pair.bravo.perform(pair.bravo.session.opened(Channel.PRIO, pair.now), pair.now)
    pair.deliver(pair.bravo, Channel.PRIO, encode(Credit(1)))
    assert Code.HELLO in [c.code for c in pair.bravo.told_of(Close)]


def test_frames_of_another_channels_lanes_end_the_connection():
    for frame in (Cp(Lane.TRACK, ""), Hb(n=0, sent_us=0, lanes={}), Leaves(Lane.TRACK, 0, [b"x"])):
        pair = joined()
        pair.deliver(pair.alfa, Channel.PRIO, encode(frame))
        assert [c.code for c in pair.alfa.told_of(Close)] == [Code.FRAME]
        pair.carry()
        assert pair.bravo.session.status(pair.now).refused_by_peer == {Code.FRAME: 1}


def test_t20_an_unverified_peer_is_told_nothing_but_keys_and_line_tests():
    pair = joined(confirmed=False)
    pair.run(2)
    assert pair.alfa.session.state is State.UNVERIFIED
    assert pair.alfa.session.status(pair.now).line is State.UP
    for kind in set(Kind) - {Kind.KEYS, Kind.LINE_TEST}:
        with pytest.raises(OwnFault, match="unverified"):
            pair.write(pair.alfa, Lane.FLASH, draft(kind=kind))
    pair.write(pair.alfa, Lane.OPS, draft(kind=Kind.LINE_TEST))
    assert [h.envelope.kind for h in pair.bravo.told_of(Heard)] == [Kind.LINE_TEST]
    pair.alfa.perform(pair.alfa.session.confirmed(pair.now), pair.now)
    assert pair.alfa.session.state is State.UP
    pair.write(pair.alfa, Lane.FLASH)
    assert len(pair.bravo.told_of(Heard)) == 2


@pytest.mark.parametrize("jump_s", [3_600, -3_600, 10 * 365 * 86_400, -10 * 365 * 86_400])
def test_t38_a_clock_that_is_set_ends_no_link_and_loses_nothing(jump_s):
    pair = joined()
    pair.run(2)
    pair.write(pair.alfa, Lane.OPS, draft("before"))
    pair.now = Instant(pair.now + jump_s * NS_PER_S)
    pair.write(pair.alfa, Lane.OPS, draft("after"))
    pair.run(3)
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"before", b"after"]
    assert pair.alfa.session.state is State.UP
    pair.cut()
    pair.run(5)
    assert pair.alfa.session.state is State.DOWN


def test_t40_a_peer_whose_clock_is_a_year_ahead_is_heard_and_shown_as_suspect():
    pair = joined()
    later = Instant(pair.now + 365 * 86_400 * NS_PER_S)
    _, effects = pair.alfa.session.write(Lane.FLASH, draft("from the future"), later)
    pair.alfa.perform(effects, later)
    pair.carry()
    assert [h.body for h in pair.bravo.told_of(Heard)] == [b"from the future"]
    assert pair.bravo.session.status(pair.now).clock_suspect
    pair.write(pair.bravo, Lane.FLASH, draft("from now"))
    assert pair.alfa.told_of(Heard)[0].envelope.hlc[0] == instant_ms(pair.now)


def test_what_was_seen_of_the_peers_logs_is_said_once():
    pair = joined()
    pair.write(pair.alfa, Lane.FLASH)
    for _ in range(2):
        pair.write(pair.bravo, Lane.FLASH)
    first, second = (h.envelope.seen for h in pair.alfa.told_of(Heard))
    assert first == {Lane.FLASH: (1, b64(pair.alfa.session.writers[Lane.FLASH].log.tree.root()))}
    assert second == {}


# --- what a desk is shown


def test_the_status_shows_both_halves_of_each_lane():
    pair = joined(codebook="v1")
    pair.write(pair.alfa, Lane.FLASH)
    pair.run(2)
    pair.cut()
    pair.write(pair.alfa, Lane.FLASH)
    status = pair.alfa.session.status(pair.now)
    flash = status.lanes[0]
    assert (flash.own_size, flash.own_held, flash.backlog) == (2, 1, 1)
    assert status.codebook_same is True
    assert status.rtt_ms == 0
    assert status.channels == ()
    bravo = pair.bravo.session.status(pair.now)
    assert (bravo.lanes[0].their_size, bravo.lanes[0].their_backlog) == (1, 0)
    assert bravo.lanes[0].their_root == b64(pair.alfa.session.writers[Lane.FLASH].log.tree.root(1))


def test_t16_another_codebook_is_shown():
    pair = joined()
    pair.bravo.session._codebook = "another"
    pair.cut()
    pair.heal()
    assert pair.alfa.session.status(pair.now).codebook_same is False


def test_a_link_is_degraded_while_its_second_connection_is_down():
    pair = joined()
    pair.run(2)
    pair.alfa.perform(pair.alfa.session.closed(Channel.BULK, pair.now), pair.now)
    pair.bravo.perform(pair.bravo.session.closed(Channel.BULK, pair.now), pair.now)
    pair.run(6)
    assert pair.alfa.session.state is State.DEGRADED
    assert "second connection" in pair.alfa.session.status(pair.now).why


def test_a_suspension_is_shown_until_it_is_resumed_and_the_line_beside_it():
    pair = joined()
    pair.run(2)
    pair.alfa.perform(pair.alfa.session.suspended(True, "by note of Bravo", pair.now), pair.now)
    pair.run(2)
    assert pair.alfa.session.status(pair.now).state is State.SUSPENDED
    assert pair.alfa.session.status(pair.now).why == "by note of Bravo"
    assert pair.alfa.session.status(pair.now).line is State.UP
    pair.write(pair.alfa, Lane.FLASH, draft("safety of life goes on"))
    assert pair.bravo.told_of(Heard)
    pair.alfa.perform(pair.alfa.session.suspended(False, "by note", pair.now), pair.now)
    assert pair.alfa.session.state is State.UP


def test_a_log_of_another_link_is_refused():
    pair = joined()
    with pytest.raises(OwnFault, match="no log of this link"):
        pair.alfa.session.stored("nobody", 0, [], pair.now)
    for log in (pair.alfa.session.writers[Lane.OPS].log, pair.alfa.session.mirrors[Lane.OPS].log):
        with pytest.raises(OwnFault, match="was next"):
            pair.alfa.session.stored(log.origin, 3, [bytes(32)], pair.now)


def test_frames_on_a_channel_that_is_not_open_are_nothing():
    pair = joined()
    pair.cut()
    assert pair.alfa.session.received(Channel.PRIO, "garbage", pair.now) == []
