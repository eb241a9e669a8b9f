"""Who may sit where and order what: passkeys, signing in once more, locks, sessions, tokens, at the door of a real socket."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed

from browser.serving import Desk, served
from detente.coordination import proposals
from detente.coordination.powers import COMMITMENTS, POWERS
from detente.coordination.powers import permit as permit_act
from detente.desk.orders import (
    Acknowledge,
    AcknowledgeMessage,
    AnyOrder,
    AtTable,
    ConfirmPolicy,
    LiftHold,
    MarkAlert,
    PlaceHold,
    ProposePolicy,
    Rebase,
    RevertPolicy,
    SendText,
    StandDown,
)
from detente.desk.seats import LINES, MATRIX, needs_step_up, permit
from detente.errors import OrderRefused
from detente.node.accounts import AccountBook, AccountsUnreadable
from detente.node.web.door import Demo
from detente.node.web.passkeys import Passkeys
from detente.node.web.stepping import CHALLENGE_S, GRANT_S, GRANTS_MAX, Challenges, Grants
from detente.types import DELEGATION, WATCH, Role
from web.authenticator import SoftKey
from web.test_server import FOREIGN, Visitor

NOW = time.time_ns() // 1_000_000
REBASE = {"order": "rebase", "party": "bravo", "log": "x"}
ACKNOWLEDGE = {"order": "acknowledge", "alert": "alfa-3"}


class House:
    """A desk whose accounts are opened by passkeys, its book, and what was noted at its door."""

    def __init__(self, folder: Path) -> None:
        self.book = AccountBook(folder / "accounts.json")
        self.noted: list[tuple[str, str, dict[str, str | int]]] = []
        self.idle_s = 600.0

    def door(self, port: int) -> dict[str, Any]:
        host = f"alfa.localhost:{port}"
        return {
            "accounts": Passkeys(self.book, "alfa.localhost", [f"http://{host}"]),
            "book": self.book,
            "note": lambda act, by, about: self.noted.append((act.value, by, about)),
            "idle_s": self.idle_s,
        }

    @contextmanager
    def open(self) -> Iterator[Desk]:
        with served(self.door, tracks=10) as running:
            running.house = self  # type: ignore[attr-defined]
            yield running


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with House(tmp_path_factory.mktemp("house")).open() as running:
        yield running


class Person(Visitor):
    """A visitor with a security key and an account."""

    def __init__(self, desk: Desk, role: Role = Role.MILITARY, **key: Any) -> None:
        super().__init__(desk)
        self.book: AccountBook = desk.house.book  # type: ignore[attr-defined]
        self.key = SoftKey(f"http://{self.host}", **key)
        self.account, self.code = self.book.add("A person", role, NOW)

    def keep(self, answer: tuple[int, dict[str, str], Any]) -> tuple[int, dict[str, str], Any]:
        if "set-cookie" in answer[1]:
            self.cookie, self.token = answer[1]["set-cookie"].partition(";")[0], answer[2]["token"]
        return answer

    def enrol(self, code: str | None = None) -> tuple[int, dict[str, str], Any]:
        code = code or self.code
        options = self.ask("POST", "/api/passkeys/options", {"code": code})[2]["options"]
        return self.keep(self.ask("POST", "/api/passkeys", {"code": code, "credential": self.key.create(options)}))

    def enter(self) -> tuple[int, dict[str, str], Any]:
        options = self.ask("POST", "/api/sign-in/options")[2]["options"]
        return self.keep(self.ask("POST", "/api/sign-in", {"credential": self.key.get(options)}))

    def step_up(self, digest: str | None, key: SoftKey | None = None) -> tuple[int, dict[str, str], Any]:
        asked = self.ask("POST", "/api/step-up/options", {"order_digest": digest})
        credential = (key or self.key).get(asked[2]["options"])
        return self.ask("POST", "/api/step-up", {"order_digest": digest, "credential": credential})

    def grant(self, order: Any) -> str:
        answer = self.step_up(digest_of(order))
        assert answer[0] == 200
        return str(answer[2]["grant"])


def digest_of(order: Any) -> str:
    return hashlib.sha256(json.dumps(order).encode()).hexdigest()


@pytest.fixture
def person(desk: Desk) -> Person:
    one = Person(desk)
    assert one.enrol()[0] == 200
    return one


# --- passkeys


def test_a_one_time_address_makes_one_passkey_and_the_passkey_opens_its_seat_and_no_other(desk: Desk) -> None:
    person = Person(desk, Role.INTELLIGENCE)
    assert person.ask("GET", "/api/session")[2]["kind"] == "passkey"
    assert person.enrol()[2]["role"] == "intelligence"
    assert person.ask("POST", "/api/passkeys/options", {"code": person.code})[2]["code"] == "enrolment"
    person.cookie = ""
    status, headers, seat = person.enter()
    assert (status, seat["role"], seat["account"]) == (200, "intelligence", person.account.account)
    assert {"httponly", "samesite=strict"} <= {part.strip().lower() for part in headers["set-cookie"].split(";")}
    assert person.ask("GET", "/api/board")[2]["role"] == "intelligence"


def test_t31_a_seat_is_the_accounts_and_no_form_can_ask_for_another(desk: Desk, person: Person) -> None:
    assert person.ask("POST", "/api/session", {"role": "leader"})[2]["code"] == "wrong_accounts"
    options = person.ask("POST", "/api/sign-in/options")[2]["options"]
    credential = person.key.get(options)
    asked = {"credential": credential, "role": "leader"}
    assert person.ask("POST", "/api/sign-in", asked)[2]["code"] == "unreadable"
    assert person.order(ACKNOWLEDGE | {"by": "leader"})[2]["code"] == "unreadable"
    assert person.order(ACKNOWLEDGE)[0] == 200
    assert desk.fake.orders[-1] == ("military", Acknowledge("alfa-3"))


@pytest.mark.parametrize("bend", ["challenge", "origin", "domain", "unverified", "signature", "replayed", "other key"])
def test_t31_a_passkeys_answer_that_is_not_right_opens_nothing(desk: Desk, person: Person, bend: str) -> None:
    person.cookie = ""
    options = person.ask("POST", "/api/sign-in/options")[2]["options"]
    key = person.key
    match bend:
        case "challenge":
            options |= {"challenge": "AAAA" + options["challenge"][4:]}
        case "origin":
            key.origin = "http://evil.example"
        case "domain":
            options |= {"rpId": "evil.example"}
        case "unverified":
            key.verifies = False
        case "other key":
            stranger = SoftKey(key.origin)
            stranger.id = key.id
            key = stranger
    credential = key.get(options)
    if bend == "signature":
        credential["response"]["signature"] = credential["response"]["signature"][:-8] + "AAAAAAAA"
    if bend == "replayed":
        assert person.ask("POST", "/api/sign-in", {"credential": credential})[0] == 200
    status, headers, problem = person.ask("POST", "/api/sign-in", {"credential": credential})
    assert (status, problem["code"]) == (403, "passkey")
    assert "set-cookie" not in headers


@pytest.mark.parametrize(
    "credential", [{}, {"id": 3}, {"response": None}, {"id": "x", "response": {"clientDataJSON": "!"}}]
)
def test_an_answer_that_is_none_is_refused_in_one_line(person: Person, credential: Any) -> None:
    status, _, problem = person.ask("POST", "/api/sign-in", {"credential": credential})
    assert (status, problem["code"]) == (403, "passkey")
    assert "\n" not in problem["detail"]


@given(st.binary(max_size=80), st.text(max_size=12))
def test_no_challenge_is_taken_that_was_not_given(bytes_given: bytes, use: str) -> None:
    challenges = Challenges()
    assert not challenges.take(bytes_given, use, 1.0)
    good = challenges.give("sign-in", 1.0)
    assert not challenges.take(good, "sign-in" + use, 1.0) or use == ""


def test_a_challenge_is_good_once_for_two_minutes_and_for_what_it_was_given() -> None:
    challenges = Challenges()
    first, second = challenges.give("a", 10.0), challenges.give("a", 10.0)
    assert not challenges.take(first, "b", 11.0)
    assert challenges.take(first, "a", 11.0)
    assert not challenges.take(first, "a", 12.0)
    assert not challenges.take(second, "a", 10.0 + CHALLENGE_S + 1)


def test_a_copied_passkey_whose_count_stands_back_is_refused(desk: Desk, person: Person) -> None:
    person.enter()
    person.key.count = 0
    assert person.enter()[2]["code"] == "passkey"


# --- signing in once more


def test_t31_a_commitment_or_flash_without_a_grant_is_refused_before_the_desk_sees_it(
    desk: Desk, person: Person
) -> None:
    flash = {"order": "send_text", "to": "bravo", "line": "military", "precedence": "Z", "text": "x", "reason": "R06"}
    sign = {"act": "proposal.sign", "proposal": "alfa-1", "number": 1, "digest": "0" * 64}
    coded = {"order": "send_code", "to": "bravo", "line": "military", "code": "M04", "params": {}}
    before = len(desk.fake.orders)
    for order in (flash, {"order": "at_table", "table": "line", "act": sign}, REBASE, coded):
        status, _, problem = person.order(order)
        assert (status, problem["code"]) == (403, "step_up_needed")
        assert digest_of(order) in problem["detail"]
        for grant in ("", "x" * 32, person.grant(ACKNOWLEDGE)):
            assert person.order(order, x_detente_step_up=grant)[2]["code"] == "step_up_needed"
    assert len(desk.fake.orders) == before


def test_t31_a_grant_is_for_one_order_one_session_and_one_time(desk: Desk, person: Person) -> None:
    other = Person(desk)
    other.enrol()
    grant = person.grant(REBASE)
    assert other.order(REBASE, x_detente_step_up=grant)[2]["code"] == "step_up_needed"
    grant = person.grant(REBASE)
    assert person.order(REBASE, x_detente_step_up=grant)[0] == 200
    assert person.order(REBASE, x_detente_step_up=grant)[2]["code"] == "step_up_needed"


def test_t31_the_passkey_of_another_person_steps_nobody_else_up(desk: Desk, person: Person) -> None:
    other = Person(desk)
    other.enrol()
    assert person.step_up(digest_of(REBASE), other.key)[2]["code"] == "passkey"


def test_a_grant_runs_out_and_their_number_has_a_limit() -> None:
    grants = Grants()
    assert not grants.take(grants.give("s", "d", 0.0), "s", "d", GRANT_S + 1.0)
    first = grants.give("s", "d", 0.0)
    for _ in range(GRANTS_MAX):
        grants.give("s", "d", 0.0)
    assert not grants.take(first, "s", "d", 1.0)


def test_a_repeated_commitment_is_answered_without_another_passkey(desk: Desk, person: Person) -> None:
    grant, before = person.grant(REBASE), len(desk.fake.orders)
    assert person.order(REBASE, x_detente_step_up=grant, idempotency_key="once")[0] == 200
    assert person.order(REBASE, idempotency_key="once")[0] == 200
    assert len(desk.fake.orders) == before + 1


def test_every_act_that_binds_and_nothing_else_at_a_table_asks_for_the_passkey() -> None:
    for act in POWERS:
        assert needs_step_up(AtTable("line", _bare(act)), None) == (act in COMMITMENTS)


def _bare(act: type[Any]) -> Any:
    """An act of a type with nothing in its fields: only its type is looked at."""
    return act(**dict.fromkeys(act.__struct_fields__))


SEATS = (*DELEGATION, Role.LEADER, *WATCH)


@pytest.mark.parametrize("role", SEATS)
def test_t31_each_seat_gives_only_its_own_orders(role: Role) -> None:
    """Three seats, leader and watch against every order and every act: each wrong-seat order is refused."""
    tried = 0
    for act, seats in POWERS.items():
        tried += 1
        if role in seats:
            permit_act(role, act)
        else:
            with pytest.raises(OrderRefused, match=" is for "):
                permit_act(role, act)
    for line, owners in LINES.items():
        order = SendText(to="bravo", line=line, precedence="R", text="x")
        for one in (order, AcknowledgeMessage("m")):
            tried += 1
            if role in owners:
                permit(role, one, line=line)
            else:
                with pytest.raises(OrderRefused) as refused:
                    permit(role, one, line=line)
                assert refused.value.code == "wrong_seat"
    watch = role in WATCH
    may: dict[type[AnyOrder], bool] = {
        Acknowledge: watch,
        StandDown: watch,
        PlaceHold: role is not Role.OPERATOR,
        LiftHold: role is not Role.OPERATOR,
        MarkAlert: watch,
        ProposePolicy: role is not Role.OPERATOR,
        ConfirmPolicy: role is not Role.OPERATOR,
        RevertPolicy: role is not Role.OPERATOR,
        Rebase: not watch,
    }
    for kind, is_allowed in may.items():
        tried += 1
        if is_allowed:
            permit(role, _bare(kind))
        else:
            with pytest.raises(OrderRefused) as refused:
                permit(role, _bare(kind))
            assert refused.value.code == "wrong_seat"
    assert tried == len(POWERS) + 2 * len(LINES) + len(may)


def test_t31_the_matrix_of_seats_knows_every_order() -> None:
    assert set(MATRIX) == set(AnyOrder.__args__)  # type: ignore[attr-defined]
    assert all(set(roles) == set(Role) for roles in MATRIX.values())


# --- locks and the list of sessions


@pytest.fixture(scope="module")
def drowsy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    house = House(tmp_path_factory.mktemp("drowsy"))
    house.idle_s = 0.3
    with house.open() as running:
        yield running


def test_t32_an_idle_session_shows_and_takes_no_order_until_its_own_passkey(drowsy: Desk) -> None:
    person, thief = Person(drowsy), Person(drowsy)
    person.enrol()
    assert person.order(ACKNOWLEDGE)[0] == 200
    time.sleep(0.4)
    assert person.ask("GET", "/api/session")[2]["locked"]
    assert person.ask("GET", "/api/board")[0] == 200
    before = len(drowsy.fake.orders)
    assert person.order(ACKNOWLEDGE)[2]["code"] == "locked"
    assert person.step_up(digest_of(REBASE))[2]["code"] == "locked"
    assert len(drowsy.fake.orders) == before
    assert person.ask("POST", "/api/session/active")[2]["locked"]  # moving the mouse opens no lock
    assert person.order({"order": "displayed", "alerts": ["alfa-3"]})[0] == 200  # no person's act
    thief.enrol()
    assert person.step_up(None, thief.key)[2]["code"] == "passkey"
    assert person.step_up(None)[0] == 200
    assert person.order(ACKNOWLEDGE)[0] == 200


def test_t32_a_person_at_the_desk_keeps_it_open(drowsy: Desk) -> None:
    person = Person(drowsy)
    person.enrol()
    for _ in range(4):
        time.sleep(0.15)
        assert not person.ask("POST", "/api/session/active")[2]["locked"]
    assert person.order(ACKNOWLEDGE)[0] == 200


def test_t32_a_session_is_ended_from_another_desk_and_its_live_line_with_it(desk: Desk, person: Person) -> None:
    laptop = Person(desk)
    laptop.account, laptop.key = person.account, person.key
    laptop.enter()
    with laptop.live() as line:
        line.recv(5)
        rows = {
            row["this"]: row
            for row in person.ask("GET", "/api/sessions")[2]
            if row["account"] == person.account.account
        }
        assert set(rows) == {True, False}
        assert person.ask("DELETE", f"/api/sessions/{rows[False]['session']}")[0] == 200
        with pytest.raises(ConnectionClosed) as closed:  # noqa: PT012 - some frames may still be on their way
            for _ in range(20):
                line.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
    assert laptop.ask("GET", "/api/board")[0] == 401
    assert laptop.order(ACKNOWLEDGE)[0] == 401
    assert person.ask("GET", "/api/board")[0] == 200
    assert person.ask("DELETE", f"/api/sessions/{rows[False]['session']}")[2]["code"] == "no_such_session"


def test_t32_one_sees_and_ends_only_ones_own_sessions_but_a_duty_officer_everybodys(desk: Desk, person: Person) -> None:
    officer, other = Person(desk, Role.DUTY_OFFICER), Person(desk)
    officer.enrol()
    other.enrol()
    theirs = {row["account"] for row in other.ask("GET", "/api/sessions")[2]}
    assert theirs == {other.account.account}
    mine = next(row for row in person.ask("GET", "/api/sessions")[2] if row["this"])
    assert other.ask("DELETE", f"/api/sessions/{mine['session']}")[2]["code"] == "no_such_session"
    assert other.ask("DELETE", "/api/sessions?everybody=true")[2]["code"] == "not_allowed"
    assert person.ask("GET", "/api/board")[0] == 200
    assert officer.ask("DELETE", "/api/sessions?everybody=true")[0] == 200
    assert person.ask("GET", "/api/board")[0] == other.ask("GET", "/api/board")[0] == 401
    assert officer.ask("GET", "/api/board")[0] == 200


def test_t32_an_account_that_is_ended_is_out_at_once_everywhere(desk: Desk, person: Person) -> None:
    token = person.book.give_token(person.account.account, "script", NOW, NOW + 3_600_000)
    program = Visitor(desk)
    assert program.ask("GET", "/api/board", authorization=f"Bearer {token}")[0] == 200
    person.book.end(person.account.account)
    assert person.ask("GET", "/api/board")[0] == 401
    assert program.ask("GET", "/api/board", authorization=f"Bearer {token}")[0] == 401
    assert person.enter()[2]["code"] == "passkey"


# --- tokens


def test_a_token_gives_its_accounts_orders_without_cookie_or_origin_and_commits_to_nothing(
    desk: Desk, person: Person
) -> None:
    token = person.book.give_token(person.account.account, "script", NOW, NOW + 3_600_000)
    program = Visitor(desk)
    bearer = {"authorization": f"Bearer {token}", "origin": ""}
    assert program.order(ACKNOWLEDGE, **bearer)[0] == 200
    assert desk.fake.orders[-1][0] == "military"
    assert program.order(REBASE, **bearer)[2]["code"] == "step_up_needed"
    asked = {"order_digest": digest_of(REBASE)}
    assert program.ask("POST", "/api/step-up/options", asked, **bearer)[2]["code"] == "not_allowed"
    assert program.ask("POST", "/api/step-up", asked | {"sure": True}, **bearer)[2]["code"] == "not_allowed"
    for wrong in ("Bearer ", "Bearer detente_x", f"Basic {token}", token):
        assert program.order(ACKNOWLEDGE, authorization=wrong, origin="")[0] == 401


def test_no_secret_stands_in_the_file_of_accounts(person: Person) -> None:
    token = person.book.give_token(person.account.account, "script", NOW, NOW + 3_600_000)
    code = person.book.enrol(person.account.account, NOW)
    text = person.book._path.read_text()
    assert token not in text
    assert code not in text
    assert person.book._path.stat().st_mode & 0o077 == 0


def test_a_token_and_a_code_run_out(tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "accounts.json")
    account, code = book.add("A person", Role.LEADER, NOW)
    token = book.give_token(account.account, "t", NOW, NOW + 1_000)
    assert book.with_token(token, NOW + 999) is not None
    assert book.with_token(token, NOW + 1_000) is None
    assert book.with_code(code, NOW + 24 * 3_600_000) is None


def test_two_books_of_one_file_see_each_others_changes(tmp_path: Path) -> None:
    node, command = AccountBook(tmp_path / "accounts.json"), AccountBook(tmp_path / "accounts.json")
    assert node.all() == ()
    account, _ = command.add("A person", Role.LEADER, NOW)
    assert [one.account for one in node.all()] == ["leader-1"]
    node.give_token(account.account, "t", NOW, NOW + 1)
    assert len(command.all()[0].tokens) == 1
    assert command.add("B", Role.LEADER, NOW)[0].account == "leader-2"


# --- what is noted, and the door itself


def test_what_people_do_at_the_door_is_noted_by_seat_and_never_by_name(desk: Desk, person: Person) -> None:
    noted = desk.house.noted  # type: ignore[attr-defined]
    person.order(REBASE, x_detente_step_up=person.grant(REBASE))
    person.ask("DELETE", "/api/session")
    mine = [(act, by) for act, by, _ in noted]
    for act in ("enrolled", "sign_in", "step_up", "sign_out"):
        assert (act, "military") in mine
    assert ("step_up", "military", {"use": "passkey", "digest": digest_of(REBASE)}) in noted
    assert person.account.account not in msgspec.json.encode(noted).decode()


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/orders", ACKNOWLEDGE),
        ("POST", "/api/step-up/options", {"order_digest": None}),
        ("POST", "/api/sign-in/options", None),
        ("DELETE", "/api/sessions", None),
        ("POST", "/api/session/active", None),
    ],
)
def test_t33_no_page_of_another_origin_acts_at_the_door(
    desk: Desk, person: Person, origin: str, method: str, path: str, body: Any
) -> None:
    """Thirty attempts, each with the victim's own cookie and token."""
    before = len(desk.fake.orders)
    status, _, problem = person.ask(method, path, body, origin=origin.format(port=person.port))
    assert (status, problem["code"]) == (403, "wrong_origin")
    assert len(desk.fake.orders) == before


