"""The audit log: one record for every change, in a chain that nobody edits unseen, shown to those who may."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from auth.policy import Desk, KeyScope, Role
from kernel import audit, ids
from tests.graph.attempts import ATTEMPTS, OURS, mutations, whoever_may
from tests.graph.crowd import evidence
from tests.scenery import Reply, Scene

# What each mutation leaves in the chain when an owner sends what `attempts` has for it.
LEAVES = {
    "createWorkspace": ["workspace.created", "member.joined"],
    "renameWorkspace": ["workspace.renamed"],
    "inviteMember": ["invitation.sent"],
    "acceptInvitation": ["invitation.accepted", "member.joined"],
    "resendInvitation": ["invitation.revoked", "invitation.sent"],
    "revokeInvitation": ["invitation.revoked"],
    "changeRole": ["member.changed"],
    "leaveWorkspace": ["member.removed"],
    "removeMember": ["member.removed"],
    "createServiceKey": ["key.created"],
    "rotateServiceKey": ["key.rotated"],
    "revokeServiceKey": ["key.revoked"],
    "createLicensePool": ["subscription.started", "invoice.drafted", "invoice.finalized", "pool.created"],
    "assignSeat": ["invitation.sent", "seat.assigned"],
    "assignSeats": ["invitation.sent", "seat.assigned"],
    "changeOverage": ["overage.changed"],
    "askToJoin": ["join_request.opened"],
    "withdrawJoinRequest": ["join_request.withdrawn"],
    "approveJoinRequest": ["member.joined", "join_request.approved"],
    "declineJoinRequest": ["join_request.declined"],
    "changeReclaim": ["reclaim.changed"],
    "changeDecrease": ["decrease.changed"],
    "protectSeat": ["seat.protected"],
    "importSeats": ["invitation.sent", "seat.assigned"],
    "startSeatImport": ["seat_import.started"],
    "stopSeatImport": ["seat_import.stopped"],
    "restoreSeats": ["seat.assigned"],
    "moveSeats": ["seat.assigned", "seat.released"],
    "createSeatGroup": ["seat_group.created"],
    "changeSeatGroup": ["seat_group.changed"],
    "removeSeatGroup": ["seat_group.removed"],
    "assignGroupSeat": ["invitation.sent", "seat.assigned"],
    "groupSeat": ["seat.regrouped"],
    "appointGroupAdmin": ["group_admin.appointed"],
    "dismissGroupAdmin": ["group_admin.dismissed"],
    "requestSeat": ["seat_request.opened"],
    "withdrawSeatRequest": ["seat_request.withdrawn"],
    "approveSeatRequest": ["seat.assigned", "seat_request.approved"],
    "declineSeatRequest": ["seat_request.declined"],
    "releaseSeat": ["seat.released"],
    "transferSeat": ["invitation.sent", "seat.assigned", "seat.released"],
    "suspendSeat": ["seat.suspended"],
    "resumeSeat": ["seat.resumed"],
    "subscribe": ["subscription.started"],
    "cancelSubscription": ["subscription.cancel_scheduled"],
    "changeSubscription": ["subscription.changed", "invoice.drafted", "invoice.finalized"],
    "dropItem": ["change.scheduled"],
    "withdrawChange": ["change.withdrawn"],
    "pauseSubscription": ["subscription.changed"],
    "resumeSubscription": ["subscription.changed"],
    "reactivateSubscription": ["subscription.reactivated"],
    "changeBillingDay": ["subscription.changed"],
    "changeSeats": ["subscription.changed", "invoice.drafted", "invoice.finalized", "pool.resized"],
    "updateBillingSettings": ["billing_settings.changed"],
    "applyDiscount": ["subscription.discount_applied"],
    "removeDiscount": ["subscription.discount_removed"],
    "setUpPaymentMethod": ["setup.started"],
    "checkPaymentMethodSetup": ["payment_method.added", "setup.succeeded"],
    "choosePaymentMethod": ["payment_method.chosen"],
    "removePaymentMethod": ["payment_method.detached"],
    "payInvoices": ["payment.begun", "payment.succeeded"],
    "checkPayment": ["payment.succeeded"],
    "recordPayment": ["payment.recorded"],
    "createOneOffInvoice": ["invoice.drafted"],
    "finalizeInvoice": ["invoice.finalized"],
    "voidInvoice": ["invoice.voided"],
    "markUncollectible": ["invoice.abandoned"],
    "createCreditNote": ["credit_note.issued"],
    "grantCredit": ["credit.granted"],
    "requestApproval": ["approval.requested"],
    "approve": ["approval.given"],
    "createSsoConnection": ["sso.created"],
    "changeSsoConnection": ["sso.changed"],
    "deleteSsoConnection": ["sso.deleted"],
    "createSamlConnection": ["sso.created"],
    "changeSamlConnection": ["sso.changed"],
    "addSsoCertificate": ["sso_certificate.added"],
    "removeSsoCertificate": ["sso_certificate.removed"],
    "startSsoTest": ["login.test_started"],
    "enforceSso": ["workspace.changed"],
    "enrollBreakGlass": ["break_glass.enrolled"],
    "confirmBreakGlass": ["break_glass.confirmed"],
    "removeBreakGlass": ["break_glass.removed"],
    "openBreakGlass": ["break_glass.opened"],
    "changeSessionPolicy": ["workspace.changed"],
    "endSession": ["session.ended"],
    "addDomain": ["domain.added"],
    "verifyDomain": ["domain.verified"],
    "changeDomain": ["domain.changed"],
    "removeDomain": ["domain.removed"],
    "createDirectory": ["directory.created"],
    "changeDirectory": ["directory.changed"],
    "rotateDirectoryToken": ["directory_token.created"],
    "removeDirectoryToken": ["directory_token.removed"],
    "disableDirectory": ["directory.disabled"],
    "setGroupRule": ["group_rule.set"],
    "removeGroupRule": ["group_rule.removed"],
    "createSetupLink": ["setup_link.created"],
    "revokeSetupLink": ["setup_link.revoked"],
    "endSessions": ["person.signed_out"],
    "relinkIdentity": ["identity.relinked"],
    "viewAs": ["viewing.started"],
    "endViewing": ["viewing.ended"],
    "linkSsoLogin": ["identity.linked"],
    "unlinkSsoIdentity": ["identity.unlinked"],
    "stageEvidence": ["dispute.evidence_staged"],
    "submitEvidence": ["dispute.evidence_submitted"],
    "acceptDispute": ["dispute.accepted"],
    "resolveDiscrepancy": ["discrepancy.resolved"],
    "startBulkExport": ["bulk_export.started"],
    "stopBulkExport": ["bulk_export.stopped"],
    "refundPayment": ["credit_note.issued", "refund.reserved", "refund.sent", "refund.succeeded"],
    "retryRefund": ["refund.reserved", "refund.sent", "refund.succeeded"],
    "creditRefund": ["credit_note.issued", "refund.credited"],
    "retryPayment": ["payment.begun", "payment.succeeded"],
    "pauseDunning": ["invoice.dunning_paused"],
    "resumeDunning": ["invoice.dunning_resumed"],
    "skipDunningStep": ["invoice.dunning_step_skipped"],
    "recordUsage": ["usage.recorded"],
    "voidUsage": ["usage.voided"],
    "releaseSubscription": ["subscription.released"],
    "limitSubscription": ["subscription.limited"],
}

TABLES = {
    "request": "seat_request",
    "joining": "join_request",
    "approval": "credit_approval",
    "change": "scheduled_change",
    "entry": "ledger_entry",
    "certificate": "sso_certificate",
    "domain": "workspace_domain",
    "glass": "break_glass",
    "identity": "sso_identity",
    "key": "service_key",
    "link": "setup_link",
    "login": "sso_login",
    "pool": "license_pool",
    "seat": "assignment",
    "seatgroup": "seat_group",
    "groupadmin": "group_admin",
    "seatimport": "seat_import",
    "sso": "sso_connection",
    "rule": "group_rule",
    "token": "directory_token",
    "usage": "usage_batch",
    "setup": "payment_setup",
    "invoice.dunning_paused": "invoice_dunning",
    "invoice.dunning_resumed": "invoice_dunning",
    "invoice.dunning_step_skipped": "invoice_dunning",
}
"""The table of a subject, where it is called otherwise, or of an action that tells of another row."""


LATER = {
    "setup.started": {"state", "rail_id"},
    "payment.begun": {
        *("state", "rail_id", "request", "requested_at", "seen", "charge", "next_at", "settled_at", "transaction"),
    },
    "payment.succeeded": {"next_at"},
    "payment.recorded": set[str](),
    "person.signed_out": {"sessions"},
}
"""What the rail tells after a change was committed, which the record of that change can't know, and what it counted."""


