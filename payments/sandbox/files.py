"""Files: uploads for disputes, kept with their bytes."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.clock import DAY
from payments.sandbox.multipart import Upload
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import invalid

_LARGEST = {"dispute_evidence": 5_000_000}
_STARTS = {b"%PDF": "pdf", b"\xff\xd8\xff": "jpg", b"\x89PNG": "png"}
_LIFE = {"dispute_evidence": 238 * DAY}


async def create(books: Books, given: Body) -> Body:
    """POST /v1/files."""
    upload: Upload = given["file"]
    content = upload.content
    purpose = given["purpose"]
    kind = next((kind for start, kind in _STARTS.items() if content.startswith(start)), None)
    if purpose == "dispute_evidence" and kind is None:
        raise invalid("Invalid file type: dispute evidence must be a PDF, JPEG or PNG.", "file")
    if len(content) > _LARGEST.get(purpose, 16_000_000):
        raise invalid("This file exceeds the maximum size of its purpose.", "file")
    if not content:
        raise invalid("The uploaded file is empty.", "file")
    file = books.new(
        "file",
        expires_at=books.now + _LIFE[purpose] if purpose in _LIFE else None,
        filename=upload.filename,
        links={"object": "list", "data": [], "has_more": False, "url": "/v1/file_links"},
        purpose=purpose,
        size=len(content),
        type=kind,
    )
    file["url"] = f"{books.caller.base}/_sandbox/contents/{file['id']}"
    await books.connection.execute("insert into sandbox.content (id, bytes) values ($1, $2)", file["id"], content)
    return file


async def retrieve(books: Books, given: Body, id: str) -> Body:
    """GET /v1/files/{file}."""
    del given
    return await books.one("file", id, "file")


async def listing(books: Books, given: Body) -> Body:
    """GET /v1/files."""
    question = Question("file").equal(given, "purpose").between(given, "created")
    return await page(books, question, given, "/v1/files")
