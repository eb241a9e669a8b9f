"""A report in a dossier carries its marking: how far it may go, whose it is, and whether the consent was taken back."""

from detente.coordination.reports import Consent, Marking, Point, Share, SharePoint
from detente.coordination.statement import Statement, encode_statement
from detente.evidence.run import Said
from detente.evidence.verdict import _marking, _taken_back
from detente.types import Role


def said(act, party="alfa", n=1):
    statement = Statement(
        table="line", charter="0" * 64, party=party, n=n, prev="0" * 64, by=Role.INTELLIGENCE, at_ms=1, act=act
    )
    body = encode_statement(statement)
    return Said(
        "log", n, "digest", "report", "P", "intelligence", 1, (1, 0), None, (), "application/json", body, len(body)
    )


def share(**more):
    usual = {
        "title": "Column", "words": "On the road.", "kind": "movement", "about": "general",
        "observed_ms": 1, "valid_until_ms": 9, "originator": "alfa",
    }  # fmt: skip
    return Share(**(usual | more))


def marking(*spoken):
    return list(_marking(spoken[0], _taken_back(spoken)))


def test_a_report_is_marked_first_of_all():
    assert marking(said(share())) == [("marking", "TLP:AMBER+STRICT")]
    assert marking(said(share(marking=Marking(tlp="green")))) == [("marking", "TLP:GREEN")]


def test_a_report_with_a_point_is_marked_as_any_other():
    fields = {name: getattr(share(), name) for name in share().__struct_fields__ if name not in ("about", "area")}
    pointed = SharePoint(**fields, about="own", point=Point(latitude_e4=1, longitude_e4=1))
    assert marking(said(pointed)) == [("marking", "TLP:AMBER+STRICT")]


def test_a_third_partys_report_names_it_and_says_that_its_consent_was_taken_back():
    theirs = said(share(originator="charlie", material="c-17"))
    given, taken = (said(Consent(material="c-17", consents=yes), "charlie", n) for n, yes in ((1, True), (2, False)))
    assert marking(theirs, given) == [("marking", "TLP:AMBER+STRICT // ORIGINATOR CHARLIE")]
    assert marking(theirs, given, taken) == [
        ("marking", "TLP:AMBER+STRICT // ORIGINATOR CHARLIE // CONSENT TAKEN BACK: PASS ON NO FURTHER")
    ]
    other = said(share(originator="charlie", material="c-18"))
    assert "TAKEN BACK" not in marking(other, given, taken)[0][1]


def test_nothing_else_is_marked():
    assert marking(said(Consent(material="c-17", consents=True), "charlie")) == []
