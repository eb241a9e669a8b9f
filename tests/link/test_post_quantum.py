"""The second line of a receipt, with ML-DSA-44: on the link once an hour, and kept by the writer of the log."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import msgspec

from detente.evidence.keys import Key, KeyChain, sign_statement
from detente.evidence.leaf import Lane
from detente.evidence.note import Ed25519Signer, MlDsaCosigner, open_note
from detente.link.effects import Held, strong_key
from detente.link.frames import Rcpt, decode
from detente.link.identity import PeerIdentity
from detente.testing import identities
from detente.types import NS_PER_S
from link import pair as pair_module
from link.pair import ALFA, BRAVO, draft, joined

FLASH = f"{ALFA}/to/bravo.example/flash/1"
HOUR_NS = 3_600 * NS_PER_S


def with_pq(node):
    """The test node *node* with an ML-DSA-44 key for receipts in its one statement."""
    own = identities.own_identity(node)
    pq = MlDsaCosigner(f"{node}/mirror", identities._seed(node, "mirror pq"))
    statement = own.chain.newest
    statement = msgspec.structs.replace(statement, keys=(*statement.keys, Key("mirror", str(pq.vkey))))
    root = Ed25519Signer(f"{node}/root", identities._seed(node, "root"))
    return replace(own, chain=KeyChain.verify([sign_statement(statement, root)], root.vkey), mirror_pq=pq)


def test_exactly_one_receipt_an_hour_bears_an_ml_dsa_line_and_the_writer_keeps_the_newest(monkeypatch):
    both = {node: with_pq(node) for node in (ALFA, BRAVO)}
    monkeypatch.setattr(pair_module, "own_identity", both.__getitem__)
    monkeypatch.setattr(pair_module, "peer_identity", lambda node, confirmed: PeerIdentity(both[node].chain, confirmed))
    pair = joined()
    receipts, strong = Counter(), Counter()
    pq = both[BRAVO].mirror_pq.vkey
    for n in range(1, 16):  # one FLASH every twelve minutes, 16:00 to 19:00: five an hour
        pair.frames.clear()
        pair.write(pair.alfa, Lane.FLASH, draft(f"message {n}"))
        given = [decode(raw) for name, _, raw in pair.frames if name == BRAVO and isinstance(raw, str)]
        (receipt,) = [frame for frame in given if isinstance(frame, Rcpt)]
        text = pair.alfa.session.writers[Lane.FLASH].log.head(n).text
        signed = open_note(f"{text}\n{receipt.lines}".encode(), pq, both[BRAVO].mirror.vkey)
        receipts[pair.now // HOUR_NS] += 1
        strong[pair.now // HOUR_NS] += signed.by(pq) is not None
        assert signed.by(both[BRAVO].mirror.vkey) is not None  # never the second line alone
        pair.step(12 * 60)
    assert list(receipts.values()) == [5, 5, 5]
    assert list(strong.values()) == [1, 1, 1]
    assert [held.size for held in pair.alfa.told_of(Held)] == list(range(1, 16))
    for node in pair.nodes:  # both sides keep the newest that bears it: the eleventh, of 18:00
        kept = both[ALFA].chain.checkpoint(node.store.state(strong_key(FLASH)), FLASH, pq)
        assert (kept.checkpoint.size, kept.held_at_s(pq) is not None) == (11, True)
