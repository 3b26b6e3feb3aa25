"""What every test of the sandbox works with: the SDK, the control endpoints, a listener for webhooks."""

import asyncio
from typing import Any

import httpx2
import stripe
from stripe import StripeClient

DAY = 86_400
FIVE_DAYS = 5 * DAY
KEY = "sk_test_sandbox"


class Bench:
    """One sandbox as a test sees it."""

    def __init__(self, address: str, raw: httpx2.AsyncClient, sdk: stripe.HTTPXClient) -> None:
        self.address = address
        self.raw = raw
        self._sdk = sdk
        self.client = self.retrying(0)
        self.v1 = self.client.v1

    def retrying(self, times: int) -> StripeClient:
        """A client that retries so many times."""
        return StripeClient(
            KEY,
            base_addresses={"api": self.address, "files": self.address},
            http_client=self._sdk,
            max_network_retries=times,
        )

    async def control(self, path: str, body: dict[str, Any] | None = None, verb: str = "POST") -> Any:
        answer = await self.raw.request(verb, f"{self.address}/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def advance(self, seconds: int) -> Any:
        return await self.control("clock", {"advance": seconds})

    async def post(self, path: str, form: str = "", **headers: str) -> httpx2.Response:
        """A request without the SDK, for what it would not send or not show."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/x-www-form-urlencoded"} | named
        return await self.raw.post(f"{self.address}{path}", content=form, headers=sent)

    async def customer(self, **params: Any) -> str:
        return (await self.v1.customers.create_async(params)).id  # type: ignore[arg-type] # a test's own parameters

    async def method(self, token: str = "pm_card_visa", customer: str | None = None) -> str:
        owner = customer or await self.customer()
        return (await self.v1.payment_methods.attach_async(token, {"customer": owner})).id

    async def pay(self, token: str = "pm_card_visa", amount: int = 2000, currency: str = "usd", **params: Any) -> Any:
        """A confirmed payment intent, off session, as a plain hash."""
        given = {"amount": amount, "currency": currency, "payment_method": token, "confirm": True, "off_session": True}
        return (await self.v1.payment_intents.create_async(given | params)).to_dict()  # type: ignore[arg-type]

    async def charge_of(self, intent: Any) -> Any:
        return (await self.v1.charges.retrieve_async(intent["latest_charge"])).to_dict()

    async def events(self, *types: str) -> list[Any]:
        """Every event, oldest first."""
        params: Any = {"limit": 100} | ({"types": list(types)} if types else {})
        listed = await self.v1.events.list_async(params)
        return [event.to_dict() async for event in listed.auto_paging_iter()][::-1]

    async def told(self, *types: str) -> list[str]:
        """The types of every event, oldest first."""
        return [event["type"] for event in await self.events(*types)]


class Listener:
    """A webhook endpoint: remembers what was posted, and answers as it is told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.secret = ""
        self.url = ""

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/hook"

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    def events(self, client: StripeClient) -> list[stripe.Event]:
        """What arrived, verified by the SDK."""
        return [client.construct_event(body, signature, self.secret) for body, signature in self.received]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        lower = {name.lower(): value for name, value in headers.items()}
        body = await reader.readexactly(int(lower["content-length"]))
        self.received.append((body, lower["stripe-signature"]))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()
