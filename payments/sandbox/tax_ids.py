"""Tax ids: verified some seconds after they are given, by Stripe's magic values."""

from __future__ import annotations

from payments.sandbox.books import Books
from payments.sandbox.objects import Body
from payments.sandbox.pages import Question, page
from payments.sandbox.refusals import missing

_UNVERIFIED, _PENDING = "111111111", "222222222"


async def create(books: Books, given: Body, customer_id: str) -> Body:
    """POST /v1/customers/{customer}/tax_ids."""
    customer = await books.one("customer", customer_id, "customer")
    value, kind = given["value"], given["type"]
    tax_id = books.new(
        "tax_id",
        country=(value if kind == "eu_vat" else kind)[:2].upper(),
        customer=customer["id"],
        owner={"customer": customer["id"], "type": "customer"},
        type=kind,
        value=value,
        verification={"status": "pending", "verified_address": None, "verified_name": None},
    )
    books.emit("customer.tax_id.created", tax_id)
    if _PENDING not in value:
        books.later(books.delays.tax_id, "verify_tax_id", id=tax_id["id"])
    return tax_id


async def verify(books: Books, id: str) -> None:
    """The authority's answer about a tax id."""
    tax_id = await books.maybe(id)
    if tax_id is None or tax_id.get("deleted"):
        return
    status = "unverified" if _UNVERIFIED in tax_id["value"] else "verified"
    tax_id["verification"]["status"] = status
    books.emit_update("customer.tax_id.updated", tax_id)


async def retrieve(books: Books, given: Body, customer: str, id: str) -> Body:
    """GET /v1/customers/{customer}/tax_ids/{id}."""
    del given
    tax_id = await books.one("tax_id", id)
    if tax_id["customer"] != customer:
        raise missing("tax_id", id, "id", 404)
    return tax_id


async def delete(books: Books, given: Body, customer: str, id: str) -> Body:
    """DELETE /v1/customers/{customer}/tax_ids/{id}."""
    tax_id = await retrieve(books, given, customer, id)
    books.emit("customer.tax_id.deleted", tax_id)
    tax_id.clear()
    tax_id.update({"id": id, "object": "tax_id", "deleted": True})
    return tax_id


async def listing(books: Books, given: Body, customer: str) -> Body:
    """GET /v1/customers/{customer}/tax_ids."""
    await books.one("customer", customer, "customer")
    question = Question("tax_id").equal({"customer": customer}, "customer")
    return await page(books, question, given, f"/v1/customers/{customer}/tax_ids")
