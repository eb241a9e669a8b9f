"""What two nodes vouch for beside their logs: key statements, acts witnessed, leaves shown to be held."""

from __future__ import annotations

import msgspec
import pytest

from detente.evidence.keys import Key, KeyChain, sign_statement
from detente.evidence.leaf import Lane
from detente.evidence.note import Ed25519Signer, b64, unb64
from detente.link.effects import Aside, Close, StatementsCame
from detente.link.frames import Audit, Challenge, Channel, Code, Copy, Keys, KeysWanted, Proof, Want, decode, encode
from detente.link.identity import PeerIdentity
from detente.link.transitions import State
from detente.link.vouch import held_digest, proof_of
from detente.testing.identities import own_identity, peer_identity
from link.pair import ALFA, BRAVO, Pair, draft, joined

NONCE = b64(bytes(range(32)))
OPS = f"{ALFA}/to/bravo.example/ops/1"


def root(node):
    from detente.testing import identities

    return Ed25519Signer(f"{node}/root", identities._seed(node, "root"))


def rotated(node):
    """The node's chain with one statement more, and its identity under the new env key."""
    own, chain = own_identity(node), peer_identity(node).chain
    env = Ed25519Signer(f"{node}/env", bytes(31) + b"\x02")
    kept = tuple(key for key in chain.newest.keys if key.use != "env")
    newer = msgspec.structs.replace(chain.newest, epoch=2, prev=chain.digest, keys=(*kept, Key("env", str(env.vkey))))
    chain = chain.followed_by(sign_statement(newer, root(node)))
    return chain, type(own)(own.node, env, own.log, own.mirror, own.salt_key, chain)


def answers(pair, to, *frames):
    """Deliver *frames* to one side; return what it sends back on prio."""
    side = pair.alfa if to is pair.alfa else pair.bravo
    side.outbox.clear()
    for frame in frames:
        pair.deliver(side, Channel.PRIO, encode(frame))
    return [decode(raw) for _, raw in side.outbox if isinstance(raw, str)]


def greeted_by(chain):
    """Alfa, to whom Bravo says hello under *chain*."""
    pair = Pair()
    pair.alfa.perform(pair.alfa.session.opened(Channel.PRIO, pair.now), pair.now)
    hello = msgspec.structs.replace(pair.bravo.session._hello(Channel.PRIO), keys=chain.digest)
    return pair, answers(pair, pair.alfa, hello)


def test_a_peer_under_a_statement_not_admitted_is_asked_for_it_and_nothing_else_is_read_of_it():
    chain, _ = rotated(BRAVO)
    pair, said = greeted_by(chain)
    assert said[-1] == KeysWanted(peer_identity(BRAVO).statement_digest)
    pair.deliver(pair.alfa, Channel.PRIO, encode(Challenge(OPS, 0, NONCE)))
    assert answers(pair, pair.alfa, Keys(chain.notes[1].decode())) == []
    assert [came.notes for came in pair.alfa.told_of(StatementsCame)] == [(chain.notes[1],)]
    assert pair.alfa.session.state is not State.UP


@pytest.mark.parametrize("bad", ["first again", "another root", "nonsense"])
def test_t28_a_statement_that_does_not_follow_ends_the_connection(bad):
    chain, _ = rotated(BRAVO)
    forged = sign_statement(chain.newest, Ed25519Signer(f"{BRAVO}/root", bytes(32))) if bad == "another root" else b""
    note = {"first again": chain.notes[0], "another root": forged, "nonsense": b"detente-keys/v1\n{}\n"}[bad]
    pair, _ = greeted_by(chain)
    pair.deliver(pair.alfa, Channel.PRIO, encode(Keys(note.decode())))
    assert [close.code for close in pair.alfa.told_of(Close)] == [Code.STATEMENT]
    assert pair.alfa.told_of(StatementsCame) == []


def test_a_peer_that_never_shows_the_statement_it_goes_by_is_closed_after_five_seconds():
    pair, _ = greeted_by(rotated(BRAVO)[0])
    pair.run(6)
    assert [close.code for close in pair.alfa.told_of(Close)] == [Code.HELLO]


