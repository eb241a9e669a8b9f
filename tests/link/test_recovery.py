"""What a node does that lost part of its own log, and what both do when one log has two histories."""

from __future__ import annotations

import pytest

from detente.errors import OwnFault
from detente.evidence.keys import parse_origin
from detente.evidence.leaf import Lane
from detente.link import fork
from detente.link.effects import Forked, Heard, Held, Recovered, Refused, StateChanged
from detente.link.frames import Ask, Channel, Code, Fork, Given, encode
from detente.link.identity import LinkLimits
from detente.link.transitions import State
from detente.testing.identities import own_identity, peer_identity
from link.pair import ALFA, AMPLE, BRAVO, Node, draft, joined


def restored_after(pair, count, lane=Lane.OPS):
    """Alfa says *count* things after its backup was made, and is then restored from it."""
    pair.write(pair.alfa, lane, draft("before the backup"))
    pair.run(2)
    backup = pair.alfa.store.backup()
    for n in range(count):
        pair.write(pair.alfa, lane, draft(f"{n}"))
    pair.run(2)
    before = pair.alfa.store
    pair.replace(pair.alfa, backup)
    return before


def log_of(node, lane=Lane.OPS):
    return node.session.writers[lane].log


# --- ROLLBACK


@pytest.mark.parametrize("lane", list(Lane))
def test_t27_a_node_restored_from_yesterday_gets_its_own_leaves_back_and_goes_on_in_the_same_log(lane):
    pair = joined(limits=AMPLE)
    before = restored_after(pair, 150, lane)
    pair.heal()
    assert State.ROLLBACK in [c.state for c in pair.alfa.told_of(StateChanged)]
    assert State.ROLLBACK in [c.state for c in pair.bravo.told_of(StateChanged)]
    pair.run(3)
    origin = log_of(pair.alfa, lane).origin
    assert pair.alfa.store.logs[origin] == before.logs[origin]  # byte for byte, bodies and salts too
    assert pair.alfa.store.receipt(origin).size == 151
    assert {node.session.state for node in pair.nodes} == {State.UP}
    assert [r.body for r in pair.alfa.told_of(Recovered)] == [f"{n}".encode() for n in range(150)]
    pair.write(pair.alfa, lane, draft("and on"))
    pair.run(11)
    assert pair.roots_equal()
    assert pair.bravo.told_of(Heard)[-1].body == b"and on"
    assert not pair.alfa.told_of(Forked)


def test_t27_nothing_is_written_while_own_leaves_are_missing():
    pair = joined()
    restored_after(pair, 5)
    pair.bravo.session.mirrors[Lane.OPS].give = lambda seq: []  # Bravo keeps them to itself
    pair.heal()
    pair.run(3)
    assert pair.alfa.session.state is State.ROLLBACK
    assert pair.alfa.session.status(pair.now).line is State.UP
    with pytest.raises(OwnFault, match=r"frozen \(rollback\)"):
        pair.write(pair.alfa, Lane.OPS, draft("unsaid"))
    pair.write(pair.alfa, Lane.FLASH, draft("the other lanes go on"))
    assert pair.bravo.told_of(Heard)[-1].body == b"the other lanes go on"


def test_t27_a_cut_in_the_middle_of_it_loses_nothing():
    pair = joined(limits=LinkLimits(given_leaves=4))
    restored_after(pair, 20)
    carried = pair.carry
    pair.carry = lambda: None
    pair.heal()
    for _ in range(6):  # a few frames each way, then the cut
        for node in pair.nodes:
            if node.outbox:
                pair.deliver(pair.other(node), *node.outbox.popleft())
    assert log_of(pair.alfa).size < 21
    pair.cut()
    pair.carry = carried
    pair.heal()
    pair.run(2)
    assert log_of(pair.alfa).size == 21
    assert pair.roots_equal()


def test_no_more_own_leaves_are_taken_back_at_once_than_may_wait_for_the_disk():
    pair = joined(limits=LinkLimits(given_leaves=8, unstored=2))
    before = restored_after(pair, 7)
    waited: list[int] = []
    took = pair.alfa.session.writers[Lane.OPS].take_back

    def take_back(*leaf):
        took(*leaf)
        writer = pair.alfa.session.writers[Lane.OPS]
        waited.append(writer.next_seq - writer.log.size)

    pair.alfa.session.writers[Lane.OPS].take_back = take_back
    pair.heal()
    pair.run(3)
    assert max(waited) == 2
    origin = log_of(pair.alfa).origin
    assert pair.alfa.store.logs[origin] == before.logs[origin]


