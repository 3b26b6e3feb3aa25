"""The control endpoints under /_sandbox: what a test may do that Stripe's API has no word for.

They ask for no key. The sandbox belongs on a loopback address.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from payments.sandbox import (
    billing,
    billing_scene,
    challenges,
    deliveries,
    disputes,
    faults,
    mandates,
    methods,
    payouts,
    saving,
    tasks,
)
from payments.sandbox.clock import Delays
from payments.sandbox.deliveries import Deliverer
from payments.sandbox.instruments import Dispute
from payments.sandbox.objects import Body, bare, hidden
from payments.sandbox.refusals import Refused, invalid, missing
from payments.sandbox.state import State

_Act = Callable[[Body, str], Awaitable[Any]]


class Control:
    """The acts of the control endpoints, on one running sandbox. Each takes a JSON body and an id."""

    def __init__(self, state: State, deliverer: Deliverer) -> None:
        self.state = state
        self.deliverer = deliverer

    async def clock(self, given: Body, id: str) -> Body:
        """The clock, moved forward by `advance` seconds if that is given."""
        del id
        seconds = given.get("advance", 0)
        if not isinstance(seconds, int) or seconds < 0:
            raise invalid("`advance` is a number of seconds; time doesn't run backward.", "advance")
        done = await tasks.advance(self.state, seconds) if seconds else 0
        return {"now": self.state.clock.now, "offset": self.state.clock.offset, "tasks": done}

    async def faults(self, given: Body, id: str) -> list[Body]:
        """The rules for faults, with the one that is given added."""
        del id
        if given:
            await self.state.pool.execute("insert into sandbox.fault (rule) values ($1)", faults.checked(given))
            self.state.faulty = True
        rows = await self.state.pool.fetch("select id, rule, seen, caused from sandbox.fault order by id")
        return [dict(row) for row in rows]

    async def no_faults(self, given: Body, id: str) -> list[Body]:
        """Take every rule away."""
        del given, id
        await self.state.pool.execute("delete from sandbox.fault")
        self.state.faulty = False
        return []

    async def deliveries(self, given: Body, id: str) -> Body:
        """The mode of deliveries and the last thousand of them."""
        del id
        if "mode" in given:
            await deliveries.set_mode(self.state, given["mode"])
        return {"mode": self.state.settings.deliveries, "deliveries": await deliveries.report(self.state)}

    async def release(self, given: Body, id: str) -> Body:
        """Let go of what mode `hold` kept."""
        del given, id
        return {"released": await deliveries.release(self.state)}

    async def drain(self, given: Body, id: str) -> Body:
        """Post everything that is due, and answer when it is done."""
        del given, id
        return {"posted": await self.deliverer.deliver_due(self.state)}

    async def resend(self, given: Body, id: str) -> Body:
        """Deliver an event once more."""
        del given
        return {"due": await deliveries.resend(self.state, id)}

    async def settings(self, given: Body, id: str) -> Body:
        """`limits` {global, operation}, `settlement` {currency: [currency, rate]} and `search_lag`."""
        del id
        if unknown := given.keys() - {"limits", "settlement", "search_lag"}:
            raise invalid(f"There is no setting called {min(unknown)}.")
        for name, value in given.items():
            setattr(self.state.settings, name, value)
        await self.state.keep_all()
        return asdict(self.state.settings)

    async def delays(self, given: Body, id: str) -> Body:
        """How many simulated seconds slow things take."""
        del id
        known = {field.name for field in fields(Delays)}
        for name, seconds in given.items():
            if name not in known or not isinstance(seconds, int) or seconds < 0:
                raise invalid(f"A delay is a number of seconds, of one of: {', '.join(sorted(known))}.", name)
            setattr(self.state.delays, name, seconds)
        await self.state.keep_all()
        return asdict(self.state.delays)

    async def dispute(self, given: Body, id: str) -> Body:
        """Open a dispute of `charge`: reason, network_reason_code, case (chargeback, inquiry, compliance), amount."""
        del id
        async with self.state.books() as books:
            charge = await books.one("charge", given.get("charge", ""), "charge")
            facts = {name: given[name] for name in ("reason", "network_reason_code", "case") if name in given}
            wanted = Dispute(**facts, eligible=tuple(given.get("eligible", ())))
            amount: int = given["amount"] if "amount" in given else charge["amount_captured"]
            return bare(await disputes.open_one(books, charge, wanted, amount))

    async def decide(self, given: Body, id: str) -> Body:
        """Decide a dispute now: `outcome` won, lost, escalated, or, of one that was lost, appealed."""
        if given.get("outcome") not in ("won", "lost", "escalated", "appealed"):
            raise invalid("The outcome is won, lost, escalated or appealed.", "outcome")
        async with self.state.books() as books:
            if given["outcome"] == "appealed":
                await disputes.appeal(books, id)
            else:
                await disputes.review(books, id, given["outcome"])
            return bare(await books.one("dispute", id))

    async def pay_out(self, given: Body, id: str) -> list[Body]:
        """Pay out what is available, at once; with `arrive` the bank has it, too."""
        del id
        async with self.state.books() as books:
            started = await payouts.start(books)
            for payout in started if given.get("arrive") else []:
                await payouts.arrive(books, payout["id"])
            return [bare(payout) for payout in started]

    async def fail_payout(self, given: Body, id: str) -> Body:
        """Have the bank send a payout back."""
        del given
        async with self.state.books() as books:
            return bare(await payouts.fail(books, id))

    async def revoke(self, given: Body, id: str) -> Body:
        """Have the payer revoke a mandate."""
        del given
        async with self.state.books() as books:
            mandate = await books.one("mandate", id, "mandate")
            mandates.revoke(books, mandate)
            return bare(mandate)

    async def behave(self, given: Body, id: str) -> Body:
        """Have a saved payment method behave like another token's from now on: `behaves_as`."""
        token = given.get("behaves_as", "")
        if token not in methods.INSTRUMENTS:
            raise missing("instrument", token, "behaves_as", 400)
        async with self.state.books() as books:
            method = await books.one("payment_method", id, "payment_method")
            hidden(method)["instrument"] = token
            return bare(method)

    async def save(self, given: Body, id: str) -> Body:
        """Save a payment method under an `id` of the caller's, for a `customer`: `type`, `last4`, and how it looks."""
        del id
        async with self.state.books() as books:
            return bare(await saving.saved(books, given))

    async def seed(self, given: Body, id: str) -> Body:
        """Put Billing objects in the books, by the plural of their kind."""
        del id
        async with self.state.books() as books:
            return await billing.seed(books, given)

    async def seed_scene(self, given: Body, id: str) -> Body:
        """Put a whole Stripe Billing account in the books, with `plain` further customers who are like each other."""
        del id
        async with self.state.books() as books:
            return await billing_scene.seed(books, given.get("plain", 0))

    async def emit(self, given: Body, id: str) -> Body:
        """Emit an event of any `type` about any `object`: an id, or a whole body."""
        del id
        async with self.state.books() as books:
            about = given.get("object")
            body = await books.maybe(about) if isinstance(about, str) else about
            if body is None:
                raise missing("object", str(about), "object", 400)
            books.emit(given["type"], body)
        return {"emitted": given["type"]}

    async def read(self, given: Body, id: str) -> Body:
        """Any object as Stripe would show it."""
        del given
        async with self.state.books() as books:
            body = await books.maybe(id)
            if body is None:
                raise missing("object", id, "id", 404)
            return bare(body)

    async def reset(self, given: Body, id: str) -> Body:
        """Forget everything."""
        del given, id
        await self.state.reset()
        return {"reset": True}

    def routes(self) -> list[Route]:
        """Every control endpoint."""
        acts: list[tuple[str, str, _Act]] = [
            ("GET POST", "/clock", self.clock),
            ("GET POST", "/faults", self.faults),
            ("DELETE", "/faults", self.no_faults),
            ("GET POST", "/deliveries", self.deliveries),
            ("POST", "/deliveries/release", self.release),
            ("POST", "/deliveries/drain", self.drain),
            ("POST", "/events/{id}/resend", self.resend),
            ("POST", "/events", self.emit),
            ("GET POST", "/settings", self.settings),
            ("GET POST", "/delays", self.delays),
            ("POST", "/disputes", self.dispute),
            ("POST", "/disputes/{id}", self.decide),
            ("POST", "/payouts", self.pay_out),
            ("POST", "/payouts/{id}/fail", self.fail_payout),
            ("POST", "/mandates/{id}/revoke", self.revoke),
            ("POST", "/payment_methods", self.save),
            ("POST", "/payment_methods/{id}", self.behave),
            ("POST", "/seed", self.seed),
            ("GET", "/objects/{id}", self.read),
            ("POST", "/seed/scene", self.seed_scene),
            ("POST", "/reset", self.reset),
        ]
        routes = [Route(path, _answering(act), methods=verbs.split()) for verbs, path, act in acts]
        return [
            *routes,
            Route("/3ds/{id}", self._challenge(challenges.show), methods=["GET"]),
            Route("/3ds/{id}", self._challenge(challenges.decide), methods=["POST"]),
            Route("/contents/{id}", self._content, methods=["GET"]),
        ]

    def _challenge(
        self, answer: Callable[[State, Request], Awaitable[Response]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return await answer(self.state, request)
            except Refused as refused:
                return _json({"error": refused.error}, refused.status)

        return endpoint

    async def _content(self, request: Request) -> Response:
        content = await self.state.pool.fetchval(
            "select bytes from sandbox.content where id = $1", request.path_params["id"]
        )
        return Response(content, media_type="application/octet-stream") if content else Response(status_code=404)


def _answering(act: _Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            text = await request.body()
            given = orjson.loads(text) if text else {}
            if not isinstance(given, dict):
                raise invalid("The body is a JSON object.")
            return _json(await act(given, request.path_params.get("id", "")))
        except orjson.JSONDecodeError:
            return _json({"error": {"message": "The body is a JSON object."}}, 400)
        except Refused as refused:
            return _json({"error": refused.error}, refused.status)

    return endpoint


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
