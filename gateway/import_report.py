"""What an import came to, for a person and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from billing.importing.comparing import Comparison
from gateway.import_invoices import Carried
from gateway.importing import Outcome, Subscribed, Told
from kernel import ids
from kernel.errors import InvalidInput
from kernel.money import Money


def sentences(outcome: Outcome) -> list[str]:
    """What came of it, for a person: each customer with what comes over and what stays, then the sums."""
    return [*(line for told in outcome.customers for line in _customer(told)), *_sums(outcome)]


def document(outcome: Outcome) -> Mapping[str, Any]:
    """The same as JSON."""
    return {
        "dry_run": outcome.wish.dry,
        "file": str(outcome.wish.file),
        "proposed": outcome.proposed,
        "complete": outcome.whole,
        "stopped": outcome.stopped,
        "customers": [_written(told) for told in outcome.customers],
        "without_anything": outcome.nothing_runs,
        "customers_deleted": outcome.orphans,
        "invoices_otherwise_at_stripe": [
            {"invoice": ids.encode("inv", number), "told": told} for number, told in outcome.odd.items()
        ],
        "difference": [_money(amount) for amount in _differences(outcome)],
    }


def _customer(told: Told) -> Iterator[str]:
    decision = told.decision
    yield f"{decision.customer.id} ({decision.customer.name}){_becomes(told)}{_with(told)}."
    for each in told.subscriptions:
        yield f"  {_subscription(each)}"
    for left in decision.left:
        yield f"  {left.subscription} stays at Stripe. {left.why}"
    for invoice in told.invoices:
        yield f"  {_invoice(invoice)}"
    for note in decision.notes:
        yield f"  {note}"
    if told.failure:
        yield f"  FAILED  {told.failure}"


def _becomes(told: Told) -> str:
    if told.account:
        return f" is {ids.encode('account', told.account)}"
    comes = told.subscriptions or told.credit or any(each.comes for each in told.invoices)
    return f" becomes a {told.decision.kind}" if comes else " stays at Stripe"


def _with(told: Told) -> str:
    parts = [f"{told.methods} payment method{'' if told.methods == 1 else 's'}"] if told.methods else []
    parts += [f"{amount.text} of credit" for amount in told.credit]
    return f", with {' and '.join(parts)}" if parts else ""


def _subscription(each: Subscribed) -> str:
    theirs = each.wanted.theirs
    what = ", ".join(f"{one.item.quantity or 1} of {one.offer.target}" for one in each.wanted.items)
    if not each.is_new:
        return f"{theirs.id} is {_ours(each)} already."
    until = f"{theirs.id}: {what}, paid there until {each.wanted.period.end:%Y-%m-%d %H:%M} UTC"
    return f"{until}; {_next(each.next)}{_ending(each)}"


def _invoice(each: Carried) -> str:
    what, owed = f"Invoice {each.theirs.number}", _text(each.theirs.remaining)
    if each.ours is not None:
        ours = ids.encode("inv", each.ours)
        return f"{what} is {ours}, and {owed} is owed on it here." if each.is_new else f"{what} is {ours} already."
    if each.why:
        return f"{what} stays at Stripe, where {owed} is owed on it. {each.why}"
    return f"{what}, on which {owed} is owed, comes over with --end-there."


def _text(amount: Money) -> str:
    """An amount as people write it, even one in a currency that nobody knows here."""
    try:
        return amount.text
    except InvalidInput:
        return f"{amount.minor} {amount.currency}"


def _next(next_one: Comparison | None) -> str:
    if next_one is None:
        return "ends then."
    taxed = "" if next_one.taxed else " before tax"
    if not next_one.difference:
        return f"then {next_one.here.text}{taxed}, there and here."
    more = f"{abs(next_one.difference).text} {'more' if next_one.difference.minor > 0 else 'less'} here"
    return f"then {next_one.there.text} there and {next_one.here.text} here{taxed}: {more}."


def _ending(each: Subscribed) -> str:
    if each.ours is None or each.wanted.ends:
        return ""
    return f" It is {_ours(each)}, and ends there then." if each.ends_there else f" It is {_ours(each)}, and is held."


def _ours(each: Subscribed) -> str:
    assert each.ours is not None, "it is here"
    return ids.encode("sub", each.ours)


def _sums(outcome: Outcome) -> Iterator[str]:
    dry = outcome.wish.dry
    new = [each for told in outcome.customers for each in told.subscriptions if each.is_new]
    stays = sum(len(told.decision.left) for told in outcome.customers)
    would = "Would bring over" if dry else "Brought over"
    accounts = len(
        {told.decision.customer.id for told in outcome.customers for each in told.subscriptions if each.is_new}
    )
    yield f"{would} {len(new):,} subscriptions of {accounts:,} customers; {stays:,} stay at Stripe."
    yield from _invoices(outcome)
    if outcome.orphans:
        yield f"Their customers were deleted at Stripe: {', '.join(outcome.orphans)}."
    for amount in _differences(outcome):
        way = "more" if amount.minor > 0 else "less"
        yield f"Together the next invoices are {abs(amount).text} {way} here."
    waiting = [each for each in new if not each.ends_there]
    if waiting and dry:
        yield "Each of them has to end at Stripe with its period: --end-there sees to that, and nothing else does."
    elif held := [each for told in outcome.customers for each in told.subscriptions if not each.ends_there]:
        last = min(each.wanted.period.end for each in held)
        names = ", ".join(each.wanted.theirs.id for each in held)
        yield f"Not billed here until they end at Stripe with their period, the first on {last:%Y-%m-%d}: {names}."
        yield "Import again with --end-there, or set them to end there by hand and import again."
    if outcome.stopped:
        yield "Stopped. What came over is here; the same command goes on."


def _invoices(outcome: Outcome) -> Iterator[str]:
    """What becomes of what is owed, and of what came over before."""
    invoices = [each for told in outcome.customers for each in told.invoices]
    if come := sum(each.comes or each.is_new for each in invoices):
        brought = outcome.wish.end_there
        what = f"{come:,} open invoice{'' if come == 1 else 's'}"
        yield f"Brought over {what}." if brought else f"With --end-there, {what} would come over."
    for number, told in outcome.odd.items():
        yield f"{ids.encode('inv', number)}: {told}"


def _differences(outcome: Outcome) -> list[Money]:
    sums: Counter[str] = Counter()
    for told in outcome.customers:
        for each in told.subscriptions:
            if each.next:
                sums[each.next.here.currency] += each.next.difference.minor
    return [Money(minor, currency) for currency, minor in sorted(sums.items()) if minor]


def _written(told: Told) -> dict[str, Any]:
    decision = told.decision
    return {
        "customer": decision.customer.id,
        "name": decision.customer.name,
        "kind": decision.kind.value,
        "account": ids.encode("account", told.account) if told.account else None,
        "payment_methods": told.methods,
        "credit": [_money(amount) for amount in told.credit],
        "subscriptions": [_written_subscription(each) for each in told.subscriptions],
        "stays": [{"subscription": left.subscription, "why": left.why} for left in decision.left],
        "open_invoices": [_written_invoice(each) for each in told.invoices],
        "notes": decision.notes,
        "failure": told.failure,
    }


def _written_invoice(each: Carried) -> dict[str, Any]:
    return {
        "number": each.theirs.number,
        "remaining": _money(each.theirs.remaining),
        "ours": ids.encode("inv", each.ours) if each.ours is not None else None,
        "is_new": each.is_new,
        "why": each.why,
    }


def _written_subscription(each: Subscribed) -> dict[str, Any]:
    return {
        "subscription": each.wanted.theirs.id,
        "ours": ids.encode("sub", each.ours) if each.ours is not None else None,
        "is_new": each.is_new,
        "items": [{"price": str(one.offer.target), "quantity": one.item.quantity or 1} for one in each.wanted.items],
        "paid_until": each.wanted.period.end.isoformat(),
        "ends_there": each.ends_there,
        "next": each.next
        and {
            "at": each.next.at.isoformat(),
            "there": _money(each.next.there),
            "here": _money(each.next.here),
            "difference": _money(each.next.difference),
            "taxed": each.next.taxed,
        },
    }


def _money(amount: Money) -> dict[str, Any]:
    return {"currency": amount.currency, "minor": amount.minor}
