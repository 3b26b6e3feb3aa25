"""Furniture: one of everything in a workspace, and by what each can be told in an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auth.policy import Desk, KeyScope, Role
from kernel import ids
from tests import returning
from tests.scenery import Scene


@dataclass(frozen=True, slots=True)
class Furnished:
    """A workspace with one of everything."""

    scene: Scene
    ids: Mapping[str, str]
    """One id of each kind, by its prefix."""

    marks: Mapping[str, frozenset[str]]
    """Texts that stand in an answer only where it shows something of this kind."""


async def furnished(scene: Scene) -> Furnished:
    """Put one of everything there: what is held by a person is held by one of their own."""
    world, mark = scene.world, f"mark-{scene.number:x}"
    sitter, subscription = await scene.join(), await scene.subscription()
    pool = await scene.pool(name=f"{mark}-pool")
    seat, request = await scene.seat(pool, sitter), await scene.request(pool, f"{mark}-wants@example.test")
    waiting = await scene.seat(pool, f"{mark}-waits@example.test")
    part, key = await scene.seat_group(pool, name=f"{mark}-part"), await scene.key(KeyScope.SEATS_READ)
    invitation, joining = await scene.invitation(f"{mark}-asked@example.test", Role.AUDITOR), await scene.asks_to_join()
    listing, written = await scene.seat_import(f"{mark}-listed@example.test", pool=pool)
    method = await scene.payment_method()
    invoice = await scene.invoice(1200, 3400, subscription=subscription)
    payment = await scene.payment(invoice, method)
    setup = await scene.setup(method, payment, subscription)
    change = await scene.scheduled(subscription, reason=f"{mark}-later")
    discount = await scene.discount(subscription, f"{mark}-off")
    await scene.ledger(subscription, invoice)
    refund = await scene.refund(payment, invoice)
    dispute = await returning.disputed(scene, payment)
    await returning.staged(scene, dispute)
    warning = await returning.warned(scene, payment)
    await world.run(
        "insert into policy_shown"
        " (account_id, id, subscription_id, kind, title, version, wording, shown_at, ip, device)"
        " select account_id, $2, id, 'terms', 'Terms', '1', '', created_at, '', '' from subscription where id = $1",
        subscription.id,
        world.number(),
    )
    approval = await scene.approval(await world.person("finance", desk=Desk.FINANCE))
    await scene.used(subscription, 1, 2)
    await scene.alerted(subscription)
    await world.run(
        "insert into invoice_dunning (account_id, id, state, course, schedule, time_zone, started_at, ahead, next_at)"
        " select account_id, id, 'running', 'ask', 'standard', 'UTC', issued_at, $2::jsonb,"
        " issued_at + interval '9 years' from invoice where id = $1",
        ids.decode("inv", invoice),
        '[{"at": "2099-01-01T09:00:00+00:00", "kind": "end"}]',
    )
    await world.run(
        "insert into balance_movement (rail_id, kind, currency, amount_minor, fee_minor, net_minor, created_at, owner,"
        " subject, account_id, subject_id, payment_id)"
        " select 'txn_' || id, 'charge', currency, amount_minor, 0, amount_minor, created_at, 'ours', 'payment',"
        " account_id, id, id from payment where id = $1",
        ids.decode("pay", payment),
    )
    await _imported(scene, mark, invoice)
    differs = await scene.discrepancy(payment)
    compared = await world.value(
        "select reconciliation_id from discrepancy where id = $1", ids.decode("discrepancy", differs)
    )
    connection = await scene.sso(name=f"{mark}-sso")
    domain, certificate = await scene.domain(f"{mark}.test"), await _certified(scene, mark)
    glass, _ = await scene.glass()
    await world.run(
        "insert into app_grant (account_id, hash, session_id, kind, created_at, expires_at)"
        " values ($1, sha256($2::text::bytea), $3, 'refresh', now(), now() + interval '1 day')",
        scene.number,
        mark,
        sitter.session_number,
    )
    await world.run(
        "insert into letter (account_id, id, kind, about, address, locale, time_zone, told, created_at)"
        " values ($1, $2, 'receipt', 'inv_1', 'a@b.test', 'en', 'UTC', '{}', now())",
        scene.number,
        world.number(),
    )
    login, identity = await scene.login(connection), await scene.identity(sitter, connection)
    directory = await scene.directory(f"{mark}-directory")
    token, _ = await scene.directory_token(directory)
    listed = await scene.directory_user(directory, sitter)
    group = await scene.directory_group(directory, listed)
    rule = await scene.group_rule(group)
    await scene.came_through(connection, sitter)
    link, _ = await scene.setup_link()
    await scene.record()
    await _marked(scene, mark)
    records = await world.rows("select id from audit_record where account_id = $1", scene.number)
    items = await world.rows("select id from subscription_item where account_id = $1", scene.number)
    note = await world.value("select id from credit_note where account_id = $1", scene.number)
    entry = await world.value("select id from ledger_entry where account_id = $1", scene.number)
    pools = await world.rows("select subscription_id from license_pool where account_id = $1", scene.number)
    subscriptions = {subscription.id, *(row["subscription_id"] for row in pools)}
    return Furnished(
        scene,
        {
            "workspace": scene.id,
            "account": scene.account,
            "person": sitter.id,
            "member": scene.member(sitter),
            "pool": pool,
            "seat": seat,
            "seatgroup": part,
            "groupadmin": (admin := await scene.group_admin(part, sitter)),
            "seatimport": listing,
            "importrow": written,
            "invitation": invitation,
            "request": request,
            "joining": joining,
            "key": key.id,
            "sub": ids.encode("sub", subscription.id),
            "item": ids.encode("item", items[0]["id"]),
            "inv": invoice,
            "pay": payment,
            "change": change,
            "discount": discount,
            "pm": method,
            "setup": setup,
            "refund": refund,
            "dispute": dispute,
            "warning": warning,
            "cn": ids.encode("cn", note),
            "entry": ids.encode("entry", entry),
            "approval": approval,
            "discrepancy": differs,
            "export": await scene.export(),
            "recon": ids.encode("recon", compared),
            "sso": connection,
            "certificate": certificate,
            "domain": domain,
            "directory": directory,
            "token": token,
            "glass": glass,
            "user": listed,
            "group": group,
            "rule": rule,
            "login": login,
            "identity": identity,
            "viewing": (await scene.viewing(sitter))[0],
            "link": link,
            "session": ids.encode("session", sitter.session_number),
            "audit": ids.encode("audit", records[0]["id"]),
            "plan": world.catalog.team.plan,
            "price": world.catalog.team.price,
        },
        {
            "workspace": frozenset({scene.id, scene.account, f"{mark}-account"}),
            "counts": frozenset({pool, f"{mark}-pool", part, f"{mark}-part"}),
            "people": frozenset(
                {
                    sitter.id,
                    sitter.email,
                    admin,
                    scene.member(sitter),
                    seat,
                    waiting,
                    f"{mark}-waits",
                    invitation,
                    request,
                    joining,
                    listing,
                    written,
                    f"{mark}-listed",
                    f"{mark}-wants",
                    f"{mark}-asked",
                }
            ),
            "billing": frozenset(
                {
                    method,
                    payment,
                    refund,
                    dispute,
                    change,
                    f"{mark}-later",
                    discount,
                    f"{mark}-off",
                    f"{mark}-brand",
                    f"{mark}-declined",
                    *(ids.encode("sub", number) for number in subscriptions),
                    *(ids.encode("item", row["id"]) for row in items),
                }
            ),
            "invoices": frozenset(
                {invoice, ids.encode("cn", note), f"{mark}-line", f"{mark}-note", f"{mark}-purchase"}
            ),
            "keys": frozenset({key.id, f"{mark}-key"}),
            "identity": frozenset(
                {connection, certificate, domain, glass, login, identity, f"{mark}-sso"}
                | {directory, token, listed, group, rule, f"{mark}-directory"}
            ),
            "audit": frozenset({f"{mark}-request"}),
        },
    )


async def _imported(scene: Scene, mark: str, invoice: str) -> None:
    """As if the account had come from Stripe Billing, and an invoice with it."""
    await scene.world.run(
        "insert into imported_object (account_id, rail_id, kind, ours, imported_at)"
        " values ($1, $2, 'customer', $1, $3)",
        scene.number,
        f"{mark}-cus",
        await scene.world.now(),
    )
    await scene.world.run(
        "insert into rail_invoice (account_id, id, rail_id, currency, settled_minor, paid_minor, booked_minor,"
        " closed_at) select account_id, id, $2, currency, 0, 0, 0, issued_at from invoice where id = $1",
        ids.decode("inv", invoice),
        f"{mark}-in",
    )


async def _certified(scene: Scene, mark: str) -> str:
    """A certificate of an SSO connection by SAML, and an assertion that has counted there."""
    certificate = await scene.certificate()
    await scene.world.run(
        "insert into sso_assertion (account_id, connection_id, hash, holds_until)"
        " select account_id, connection_id, sha256($2::text::bytea), now() from sso_certificate where id = $1",
        ids.decode("certificate", certificate),
        mark,
    )
    return certificate


async def _marked(scene: Scene, mark: str) -> None:
    for table, column, word in (
        ("service_key", "name", "key"),
        ("payment_method", "brand", "brand"),
        ("payment", "decline_code", "declined"),
        ("line_item", "description", "line"),
        ("credit_note", "reason", "note"),
        ("credit_approval", "reason", "approval"),
        ("audit_record", "request_id", "request"),
    ):
        await scene.world.run(f"update {table} set {column} = $2 where account_id = $1", scene.number, f"{mark}-{word}")
    await scene.world.run(
        "update account set name = $2, po_number = $3 where id = $1",
        scene.number,
        f"{mark}-account",
        f"{mark}-purchase",
    )
