"""The running API against its own description: schemathesis makes requests that fit it and requests that do not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup

from browser.serving import Desk, served
from detente.node.accounts import AccountBook
from detente.node.web.endpoint import Endpoint, Who
from detente.node.web.routes import TABLE
from detente.types import Role
from web.test_server import Visitor

EXAMPLES = 10
REFUSALS = ["400", "401", "403", "404", "405", "409", "413"]
NOW = time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, dict[str, str]]]:
    book = AccountBook(tmp_path_factory.mktemp("api") / "accounts.json")
    account, _ = book.add("A program", Role.MILITARY, NOW)
    token = book.give_token(account.account, "api", NOW, NOW + 3_600_000)
    with served(lambda _: {"book": book}, tracks=10) as running:
        yield running, {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def described(desk: tuple[Desk, dict[str, str]]) -> Any:
    visitor = Visitor(desk[0])
    made = schemathesis.openapi.from_dict(visitor.ask("GET", "/api/openapi.json")[2])
    made.config.update(base_url=f"http://127.0.0.1:{visitor.port}")
    made.config.generation.update(with_security_parameters=False)  # the token is ours, and whether it is asked for too
    # Too large is refused as well; the tool's own list has it not.
    made.config.checks.negative_data_rejection.expected_statuses = [*REFUSALS]
    made.config.checks.positive_data_acceptance.expected_statuses = ["200", "303", "401", "403", "404", "409"]
    return made


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("endpoint", TABLE, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_the_api_does_what_it_says(
    described: Any, desk: tuple[Desk, dict[str, str]], endpoint: Endpoint[Any, Any], mode: GenerationMode
) -> None:
    operation = described[endpoint.path][endpoint.method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        case.call_and_validate(headers=desk[1], timeout=60)  # one answer takes seconds of arithmetic

    with suppress(Unsatisfiable):  # what takes no parameter and no body cannot be asked wrongly
        check()


def test_what_is_for_those_who_have_signed_in_is_for_nobody_else(desk: tuple[Desk, dict[str, str]]) -> None:
    stranger = Visitor(desk[0])
    for endpoint in TABLE:
        if endpoint.who is Who.SEATED:
            path = endpoint.path.replace("{table}", "line").replace("{session}", "0" * 12)
            for headers in ({}, {"authorization": "Bearer x"}, {"cookie": "detente=x"}):
                assert stranger.ask(endpoint.method, path, **headers)[0] == 401, endpoint.path


def test_a_difference_between_the_api_and_its_description_is_found(
    described: Any, desk: tuple[Desk, dict[str, str]]
) -> None:
    """The test above can fail: a description that promises more than an answer holds is caught."""
    raw = json.loads(json.dumps(described.raw_schema))
    raw["components"]["schemas"]["Seat"]["properties"]["roles"] = {"type": "string"}
    bent = schemathesis.openapi.from_dict(raw)
    bent.config.update(base_url=described.config.base_url)
    case = bent["/api/session"]["GET"].Case()
    with pytest.raises(FailureGroup, match="violates schema"):
        case.call_and_validate(headers=desk[1])