def test_t33_a_page_of_another_origin_gains_nothing_by_naming_a_token(desk: Desk, person: Person) -> None:
    headers = {"origin": "http://evil.example", "authorization": "Bearer x"}
    assert person.order(ACKNOWLEDGE, **headers)[2]["code"] == "wrong_origin"
    assert person.order(ACKNOWLEDGE, origin="", authorization="Bearer x")[2]["code"] == "not_signed_in"


def test_a_demo_desk_steps_up_by_a_click_and_says_that_it_is_one() -> None:
    with served(lambda _: {"accounts": Demo()}, tracks=10) as running:
        visitor = Visitor(running).sign_in("military")
        assert visitor.ask("GET", "/api/session")[2]["demo"]
        assert visitor.order(REBASE)[2]["code"] == "step_up_needed"
        asked = {"order_digest": digest_of(REBASE)}
        assert visitor.ask("POST", "/api/step-up/options", asked)[2]["kind"] == "demo"
        assert visitor.ask("POST", "/api/step-up", asked)[2]["code"] == "passkey"
        grant = visitor.ask("POST", "/api/step-up", asked | {"sure": True})[2]["grant"]
        assert visitor.order(REBASE, x_detente_step_up=grant)[0] == 200
        assert visitor.ask("POST", "/api/passkeys/options", {"code": "x"})[2]["code"] == "wrong_accounts"


