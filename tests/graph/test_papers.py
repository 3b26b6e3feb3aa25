"""The doors to PDF files: who gets which, by bearer and by link, and what a copy is worth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from auth.policy import Desk, KeyScope, Role
from billing.states import InvoiceState
from gateway.pace import Pace
from kernel import ids, links
from tests.billing.papering import pages
from tests.graph.furniture import furnished
from tests.graph.test_changes import Life, pooled
from tests.scenery import Asker, Scene, World

PAPERS = "query($id: ID!) { node(id: $id) { ... on Invoice { pdf { url expiresAt } receipt { url } } } }"


async def get(world: World, path: str, as_: Asker = None, **headers: str) -> httpx2.Response:
    if as_ is not None:
        headers["authorization"] = f"Bearer {as_ if isinstance(as_, str) else as_.bearer}"
    return await world.client.get(path, headers={name.replace("_", "-"): told for name, told in headers.items()})


def at(invoice: str) -> str:
    return f"/invoices/{invoice}.pdf"


async def link(scene: Scene, invoice: str, what: str = "pdf") -> str:
    reply = await scene.world.ask(PAPERS, scene.owner, id=invoice)
    return str(reply.data["node"][what]["url"])


def code(response: httpx2.Response) -> Any:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


# By bearer


async def test_whoever_sees_an_invoice_gets_it_as_a_file(workspace: Scene) -> None:
    invoice = await workspace.invoice(1200, 3400)
    number = await workspace.world.value("select number from invoice where id = $1", ids.decode("inv", invoice))

    response = await get(workspace.world, at(invoice), workspace.owner)

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/pdf"
    assert response.headers["content-disposition"] == f'inline; filename="{number}.pdf"'
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    (page,) = pages(response.content)
    assert {"Acme", number, "Line", "$12.00", "$34.00", "$46.00"} <= set(page.split())


@pytest.mark.parametrize(
    ("role", "status"),
    [
        *((Role.OWNER, 200), (Role.BILLING_ADMIN, 200), (Role.AUDITOR, 200)),
        *((Role.ADMIN, 404), (Role.SEAT_ADMIN, 404), (Role.MEMBER, 404)),
    ],
)
async def test_a_role_gets_the_file_exactly_where_it_sees_the_invoice(
    workspace: Scene, role: Role, status: int
) -> None:
    invoice = await workspace.invoice(state=InvoiceState.PAID)

    seen = await workspace.world.ask("query($id: ID!) { node(id: $id) { id } }", workspace.members[role], id=invoice)
    files = [
        await get(workspace.world, path, workspace.members[role]) for path in (at(invoice), f"/receipts/{invoice}.pdf")
    ]

    assert {file.status_code for file in files} == {status}
    assert (seen.data["node"] is not None) == (status == 200)


async def test_keys_and_staff_get_what_they_see(workspace: Scene) -> None:
    invoice = await workspace.invoice()
    able, unable = await workspace.key(KeyScope.BILLING_READ), await workspace.key(KeyScope.SEATS_READ)
    staff = await workspace.world.person(desk=Desk.SUPPORT)

    statuses = [(await get(workspace.world, at(invoice), who)).status_code for who in (able, staff, unable)]

    assert statuses == [200, 200, 404]


async def test_another_tenants_invoice_reads_like_one_that_is_not_there(world: World, workspace: Scene) -> None:
    invoice, stranger = await workspace.invoice(), await world.person()

    theirs = await get(world, at(invoice), stranger)
    nothing = await get(world, at(ids.encode("inv", world.number())), stranger)

    assert code(theirs) == (404, "NOT_FOUND")
    assert theirs.content == nothing.content


async def test_nobody_is_asked_to_sign_in(workspace: Scene) -> None:
    invoice = await workspace.invoice()

    nobody = await get(workspace.world, at(invoice))
    forged = await get(workspace.world, at(invoice), "forged")

    assert code(nobody) == code(forged) == (401, "UNAUTHENTICATED")
    assert nobody.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["seat_9f3ac1d2e4b70", "nonsense", "inv_", "..%2f..%2fetc%2fpasswd"])
async def test_what_is_no_id_of_an_invoice_is_refused(workspace: Scene, name: str) -> None:
    response = await get(workspace.world, at(name), workspace.owner)

    assert response.status_code in {400, 404}
    assert b"passwd" not in response.content


# By link


async def test_a_link_shows_the_very_file_without_a_bearer(workspace: Scene) -> None:
    invoice = await workspace.invoice(1200)
    url = await link(workspace, invoice)

    by_link, by_bearer = await get(workspace.world, url), await get(workspace.world, at(invoice), workspace.owner)

    assert (by_link.status_code, by_link.content) == (200, by_bearer.content)
    assert by_link.headers["etag"] == by_bearer.headers["etag"]
    assert by_link.headers["referrer-policy"] == "no-referrer"


async def test_a_link_says_when_it_ends_and_ends_then(workspace: Scene) -> None:
    invoice, now = await workspace.invoice(), await workspace.world.now()
    path = urlsplit(await link(workspace, invoice)).path
    account = workspace.number

    almost = links.download(path, account, now - links.LIFE + timedelta(seconds=60)).url
    past = links.download(path, account, now - links.LIFE).url

    assert (await get(workspace.world, almost)).status_code == 200
    over = await get(workspace.world, past)
    assert code(over) == (403, "FORBIDDEN")
    assert over.json()["errors"][0]["message"] == "This link has expired. Ask for a new one where you got it."


async def test_a_persons_browser_is_told_in_a_sentence(workspace: Scene) -> None:
    invoice, now = await workspace.invoice(), await workspace.world.now()
    past = links.download(at(invoice), workspace.number, now - timedelta(days=1)).url

    response = await get(workspace.world, past, accept="text/html,application/xhtml+xml,*/*;q=0.8")

    assert response.headers["content-type"].startswith("text/plain")
    assert response.text == "This link has expired. Ask for a new one where you got it.\n"


async def test_a_link_that_was_tampered_with_shows_nothing(workspace: Scene) -> None:
    world, invoice, other = workspace.world, await workspace.invoice(state=InvoiceState.PAID), await workspace.invoice()
    stranger = await world.workspace()
    signed = parse_qs(urlsplit(await link(workspace, invoice)).query)["link"][0]
    account, end, signature = signed.split("-", 2)
    foreign = links.download(at(invoice), stranger.number, await world.now()).url

    tampered = [
        f"{at(other)}?link={signed}",
        f"/receipts/{invoice}.pdf?link={signed}",
        f"{at(invoice)}?link={account}-ffffffff-{signature}",
        f"{at(invoice)}?link={ids.shuffled(stranger.number):013x}-{end}-{signature}",
        f"{at(invoice)}?link={account}-{end}-{signature[:-1]}{'B' if signature[-1] == 'A' else 'A'}",
        f"{at(invoice)}?link={account}-{end}-{signature}x",
        f"{at(invoice)}?link=",
        f"{at(invoice)}?link=%00",
        foreign,
    ]
    answers = [await get(world, path) for path in tampered]

    assert {code(answer) for answer in answers} == {(404, "NOT_FOUND")}
    assert len({answer.content for answer in answers}) == 1


async def test_a_bad_link_is_not_mended_by_a_bearer(workspace: Scene) -> None:
    invoice = await workspace.invoice()

    response = await get(workspace.world, f"{at(invoice)}?link=nonsense", workspace.owner)

    assert code(response) == (404, "NOT_FOUND")


async def test_the_graph_gives_links_only_with_what_is_seen(workspace: Scene) -> None:
    invoice = await workspace.invoice()

    reply = await workspace.world.ask(PAPERS, workspace.members[Role.MEMBER], id=invoice)

    assert reply.data == {"node": None}


# Copies


async def test_a_copy_that_still_holds_is_not_sent_again(workspace: Scene) -> None:
    invoice = await workspace.invoice()
    tag = (await get(workspace.world, at(invoice), workspace.owner)).headers["etag"]

    again = await get(workspace.world, at(invoice), workspace.owner, if_none_match=f'"other", W/{tag}')
    other = await get(workspace.world, at(invoice), workspace.owner, if_none_match='"other"')

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert other.status_code == 200


async def test_an_invoice_stays_what_it_was_whatever_becomes_of_the_account(workspace: Scene) -> None:
    world = workspace.world
    price = ids.encode("price", world.catalog.team.price_number)
    made = await world.change(
        "createLicensePool", workspace.owner, workspace=workspace.id, price=price, seats=3, name="A"
    )
    assert made.data["createLicensePool"]["__typename"] == "LicensePool"
    number = await world.value("select id from invoice where account_id = $1", workspace.number)
    path = at(ids.encode("inv", number))
    before = await get(world, path, workspace.owner)

    await world.run(
        "update account set name = 'Renamed', locale = 'ja', time_zone = 'Asia/Tokyo', vat_id = 'X',"
        ' address = \'{"city": "Tokyo"}\' where id = $1',
        workspace.number,
    )
    await world.advance(timedelta(minutes=1))
    after = await get(world, path, workspace.owner)

    assert before.status_code == 200
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])
    assert "Acme" in pages(after.content)[0]


async def test_a_draft_is_marked_and_not_kept(workspace: Scene) -> None:
    invoice = await workspace.invoice(state=InvoiceState.DRAFT)

    response = await get(workspace.world, at(invoice), workspace.owner, if_none_match="*")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert "etag" not in response.headers
    assert "DRAFT" in pages(response.content)[0]


async def test_voiding_an_invoice_makes_another_file_of_it(workspace: Scene) -> None:
    invoice = await workspace.invoice()
    before = await get(workspace.world, at(invoice), workspace.owner)

    await workspace.world.run("update invoice set state = 'void' where id = $1", ids.decode("inv", invoice))
    after = await get(workspace.world, at(invoice), workspace.owner, if_none_match=before.headers["etag"])

    assert after.status_code == 200
    assert "VOID" in pages(after.content)[0]


# Receipts and credit notes


async def test_there_is_a_receipt_once_the_invoice_is_paid(workspace: Scene) -> None:
    world, paid, open_ = workspace.world, await workspace.invoice(state=InvoiceState.PAID), await workspace.invoice()

    receipt = await get(world, await link(workspace, paid, "receipt"))
    none = await world.ask(PAPERS, workspace.owner, id=open_)
    refused = await get(world, f"/receipts/{open_}.pdf", workspace.owner)

    assert "Receipt" in pages(receipt.content)[0]
    assert none.data["node"]["receipt"] is None
    assert code(refused) == (404, "NOT_FOUND")


async def test_a_credit_note_is_a_file_too(workspace: Scene) -> None:
    world, note = workspace.world, (await furnished(workspace)).ids["cn"]
    stranger = await world.person()

    reply = await world.ask(
        "query($id: ID!) { node(id: $id) { ... on CreditNote { number reason pdf { url } } } }",
        workspace.owner,
        id=note,
    )
    shown = reply.data["node"]
    by_link = await get(world, shown["pdf"]["url"])
    by_bearer = await get(world, f"/credit-notes/{note}.pdf", workspace.members[Role.AUDITOR])
    theirs = await get(world, f"/credit-notes/{note}.pdf", stranger)

    assert by_link.content == by_bearer.content
    assert {"Credit", "note", shown["number"], shown["reason"], "$1.00"} <= set(pages(by_link.content)[0].split())
    assert code(theirs) == (404, "NOT_FOUND")


async def test_asking_for_the_head_alone_tells_how_it_would_be(workspace: Scene) -> None:
    invoice = await workspace.invoice()

    whole = await get(workspace.world, at(invoice), workspace.owner)
    head = await workspace.world.client.head(at(invoice), headers={"authorization": f"Bearer {workspace.owner.bearer}"})

    assert (head.status_code, head.headers["etag"], head.content) == (200, whole.headers["etag"], b"")


@pytest.fixture
def slow(world: World) -> Iterator[None]:
    """Two papers in a row, and none after that for as long as a test may take."""
    usual, world.app.state.paper_pace = world.app.state.paper_pace, Pace(2, 3_600)
    yield
    world.app.state.paper_pace = usual


@pytest.mark.usefixtures("slow")
async def test_whoever_asks_without_end_is_slowed_down_and_nobody_else(world: World, workspace: Scene) -> None:
    invoice, key = await workspace.invoice(), await workspace.key(KeyScope.BILLING_READ)

    first, second, third = [await get(world, at(invoice), key) for _ in range(3)]
    known = await get(world, at(invoice), key, if_none_match=first.headers["etag"])
    other = await get(world, at(invoice), workspace.owner)

    assert (first.status_code, second.status_code) == (200, 200)
    assert code(third) == (429, "RATE_LIMITED")
    assert 0 < int(third.headers["retry-after"]) <= 3_600
    assert (known.status_code, other.status_code) == (304, 200)


async def test_a_file_leaves_no_trace_but_its_line_in_the_log(workspace: Scene, lines: Any) -> None:
    furniture = await furnished(workspace)
    url = await link(workspace, furniture.ids["inv"])
    before = await workspace.world.value("select count(*) from audit_record where account_id = $1", workspace.number)

    await get(workspace.world, url)

    after = await workspace.world.value("select count(*) from audit_record where account_id = $1", workspace.number)
    assert after == before
    assert urlsplit(url).query not in lines.getvalue()


# Who sat there


async def _seated(workspace: Scene) -> tuple[Life, str]:
    """Ada sits since ten days before a renewal, and Bob left five days before it; the invoice of that."""
    life = await pooled(workspace, 3)
    end = await life.world.value("select period_end from subscription where id = $1", life.number)
    await life.later(end - timedelta(days=10) - await life.world.now())
    await workspace.seat(life.pool, await workspace.join())
    left = await workspace.seat(life.pool, await workspace.join(), None)
    await life.later(timedelta(days=5))
    await _leaves(life, left)
    await life.renewed()
    newest = "select id from invoice where account_id = $1 order by created_at desc, id desc limit 1"
    return life, ids.encode("inv", await life.world.value(newest, life.account))


async def _leaves(life: Life, seat: str) -> None:
    await life.world.run(
        "update assignment set state = 'released', released_at = $2 where id = $1",
        ids.decode("seat", seat),
        await life.world.now(),
    )
    await life.world.run(
        "update license_pool set assigned = (select count(*) from assignment where account_id = $1"
        " and state in ('invited', 'active', 'suspended')) where account_id = $1",
        life.account,
    )


async def test_a_line_of_seats_names_who_sat_there_when_it_was_issued(workspace: Scene) -> None:
    life, invoice = await _seated(workspace)
    since = await life.world.value("select min(since) from assignment where account_id = $1", life.account)

    (page,) = pages((await get(life.world, at(invoice), life.who)).content)

    sitting, left = await _emails(life)
    assert f"1 person {sitting} since {since:%b} {since.day}, {since.year}" in page
    assert left not in page


async def test_it_stays_so_whoever_leaves_or_comes(workspace: Scene) -> None:
    life, invoice = await _seated(workspace)
    before = await get(life.world, at(invoice), life.who)
    seat = await life.world.value(
        "select id from assignment where account_id = $1 and released_at is null", life.account
    )

    await life.later(timedelta(days=3))
    await _leaves(life, ids.encode("seat", seat))
    await workspace.seat(life.pool, await workspace.join())

    after = await get(life.world, at(invoice), life.who)
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])


async def test_whoever_comes_by_a_link_or_sees_no_seats_reads_how_many_and_no_names(workspace: Scene) -> None:
    life, invoice = await _seated(workspace)
    asked = await life.world.ask(PAPERS, life.who, id=invoice)

    (by_link,) = pages((await get(life.world, asked.data["node"]["pdf"]["url"])).content)

    sitting, _ = await _emails(life)
    assert "1 person" in by_link
    assert sitting not in by_link


async def test_ten_thousand_seats_stay_a_page(workspace: Scene) -> None:
    life = await pooled(workspace, 10_000)
    pool, first = ids.decode("pool", life.pool), 1_000_000_000_000
    await life.world.run(
        "insert into assignment (account_id, id, pool_id, plan_id, email, person_key, state, source, since)"
        " select p.account_id, $2::bigint + n, p.id, p.plan_id, 'p' || n || '@example.test',"
        " 'p' || n || '@example.test', 'invited', 'bulk', p.created_at"
        " from license_pool p, generate_series(1, 10000) n where p.id = $1",
        pool,
        first,
    )
    newest = "select id from invoice where account_id = $1"
    await life.world.run("update assignment set since = since - interval '1 day' where account_id = $1", life.account)
    invoice = ids.encode("inv", await life.world.value(newest, life.account))

    file = (await get(life.world, at(invoice), life.who)).content

    (page,) = pages(file)
    assert "10,000 people p1@example.test since" in page
    assert "and 9,990 more" in page
    assert len(file) < 100_000
    await life.world.run("delete from assignment where account_id = $1", life.account)


async def _emails(life: Life) -> tuple[str, str]:
    """Of who sits there, and of who left."""
    rows = await life.world.rows(
        "select email from assignment where account_id = $1 order by released_at nulls first", life.account
    )
    return rows[0]["email"], rows[1]["email"]
