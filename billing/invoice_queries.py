"""What we ask about invoices, their lines, and what was given back on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select

from billing.crediting import Counted, Rest, corrected, rate_of
from billing.states import InvoiceState, LineKind
from billing.tables import CreditApproval, CreditNote, CreditNoteLine, Invoice, LineItem
from kernel.errors import NotFound
from kernel.money import Money
from kernel.time import Period
from kernel.work import Work


@dataclass(frozen=True, slots=True)
class Billed:
    """One line's revenue: before tax, less what credit notes gave back, over its span, and since when it is billed."""

    amount: Money
    span: Period
    issued_at: datetime


async def locked(work: Work, account_id: int, invoice_id: int) -> Invoice:
    """An invoice, for a change; bills of its subscriptions wait until this transaction ends. Raises NotFound."""
    await work.fetch(
        "select from subscription_clock where account_id = $1 and subscription_id in ("
        " select subscription_id from line_item where account_id = $1 and invoice_id = $2)"
        " order by subscription_id for update",
        account_id,
        invoice_id,
    )
    mine = (col(Invoice.account_id) == account_id, col(Invoice.id) == invoice_id)
    found: Invoice | None = await work.one(
        select(Invoice).where(*mine).with_for_update().execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    return found


async def invoice(work: Work, account_id: int, invoice_id: int) -> Invoice:
    """An invoice. Raises NotFound."""
    mine = (col(Invoice.account_id) == account_id, col(Invoice.id) == invoice_id)
    found: Invoice | None = await work.one(select(Invoice).where(*mine))
    if found is None:
        raise NotFound
    return found


async def lines(work: Work, account_id: int, invoice_id: int) -> list[LineItem]:
    """The lines of an invoice in their order."""
    mine = (col(LineItem.account_id) == account_id, col(LineItem.invoice_id) == invoice_id)
    return list(await work.all(select(LineItem).where(*mine).order_by(col(LineItem.position))))


async def credited_taxes(work: Work, account_id: int, line_ids: Iterable[int]) -> dict[int, int]:
    """The tax that credit notes gave back on each line, in minor units."""
    rows = await work.fetch(
        "select line_item_id, sum(tax_minor)::bigint as tax from credit_note_line"
        " where account_id = $1 and line_item_id = any($2::bigint[]) group by line_item_id",
        account_id,
        list(line_ids),
    )
    return {row["line_item_id"]: row["tax"] for row in rows}


async def rests(work: Work, account_id: int, items: Iterable[LineItem]) -> list[Rest]:
    """What is left of the lines that ask for money: less credit notes, and less what later invoices corrected."""
    known = [row for row in items if row.amount_minor - row.discount_minor > 0]
    taxes = await credited_taxes(work, account_id, [row.id for row in known])
    moved = await _corrected(work, account_id, [row.id for row in known])
    moved |= await _recounted(work, account_id, [row.id for row in known if row.kind is LineKind.USAGE])
    return [_rest(row, taxes.get(row.id, 0), *moved.get(row.id, (0, 0))) for row in known]


async def corrected_by(work: Work, account_id: int, invoice_id: int) -> str | None:
    """The number of a later invoice that corrects lines of this one, or "a draft"; None when none does."""
    rows = await work.fetch(
        "select v.number from line_item l join line_item c on c.account_id = l.account_id"  # noqa: S608 - constants
        " and c.subscription_id = l.subscription_id and c.invoice_id <> l.invoice_id and (c.reverses = l.id"
        f" or l.amount_minor > 0 and c.amount_minor < 0 and {_SAME_USAGE})"
        " join invoice v on v.account_id = c.account_id and v.id = c.invoice_id"
        " where l.account_id = $1 and l.invoice_id = $2 and v.state <> 'void' order by v.created_at, v.id limit 1",
        account_id,
        invoice_id,
    )
    return (rows[0]["number"] or "a draft") if rows else None


async def owe_again(work: Work, account_id: int, invoice_id: int) -> None:
    """Say of the running subscriptions on a void invoice that something is owed and not asked for.

    Of one that has ended, usage is asked for once more when none can come late any more.
    """
    await work.execute(
        "update subscription_clock set unbilled_since = coalesce(unbilled_since, $3)"
        " where account_id = $1 and coalesce(not starts_with(held, 'ended'), true) and subscription_id in ("
        " select subscription_id from line_item where account_id = $1 and invoice_id = $2)",
        account_id,
        invoice_id,
        work.now,
    )


async def refunded(work: Work, account_id: int, invoice_id: int) -> int:
    """What credit notes promised to refund of an invoice, in minor units."""
    rows = await work.fetch(
        "select coalesce(sum(returned_minor), 0)::bigint as minor from credit_note"
        " where account_id = $1 and invoice_id = $2 and destination = 'refunds'",
        account_id,
        invoice_id,
    )
    return int(rows[0]["minor"])


async def is_numbered(work: Work, number: str) -> bool:
    """Whether any invoice has this number, as the owner of the tables sees it."""
    return bool(await work.fetch("select from invoice where number = $1", number))


async def left_over(work: Work, account_id: int, invoice_id: int, most: int) -> list[int]:
    """Open invoices that were charged before this one, in its currency, and that nothing follows; the oldest first."""
    rows = await work.fetch(
        "select o.id from invoice v join invoice o on o.account_id = v.account_id and o.currency = v.currency"
        " where v.account_id = $1 and v.id = $2 and o.id <> v.id and o.state = 'open'"
        " and o.collection = 'charge_automatically' and o.issued_at <= v.issued_at"
        " and not exists (select from invoice_dunning d where d.account_id = o.account_id and d.id = o.id"
        "                 and d.state <> 'settled')"
        " and not exists (select from payment_part p where p.account_id = o.account_id and p.invoice_id = o.id"
        "                 and p.state in ('open', 'waiting'))"
        " order by o.issued_at, o.id limit $3",
        account_id,
        invoice_id,
        most,
    )
    return [row["id"] for row in rows]


async def settled_there(work: Work, account_id: int, invoice_id: int) -> int:
    """What of an invoice was settled at Stripe, where it was issued, in minor units: no payment of ours returns it."""
    rows = await work.fetch(
        "select settled_minor from rail_invoice where account_id = $1 and id = $2", account_id, invoice_id
    )
    return int(rows[0]["settled_minor"]) if rows else 0


async def billed(work: Work, account_id: int, currency: str, since: datetime, invoice_id: int | None) -> list[Billed]:
    """The lines whose revenue is earned over a span that ends after `since`, of one invoice or of all.

    What was issued before these books began is earned in those of before.
    """
    # A day counts whole, in whatever zone, so lines that ended just before are asked for too.
    rows = await work.fetch(
        "select l.period_start, l.period_end, v.issued_at, l.amount_minor - l.discount_minor - l.adjusted_minor"
        " - case when l.tax_inclusive then l.tax_minor - coalesce((select sum(n.tax_minor) from credit_note_line n"
        "     where n.account_id = l.account_id and n.line_item_id = l.id), 0)::bigint else 0 end as minor"
        " from line_item l join invoice v on v.account_id = l.account_id and v.id = l.invoice_id"
        " where l.account_id = $1 and l.currency = $2 and l.period_end > $3 and l.kind <> 'usage'"
        " and v.state in ('open', 'paid', 'uncollectible') and v.kind <> 'imported'"
        " and ($4::bigint is null or v.id = $4)"
        " order by l.id",
        account_id,
        currency,
        since - timedelta(days=2),
        invoice_id,
    )
    return [
        Billed(Money(row["minor"], currency), Period(row["period_start"], row["period_end"]), row["issued_at"])
        for row in rows
    ]


async def approval(work: Work, account_id: int, approval_id: int) -> CreditApproval:
    """A second person's consent, or the question for it, locked. Raises NotFound."""
    mine = (col(CreditApproval.account_id) == account_id, col(CreditApproval.id) == approval_id)
    asked = select(CreditApproval).where(*mine).with_for_update()
    found: CreditApproval | None = await work.one(asked.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    return found


async def note(work: Work, account_id: int, note_id: int) -> CreditNote:
    """A credit note. Raises NotFound."""
    mine = (col(CreditNote.account_id) == account_id, col(CreditNote.id) == note_id)
    found: CreditNote | None = await work.one(select(CreditNote).where(*mine))
    if found is None:
        raise NotFound
    return found


async def note_lines(work: Work, account_id: int, note_id: int) -> list[CreditNoteLine]:
    """The lines of a credit note."""
    mine = (col(CreditNoteLine.account_id) == account_id, col(CreditNoteLine.credit_note_id) == note_id)
    return list(await work.all(select(CreditNoteLine).where(*mine).order_by(col(CreditNoteLine.id))))


async def held(work: Work, account_id: int, subscription_id: int) -> list[Invoice]:
    """The drafts of a subscription that wait for a person, locked."""
    lines = (col(LineItem.account_id) == account_id, col(LineItem.subscription_id) == subscription_id)
    billing = select(col(LineItem.invoice_id)).where(*lines)
    mine = (col(Invoice.account_id) == account_id, col(Invoice.id).in_(billing))
    draft = (col(Invoice.state) == InvoiceState.DRAFT, col(Invoice.held).is_not(None))
    return list(await work.all(select(Invoice).where(*mine, *draft).order_by(col(Invoice.id)).with_for_update()))


async def held_of(work: Work, asked: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The numbers of such drafts for each account and subscription, the oldest first."""
    rows = await work.fetch(
        "select distinct t.place, v.id, v.created_at"
        " from unnest($1::bigint[], $2::bigint[]) with ordinality as t(account_id, subscription_id, place)"
        " join line_item l on (l.account_id, l.subscription_id) = (t.account_id, t.subscription_id)"
        " join invoice v on (v.account_id, v.id) = (l.account_id, l.invoice_id)"
        " where v.state = 'draft' and v.held is not null order by t.place, v.created_at, v.id",
        [account_id for account_id, _ in asked],
        [subscription_id for _, subscription_id in asked],
    )
    return [[row["id"] for row in rows if row["place"] == place] for place in range(1, len(asked) + 1)]


async def lines_since(work: Work, account_id: int, subscription_id: int, since: datetime) -> int:
    """How many lines a subscription got on invoices made or issued since then."""
    rows = await work.fetch(
        "select count(*) as lines from line_item i"
        " join invoice v on (v.account_id, v.id) = (i.account_id, i.invoice_id)"
        " where i.account_id = $1 and i.subscription_id = $2 and coalesce(v.issued_at, v.created_at) > $3",
        account_id,
        subscription_id,
        since,
    )
    return int(rows[0]["lines"])


async def waiting(work: Work, now: datetime, most: int = 200) -> list[tuple[int, int]]:
    """Account and number of the drafts whose time to become final has come, as the system sees them."""
    rows = await work.fetch(
        "select account_id, id from invoice where state = 'draft' and held is null and finalize_at <= $1"
        " order by finalize_at limit $2",
        now,
        most,
    )
    return [(row["account_id"], row["id"]) for row in rows]


async def _corrected(work: Work, account_id: int, line_ids: list[int]) -> dict[int, tuple[int, int]]:
    """What later lines gave back of each charge after all, and of its tax."""
    rows = await work.fetch(
        "select c.reverses, -sum(c.amount_minor - c.discount_minor)::bigint as net, -sum(c.tax_minor)::bigint as tax"
        " from line_item l join line_item c on c.account_id = l.account_id and c.subscription_id = l.subscription_id"
        " and c.reverses = l.id"
        " join invoice v on v.account_id = c.account_id and v.id = c.invoice_id"
        " where l.account_id = $1 and l.id = any($2::bigint[]) and v.state <> 'void' group by c.reverses",
        account_id,
        line_ids,
    )
    return {row["reverses"]: (row["net"], row["tax"]) for row in rows}


async def _recounted(work: Work, account_id: int, line_ids: list[int]) -> dict[int, tuple[int, int]]:
    """The same of lines of usage, which name no charge: what was given back of one quantity is of its newest lines."""
    if not line_ids:
        return {}
    rows = await work.fetch(
        "select distinct c.id, c.item_id, c.price_id, c.period_start, c.currency, v.created_at,"  # noqa: S608 - constants
        " v.id as invoice_id,"
        " c.amount_minor - c.discount_minor as net, c.tax_minor as tax, c.adjusted_minor as given"
        " from line_item l join line_item c on c.account_id = l.account_id and c.subscription_id = l.subscription_id"
        f" and {_SAME_USAGE}"
        " join invoice v on v.account_id = c.account_id and v.id = c.invoice_id and v.state <> 'void'"
        " where l.account_id = $1 and l.id = any($2::bigint[]) order by v.created_at, invoice_id, c.id",
        account_id,
        line_ids,
    )
    same: dict[tuple[object, ...], list[Counted]] = {}
    for row in rows:
        net, tax, given = (Money(row[name], row["currency"]) for name in ("net", "tax", "given"))
        same.setdefault((row["item_id"], row["price_id"], row["period_start"]), []).append(
            Counted(row["id"], net, tax, given)
        )
    return {
        number: (net.minor, tax.minor) for lines in same.values() for number, (net, tax) in corrected(lines).items()
    }


_SAME_USAGE = (
    "(l.kind, c.kind) = ('usage', 'usage')"
    " and (c.item_id, c.price_id, c.period_start) = (l.item_id, l.price_id, l.period_start)"
)
"""That two lines of a subscription, l and c, count the use of one span."""


def _rest(row: LineItem, credited_tax: int, moved: int, moved_tax: int) -> Rest:
    return Rest(
        row.id,
        row.position,
        rate_of(row.tax_percent, row.tax_category, inclusive=row.tax_inclusive),
        Money(row.amount_minor - row.discount_minor, row.currency),
        Money(row.tax_minor, row.currency),
        Money(row.adjusted_minor + moved, row.currency),
        Money(credited_tax + moved_tax, row.currency),
    )
