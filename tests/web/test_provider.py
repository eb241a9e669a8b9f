"""OpenID Connect against a provider on loopback that lies when it is told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import OctKey, RSAKey

from browser.serving import Desk, served
from detente.config import OidcAccounts, parse_config
from detente.errors import ConfigError
from detente.node.web.provider import Provider
from web.provider import CLIENT, SECRET, FalseProvider
from web.test_accounts import ACKNOWLEDGE, REBASE, digest_of
from web.test_server import Visitor

ROLES = {"alfa-mod": "military", "alfa-watch": "operator"}


@pytest.fixture(scope="module")
def running() -> Iterator[FalseProvider]:
    with FalseProvider().open() as provider:
        yield provider


@pytest.fixture
def provider(running: FalseProvider) -> FalseProvider:
    running.be_honest()
    return running


@pytest.fixture(scope="module")
def desk(running: FalseProvider) -> Iterator[Desk]:
    def door(port: int) -> dict[str, Any]:
        config = OidcAccounts(issuer=running.issuer, client=CLIENT, roles=ROLES)
        return {"accounts": Provider(config, SECRET, f"http://alfa.localhost:{port}/api/oidc/callback")}

    with served(door, tracks=10) as served_desk:
        yield served_desk


class Traveller(Visitor):
    """A browser that goes to the provider and back, with its own cookies."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.cookies: dict[str, str] = {}

    def go(self, path: str) -> tuple[int, dict[str, str], Any]:
        self.cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.ask("GET", path)
        for line in answer[1].get("set-cookie", "").splitlines():
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0].strip('"')
        return answer

    def back_from(self, path: str) -> str:
        """Follow *path* to the provider; returns where it sends the browser back to."""
        there = self.go(path)[1]["location"]
        back = httpx.get(there, trust_env=False, follow_redirects=False).headers["location"]
        return "/api/oidc/callback?" + urlsplit(back).query

    def sign_in(self, role: str = "") -> Traveller:
        del role
        status, headers, _ = self.go(self.back_from("/api/oidc/start"))
        assert (status, headers["location"]) == (303, "/")
        self.token = self.go("/api/session")[2]["token"]
        return self


def refused(traveller: Traveller) -> str:
    status, _, problem = traveller.go(traveller.back_from("/api/oidc/start"))
    assert (status, problem["code"]) == (403, "provider")
    assert traveller.go("/api/session")[2]["role"] is None
    return str(problem["detail"])


def test_a_person_of_the_provider_sits_down_at_the_seat_that_the_configuration_maps(
    desk: Desk, provider: FalseProvider
) -> None:
    traveller = Traveller(desk).sign_in()
    seat = traveller.go("/api/session")[2]
    assert (seat["role"], seat["name"], seat["account"], seat["kind"]) == ("military", "Ada Yılmaz", "ada", "oidc")
    assert traveller.order(ACKNOWLEDGE)[0] == 200
    assert desk.fake.orders[-1][0] == "military"
    assert provider.asked[-1]["code_challenge_method"] == "S256"
    assert {"state", "nonce"} <= provider.asked[-1].keys()


@pytest.mark.parametrize(
    "bend",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"nbf": 2**33},
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    desk: Desk, provider: FalseProvider, bend: dict[str, Any]
) -> None:
    provider.bend = bend
    assert "ID token" in refused(Traveller(desk))


@pytest.mark.parametrize("how", ["another key", "hmac", "none"])
def test_an_id_token_with_another_signature_is_refused(desk: Desk, provider: FalseProvider, how: str) -> None:
    match how:
        case "another key":
            provider.signs_with = RSAKey.generate_key(2048)
        case "hmac":
            provider.header, provider.signs_with = {"alg": "HS256"}, OctKey.import_key(SECRET * 3)
        case "none":
            provider.is_unsigned = True
    assert "ID token" in refused(Traveller(desk))


def test_keys_that_the_provider_rotated_are_read_anew(desk: Desk, provider: FalseProvider) -> None:
    Traveller(desk).sign_in()
    provider.key = provider.signs_with = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    provider.header = {"alg": "RS256", "kid": "two"}
    assert Traveller(desk).sign_in().go("/api/board")[0] == 200


@pytest.mark.parametrize("roles", [None, [], "staff", ["alfa-mod", "alfa-watch"], {"alfa-mod": 1}, 7])
def test_who_has_no_seat_here_or_two_sits_at_none(desk: Desk, provider: FalseProvider, roles: Any) -> None:
    provider.bend = {"roles": roles}
    assert "roles" in refused(Traveller(desk))