def test_a_body_that_the_mirror_no_longer_has_stays_missing_and_its_leaf_comes_back():
    pair = joined()
    restored_after(pair, 2)
    origin = log_of(pair.alfa).origin
    leaf = pair.bravo.store.logs[origin][1]
    pair.bravo.store.logs[origin][1] = type(leaf)(leaf=leaf.leaf, body=None, salt=b"")
    pair.heal()
    pair.run(2)
    assert [r.body for r in pair.alfa.told_of(Recovered)] == [None, b"1"]
    assert pair.roots_equal()


def test_leaves_that_are_not_ours_are_not_taken_back():
    pair = joined()
    restored_after(pair, 2)
    pair.bravo.session.mirrors[Lane.OPS].give = lambda seq: [encode(Given(Lane.OPS, 1, [b"not a leaf"]))]
    pair.heal()
    pair.run(1)
    assert Code.LEAF in [r.code for r in pair.alfa.told_of(Refused)]
    assert log_of(pair.alfa).size == 1
    assert pair.alfa.session.state is State.ROLLBACK


def test_what_was_not_asked_for_is_not_taken_back():
    pair = joined()
    pair.write(pair.alfa, Lane.OPS)
    leaf = pair.alfa.store.logs[log_of(pair.alfa).origin][0].leaf
    pair.deliver(pair.alfa, Channel.PRIO, encode(Given(Lane.OPS, 1, [leaf])))
    assert log_of(pair.alfa).size == 1
    assert not pair.alfa.told_of(Refused)
    pair.deliver(pair.alfa, Channel.PRIO, encode(Ask(Lane.OPS, 7)))
    assert not pair.alfa.outbox


def test_t11_what_a_peer_held_before_and_lost_takes_a_fifth_of_the_line():
    pair = joined(limits=AMPLE)
    backup = pair.bravo.store.backup()
    for _ in range(400):
        pair.write(pair.alfa, Lane.OPS, draft("x" * 900))
    pair.run(2)
    pair.replace(pair.bravo, backup)
    pair.frames.clear()
    pair.heal()
    pair.run(4)
    first = log_of(pair.bravo, Lane.FLASH)
    assert first.size == 0
    held = pair.bravo.session.mirrors[Lane.OPS].log.size
    assert 0 < held < 400
    assert pair.bravo.session.state is not State.ROLLBACK  # it is the mirror, not the writer, that lost something
    assert pair.alfa.session.state is State.ROLLBACK
    pair.write(pair.alfa, Lane.FLASH, draft("news goes first"))
    assert pair.bravo.told_of(Heard)[-1].body == b"news goes first"
    pair.run(200)
    assert pair.roots_equal()
    assert pair.alfa.session.state is State.UP


# --- FORK


def forked(pair, lane=Lane.OPS):
    """Alfa is restored from a backup, and says something else before it hears from Bravo."""
    restored_after(pair, 3, lane)
    pair.write(pair.alfa, lane, draft("said in place of it"))
    pair.heal()
    pair.run(2)
    return log_of(pair.alfa, lane).origin


def test_t27_other_leaves_written_meanwhile_are_a_fork_with_a_proof_that_both_hold():
    pair = joined()
    origin = forked(pair)
    assert {node.session.state for node in pair.nodes} == {State.FORK}
    proofs = [node.session.forks[origin] for node in pair.nodes]
    assert proofs[0] == proofs[1]
    identity = peer_identity(ALFA)
    assert fork.proof_in(origin, proofs[0], identity.chain.log_vkeys(origin), identity.chain.vkeys("env")) == proofs[0]
    with pytest.raises(OwnFault, match=r"frozen \(fork\)"):
        pair.write(pair.alfa, Lane.OPS, draft("a promise"))
    pair.write(pair.alfa, Lane.FLASH, draft("a warning"))
    assert pair.bravo.told_of(Heard)[-1].body == b"a warning"


@pytest.mark.parametrize("more", [0, 2, 9])
def test_t06_however_long_the_other_history_is_it_is_found_at_hello(more):
    pair = joined()
    restored_after(pair, 3)
    for n in range(more):
        pair.write(pair.alfa, Lane.OPS, draft(f"other {n}"))
    pair.heal()
    pair.run(2)
    states = {node.session.state for node in pair.nodes}
    assert states == ({State.UP} if more == 0 else {State.FORK})
    if more:
        (proof,) = {node.session.forks[log_of(pair.alfa).origin] for node in pair.nodes}
        assert len(proof) == 2