def test_a_closed_account_stays_in_the_file_and_its_name_is_not_given_again(tmp_path: Path) -> None:
    book = AccountBook(tmp_path / "accounts.json")
    account, _ = book.add("A person", Role.LEADER, NOW)
    assert book.end(account.account) == replace(account, ended=True, enrolment=None)
    assert book.named(account.account) is None
    assert book.add("Another", Role.LEADER, NOW)[0].account == "leader-2"


def test_the_acts_that_bind_are_as_many_as_the_powers_say() -> None:
    assert proposals.Sign in COMMITMENTS
    assert set(POWERS) >= COMMITMENTS


# --- a file of accounts that cannot be read


def test_who_sits_at_the_desk_stays_while_the_accounts_cannot_be_read_and_others_are_told(tmp_path: Path) -> None:
    with House(tmp_path).open() as desk:
        person, path = Person(desk), tmp_path / "accounts.json"
        assert person.enrol()[0] == 200
        good = path.read_bytes()
        path.write_bytes(good[:-9])
        assert person.ask("GET", "/api/board")[0] == 200
        assert person.enter()[0] == 200
        assert str(path) in person.book.fault
        with pytest.raises(AccountsUnreadable, match=r"accounts\.json"):
            person.book.add("Another", Role.LEADER, NOW)
        assert path.read_bytes() == good[:-9]
        path.write_bytes(good)
        assert person.ask("GET", "/api/board")[0] == 200
        assert person.book.fault == ""


def test_nobody_signs_in_while_the_accounts_never_could_be_read_and_the_answer_says_why(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text("[{]")
    with House(tmp_path).open() as desk:
        visitor = Visitor(desk)
        status, _, problem = visitor.ask("GET", "/api/board", authorization="Bearer detente_x")
        assert (status, problem["code"]) == (503, "accounts_unreadable")
        assert str(tmp_path) not in json.dumps(problem)
        path.unlink()
        assert visitor.ask("GET", "/api/board", authorization="Bearer detente_x")[0] == 401


def test_a_passkey_that_cannot_be_kept_is_refused_and_its_count_keeps_nobody_out(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(person.book, "keep_passkey", full)
    code = person.book.enrol(person.account.account, NOW)
    status, _, problem = person.enrol(code)
    assert (status, problem["code"]) == (403, "passkey")
    assert "cannot keep it" in problem["detail"]
    monkeypatch.setattr(person.book, "used", full)
    assert person.enter()[0] == 200
