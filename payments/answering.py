"""Answering disputes: evidence is staged, looked at, and submitted once; or a dispute is accepted.

What is decided is committed first. The rail submits unless it is told not to, and
takes evidence once: so a submission has one row, one key, and after a lost answer we
look whether it has arrived.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from kernel import ids
from kernel.work import Work
from payments import cases, disputes, events, return_queries
from payments.compelling import Compelling, Lacking, Purchase
from payments.disputes import DisputeNotAnswerable, DisputeStage, DisputeStep
from payments.evidence import Attachment, Evidence, EvidenceUnusable, packed
from payments.rail.disputes import Dispute as Told
from payments.rail.errors import RailError, Refused
from payments.rail.opening import Rail
from payments.tables import Dispute, DisputeEvidence

PATIENCE = timedelta(minutes=1)
"""How long whoever has decided may take to send it before the worker does."""

SINCE = timedelta(days=30)
"""How far back we look for disputes that nobody told us of."""

log = structlog.get_logger("payments.answering")


@dataclass(frozen=True, slots=True)
class Pack:
    """What answers a dispute."""

    evidence: Evidence
    compelling: Compelling | Lacking


async def stage(work: Work, row: Dispute, pack: Pack, person_id: int | None) -> DisputeEvidence:
    """Write down evidence for a dispute, which the rail keeps and nobody submits. Raises DisputeNotAnswerable."""
    disputes.check(cases.position(row), DisputeStep.STAGE, work.now)
    made = DisputeEvidence(
        account_id=row.account_id,
        id=work.new_id(),
        dispute_id=row.id,
        stage=disputes.stage(row.state).value,
        texts=dict(pack.evidence.texts),
        compelling=_rule(pack.compelling) if isinstance(pack.compelling, Compelling) else None,
        lacking=pack.compelling.value if isinstance(pack.compelling, Lacking) else None,
        made_by=person_id,
        made_at=work.now,
        next_at=work.now + PATIENCE,
    )
    work.add(made)
    row.staged_at = work.now
    await work.flush()
    work.emit(events.DisputeEvidenceStaged(row.account_id, row.id), row)
    return made


async def submit(work: Work, row: Dispute, person_id: int | None) -> DisputeEvidence:
    """Decide that what was staged last goes to the bank, once and for good. Raises DisputeNotAnswerable."""
    disputes.check(cases.position(row), DisputeStep.SUBMIT, work.now)
    stage_ = disputes.stage(row.state).value
    staged = await return_queries.staged(work, row.account_id, row.id, stage_)
    if staged is None:
        raise DisputeNotAnswerable("has no evidence yet. Stage it with `stageEvidence`, look at it, and submit it then")
    made = DisputeEvidence(
        account_id=row.account_id,
        id=work.new_id(),
        dispute_id=row.id,
        stage=stage_,
        texts=staged.texts,
        compelling=staged.compelling,
        lacking=staged.lacking,
        files=staged.files,
        submit=True,
        made_by=person_id,
        made_at=work.now,
        next_at=work.now + PATIENCE,
    )
    work.add(made)
    row.submitted_stage, row.submitted_at, row.submitted_by = stage_, work.now, person_id
    await work.flush()
    work.emit(events.DisputeEvidenceSubmitted(row.account_id, row.id), row)
    return made


async def accept(work: Work, row: Dispute, person_id: int | None) -> Dispute:
    """Decide to give in to a locked dispute, for good. Raises DisputeNotAnswerable."""
    disputes.check(cases.position(row), DisputeStep.ACCEPT, work.now)
    row.accepted_at, row.accepted_by, row.next_at = work.now, person_id, work.now + PATIENCE
    await work.flush()
    work.emit(events.DisputeAccepted(row.account_id, row.id), row)
    return row


# At the rail


async def send(work: Work, rail: Rail, account_id: int, evidence_id: int, *, urgent: bool) -> None:
    """Send evidence to the rail. Opens transactions, so call it outside of one."""
    async with work.transaction():
        await work.bind(account_id)
        made = await return_queries.evidence(work, account_id, evidence_id)
        row = await return_queries.dispute(work, account_id, made.dispute_id)
        known, payment_id, submits = row.rail_id, row.payment_id, made.submit
        made.next_at = work.now + PATIENCE
        given = _given(made)
    try:
        key = f"{rail.installation}-evidence-{evidence_id}"
        told, refused = await _answered(rail, known, given, submits=submits, key=key, urgent=urgent)
    except RailError as error:
        log.info("evidence has to wait", dispute=ids.encode("dispute", made.dispute_id), says=str(error))
        return
    async with work.transaction():
        await work.bind(account_id)
        if told:
            await cases.learn(work, account_id, payment_id, told)
        made = await return_queries.evidence(work, account_id, evidence_id)
        row = await return_queries.dispute(work, account_id, made.dispute_id)
        made.sent_at, made.refused, made.next_at = (None, refused, None) if refused else (work.now, None, None)
        if told and refused and submits:
            row.submitted_stage = row.submitted_at = row.submitted_by = None
            work.emit(events.DisputeChanged(account_id, row.id), row)


def _given(made: DisputeEvidence) -> dict[str, Any]:
    """Evidence in the rail's words: an appeal has a reason and files, and everything else a field for each text."""
    if made.stage == DisputeStage.APPEAL.value:
        appeal: dict[str, Any] = {"reason_for_filing": made.texts.get("uncategorized_text", "")}
        return {"appeal": {"card": appeal | ({"supporting_files": list(made.files.values())} if made.files else {})}}
    rule = {"enhanced_evidence": {"visa_compelling_evidence_3": made.compelling}} if made.compelling else {}
    return {**made.texts, **made.files, **rule}