def test_t28_a_peer_that_goes_back_to_a_statement_it_has_replaced_is_refused():
    chain, _ = rotated(BRAVO)
    pair = Pair()
    pair.alfa.session._peer = PeerIdentity(chain, confirmed=True)
    pair.alfa.session._vouching._peer = pair.alfa.session._peer
    pair.alfa.perform(pair.alfa.session.opened(Channel.PRIO, pair.now), pair.now)
    pair.deliver(pair.alfa, Channel.PRIO, encode(pair.bravo.session._hello(Channel.PRIO)))
    assert [close.code for close in pair.alfa.told_of(Close)] == [Code.STATEMENT]


def test_our_statements_are_given_from_the_one_the_peer_holds_on():
    pair = joined()
    chain, own = rotated(ALFA)
    pair.alfa.session._vouching._own = own
    assert answers(pair, pair.alfa, KeysWanted(chain.digest)) == []
    pair = joined()
    pair.alfa.session._vouching._own = own
    first = KeyChain.verify(chain.notes[:1], chain.root).digest
    assert answers(pair, pair.alfa, KeysWanted(first)) == [Keys(chain.notes[1].decode())]
    pair.deliver(pair.alfa, Channel.PRIO, encode(KeysWanted(NONCE)))
    assert [close.code for close in pair.alfa.told_of(Close)] == [Code.STATEMENT]


def test_a_challenge_is_answered_from_what_is_held_and_only_for_logs_of_this_link():
    pair = joined()
    pair.write(pair.alfa, Lane.OPS, draft("hold this"))
    entry = pair.alfa.store.read(OPS, 0, 1)[0]
    leaf, body = proof_of(entry, unb64(NONCE))
    assert answers(pair, pair.bravo, Challenge(OPS, 0, NONCE)) == [Proof(OPS, 0, leaf, body)]
    assert body == held_digest(unb64(NONCE), entry.salt + entry.body)
    for log, seq in ((OPS, 1), ("mallory.example/detente/to/bravo.example/ops/1", 0)):
        assert answers(pair, pair.bravo, Challenge(log, seq, NONCE)) == [Proof(log, seq, "", "")]
    pair.bravo.store.forget_bodies(OPS, [0])
    assert answers(pair, pair.bravo, Challenge(OPS, 0, NONCE)) == [Proof(OPS, 0, leaf, "")]


def test_a_copy_is_given_of_ones_own_leaf_and_of_a_mirrored_one():
    pair = joined()
    pair.write(pair.alfa, Lane.OPS, draft("hold this"))
    entry = pair.alfa.store.read(OPS, 0, 1)[0]
    whole = Copy(OPS, 0, entry.leaf.decode(), b64(entry.salt), b64(entry.body))
    for side in pair.nodes:
        assert answers(pair, side, Want(OPS, 0)) == [whole]
    pair.alfa.store.put_body(OPS, 0, entry.salt, bytes(60_000))
    assert answers(pair, pair.alfa, Want(OPS, 0)) == [Copy(OPS, 0, entry.leaf.decode(), "", "")]


def test_questions_that_come_too_fast_are_passed_over():
    pair = joined()
    pair.write(pair.alfa, Lane.OPS, draft("hold this"))
    assert len(answers(pair, pair.bravo, *[Challenge(OPS, 0, NONCE)] * 50)) == 8
    pair.run(3)
    assert len(answers(pair, pair.bravo, *[Want(OPS, 0)] * 50)) == 8


def test_what_the_node_must_judge_goes_through_to_it_and_out_only_on_an_open_line():
    pair = joined()
    offered = Audit("note", 0, ())
    assert answers(pair, pair.bravo, offered) == []
    assert [aside.frame for aside in pair.bravo.told_of(Aside)] == [offered]
    assert pair.alfa.session.vouch(offered, pair.now)
    pair.cut()
    assert pair.alfa.session.vouch(offered, pair.now) == []