def test_t06_a_fork_and_its_proof_outlive_a_restart_of_either_side():
    pair = joined()
    origin = forked(pair)
    proof = pair.bravo.session.forks[origin]
    for node in pair.nodes:
        pair.replace(node, node.store)
    assert [node.session.state for node in pair.nodes] == [State.FORK, State.FORK]
    pair.heal()
    pair.run(2)
    assert [node.session.forks[origin] for node in pair.nodes] == [proof, proof]
    with pytest.raises(OwnFault, match="frozen"):
        pair.write(pair.alfa, Lane.OPS, draft("a promise"))


def test_t06_a_proof_lost_on_the_way_is_shown_again_at_the_next_hello():
    pair = joined()
    restored_after(pair, 3)
    pair.write(pair.alfa, Lane.OPS, draft("other"))
    pair.heal()
    origin = log_of(pair.alfa).origin
    pair.alfa.session.forks.pop(origin)
    pair.cut()
    pair.heal()
    assert pair.alfa.session.forks[origin] == pair.bravo.session.forks[origin]


@pytest.mark.parametrize("is_own", [True, False])
def test_notes_that_prove_nothing_freeze_nothing(is_own):
    pair = joined()
    pair.write(pair.alfa, Lane.OPS)
    pair.run(2)
    entry = pair.alfa.store.logs[log_of(pair.alfa).origin][0]
    note = pair.alfa.store.checkpoint(log_of(pair.alfa).origin)
    shown = encode(Fork(Lane.OPS, own=is_own, notes=(entry.leaf.decode(), note.decode(), "anything")))
    pair.deliver(pair.bravo if is_own else pair.alfa, Channel.PRIO, shown)
    assert not any(node.session.forks for node in pair.nodes)
    assert {node.session.state for node in pair.nodes} == {State.UP}
    assert sum(node.session.status(pair.now).refused_by_peer.get(Code.FORK, 0) for node in pair.nodes) == 1


def test_after_a_fork_both_go_on_in_a_new_epoch_and_the_old_log_stays():
    pair = joined()
    origin = forked(pair)
    pair.bravo.perform(pair.bravo.session.rebased(origin, pair.now), pair.now)
    pair.cut()
    pair.heal()  # Alfa has not agreed yet: the lane waits, without a word of ROLLBACK
    pair.run(2)
    assert pair.alfa.session.state is State.FORK
    assert pair.bravo.session.state is State.UP
    pair.alfa.perform(pair.alfa.session.rebased(origin, pair.now), pair.now)
    pair.cut()
    pair.heal()
    pair.run(2)
    assert {node.session.state for node in pair.nodes} == {State.UP}
    fresh = log_of(pair.alfa).origin
    assert parse_origin(fresh).epoch == 2
    pair.write(pair.alfa, Lane.OPS, draft("a promise again"))
    pair.run(2)
    assert pair.bravo.told_of(Heard)[-1].envelope.log == fresh
    assert pair.alfa.told_of(Held)[-1].origin == fresh
    assert len(pair.alfa.store.logs[origin]) == 2
    for node in pair.nodes:
        pair.replace(node, node.store)
    pair.heal()
    pair.run(2)
    assert {node.session.state for node in pair.nodes} == {State.UP}
    assert log_of(pair.alfa).origin == fresh
    assert pair.roots_equal()


def test_there_is_no_new_epoch_without_a_proof():
    pair = joined()
    with pytest.raises(OwnFault, match="no proof"):
        pair.alfa.session.rebased(log_of(pair.alfa).origin, pair.now)


def test_a_proof_is_known_by_a_digest_and_kept_as_bytes():
    pair = joined()
    proof = pair.alfa.session.forks.get(forked(pair)) or pair.alfa.session.forks[log_of(pair.alfa).origin]
    assert fork.unpacked(fork.packed(proof)) == proof
    assert fork.digest(proof) != fork.digest(proof[::-1])
    assert len(fork.digest(proof)) == 44


def test_a_leaf_that_does_not_follow_the_one_before_is_proof():
    pair = joined()
    pair.write(pair.alfa, Lane.OPS, draft("one"))
    clone = Node(ALFA, BRAVO)
    for words in ("another", "two"):
        clone.write(Lane.OPS, draft(words), pair.now)
    origin = log_of(pair.alfa).origin
    notes = [pair.alfa.store.logs[origin][0].leaf, clone.store.logs[origin][1].leaf]
    own = own_identity(ALFA)
    log = own.log.named(origin).vkey
    assert fork.proof_in(origin, notes, [log], [own.env.vkey]) == tuple(notes)
    assert fork.proof_in(origin, notes[:1], [log], [own.env.vkey]) is None
    assert fork.proof_in(origin.replace("/ops/", "/flash/"), notes, [log], [own.env.vkey]) is None
