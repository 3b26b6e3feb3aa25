"""Attempts: for every mutation an input that an owner may send, and that changes something nobody else looks at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLUnionType

import schema
from auth.policy import Desk, KeyScope, Role
from billing.states import InvoiceState, SubscriptionState
from kernel import ids
from payments.states import PaymentSource
from seats.seating import SeatState
from tests import paying, returning
from tests.auth.saml import answering
from tests.scene import Somebody
from tests.scenery import Scene

Attempt = Callable[[Scene, str], Awaitable[dict[str, Any]]]
"""Given a workspace, and the name of whoever tries: what the mutation takes."""


async def _rename(scene: Scene, who: str) -> dict[str, Any]:
    return {"workspace": scene.id, "name": f"By {who}"}


async def _invite(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "email": f"new.{scene.world.number()}@example.test"}


async def _revoke_invitation(scene: Scene, _: str) -> dict[str, Any]:
    return {"invitation": await scene.invitation(f"asked.{scene.world.number()}@example.test")}


async def _change_role(scene: Scene, _: str) -> dict[str, Any]:
    return {"member": scene.member(await scene.join()), "role": "AUDITOR"}


async def _remove(scene: Scene, _: str) -> dict[str, Any]:
    return {"member": scene.member(await scene.join())}


async def _leave(scene: Scene, _: str) -> dict[str, Any]:
    await scene.join(Role.OWNER)
    await scene.world.run(
        "update member set state = 'active', removed_at = null where account_id = $1 and person_id = $2",
        scene.number,
        scene.owner.number,
    )
    return {"workspace": scene.id}


async def _make_key(scene: Scene, who: str) -> dict[str, Any]:
    scope = "BILLING_READ" if who == Role.BILLING_ADMIN else "SEATS_READ"
    return {"account": scene.account, "name": "CI", "scopes": [scope]}


async def _owners_key(scene: Scene, _: str) -> dict[str, Any]:
    return {"key": (await scene.key(KeyScope.SEATS_READ)).id}


async def _buy_seats(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "price": scene.world.catalog.team.price, "seats": 2}


async def _assign(scene: Scene, _: str) -> dict[str, Any]:
    return {"pool": await scene.pool(), "email": f"new.{scene.world.number()}@example.test"}


async def _assign_list(scene: Scene, _: str) -> dict[str, Any]:
    return {"pool": await scene.pool(), "emails": [f"new.{scene.world.number()}@example.test"]}


async def _move(scene: Scene, who: str) -> dict[str, Any]:
    return {"seats": [(await _seat(scene, who))["seat"]], "pool": await scene.pool()}


async def _restore(scene: Scene, _: str) -> dict[str, Any]:
    ended = await scene.pool(seats=1)
    await scene.seat(ended, await scene.join())
    await scene.ended(ended)
    return {"satIn": ended, "pool": await scene.pool()}


async def _request_seat(scene: Scene, _: str) -> dict[str, Any]:
    await scene.pool()
    await scene.world.run(
        "update seat_request set state = 'withdrawn', settled_at = created_at where account_id = $1", scene.number
    )
    note = f"For {scene.world.number()}."
    return {"workspace": scene.id, "plan": scene.world.catalog.team.plan, "note": note}


async def _requested(scene: Scene, _: str) -> dict[str, Any]:
    return {"request": await scene.request(await scene.pool(), await scene.join())}


async def _owners_request(scene: Scene, _: str) -> dict[str, Any]:
    return {"request": await scene.request(await scene.pool(), scene.owner)}


async def _free_seats(scene: Scene, who: str) -> dict[str, Any]:
    return {"pool": await scene.pool(), "name": f"By {who}", "seats": 2}


async def _grouped(scene: Scene, _: str) -> dict[str, Any]:
    return {"group": await scene.seat_group(await scene.pool(), 2)}


async def _change_group(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _grouped(scene, who), "seats": 3}


async def _assign_in_group(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _grouped(scene, who), "email": f"new.{scene.world.number()}@example.test"}


async def _appoint(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _grouped(scene, who), "member": scene.member(await scene.join())}


async def _dismiss(scene: Scene, who: str) -> dict[str, Any]:
    group = (await _grouped(scene, who))["group"]
    return {"admin": await scene.group_admin(group, await scene.join())}


async def _regroup(scene: Scene, _: str) -> dict[str, Any]:
    pool = await scene.pool()
    return {"seat": await scene.seat(pool, await scene.join()), "group": await scene.seat_group(pool)}


async def _declined(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _requested(scene, who), "reason": "Not this year."}


async def _overage(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "overage": "BUY", "limit": 10 + scene.world.number() % 1000}


async def _reclaim(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "afterDays": 14 + scene.world.number() % 700}


async def _ask_to_join(scene: Scene, who: str) -> dict[str, Any]:
    return {"workspace": scene.id, "note": f"{who} {scene.world.number()}"}


async def _asked_to_join(scene: Scene, _: str) -> dict[str, Any]:
    return {"request": await scene.asks_to_join()}


async def _not_let_in(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _asked_to_join(scene, who), "reason": "Not this year."}


async def _decrease(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "decrease": "AUTO_RELEASE"}


async def _import_list(scene: Scene, _: str) -> dict[str, Any]:
    sheet = f"email\nnew.{scene.world.number()}@example.test"
    return {"workspace": scene.id, "pool": await scene.pool(), "sheet": sheet}


async def _brought_list(scene: Scene, _: str) -> dict[str, Any]:
    return {"seatImport": (await scene.seat_import())[0]}


async def _seat(scene: Scene, _: str) -> dict[str, Any]:
    return {"seat": await scene.seat(await scene.pool(), await scene.join())}


async def _transfer(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _seat(scene, who), "email": f"new.{scene.world.number()}@example.test"}


async def _suspended_seat(scene: Scene, _: str) -> dict[str, Any]:
    return {"seat": await scene.seat(await scene.pool(), await scene.join(), SeatState.SUSPENDED)}


async def _subscribe(scene: Scene, _: str) -> dict[str, Any]:
    await scene.world.run(
        "update subscription set state = 'canceled', ended_at = period_end where account_id = $1", scene.number
    )
    return {"account": scene.account, "price": scene.world.catalog.metered.price}


async def _running(scene: Scene, _: str) -> dict[str, Any]:
    return {"subscription": ids.encode("sub", (await scene.subscription()).id)}


async def _change(scene: Scene, _: str) -> dict[str, Any]:
    subscription = await scene.subscription(scene.world.catalog.team)
    item = await scene.world.value("select id from subscription_item where subscription_id = $1", subscription.id)
    return {"subscription": ids.encode("sub", subscription.id), "item": ids.encode("item", item), "quantity": 2}


async def _drop(scene: Scene, _: str) -> dict[str, Any]:
    return {"item": await scene.add_on(await scene.subscription(scene.world.catalog.team))}


async def _held(scene: Scene, _: str) -> dict[str, Any]:
    held = await scene.subscription()
    await scene.world.run("update subscription_clock set held = 'Too much.' where subscription_id = $1", held.id)
    return {"subscription": ids.encode("sub", held.id)}


async def _limited(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _running(scene, who), "limit": {"minor": 100_000 + scene.world.number(), "currency": "USD"}}


async def _withdraw(scene: Scene, _: str) -> dict[str, Any]:
    return {"change": await scene.scheduled(await scene.subscription())}


async def _paused(scene: Scene, _: str) -> dict[str, Any]:
    return {"subscription": ids.encode("sub", (await scene.subscription(state=SubscriptionState.PAUSED)).id)}


async def _reactivate(scene: Scene, _: str) -> dict[str, Any]:
    running = await scene.subscription()
    await scene.world.run("update subscription set cancel_at = period_end where id = $1", running.id)
    return {"subscription": ids.encode("sub", running.id)}


async def _billing_day(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _running(scene, who), "day": 15}


async def _more_seats(scene: Scene, _: str) -> dict[str, Any]:
    return {"pool": await scene.pool(3), "seats": 5}


async def _one_off(scene: Scene, _: str) -> dict[str, Any]:
    lines = [{"description": "Workshop", "unitMinor": 10_000}]
    return {"account": scene.account, "currency": "USD", "lines": lines}


async def _draft(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoice": await scene.invoice(state=InvoiceState.DRAFT)}


async def _owed(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoice": await scene.invoice()}


async def _credited(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _owed(scene, who), "reason": "Kindness", "amount": {"minor": 100, "currency": "USD"}}


async def _granted(scene: Scene, _: str) -> dict[str, Any]:
    return {"account": scene.account, "amount": {"minor": 100, "currency": "USD"}}


async def _to_approve(scene: Scene, _: str) -> dict[str, Any]:
    asking = await scene.world.person("asking", desk=Desk.FINANCE)
    return {"approval": await scene.approval(asking)}


async def _much_granted(scene: Scene, _: str) -> dict[str, Any]:
    amount = {"minor": 500_000, "currency": "USD"}
    return {"account": scene.account, "kind": "CREDIT_GRANT", "amount": amount, "reason": "Kindness"}


async def _settings(scene: Scene, _: str) -> dict[str, Any]:
    return {"account": scene.account, "poNumber": f"PO {scene.world.number()}"}


async def _apply_discount(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _running(scene, who), "code": await scene.code()}


async def _discounted(scene: Scene, _: str) -> dict[str, Any]:
    return {"discount": await scene.discount(await scene.subscription())}


async def _report(scene: Scene, who: str) -> dict[str, Any]:
    used = await scene.subscription()
    event = {
        "meter": "searches",
        "key": f"{who} {scene.world.number()}",
        "at": _written(await scene.world.now()),
        "subscription": ids.encode("sub", used.id),
    }
    return {"account": scene.account, "events": [event]}


async def _reported(scene: Scene, who: str) -> dict[str, Any]:
    asked = await _report(scene, who)
    (event,) = asked["events"]
    reply = await scene.world.change("recordUsage", scene.owner, shows_="recorded", **asked)
    assert reply.data["recordUsage"] == {"recorded": 1}
    return {"account": scene.account, "meter": "searches", "at": event["at"], "key": event["key"]}


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


async def _found(_scene: Scene, who: str) -> dict[str, Any]:
    return {"name": f"Founded by {who}"}


async def _accept(scene: Scene, _: str) -> dict[str, Any]:
    return {"invitation": await scene.invitation(f"asked.{scene.world.number()}@example.test")}


async def _set_up(scene: Scene, _: str) -> dict[str, Any]:
    return {"account": scene.account}


async def _finished_setup(scene: Scene, _: str) -> dict[str, Any]:
    begun = await scene.world.change("setUpPaymentMethod", scene.owner, shows_="id", account=scene.account)
    setup = begun.data["setUpPaymentMethod"]["id"]
    await paying.finish(scene, setup)
    return {"setup": setup}


async def _other_card(scene: Scene, _: str) -> dict[str, Any]:
    await scene.world.run("update payment_method set is_default = false where account_id = $1", scene.number)
    return {"paymentMethod": await scene.payment_method(is_default=False)}


async def _connect(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "name": "SSO", "issuer": scene.world.provider.issuer, "clientId": "seatgraph"}


async def _connected(scene: Scene, _: str) -> dict[str, Any]:
    return {"connection": await scene.sso()}


async def _changed_connection(scene: Scene, who: str) -> dict[str, Any]:
    return {"connection": await scene.sso(), "name": f"By {who}"}


async def _connect_saml(scene: Scene, _: str) -> dict[str, Any]:
    by_hand = {"issuer": answering.ISSUER, "signInUrl": "https://idp.test/sso"}
    found = answering.certificate(answering.key_of("idp"), now=await scene.world.now())
    return {"workspace": scene.id, "name": "SSO", "certificates": [answering.pem(found)], **by_hand}


async def _changed_saml(scene: Scene, who: str) -> dict[str, Any]:
    return {"connection": await scene.saml(), "subjectAttribute": f"of-{who}"}


async def _another_certificate(scene: Scene, _: str) -> dict[str, Any]:
    found = answering.certificate(answering.key_of("next"), now=await scene.world.now())
    return {"connection": await scene.saml(), "certificate": answering.pem(found)}


async def _certified(scene: Scene, _: str) -> dict[str, Any]:
    return {"certificate": await scene.certificate()}


async def _own_domain(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "name": f"d{scene.world.number():x}.test"}


async def _proven(scene: Scene, _: str) -> dict[str, Any]:
    name = f"d{scene.world.number():x}.test"
    scene.world.names.records[f"_seatgraph.{name}"] = ["seatgraph-domain-verification=token"]
    return {"domain": await scene.domain(name, verified=False)}


async def _changed_domain(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _proven(scene, who), "behavior": "SUGGEST"}


async def _directory(scene: Scene, who: str) -> dict[str, Any]:
    return {"workspace": scene.id, "name": f"By {who}"}


async def _listed(scene: Scene, _: str) -> dict[str, Any]:
    return {"directory": await scene.directory()}


async def _renamed_directory(scene: Scene, who: str) -> dict[str, Any]:
    return {"directory": await scene.directory(), "name": f"By {who}"}


async def _token(scene: Scene, _: str) -> dict[str, Any]:
    return {"token": (await scene.directory_token(await scene.directory()))[0]}


async def _ruled(scene: Scene, who: str) -> dict[str, Any]:
    group = await scene.directory_group(await scene.directory())
    return {"group": group, "role": "MEMBER", "priority": len(who)}


async def _rule(scene: Scene, _: str) -> dict[str, Any]:
    return {"rule": await scene.group_rule(await scene.directory_group(await scene.directory()))}


async def _enforce(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "enforced": False}


async def _enroll(scene: Scene, _: str) -> dict[str, Any]:
    await scene.world.run("update break_glass set removed_at = now() where account_id = $1", scene.number)
    return {"workspace": scene.id}


async def _confirm_glass(scene: Scene, _: str) -> dict[str, Any]:
    _, secret = await scene.glass(confirmed=False)
    return {"workspace": scene.id, "code": await scene.app_code(secret)}


async def _break_glass(scene: Scene, _: str) -> dict[str, Any]:
    _, secret = await scene.glass()
    return {"workspace": scene.id, "code": await scene.app_code(secret)}


async def _enrolled(scene: Scene, _: str) -> dict[str, Any]:
    return {"breakGlass": (await scene.glass())[0]}


async def _policy(scene: Scene, who: str) -> dict[str, Any]:
    return {"workspace": scene.id, "hours": 1 + len(who), "idleMinutes": 30}


async def _my_session(scene: Scene, _: str) -> dict[str, Any]:
    return {"session": await scene.session_of(scene.owner)}


async def _link(scene: Scene, _: str) -> dict[str, Any]:
    return {"login": await scene.login(), "member": scene.member(await scene.join())}


async def _linked(scene: Scene, _: str) -> dict[str, Any]:
    return {"identity": await scene.identity(await scene.join())}


async def _signed_in(scene: Scene, _: str) -> dict[str, Any]:
    somebody = await scene.join()
    await scene.came_through(await scene.sso(), somebody)
    return {"account": scene.account, "person": somebody.id}


async def _relinked(scene: Scene, _: str) -> dict[str, Any]:
    connection, somebody = await scene.sso(), await scene.join()
    identity = await scene.identity(await scene.join(), connection)
    await scene.vouched(identity, somebody.email)
    return {"identity": identity, "member": scene.member(somebody)}


async def _looked_at(scene: Scene, _: str) -> dict[str, Any]:
    return {"account": scene.account, "person": (await scene.join()).id}


async def _looking(scene: Scene, _: str) -> dict[str, Any]:
    return {"viewing": (await scene.viewing(await scene.join()))[0]}


async def _to_hand_on(scene: Scene, _: str) -> dict[str, Any]:
    return {"workspace": scene.id, "purpose": "DOMAIN"}


async def _handed_on(scene: Scene, _: str) -> dict[str, Any]:
    return {"link": (await scene.setup_link())[0]}


async def _paid(scene: Scene, _: str) -> dict[str, Any]:
    of = await returning.paid(scene, source=PaymentSource.MANUAL)
    return {"payment": of.payment, "reason": "They asked."}


async def _failed_refund(scene: Scene, who: str) -> dict[str, Any]:
    asked = await _paid(scene, who)
    finance = await scene.world.person("refunding", desk=Desk.FINANCE)
    shown = "... on Refund { id }"
    made = await scene.world.change("refundPayment", finance, shows_=shown, reason_="Because.", **asked)
    refund = made.data["refundPayment"]["id"]
    failed = "update refund set state = 'failed', booked = false where id = $1"
    await scene.world.run(failed, ids.decode("refund", refund))
    return {"refund": refund}


async def _uncredited(scene: Scene, _: str) -> dict[str, Any]:
    of = await returning.paid(scene, source=PaymentSource.MANUAL)
    return {"refund": await returning.found(scene, of), "reason": "Fatima did it at Stripe."}


async def _payable(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoices": [await paying.owed(scene)], "paymentMethod": await paying.card(scene)}


async def _finished_payment(scene: Scene, who: str) -> dict[str, Any]:
    asked = {**await _payable(scene, who), "paymentMethod": await paying.card(scene, "pm_card_authenticationRequired")}
    begun = await scene.world.change("payInvoices", scene.owner, shows_="... on Payment { id }", **asked)
    payment = begun.data["payInvoices"]["id"]
    await paying.authenticate(scene, payment)
    return {"payment": payment}


async def _sent(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoices": [await paying.owed(scene)], "source": "BANK_TRANSFER", "reference": "Line 7"}


async def _unpaid(scene: Scene, _: str) -> dict[str, Any]:
    await paying.card(scene)
    return {"invoice": await paying.owed(scene)}


async def _dunned(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoice": await scene.dunned()}


async def _to_pause(scene: Scene, who: str) -> dict[str, Any]:
    until = await scene.world.now() + timedelta(days=7)
    return {**await _dunned(scene, who), "until": _written(until), "reason": "They dispute it."}


async def _to_skip(scene: Scene, who: str) -> dict[str, Any]:
    return {**await _dunned(scene, who), "step": "REMIND"}


async def _paused_dunning(scene: Scene, _: str) -> dict[str, Any]:
    return {"invoice": await scene.dunned(paused=True)}


async def _disputed(scene: Scene, _: str) -> dict[str, Any]:
    return {"dispute": await returning.disputed(scene)}


async def _staged(scene: Scene, who: str) -> dict[str, Any]:
    asked = await _disputed(scene, who)
    await returning.staged(scene, asked["dispute"])
    return asked


async def _differing(scene: Scene, _: str) -> dict[str, Any]:
    return {"discrepancy": await scene.discrepancy(), "reason": "Booked by hand."}


async def _to_export(_scene: Scene, _who: str) -> dict[str, Any]:
    return {"document": "{ accounts { nodes { id } } }"}


async def _exporting(scene: Scene, _: str) -> dict[str, Any]:
    return {"export": await scene.export()}


@cache
def mutations() -> dict[str, str]:
    """Every mutation of the graph, with what to select of its result: enough to tell a problem."""
    found = schema.graph()._schema.mutation_type
    assert found is not None
    shown = {}
    for name, made in found.fields.items():
        kind = made.type.of_type if isinstance(made.type, GraphQLNonNull) else made.type
        assert isinstance(kind, GraphQLUnionType | GraphQLObjectType)
        refusable = isinstance(kind, GraphQLUnionType)
        shown[name] = "__typename ... on Problem { message }" if refusable else "__typename"
    return shown


OURS = {
    "viewAs",
    "createOneOffInvoice",
    "finalizeInvoice",
    "voidInvoice",
    "markUncollectible",
    "recordPayment",
    "createCreditNote",
    "grantCredit",
    "requestApproval",
    "approve",
    "releaseSubscription",
    "limitSubscription",
    "refundPayment",
    "retryRefund",
    "creditRefund",
    "stageEvidence",
    "submitEvidence",
    "acceptDispute",
    "resolveDiscrepancy",
    "startBulkExport",
    "stopBulkExport",
    "retryPayment",
    "pauseDunning",
    "resumeDunning",
    "skipDunningStep",
}
"""What only our own staff do."""


async def whoever_may(scene: Scene, mutation: str) -> Somebody:
    """The owner of a workspace, or somebody of our Finance or Support where it is theirs to do."""
    if mutation == "viewAs":
        return await scene.world.person("support", desk=Desk.SUPPORT)
    return await scene.world.person("finance", desk=Desk.FINANCE) if mutation in OURS else scene.owner


ATTEMPTS: dict[str, Attempt] = {
    "createWorkspace": _found,
    "renameWorkspace": _rename,
    "inviteMember": _invite,
    "acceptInvitation": _accept,
    "resendInvitation": _revoke_invitation,
    "revokeInvitation": _revoke_invitation,
    "changeRole": _change_role,
    "removeMember": _remove,
    "leaveWorkspace": _leave,
    "createServiceKey": _make_key,
    "rotateServiceKey": _owners_key,
    "revokeServiceKey": _owners_key,
    "createLicensePool": _buy_seats,
    "assignSeat": _assign,
    "assignSeats": _assign_list,
    "changeOverage": _overage,
    "changeDecrease": _decrease,
    "changeReclaim": _reclaim,
    "askToJoin": _ask_to_join,
    "withdrawJoinRequest": _asked_to_join,
    "approveJoinRequest": _asked_to_join,
    "declineJoinRequest": _not_let_in,
    "protectSeat": _seat,
    "importSeats": _import_list,
    "startSeatImport": _brought_list,
    "stopSeatImport": _brought_list,
    "moveSeats": _move,
    "restoreSeats": _restore,
    "createSeatGroup": _free_seats,
    "changeSeatGroup": _change_group,
    "removeSeatGroup": _grouped,
    "assignGroupSeat": _assign_in_group,
    "groupSeat": _regroup,
    "appointGroupAdmin": _appoint,
    "dismissGroupAdmin": _dismiss,
    "requestSeat": _request_seat,
    "withdrawSeatRequest": _owners_request,
    "approveSeatRequest": _requested,
    "declineSeatRequest": _declined,
    "releaseSeat": _seat,
    "transferSeat": _transfer,
    "suspendSeat": _seat,
    "resumeSeat": _suspended_seat,
    "subscribe": _subscribe,
    "cancelSubscription": _running,
    "changeSubscription": _change,
    "dropItem": _drop,
    "withdrawChange": _withdraw,
    "pauseSubscription": _running,
    "resumeSubscription": _paused,
    "reactivateSubscription": _reactivate,
    "changeBillingDay": _billing_day,
    "changeSeats": _more_seats,
    "updateBillingSettings": _settings,
    "applyDiscount": _apply_discount,
    "removeDiscount": _discounted,
    "setUpPaymentMethod": _set_up,
    "checkPaymentMethodSetup": _finished_setup,
    "choosePaymentMethod": _other_card,
    "removePaymentMethod": _other_card,
    "payInvoices": _payable,
    "checkPayment": _finished_payment,
    "recordPayment": _sent,
    "createOneOffInvoice": _one_off,
    "finalizeInvoice": _draft,
    "voidInvoice": _owed,
    "markUncollectible": _owed,
    "createCreditNote": _credited,
    "grantCredit": _granted,
    "requestApproval": _much_granted,
    "approve": _to_approve,
    "createSsoConnection": _connect,
    "changeSsoConnection": _changed_connection,
    "deleteSsoConnection": _connected,
    "createSamlConnection": _connect_saml,
    "changeSamlConnection": _changed_saml,
    "addSsoCertificate": _another_certificate,
    "removeSsoCertificate": _certified,
    "startSsoTest": _connected,
    "enforceSso": _enforce,
    "enrollBreakGlass": _enroll,
    "confirmBreakGlass": _confirm_glass,
    "removeBreakGlass": _enrolled,
    "openBreakGlass": _break_glass,
    "changeSessionPolicy": _policy,
    "endSession": _my_session,
    "addDomain": _own_domain,
    "verifyDomain": _proven,
    "changeDomain": _changed_domain,
    "removeDomain": _proven,
    "createDirectory": _directory,
    "changeDirectory": _renamed_directory,
    "rotateDirectoryToken": _listed,
    "removeDirectoryToken": _token,
    "disableDirectory": _listed,
    "setGroupRule": _ruled,
    "removeGroupRule": _rule,
    "linkSsoLogin": _link,
    "createSetupLink": _to_hand_on,
    "revokeSetupLink": _handed_on,
    "endSessions": _signed_in,
    "relinkIdentity": _relinked,
    "viewAs": _looked_at,
    "endViewing": _looking,
    "unlinkSsoIdentity": _linked,
    "stageEvidence": _disputed,
    "submitEvidence": _staged,
    "acceptDispute": _disputed,
    "resolveDiscrepancy": _differing,
    "startBulkExport": _to_export,
    "stopBulkExport": _exporting,
    "refundPayment": _paid,
    "retryRefund": _failed_refund,
    "creditRefund": _uncredited,
    "retryPayment": _unpaid,
    "pauseDunning": _to_pause,
    "resumeDunning": _paused_dunning,
    "skipDunningStep": _to_skip,
    "recordUsage": _report,
    "voidUsage": _reported,
    "releaseSubscription": _held,
    "limitSubscription": _limited,
}