async def _chain(scene: Scene, account: int | None = None) -> list[asyncpg.Record]:
    return await scene.world.rows(
        "select *, before::text as told_before, after::text as told_after, xmin::text as written_in"
        " from audit_record where account_id = $1 order by seq",
        scene.number if account is None else account,
    )


async def _sent(scene: Scene, mutation: str) -> tuple[Reply, list[asyncpg.Record], str]:
    """An attempt at a mutation by whoever may: the answer, the records it left, and the request's id."""
    asked = await ATTEMPTS[mutation](scene, "owner")
    who = await whoever_may(scene, mutation)
    if mutation == "acceptInvitation":
        who = await scene.world.person("guest")
        number = ids.decode("invitation", asked["invitation"])
        await scene.world.run("update invitation set email = $2 where id = $1", number, who.email)
    if mutation == "askToJoin":
        who = await scene.colleague()
    if mutation == "withdrawJoinRequest":
        who = await scene.colleague()
        asked = {"request": await scene.asks_to_join(who)}
    last = await scene.world.value("select coalesce(max(id), 0) from audit_record")
    document = (
        f"mutation($input: {mutation[0].upper()}{mutation[1:]}Input!)"
        f" {{ {mutation}(input: $input) {{ {mutations()[mutation]} }} }}"
    )
    headers = {"x-request-id": f"test-{scene.world.number()}"}
    reply = await scene.world.ask(document, who, headers_=headers, reason_="Because.", input=asked)
    assert reply.codes == []
    records = await scene.world.rows(
        "select *, before::text as told_before, after::text as told_after, xmin::text as written_in"
        " from audit_record where id > $1 and request_id = $2 order by action",
        last,
        headers["x-request-id"],
    )
    return reply, records, headers["x-request-id"]


