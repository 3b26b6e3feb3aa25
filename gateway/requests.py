"""Requests: what was asked, read from HTTP and found to be well formed.

A GraphQL request comes as a JSON object in a POST, or in the query of a GET's
address. Whatever else comes is `Malformed`, with a status and a sentence that says
what would do. A body is read piece by piece and no further than its limit.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import ClientDisconnect, Request

from gateway import cards
from gateway.negotiation import JSON, UTF8, media_type
from kernel.errors import Fault, InvalidInput, TooComplex

BODY = 128 * 1024
"""The most bytes of a request, unless it is a mutation: its variables may take more where the endpoint says so."""

_MAY_CHANGE = (b"mutation", b"documentId", b"persistedQuery", b"\\u")
"""What is in the body of every mutation, or of a document that came before; or a letter is spelled in another way."""

_PATIENCE = 30
"""Seconds in which a body must have come."""

_NEEDED = "The request needs a 'query': the text of a GraphQL document."
_PARAMETERS = {"query", "documentId", "operationName", "variables", "extensions"}


class Malformed(Exception):  # noqa: N818 - the specification's word
    """Not a GraphQL request: the HTTP status, and a fault that says why."""

    def __init__(self, status: int, fault: Fault, **headers: str) -> None:
        super().__init__(fault.message)
        self.status = status
        self.fault = fault
        self.headers = headers


TOO_LONG = Malformed(
    413, TooComplex(f"The body is longer than {BODY:,} bytes, which only the variables of a mutation may be.")
)
"""What is said of a long body that is no mutation's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A well-formed GraphQL request; its document may still be nonsense."""

    query: str | None
    operation: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    extensions: dict[str, Any] = field(default_factory=dict)
    document_id: str | None = None
    """A trusted document's, in place of its text."""

    size: int = 0
    """The bytes it came in."""


async def read(request: Request, limit: int) -> Asked:
    """What a GET or POST asks, in at most `limit` bytes. Raises Malformed."""
    if request.method == "GET":
        return asked(_from_address(request, limit))
    body = await _from_body(request, limit)
    if len(body) > BODY and not any(sign in body for sign in _MAY_CHANGE):
        raise TOO_LONG
    return replace(asked(_object(body), harmless=cards.free_of(body)), size=len(body))


def asked(parameters: dict[str, Any], *, harmless: bool = False) -> Asked:
    """The request that these parameters make; what is known to be `harmless` holds no card number. Raises Malformed."""
    query, document_id = parameters.get("query"), parameters.get("documentId")
    if not isinstance(query, str | None):
        raise _wrong(_NEEDED)
    if not isinstance(document_id, str | None):
        raise _wrong("'documentId' must be text, or absent.")
    if query is not None and document_id is not None:
        raise _wrong("A request has a 'query' or a 'documentId', not both.")
    operation = parameters.get("operationName")
    if not isinstance(operation, str | None):
        raise _wrong("'operationName' must be text, or absent.")
    made = Asked(query, operation, _map(parameters, "variables"), _map(parameters, "extensions"), document_id)
    if query is None and document_id is None and "persistedQuery" not in made.extensions:
        raise _wrong(_NEEDED)
    try:
        if not harmless:
            cards.refuse(made.query or "", made.operation, made.variables, made.extensions)
    except InvalidInput as refusal:
        raise Malformed(400, refusal) from None
    return made


def _map(parameters: dict[str, Any], name: str) -> dict[str, Any]:
    value = parameters.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong(f"'{name}' must be a JSON object, or absent.")
    return value


def _from_address(request: Request, limit: int) -> dict[str, Any]:
    raw: bytes = request.scope["query_string"]
    if len(raw) > limit:
        raise Malformed(414, TooComplex(f"The address is longer than {limit:,} bytes. Use POST."))
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except ValueError:
        raise _wrong("The query of the address is not UTF-8 text, percent-encoded.") from None
    named = [(name, value) for name, value in pairs if name in _PARAMETERS]
    parameters: dict[str, Any] = dict(named)
    if len(parameters) < len(named):
        raise _wrong("A parameter of the address is given twice.")
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = _json(parameters[name].encode(), f"'{name}'") if parameters[name] else None
    parameters["operationName"] = parameters.get("operationName") or None
    return parameters


async def _from_body(request: Request, limit: int) -> bytearray:
    _check_type(request)
    return await body_of(request, limit)


def _object(text: bytearray) -> dict[str, Any]:
    body = _json(text, "The body")
    if isinstance(body, list):
        raise _wrong("Batches are not accepted. Send each operation in a request of its own.")
    if not isinstance(body, dict):
        raise _wrong("The body must be a JSON object with a 'query'.")
    return body


def _check_type(request: Request) -> None:
    media, parameters = media_type(request.headers.get("content-type", ""))
    if media != JSON:
        raise Malformed(415, InvalidInput("The body must be sent as 'Content-Type: application/json'."))
    if parameters.get("charset", "utf-8") not in UTF8:
        raise Malformed(415, InvalidInput("The body must be encoded as UTF-8."))
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed(415, InvalidInput("The body must be sent uncompressed."))


async def body_of(request: Request, limit: int) -> bytearray:
    """The whole body, refused as soon as it is announced or found to be over the limit. Raises ClientDisconnect."""
    too_long = Malformed(413, TooComplex(f"The body is longer than {limit:,} bytes."), connection="close")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise too_long
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(_PATIENCE):
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > limit:
                    raise too_long
    except TimeoutError:
        raise Malformed(408, InvalidInput("The body did not come in time."), connection="close") from None
    return body


def _json(text: bytes | bytearray, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _wrong(f"{what} is not JSON: {error.msg} ({place}).") from None


def _wrong(says: str) -> Malformed:
    return Malformed(400, InvalidInput(says))