async def attach(work: Work, rail: Rail, account_id: int, evidence_id: int, attachment: Attachment) -> None:
    """Have the rail keep a file of staged evidence. What it does not take is left out. Opens transactions."""
    async with work.transaction():
        await work.bind(account_id)
        made = await return_queries.evidence(work, account_id, evidence_id)
        row = await return_queries.dispute(work, account_id, made.dispute_id)
        network, texts = row.network, dict(made.texts)
    try:
        packed(texts, [attachment], network=network)
        key = f"{rail.installation}-file-{evidence_id}-{attachment.kind.value}"
        file = await rail.disputes.upload(attachment.name, attachment.content, key=key)
    except (RailError, EvidenceUnusable) as refusal:
        log.warning("evidence goes without a file", file=attachment.name, says=str(refusal))
        return
    async with work.transaction():
        await work.bind(account_id)
        made = await return_queries.evidence(work, account_id, evidence_id)
        made.files = made.files | {attachment.kind.value: file}


async def _answered(
    rail: Rail, known: str, given: dict[str, Any], *, submits: bool, key: str, urgent: bool
) -> tuple[Told | None, str | None]:
    """The dispute after evidence was put to it, and why the rail would not take it. Raises RailError."""
    try:
        return await rail.disputes.answer(known, given, submit=submits, key=key, urgent=urgent), None
    except Refused as refused:
        if refused.missing:
            return None, refused.code
        told = await rail.disputes.look(known, urgent=urgent)
        # A try whose answer was lost may have arrived.
        return told, None if submits and told.submissions else refused.code


async def look(work: Work, rail: Rail, account_id: int, dispute_id: int, *, urgent: bool) -> None:
    """See how a dispute is, and give in to one that was accepted. Opens transactions. Raises RailError."""
    async with work.transaction():
        await work.bind(account_id)
        row = await return_queries.dispute(work, account_id, dispute_id)
        known, payment_id = row.rail_id, row.payment_id
        gives_in = row.accepted_at is not None and row.state in disputes.ANSWERABLE
        row.next_at = work.now + PATIENCE
    if gives_in:
        try:
            told = await rail.disputes.accept(known, key=f"{rail.installation}-accept-{dispute_id}", urgent=urgent)
        except Refused:
            told = await rail.disputes.look(known, urgent=urgent)
    else:
        told = await rail.disputes.look(known, urgent=urgent)
    async with work.transaction():
        await work.bind(account_id)
        await cases.learn(work, account_id, payment_id, told)


async def give_in(work: Work, rail: Rail, account_id: int, dispute_id: int) -> None:
    """Tell the rail that we give in; if it doesn't answer, the worker tells it later. Opens transactions."""
    try:
        await look(work, rail, account_id, dispute_id, urgent=True)
    except RailError as error:
        log.info("a dispute has to wait", dispute=ids.encode("dispute", dispute_id), says=str(error))


async def heard(work: Work, told: Told, at: datetime | None = None) -> bool:
    """Write down what the rail told of a dispute; False if it is of no payment of ours. Opens transactions."""
    found = await return_queries.payment_of(work, told.intent) if told.intent else None
    await work.rest()
    if found is None:
        return False
    async with work.transaction():
        await work.bind(found[0])
        await cases.learn(work, *found, told, at)
    return True


async def find(work: Work, rail: Rail) -> None:
    """Look for disputes that nobody told us of. Opens transactions. Raises RailError."""
    async for told in rail.disputes.since(work.now - SINCE):
        await heard(work, told)


def _rule(found: Compelling) -> dict[str, Any]:
    """What answers Visa's rule, in the rail's words."""
    return {
        "disputed_transaction": _shown(found.disputed) | {"merchandise_or_services": "services"},
        "prior_undisputed_transactions": [_shown(prior) | {"charge": prior.charge} for prior in found.priors],
    }


def _shown(purchase: Purchase) -> dict[str, Any]:
    return {link.value: value for link, value in purchase.links.items()} | {"product_description": purchase.description}