def test_the_table_speaks_of_every_mutation() -> None:
    assert set(LEAVES) == set(mutations())


@pytest.mark.parametrize("mutation", mutations())
async def test_a_change_leaves_its_records_with_who_what_why_and_from_where(mutation: str, workspace: Scene) -> None:
    _, records, request = await _sent(workspace, mutation)

    assert [record["action"] for record in records] == sorted(LEAVES[mutation])
    for record in records:
        actor = "staff" if mutation in OURS else "person"
        assert (record["actor"], record["reason"], record["request_id"]) == (actor, "Because.", request)
        assert (record["ip"], record["impersonator_id"]) == ("127.0.0.1", None)
        person = await workspace.world.rows(
            "select p.id from session s join person p on p.id = s.person_id where s.id = $1",
            ids.decode("session", record["token"]),
        )
        assert [row["id"] for row in person] == [record["person_id"]]


@pytest.mark.parametrize("mutation", mutations())
async def test_a_record_tells_the_row_as_it_became_and_what_it_was(mutation: str, workspace: Scene) -> None:
    _, records, _ = await _sent(workspace, mutation)

    for record in records:
        after = json.loads(record["told_after"])
        table = TABLES.get(record["action"], TABLES.get(record["subject"], record["subject"]))
        row = await workspace.world.value(
            f"select to_jsonb(t)::text from {table} t where id = $1", record["subject_id"]
        )
        now = json.loads(row)
        # The items and discounts of a subscription, and what moved in an entry, are rows of their own, told with it.
        after.pop("items", None)
        after.pop("discounts", None)
        after.pop("transfers", None)
        for name in LATER.get(record["action"], ()):
            after.pop(name, None)
        # Why a subscription waits stands on its clock.
        after.pop("held", None)
        assert {name: _same(value) for name, value in after.items()} == {name: _same(now[name]) for name in after}
        assert json.loads(record["told_after"])
        if record["told_before"] is not None:
            before = json.loads(record["told_before"])
            told = json.loads(record["told_after"])
            assert set(before) == set(told)
            assert all(before[name] != told[name] for name in before)


