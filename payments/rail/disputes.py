"""Disputes at the rail: looked at, answered with evidence, accepted. Files go with the evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from kernel.money import Money
from payments.disputes import DisputeState, Movement
from payments.rail.currencies import received
from payments.rail.line import Line
from payments.rail.values import Body, instant, named

_PAGE, _PAGES = 100, 20


@dataclass(frozen=True, slots=True)
class Dispute:
    """What a payer's bank asks for back."""

    id: str
    state: DisputeState | None
    """None for a status that is newer than we are: someone has to look."""

    amount: Money
    reason: str
    charge: str
    intent: str | None = None
    movements: tuple[Movement, ...] = ()
    due_at: datetime | None = None
    """The bank's deadline; None when it allows no answer."""

    submissions: int = 0
    has_evidence: bool = False
    refundable: bool = False
    network: str = ""
    network_code: str | None = None
    """The reason in the card network's words: "10.4"."""

    eligible: Mapping[str, str] = field(default_factory=dict)
    """The network's special rules that may apply, each with how far we are."""

    created: datetime | None = None

    @classmethod
    def from_body(cls, body: Body) -> Dispute:
        """Read Stripe's `dispute`."""
        told = body.get("evidence_details") or {}
        method = body.get("payment_method_details") or {}
        instrument = method.get(method.get("type") or "") or {}
        rules = told.get("enhanced_eligibility") or {}
        return cls(
            id=body["id"],
            state=_state(body["status"]),
            amount=received(body["amount"], body["currency"]),
            reason=body["reason"],
            charge=str(named(body["charge"])),
            intent=named(body.get("payment_intent")),
            movements=tuple(_movement(row) for row in body.get("balance_transactions") or []),
            due_at=instant(told.get("due_by") or None),
            submissions=told.get("submission_count") or 0,
            has_evidence=bool(told.get("has_evidence")),
            refundable=bool(body.get("is_charge_refundable")),
            network=instrument.get("network") or instrument.get("brand") or "",
            network_code=body.get("network_reason_code") or instrument.get("network_reason_code"),
            eligible={rule: piece.get("status") or "" for rule, piece in rules.items() if piece},
            created=instant(body.get("created")),
        )


def _state(told: str) -> DisputeState | None:
    return DisputeState(told) if told in set(DisputeState) else None


def _movement(row: Body) -> Movement:
    currency = row["currency"]
    return Movement(row["id"], received(row["amount"], currency), received(row["fee"], currency))


@dataclass(frozen=True, slots=True)
class Disputes:
    """Disputes and their files, over one line."""

    line: Line

    async def look(self, dispute: str, *, urgent: bool) -> Dispute:
        """A dispute as it is now. Raises RailError."""
        service = self.line.v1.disputes
        told = await self.line.call(
            "disputes.retrieve", lambda options: service.retrieve_async(dispute, {}, options), urgent=urgent
        )
        return Dispute.from_body(told)

    async def since(self, moment: datetime, *, urgent: bool = False) -> AsyncIterator[Dispute]:
        """The disputes that were opened since an instant, the newest first. Raises RailError."""
        given: dict[str, Any] = {"created": {"gte": int(moment.timestamp())}, "limit": _PAGE}
        service = self.line.v1.disputes
        for _ in range(_PAGES):
            asked: Any = dict(given)
            told = await self.line.call(
                "disputes.list",
                lambda options, asked=asked: service.list_async(asked, options),  # type: ignore[misc] # a default binds it
                urgent=urgent,
            )
            for body in told["data"]:
                yield Dispute.from_body(body)
            if not told["has_more"]:
                return
            given["starting_after"] = told["data"][-1]["id"]

    async def answer(self, dispute: str, evidence: Body, *, submit: bool, key: str, urgent: bool = True) -> Dispute:
        """Put evidence to a dispute; with `submit` it goes to the bank, once and for good. Raises RailError."""
        # The rail submits unless it is told not to.
        given: Any = {"evidence": dict(evidence), "submit": submit}
        service = self.line.v1.disputes
        told = await self.line.call(
            "disputes.update",
            lambda options: service.update_async(dispute, given, options),
            key=key,
            urgent=urgent,
        )
        return Dispute.from_body(told)

    async def accept(self, dispute: str, *, key: str, urgent: bool = True) -> Dispute:
        """Give in: the dispute is lost, for good. Raises RailError."""
        service = self.line.v1.disputes
        told = await self.line.call(
            "disputes.close", lambda options: service.close_async(dispute, {}, options), key=key, urgent=urgent
        )
        return Dispute.from_body(told)

    async def upload(self, name: str, content: bytes, *, key: str, urgent: bool = True) -> str:
        """The rail's id of a file for evidence. Raises RailError."""
        service = self.line.v1.files

        def send(options: Any) -> Any:
            # A file is read once, so each try opens it anew.
            given: Any = {"purpose": "dispute_evidence", "file": _Opened(content, name)}
            return service.create_async(given, options)

        return str((await self.line.call("files.create", send, key=key, urgent=urgent))["id"])


class _Opened(BytesIO):
    """Bytes as the SDK wants a file: with a name."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name