def test_a_provider_that_calls_itself_otherwise_is_not_believed(provider: FalseProvider) -> None:
    provider.says_issuer = "https://evil.example"
    config = OidcAccounts(issuer=provider.issuer, client=CLIENT, roles=ROLES)
    with served(lambda _: {"accounts": Provider(config, "", "http://x/")}, tracks=10) as fresh:
        status, _, problem = Traveller(fresh).go("/api/oidc/start")
    assert (status, problem["code"]) == (403, "provider")


def test_t33_an_answer_that_another_browser_began_is_refused(desk: Desk) -> None:
    attacker, victim = Traveller(desk), Traveller(desk)
    planted = attacker.back_from("/api/oidc/start")
    assert victim.go(planted)[2]["code"] == "provider"
    victim.back_from("/api/oidc/start")
    assert victim.go(planted)[2]["code"] == "provider"
    assert victim.go("/api/session")[2]["role"] is None


def test_an_answer_counts_once(desk: Desk) -> None:
    traveller = Traveller(desk)
    back = traveller.back_from("/api/oidc/start")
    kept = dict(traveller.cookies)
    assert traveller.go(back)[0] == 303
    again = Traveller(desk)
    again.cookies = {name: value for name, value in kept.items() if name.endswith("oidc")}
    assert again.go(back)[2]["code"] == "provider"


def test_t31_one_more_sign_in_is_a_fresh_one_by_the_same_person_for_this_order(
    desk: Desk, provider: FalseProvider
) -> None:
    person = Traveller(desk).sign_in()
    asked = {"order_digest": digest_of(REBASE)}
    assert person.order(REBASE)[2]["code"] == "step_up_needed"
    address = person.ask("POST", "/api/step-up/options", asked)[2]["address"]
    assert person.ask("POST", "/api/step-up", asked)[2]["code"] == "step_up_pending"

    provider.authenticated_s = time.time() - 3_600  # it let an old sign-in count
    assert "auth_time" in person.go(person.back_from(address))[2]["detail"]
    provider.authenticated_s = 0.0
    provider.person["sub"] = "bob"
    assert person.go(person.back_from(address))[2]["code"] == "provider"
    assert person.ask("POST", "/api/step-up", asked)[2]["code"] == "step_up_pending"

    provider.person["sub"] = "ada"
    assert person.go(person.back_from(address))[0] == 200
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    other = {"order_digest": "0" * 64}
    assert person.ask("POST", "/api/step-up", other)[2]["code"] == "step_up_pending"
    grant = person.ask("POST", "/api/step-up", asked)[2]["grant"]
    assert person.order(REBASE, x_detente_step_up=grant)[0] == 200
    assert person.ask("POST", "/api/step-up", asked)[2]["code"] == "step_up_pending"


def test_a_provider_that_is_away_is_said_in_one_line() -> None:
    config = OidcAccounts(issuer="http://127.0.0.1:9", client=CLIENT, roles=ROLES)

    def door(port: int) -> dict[str, Any]:
        return {"accounts": Provider(config, "", f"http://alfa.localhost:{port}/api/oidc/callback")}

    with served(door, tracks=10) as lonely:
        status, _, problem = Traveller(lonely).go("/api/oidc/start")
    assert (status, problem["code"]) == (403, "provider")
    assert "\n" not in problem["detail"]


CONFIG = '[node]\nparty = "alfa"\nname = "Alfa"\nnode = "alfa.example/detente"\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[accounts]\nkind = "oidc"\nissuer = "http://id.example"\nclient = "c"\nroles = {}\n', "must be https"),
        ('[accounts]\nkind = "oidc"\nissuer = "https://user@id.example"\nclient = "c"\nroles = {}\n', "no address"),
        ('[accounts]\nkind = "oidc"\nissuer = "https://id.example"\nclient = "c"\nroles = {x = "king"}\n', "roles"),
        ('[listen]\nconsole = "0.0.0.0:8440"\n[accounts]\nkind = "demo"\n', "demo accounts are for loopback"),
        ('[listen]\ncertificate = "a.pem"\n', "come together"),
        ('[accounts]\nkind = "password"\n', "password"),
    ],
)
def test_a_door_that_is_not_one_stops_the_node(tmp_path: Any, text: str, wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        parse_config((CONFIG + text).encode(), tmp_path / "detente.toml")


def test_the_way_back_is_the_consoles_own_address(desk: Desk, provider: FalseProvider) -> None:
    query = parse_qs(urlsplit(Traveller(desk).go("/api/oidc/start")[1]["location"]).query)
    assert query["redirect_uri"] == [f"{desk.address}api/oidc/callback"]
    assert query["client_id"] == [CLIENT]
