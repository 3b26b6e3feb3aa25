"""Masking: a client sees what it can act on, the log sees the rest, once."""

import json
from io import StringIO

import asyncpg
import pytest
import sqlalchemy.exc
from graphql import GraphQLError

from gateway.logs import LINE
from gateway.masking import masked, masked_exception, refused
from kernel.errors import Conflict, Forbidden, InvalidInput, Problem
from tests.gateway.toy import Toy, codes, says


def logged(lines: StringIO, event: str = "masked") -> list[dict[str, str]]:
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    return [line for line in found if line["event"] == event]


async def test_a_fault_speaks_for_itself(lines: StringIO) -> None:
    response = await Toy().post("{ contradiction missing }")

    assert [error["extensions"] for error in response.json()["errors"]] == [
        {"code": "CONFLICT", "details": {"key": "k-1"}},
        {"code": "NOT_FOUND"},
    ]
    assert response.json()["errors"][0]["path"] == ["contradiction"]
    assert logged(lines) == []


async def test_our_mistake_is_one_sentence_with_a_reference_that_the_log_has_too(lines: StringIO) -> None:
    response = await Toy().post("{ broken }")

    [line] = logged(lines)
    assert codes(response) == ["INTERNAL"]
    assert says(response) == (
        f"Something went wrong on our side. Quote this reference to support: {line['reference']}."
    )
    assert line["error"] == "KeyError"
    assert "toy.py" in line["at"]


async def test_a_literal_of_the_document_is_in_no_log_line(lines: StringIO) -> None:
    for query in (
        '{ broken(secret: "hunter2") }',
        '{ hello(name: hunter2) nonsense(x: "hunter2") }',
        '{ hello "hunter2" }',
        'query hunter2__and_a_name_that_is_far_too_long_for_a_line_to_carry_in_full_please { hello(x: "hunter2") }',
    ):
        await Toy().post(query, variables={"hunter2": "hunter2"})

    assert "hunter2" not in lines.getvalue()


async def test_fifty_equal_failures_are_one_line_and_one_reference(lines: StringIO) -> None:
    response = await Toy().post("{ manyBroken { value } }")

    assert codes(response) == ["INTERNAL"] * 50
    assert len({error["message"] for error in response.json()["errors"]}) == 1
    assert len(logged(lines)) == 1


async def test_a_lost_connection_is_unavailable_with_a_reference(lines: StringIO) -> None:
    response = await Toy().post("{ cutOff }")

    [line] = logged(lines)
    assert codes(response) == ["UNAVAILABLE"]
    assert line["reference"] in says(response)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        OSError("no such socket"),
        asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
        asyncpg.AdminShutdownError("terminating connection due to administrator command"),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.TooManyConnectionsError("sorry, too many clients already"),
        sqlalchemy.exc.OperationalError("select 1", {}, ConnectionError()),
        sqlalchemy.exc.InterfaceError("select 1", {}, Exception("connection is closed")),
        sqlalchemy.exc.DBAPIError("select 1", {}, ConnectionResetError()),
        sqlalchemy.exc.TimeoutError("QueuePool limit reached"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_gone_is_unavailable(error: Exception, lines: StringIO) -> None:
    assert masked_exception(error)["extensions"] == {"code": "UNAVAILABLE"}
    assert len(logged(lines)) == 1


def test_a_mistake_in_sql_is_ours_and_its_parameters_are_not_logged(lines: StringIO) -> None:
    error = sqlalchemy.exc.IntegrityError("insert into person", {"email": "ada@example.com"}, Exception("duplicate"))

    assert masked_exception(error)["extensions"] == {"code": "INTERNAL"}
    assert "ada@example.com" not in lines.getvalue()


def test_a_problem_that_no_union_expects_is_our_mistake(lines: StringIO) -> None:
    class Full(Problem):
        says = "All seats are taken."

    [shown] = masked([GraphQLError("All seats are taken.", original_error=Full())])

    assert shown["extensions"] == {"code": "INTERNAL"}
    assert len(logged(lines)) == 1


def test_errors_in_the_request_are_the_callers() -> None:
    plain = GraphQLError("Variable '$n' got invalid value 'x'.")
    fault = GraphQLError("…", original_error=InvalidInput("This is no seat's id.", given="x"))

    assert refused(plain)["extensions"] == {"code": "INVALID_INPUT"}
    assert refused(fault) == {
        "message": "This is no seat's id.",
        "extensions": {"code": "INVALID_INPUT", "details": {"given": "x"}},
    }


def test_a_message_is_never_long() -> None:
    assert len(refused(GraphQLError("x" * 100_000))["message"]) < 600


def test_details_that_json_does_not_know_become_text() -> None:
    shown = masked_exception(Conflict("No.", span=range(3), count=2))

    assert shown["extensions"]["details"] == {"span": "range(0, 3)", "count": 2}
    assert masked_exception(Forbidden("No."))["extensions"] == {"code": "FORBIDDEN"}


def test_a_line_is_never_longer_than_a_kilobyte(lines: StringIO) -> None:
    def dig(depth: int) -> None:
        if not depth:
            raise ValueError("x" * 5_000)
        dig(depth - 1)

    with pytest.raises(ValueError, match="x") as failure:
        dig(50)
    masked_exception(failure.value)

    assert all(len(line.encode()) <= LINE for line in lines.getvalue().splitlines())
    assert logged(lines)[0]["at"].count("dig") == 6