@pytest.mark.parametrize("mutation", mutations())
async def test_rows_records_and_outbox_are_written_by_one_transaction(mutation: str, workspace: Scene) -> None:
    _, records, request = await _sent(workspace, mutation)

    (account,) = {record["account_id"] for record in records}
    world = workspace.world
    told = await world.rows("select name, xmin::text as written_in from outbox where request_id = $1", request)
    head = await world.rows("select seq, hash, xmin::text as written_in from audit_head where account_id = $1", account)
    chain = await _chain(workspace, account)
    assert sorted(row["name"] for row in told) == sorted(LEAVES[mutation])
    assert (head[0]["seq"], head[0]["hash"]) == (chain[-1]["seq"], chain[-1]["hash"])
    written = {row["written_in"] for row in [*records, *told, *head]}
    # A payment is committed before the rail is asked, and its outcome after that.
    assert len(written) == (2 if mutation in {"payInvoices", "retryPayment"} else 1)


def _same(value: Any) -> Any:
    """A value as both PostgreSQL and Python say it."""
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else value
    except ValueError:
        return value


async def test_a_refusal_that_came_late_leaves_no_record(workspace: Scene) -> None:
    world, owner = workspace.world, workspace.owner
    full = await workspace.pool(seats=1)
    held = await workspace.seat(full, workspace.members[Role.MEMBER])
    await workspace.invitation("asked@example.test")
    before = await evidence(workspace)

    replies = [
        await world.change("assignSeat", owner, shows_=mutations()["assignSeat"], pool=full, email="one@more.test"),
        await world.change(
            "inviteMember", owner, shows_="__typename", workspace=workspace.id, email="asked@example.test"
        ),
        await world.change("changeRole", owner, shows_="__typename", member=workspace.member(owner), role="MEMBER"),
        await world.change("removeMember", owner, shows_="__typename", member=workspace.member(owner)),
        await world.change("resumeSeat", owner, shows_="__typename", seat=held),
        await world.change("renameWorkspace", owner, workspace=workspace.id, name=" "),
    ]

    assert [next(iter(reply.json["data"].values()))["__typename"] for reply in replies[:-1]] == [
        "PoolExhausted",
        "AlreadyInvited",
        "LastOwner",
        "LastOwner",
        "SeatNotHeld",
    ]
    assert replies[-1].code == "INVALID_INPUT"
    assert await evidence(workspace) == before


async def test_asking_again_with_the_same_key_leaves_no_second_record(workspace: Scene) -> None:
    for _ in range(2):
        reply = await workspace.world.change(
            "renameWorkspace", workspace.owner, workspace=workspace.id, name="Twice", idempotencyKey="once"
        )
        assert reply.codes == []

    assert [record["action"] for record in await _chain(workspace)] == ["workspace.renamed"]


async def test_a_key_is_named_by_its_id_and_staff_by_their_person(workspace: Scene) -> None:
    key = await workspace.key(KeyScope.SEATS_WRITE)
    support = await workspace.world.person("staff", desk=Desk.ADMIN)
    for asker, reason in ((key, None), (support, "Ticket 7.")):
        asked = await ATTEMPTS["inviteMember"](workspace, "somebody")
        await workspace.world.change("inviteMember", asker, reason_=reason, **asked)

    by_key, by_staff = await _chain(workspace)

    assert (by_key["actor"], by_key["person_id"], by_key["token"]) == ("service_key", None, key.id)
    assert (by_staff["actor"], by_staff["person_id"], by_staff["reason"]) == ("staff", support.number, "Ticket 7.")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Kündigung von Zoë, 请求".encode(), "Kündigung von Zoë, 请求"),
        ("Kündigung".encode("latin-1"), "K\N{REPLACEMENT CHARACTER}ndigung"),
        (b"  two\twords ", "two words"),
        (b"x" * 1_500, "x" * 1_000),
        (b" ", None),
    ],
)
async def test_a_reason_is_kept_as_it_was_written(said: bytes, kept: str | None, workspace: Scene) -> None:
    asked = {"query": RENAME, "variables": {"id": workspace.id}}
    headers = [(b"authorization", f"Bearer {workspace.owner.bearer}".encode()), (b"seatgraph-reason", said)]

    response = await workspace.world.client.post("/graphql", json=asked, headers=headers)

    assert "errors" not in response.json()
    assert [record["reason"] for record in await _chain(workspace)] == [kept]


