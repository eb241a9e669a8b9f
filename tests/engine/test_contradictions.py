"""Three parties at one table: one statement, one digest, and a party that tells two others different things."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from detente.coordination.charter import Charter
from detente.coordination.ledger import OpenDifference
from detente.coordination.statement import decode_statement, encode_statement
from detente.desk.orders import AtTable
from detente.errors import OrderRefused
from detente.evidence.leaf import Kind, Lane, is_body_of
from detente.evidence.note import unb64
from detente.testing.identities import peer_identity
from detente.testing.parties import Character, Parties, node_name
from detente.types import Role

NAMES = ("alfa", "bravo", "charlie")
CHARTER = Charter(table="sky", title="The shared sky", members=NAMES, agreement="what was agreed")


def three(**more):
    parties = Parties({name: Character(tables=(CHARTER,)) for name in NAMES}, **more)
    parties.run(3.0)
    return parties


def differ(words="we see it otherwise"):
    return AtTable("sky", OpenDifference(title="a difference", words=words))


def say(parties, party, words="we see it otherwise", role=Role.FOREIGN_SERVICE):
    parties.order(party, differ(words), role)
    parties.run(3.0)


def statements(parties, party, author):
    """The bodies of *author*'s statements as *party*'s record holds them."""
    log = parties[party].engine.mirrored(author)[list(Lane).index(Lane.OPS)]
    identity = peer_identity(node_name(author))
    entries = parties[party].store.read(log.origin, 0, log.size)
    return [e.body for e in entries if identity.chain.decode(e.leaf).kind is Kind.STATEMENT]


def lying(parties, liar, victim, words):
    """From now on *liar* says *words* to *victim* under the number under which the others hear something else."""
    voice = parties[liar].engine._voice
    speak = voice.speak

    def two_tongues(party, lane, kind, **more):
        if party == victim and kind is Kind.STATEMENT:
            statement = decode_statement(more["body"])
            more["body"] = encode_statement(replace(statement, act=replace(statement.act, words=words)))
        return speak(party, lane, kind, **more)

    parties[liar].engine.tables._speak = two_tongues


def test_t05_the_same_statement_carries_the_same_bytes_to_every_member():
    parties = three()
    say(parties, "alfa")
    heard = [statements(parties, party, "alfa") for party in ("bravo", "charlie")]
    assert heard[0] == heard[1] != []
    assert all(parties.board(party).contradictions == [] for party in NAMES)
    heads = [parties[party].engine.tables.tables["sky"].heads() for party in NAMES]
    assert heads[0] == heads[1] == heads[2] != {}


def test_t05_a_party_that_tells_two_others_different_things_is_found_at_the_first_exchange():
    parties = three()
    lying(parties, "alfa", "charlie", "we agree entirely")
    say(parties, "alfa")
    for party, teller in (("bravo", "charlie"), ("charlie", "bravo")):
        (row,) = parties.board(party).contradictions
        assert (row.table, row.party, row.n) == ("sky", "alfa", 1)
        assert row.ours != row.other
        assert row.told_by == teller
        assert len(row.leaves) == 2
        assert {peer_identity(node_name("alfa")).chain.decode(leaf.encode()).to for leaf in row.leaves} == {
            node_name("bravo"),
            node_name("charlie"),
        }
    with pytest.raises(OrderRefused) as refused:
        parties.order("bravo", differ(), Role.FOREIGN_SERVICE)
    assert refused.value.code == "contradiction"


def test_t05_the_proof_is_kept_on_disk_and_convinces_a_stranger():
    parties = three()
    lying(parties, "alfa", "charlie", "we agree entirely")
    say(parties, "alfa")
    kept = parties["bravo"].store.state("contradiction sky alfa 1")
    proof = [tuple(map(unb64, one)) for one in msgspec.json.decode(kept)]
    chain = peer_identity(node_name("alfa")).chain
    assert all(is_body_of(chain.decode(leaf), salt, body) for leaf, salt, body in proof)
    said = [decode_statement(body) for _, _, body in proof]
    assert said[0].name == said[1].name
    assert said[0] != said[1]


def test_t05_a_cut_between_the_two_only_puts_it_off():
    parties = three()
    parties.cut("bravo", "charlie")
    lying(parties, "alfa", "charlie", "we agree entirely")
    say(parties, "alfa")
    assert parties.board("bravo").contradictions == []
    parties.heal()
    parties.run(3.0)
    assert parties.board("bravo").contradictions[0].leaves


def test_nothing_is_said_to_anybody_while_one_member_cannot_be_promised_anything():
    parties = three()
    parties["alfa"].engine._sessions["charlie"].disk_failed()
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", differ(), Role.FOREIGN_SERVICE)
    assert refused.value.code == "frozen"
    parties.run(2.0)
    assert statements(parties, "bravo", "alfa") == []
    with pytest.raises(OrderRefused) as refused:
        parties.order("alfa", AtTable("nowhere", OpenDifference(title="x", words="y")), Role.FOREIGN_SERVICE)
    assert refused.value.code == "unknown_table"


def test_a_table_is_folded_again_from_the_record_at_a_start():
    parties = three()
    for party in NAMES:
        say(parties, party, f"the words of {party}")
    before = parties["bravo"].engine.tables.tables["sky"].heads()
    parties.restart("bravo")
    assert parties["bravo"].engine.tables.tables["sky"].heads() == before
    assert len(before) == 3
