"""Paying, for tests: instruments at the sandbox that plays for the application, and what their owners do there."""

from __future__ import annotations

from typing import Any

import httpx2

from kernel import ids
from payments.rail.opening import Rail
from payments.states import PaymentMethodKind
from payments.tables import PaymentMethod, RailCustomer
from tests.scenery import Scene, World


def rail_of(world: World) -> Rail:
    """The rail that the application is connected with."""
    rail = world.app.state.door.rail
    assert isinstance(rail, Rail)
    return rail


async def control(world: World, path: str, body: dict[str, Any] | None = None, verb: str = "POST") -> Any:
    """Have the sandbox do what Stripe's API has no word for."""
    address = rail_of(world).line.address
    # Nothing is encrypted on loopback, and reading all certificates each time would cost more than the call.
    async with httpx2.AsyncClient(trust_env=False, timeout=10, verify=False) as client:
        answer = await client.request(verb, f"{address}/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def together(world: World) -> None:
    """Let the sandbox's clock catch up with the product's, which others have moved.

    Both begin their seconds at the same instants. Where one begins in between, the sandbox stays one behind.
    """
    behind = int((await world.now()).timestamp()) - await rails_now(world)
    if behind > 0:
        await control(world, "clock", {"advance": behind})


async def rails_now(world: World) -> int:
    """The time by the sandbox's clock, in whole seconds since 1970."""
    shown: int = (await control(world, "clock", verb="GET"))["now"]
    return shown


async def customer(scene: Scene, account: int | None = None) -> str:
    """Who an account is at the sandbox."""
    number = scene.number if account is None else account
    known: str | None = await scene.world.value("select rail_id from rail_customer where account_id = $1", number)
    if known:
        return known
    given: Any = {"name": "Acme"}
    made = await rail_of(scene.world).line.v1.customers.create_async(given)
    now = await scene.world.now()
    await scene.world.put(RailCustomer(account_id=number, rail_id=made.id, created_at=now))
    return str(made.id)


async def card(scene: Scene, token: str = "pm_card_visa", *, account: int | None = None, default: bool = True) -> str:
    """A card that an account has saved, and that behaves as the sandbox's token does."""
    number = scene.number if account is None else account
    owner: Any = {"customer": await customer(scene, number)}
    attached = await rail_of(scene.world).line.v1.payment_methods.attach_async(token, owner)
    told = attached.to_dict()["card"]
    if default:
        await scene.world.run("update payment_method set is_default = false where account_id = $1", number)
    row = PaymentMethod(
        account_id=number,
        id=scene.world.number(),
        kind=PaymentMethodKind.CARD,
        brand=told["brand"],
        last4=told["last4"],
        expires_on=f"{told['exp_year']}-{told['exp_month']:02}",
        is_default=default,
        rail_id=attached.id,
        created_at=await scene.world.now(),
        # Tests of other accounts try the same card of the sandbox, and networks count the tries at a card.
        fingerprint=f"{told['fingerprint']}-{number}",
    )
    await scene.world.put(row)
    return ids.encode("pm", row.id)


async def finish(scene: Scene, setup: str, token: str = "pm_card_visa") -> None:
    """Do what Stripe's script does on a payer's page: finish a setup with what they have typed."""
    number = ids.decode("setup", setup)
    known = await scene.world.value("select rail_id from payment_setup where id = $1", number)
    given: Any = {"payment_method": token}
    await rail_of(scene.world).line.v1.setup_intents.confirm_async(known, given)


async def charges(scene: Scene, account: int | None = None) -> list[Any]:
    """Every charge of an account at the sandbox, the newest first."""
    asked: Any = {"customer": await customer(scene, account), "limit": 100}
    listed = await rail_of(scene.world).line.v1.charges.list_async(asked)
    return [charge.to_dict() for charge in listed.data]


async def owed(scene: Scene, *amounts: int) -> str:
    """An open invoice that nobody has paid anything on, made past every rule."""
    return await scene.invoice(*amounts)


async def authenticate(scene: Scene, payment: str, outcome: str = "complete") -> None:
    """Answer the bank's question on the payer's page."""
    number = ids.decode("pay", payment)
    intent = await scene.world.value("select rail_id from payment where id = $1", number)
    await control(scene.world, f"3ds/{intent}", {"outcome": outcome})


async def invoice_state(scene: Scene, invoice: str) -> tuple[str, int]:
    """The state of an invoice, and what was paid on it."""
    (row,) = await scene.world.rows("select state, paid_minor from invoice where id = $1", ids.decode("inv", invoice))
    return row["state"], row["paid_minor"]