async def test_no_secret_is_in_the_audit_the_outbox_or_a_kept_answer(workspace: Scene) -> None:
    world, owner = workspace.world, workspace.owner
    made = await world.change(
        "createServiceKey",
        owner,
        shows_="text key { id }",
        account=workspace.account,
        name="CI",
        scopes=["SEATS_READ"],
        idempotencyKey="make",
    )
    shown = made.data["createServiceKey"]
    turned = await world.change(
        "rotateServiceKey",
        owner,
        shows_="... on ServiceKeyShown { text }",
        key=shown["key"]["id"],
        idempotencyKey="turn",
    )

    told = await world.value(
        "select string_agg(t::text, '') from (select a::text as t from audit_record a where account_id = $1"
        " union all select o::text from outbox o where account_id = $1"
        " union all select i::text from idempotency_key i where actor = $2) t",
        workspace.number,
        f"person:{owner.number}",
    )
    hashes = await world.rows(
        "select encode(unnest(array[hash, previous_hash]), 'hex') as hex from service_key where account_id = $1",
        workspace.number,
    )

    secrets = [text.rpartition("_")[2] for text in (shown["text"], turned.data["rotateServiceKey"]["text"])]
    assert len(hashes) == 2
    assert "key.created" in told
    assert not [secret for secret in [*secrets, *(row["hex"] for row in hashes)] if secret in told]


async def test_twenty_changes_at_once_make_one_whole_chain(workspace: Scene) -> None:
    replies = await asyncio.gather(
        *(
            workspace.world.change("renameWorkspace", workspace.owner, workspace=workspace.id, name=f"Name {number}")
            if number % 2
            else workspace.world.change(
                "inviteMember", workspace.owner, workspace=workspace.id, email=f"at.once.{number}@example.test"
            )
            for number in range(20)
        )
    )

    chain = await _chain(workspace)
    async with workspace.world.connection() as connection:
        breaches = [breach async for breach in audit.breaches(connection) if f" {workspace.number}" in breach.row]
    assert breaches == []
    assert [reply.codes for reply in replies] == [[]] * 20
    assert [record["seq"] for record in chain] == list(range(1, 21))
    names = [json.loads(r["told_before"])["name"] for r in chain if r["action"] == "workspace.renamed"]
    assert len(set(names)) == 10


# Seen


RENAME = 'mutation($id: ID!) { renameWorkspace(input: {workspace: $id, name: "New"}) { id } }'
SEES = "query($id: ID!) { workspace(id: $id) { auditLog(first: 100) { totalCount nodes { action } } } }"


async def _seen_by(scene: Scene, asker: Any) -> list[str]:
    found = (await scene.world.ask(SEES, asker, id=scene.id)).data["workspace"]["auditLog"]
    assert found["totalCount"] == len(found["nodes"])
    return sorted(record["action"] for record in found["nodes"])


async def test_everybody_sees_of_the_log_what_their_role_allows(workspace: Scene) -> None:
    world = workspace.world
    for role, mutation in (
        (Role.OWNER, "renameWorkspace"),
        (Role.BILLING_ADMIN, "createLicensePool"),
        (Role.SEAT_ADMIN, "inviteMember"),
    ):
        await world.change(mutation, workspace.members[role], **await ATTEMPTS[mutation](workspace, role.value))
    guest = await world.person("guest")
    letter = await workspace.invitation(guest.email)
    await world.change("acceptInvitation", guest, invitation=letter)
    bought = ["invoice.drafted", "invoice.finalized", "pool.created", "subscription.started"]
    whole = sorted([*bought, "workspace.renamed", "invitation.sent", "invitation.accepted", "member.joined"])

    seen = {role: await _seen_by(workspace, who) for role, who in workspace.members.items()}
    by_keys = {scope: await _seen_by(workspace, await workspace.key(scope)) for scope in KeyScope}

    assert seen == {
        Role.OWNER: whole,
        Role.ADMIN: whole,
        Role.SEAT_ADMIN: ["invitation.sent"],
        Role.BILLING_ADMIN: bought,
        Role.AUDITOR: whole,
        Role.MEMBER: [],
    }
    assert await _seen_by(workspace, guest) == []
    assert by_keys == {scope: whole if scope is KeyScope.AUDIT_READ else [] for scope in KeyScope}
