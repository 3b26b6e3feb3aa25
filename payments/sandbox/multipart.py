"""Multipart bodies: how files are uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from payments.sandbox.refusals import invalid


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was sent."""

    filename: str
    content: bytes


def parts(content_type: str, body: bytes) -> list[tuple[str, str | Upload]]:
    """The named parts of a body: text, or files. Raises Refused for a body that is cut off."""
    boundary = _header(f"Content-Type: {content_type}").get_param("boundary")
    marker = f"--{boundary}".encode()
    pieces = (b"\r\n" + body).split(b"\r\n" + marker)
    if not boundary or len(pieces) < 2 or not pieces[-1].startswith(b"--"):  # noqa: PLR2004 - an opening and a closing marker
        raise invalid("The multipart body is incomplete.")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> tuple[str, str | Upload]:
    head, _, content = piece.lstrip(b"\r\n").partition(b"\r\n\r\n")
    disposition = next(
        (line for line in head.decode().splitlines() if line.lower().startswith("content-disposition:")), ""
    )
    header = _header(disposition)
    name = header.get_param("name", header="content-disposition")
    filename = header.get_filename()
    if not isinstance(name, str):
        raise invalid("A part of the multipart body has no name.")
    return name, content.decode() if filename is None else Upload(filename, content)


def _header(line: str) -> Message:
    name, _, value = line.partition(": ")
    message = Message()
    if name:
        message[name] = value
    return message
