"""A scene: one workspace, and whatever a test puts there before it begins.

Rows are put there by the owner of the database, past every rule and without a trace
in the audit log.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlmodel import SQLModel

from auth import bearers, sessions
from auth.directories import tokens
from auth.directories.tables import (
    Directory,
    DirectoryGroup,
    DirectoryMembership,
    DirectoryToken,
    DirectoryUser,
    GroupRule,
)
from auth.glass import rules
from auth.glass.tables import BreakGlass
from auth.policy import Desk, KeyScope, Role
from auth.saml import certificates as saml
from auth.setup import rules as setups
from auth.setup.rules import SetupPurpose
from auth.setup.tables import SetupLink
from auth.sso.rules import DomainBehavior, LoginPurpose, LoginState, SsoKind
from auth.sso.tables import SsoCertificate, SsoConnection, SsoFlow, SsoIdentity, SsoLogin, WorkspaceDomain
from auth.tables import Member, MemberState, Session
from auth.viewing import rules as looks
from auth.viewing.tables import Viewing
from billing import periods
from billing.bulk.tables import BulkExport
from billing.catalog_tables import Coupon, PromotionCode
from billing.dunning import Course, Step, StepKind
from billing.dunning_rows import write_steps
from billing.facts import cycle_row, metered_item
from billing.ledger import Account as LedgerAccount
from billing.reconciliation import DiscrepancyKind, DiscrepancySubject
from billing.states import (
    ApprovalKind,
    ChangeKind,
    ChangeState,
    CreditDestination,
    DunningState,
    InvoiceState,
    SubscriptionState,
)
from billing.tables import (
    CreditApproval,
    CreditNote,
    CreditNoteLine,
    Discrepancy,
    Invoice,
    InvoiceDunning,
    ItemStep,
    LedgerEntry,
    LedgerTransfer,
    LineItem,
    ScheduledChange,
    Subscription,
    SubscriptionClock,
    SubscriptionDiscount,
    SubscriptionItem,
    SubscriptionPause,
)
from kernel import audit, ids
from kernel.sealing import seal
from kernel.time import Anchor, Interval
from payments.states import (
    AttemptOutcome,
    AttemptState,
    PartState,
    PaymentMethodKind,
    PaymentState,
    ReconciliationStage,
    RefundCause,
    SetupState,
)
from payments.tables import (
    Payment,
    PaymentAttempt,
    PaymentChoice,
    PaymentMethod,
    PaymentPart,
    PaymentSetup,
    RailCustomer,
    Reconciliation,
    Refund,
)
from seats.imports.tables import SeatImport, SeatImportRow
from seats.listing import RowOutcome
from seats.requesting import REQUESTED_FOR, RequestState
from seats.seating import INVITED_FOR, InvitationState, SeatSource, SeatState
from seats.suggesting import ASKED_FOR, JoinRequestState
from seats.tables import Assignment, GroupAdmin, Invitation, JoinRequest, LicensePool, SeatGroup, SeatRequest
from tests.auth.saml import answering
from tests.stock import Offer

if TYPE_CHECKING:
    from tests.scenery import World

KEY_LIVES = timedelta(days=90)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person with an account of their own, signed in."""

    number: int
    account_number: int
    session_number: int
    email: str
    bearer: str = field(repr=False)

    @property
    def id(self) -> str:
        """The person, as a client knows them."""
        return ids.encode("person", self.number)

    @property
    def account(self) -> str:
        """The account they pay with, as a client knows it."""
        return ids.encode("account", self.account_number)


@dataclass(frozen=True, slots=True)
class Key:
    """A service key and its text."""

    number: int
    bearer: str = field(repr=False)

    @property
    def id(self) -> str:
        """The key, as a client knows it."""
        return ids.encode("key", self.number)


@dataclass(slots=True)
class Scene:
    """One workspace, with a member of each role; everything that is added belongs to it."""

    world: World
    number: int
    members: dict[Role, Somebody]
    memberships: dict[int, int] = field(default_factory=dict)
    """A person's number to that of their membership."""

    @property
    def id(self) -> str:
        """The workspace, as a client knows it."""
        return ids.encode("workspace", self.number)

    @property
    def account(self) -> str:
        """The account that pays for it, as a client knows it."""
        return ids.encode("account", self.number)

    @property
    def owner(self) -> Somebody:
        """Its owner."""
        return self.members[Role.OWNER]

    def member(self, who: Somebody | Role) -> str:
        """Somebody's membership, as a client knows it."""
        person = self.members[who] if isinstance(who, Role) else who
        return ids.encode("member", self.memberships[person.number])

    def membership(self, who: Somebody, role: Role, now: datetime) -> Member:
        """The row of a new membership."""
        number = self.memberships[who.number] = self.world.number()
        return Member(account_id=self.number, id=number, person_id=who.number, role=role, joined_at=now)

    async def join(self, role: Role = Role.MEMBER, who: Somebody | None = None, *, removed: bool = False) -> Somebody:
        """One more member, or a former one."""
        person, now = who or await self.world.person(role.value), await self.world.now()
        row = self.membership(person, role, now)
        if removed:
            row.state, row.removed_at = MemberState.REMOVED, now
        await self.world.put(row)
        return person

    async def key(self, *scopes: KeyScope, by: Somebody | None = None, life: timedelta = KEY_LIVES) -> Key:
        """A service key of the workspace, made by its owner unless told otherwise."""
        return await self.world.key(self.number, scopes, by or self.owner, life=life)

    async def subscription(
        self,
        offer: Offer | None = None,
        *,
        quantity: int = 1,
        since: datetime | None = None,
        state: SubscriptionState = SubscriptionState.ACTIVE,
    ) -> Subscription:
        """A running subscription with one item, and the facts of it, nothing of which is billed yet.

        Without an offer, it is one to `metered`.
        """
        bought, start = offer or self.world.catalog.metered, since or await self.world.now()
        period = Anchor.at(start, "UTC").period(0, Interval.MONTH)
        row = Subscription(
            account_id=self.number,
            id=self.world.number(),
            plan_id=bought.plan_number,
            plan_version_id=bought.version_number,
            state=state,
            currency="USD",
            interval=Interval.MONTH,
            anchor=start,
            period_start=period.start,
            period_end=period.end,
            created_at=start,
        )
        item = self._item(row, bought, quantity)
        await self.world.put(row, item, *self._facts(row, item), *(await self._metered(row, bought)))
        return row

    async def _metered(self, row: Subscription, bought: Offer) -> list[SQLModel]:
        """The items that meters count, which have no steps."""
        sold = await self.world.rows(
            "select id from price where plan_version_id = $1 and currency = 'USD' and meter is not null",
            bought.version_number,
        )
        return [metered_item(row, self.world.number(), one["id"], row.plan_id, row.created_at) for one in sold]

    async def used(self, subscription: Subscription, *quantities: int, meter: str = "searches") -> None:
        """Use of a subscription, a report of each quantity, as of now."""
        now, batch = await self.world.now(), self.world.number()
        await self.world.run("select usage_months($1, $1)", now)
        await self.world.run(
            "insert into usage_batch (account_id, id, recorded_at, events, first_at, last_at)"
            " values ($1, $2, $3, $4, $3, $3)",
            self.number,
            batch,
            now,
            len(quantities),
        )
        for quantity in quantities:
            await self.world.run(
                "insert into usage_event (account_id, meter_id, at, key, subscription_id, batch_id, quantity)"
                " select $1, id, $2, $3, $4, $5, $6 from meter where key = $7",
                self.number,
                now,
                str(self.world.number()),
                subscription.id,
                batch,
                quantity,
                meter,
            )

    def _facts(self, row: Subscription, item: SubscriptionItem) -> list[SQLModel]:
        """What money follows from: the cycle, the item's first step, and the clock."""
        cycle = periods.anniversary(row.anchor, row.interval)
        step = ItemStep(
            account_id=self.number,
            id=self.world.number(),
            subscription_id=row.id,
            item_id=item.id,
            at=row.created_at,
            price_id=item.price_id,
            quantity=item.quantity,
        )
        over = "ended" if row.state is SubscriptionState.CANCELED else None
        clock = SubscriptionClock(account_id=self.number, subscription_id=row.id, due_at=row.period_end, held=over)
        rows: list[SQLModel] = [cycle_row(row, self.world.number(), cycle), step, clock]
        if row.state is SubscriptionState.PAUSED:
            rows.append(
                SubscriptionPause(
                    account_id=self.number, id=self.world.number(), subscription_id=row.id, starts_at=row.created_at
                )
            )
        return rows

    async def add_on(self, subscription: Subscription, offer: Offer | None = None) -> str:
        """One more item of a subscription, since it began."""
        item = self._item(subscription, offer or self.world.catalog.enterprise, 1)
        step = ItemStep(
            account_id=self.number,
            id=self.world.number(),
            subscription_id=subscription.id,
            item_id=item.id,
            at=subscription.created_at,
            price_id=item.price_id,
            quantity=1,
        )
        await self.world.put(item, step)
        return ids.encode("item", item.id)

    async def alerted(self, subscription: Subscription) -> None:
        """That four fifths of what a subscription may use were told."""
        await self.world.run(
            "insert into usage_alert (account_id, item_id, period_start, percent, subscription_id, told_at)"
            " select account_id, id, $2, 80, subscription_id, $2 from subscription_item"
            " where subscription_id = $1 and quantity = 0",
            subscription.id,
            subscription.period_start,
        )

    async def scheduled(self, subscription: Subscription, quantity: int = 2, reason: str | None = None) -> str:
        """A change of a subscription's first item that waits for the end of the period."""
        item = await self.world.value(
            "select min(id) from subscription_item where account_id = $1 and subscription_id = $2",
            self.number,
            subscription.id,
        )
        row = ScheduledChange(
            account_id=self.number,
            id=self.world.number(),
            subscription_id=subscription.id,
            kind=ChangeKind.CHANGE,
            item_id=item,
            price_id=await self.world.value("select price_id from subscription_item where id = $1", item),
            quantity=quantity,
            due_at=subscription.period_end,
            state=ChangeState.PENDING,
            reason=reason,
            created_at=subscription.created_at,
        )
        await self.world.put(row)
        return ids.encode("change", row.id)

    def _item(self, subscription: Subscription, bought: Offer, quantity: int) -> SubscriptionItem:
        return SubscriptionItem(
            account_id=self.number,
            id=self.world.number(),
            subscription_id=subscription.id,
            plan_id=bought.plan_number,
            price_id=bought.price_number,
            quantity=quantity,
            created_at=subscription.created_at,
        )

    async def pool(self, seats: int = 3, *, offer: Offer | None = None, name: str = "Seats") -> str:
        """A license pool with so many free seats, and the subscription that pays for it."""
        bought = offer or self.world.catalog.team
        subscription = await self.subscription(bought, quantity=seats)
        item = await self.world.value("select id from subscription_item where subscription_id = $1", subscription.id)
        row = LicensePool(
            account_id=self.number,
            id=self.world.number(),
            name=name,
            plan_id=bought.plan_number,
            subscription_id=subscription.id,
            subscription_item_id=item,
            purchased=seats,
            created_at=subscription.created_at,
        )
        await self.world.put(row)
        return ids.encode("pool", row.id)

    async def seat_group(self, pool: str, seats: int = 1, *, name: str = "Design") -> str:
        """A seat group with so many of a pool's free seats."""
        row = SeatGroup(
            account_id=self.number,
            id=self.world.number(),
            pool_id=ids.decode("pool", pool),
            name=name,
            allocation=seats,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        await self.world.run("update license_pool set set_apart = set_apart + $2 where id = $1", row.pool_id, seats)
        return ids.encode("seatgroup", row.id)

    async def group_admin(self, group: str, who: Somebody) -> str:
        """A member who gives the seats of a seat group."""
        row = GroupAdmin(
            account_id=self.number,
            id=self.world.number(),
            seat_group_id=ids.decode("seatgroup", group),
            member_id=self.memberships[who.number],
            person_id=who.number,
            appointed_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("groupadmin", row.id)

    async def request(self, pool: str, holder: Somebody | str, **terms: Any) -> str:
        """An open request for a seat of the pool: a person's own, or for an address."""
        person = holder if isinstance(holder, Somebody) else None
        now, pool_number = await self.world.now(), ids.decode("pool", pool)
        email = person.email if person else str(holder)
        row = SeatRequest(
            account_id=self.number,
            id=self.world.number(),
            pool_id=pool_number,
            plan_id=await self.world.value("select plan_id from license_pool where id = $1", pool_number),
            email=email,
            person_id=person.number if person else None,
            person_key=str(person.number) if person else email,
            asked_by=person.number if person else None,
            **{"state": RequestState.OPEN, "created_at": now, "expires_at": now + REQUESTED_FOR} | terms,
        )
        await self.world.put(row)
        return ids.encode("request", row.id)

    async def colleague(self) -> Somebody:
        """Somebody of a domain of the workspace, which suggests itself to its people, and who is no member."""
        name = f"d{self.world.number()}.test"
        await self.domain(name, DomainBehavior.SUGGEST)
        return await self.world.person("colleague", email=f"colleague@{name}")

    async def asks_to_join(self, who: Somebody | None = None) -> str:
        """An open request to join of a colleague, or of a new one."""
        person, now = who or await self.colleague(), await self.world.now()
        domain = await self.world.value(
            "select id from workspace_domain where account_id = $1 and name = $2",
            self.number,
            person.email.rpartition("@")[2],
        )
        row = JoinRequest(
            account_id=self.number,
            id=self.world.number(),
            domain_id=domain,
            person_id=person.number,
            email=person.email,
            state=JoinRequestState.OPEN,
            created_at=now,
            expires_at=now + ASKED_FOR,
        )
        await self.world.put(row)
        return ids.encode("joining", row.id)

    async def ended(self, pool: str, *, ago: timedelta = timedelta(0)) -> None:
        """The subscription of a pool has ended, and released its seats."""
        number, at = ids.decode("pool", pool), await self.world.now() - ago
        await self.world.run(
            "update assignment set state = 'released', released_at = $2,"
            " since = case state when 'waitlisted' then $2 else least(since, $2::timestamptz - interval '1 s') end,"
            " release_reason = 'subscription ended', loss = 'subscription ended'"
            " where pool_id = $1 and state <> 'released'",
            number,
            at,
        )
        await self.world.run("update license_pool set assigned = 0, closed_at = $2 where id = $1", number, at)

    async def reclaimed(self, seat: str, *, ago: timedelta = timedelta(0)) -> None:
        """Nobody used a seat, and so it was taken back."""
        number, at = ids.decode("seat", seat), await self.world.now() - ago
        await self.world.run(
            "update assignment set state = 'released', released_at = $2, since = $2::timestamptz - interval '30 days',"
            " release_reason = 'reclaimed', loss = 'reclaimed' where id = $1",
            number,
            at,
        )
        await self.world.run(
            "update license_pool set assigned = assigned - 1 where id = (select pool_id from assignment where id = $1)",
            number,
        )

    async def seat(self, pool: str, holder: Somebody | str, state: SeatState | None = None) -> str:
        """A seat of the pool: a person's, or one that waits for an address."""
        person = holder if isinstance(holder, Somebody) else None
        found = state or (SeatState.ACTIVE if person else SeatState.INVITED)
        now, pool_number = await self.world.now(), ids.decode("pool", pool)
        email = person.email if person else str(holder)
        row = Assignment(
            account_id=self.number,
            id=self.world.number(),
            pool_id=pool_number,
            plan_id=await self.world.value("select plan_id from license_pool where id = $1", pool_number),
            email=email,
            person_id=person.number if person else None,
            person_key=str(person.number) if person else email,
            state=found,
            source=SeatSource.MANUAL,
            since=now,
            suspended_at=now if found is SeatState.SUSPENDED else None,
            released_at=now if found is SeatState.RELEASED else None,
        )
        await self.world.put(row)
        if found not in {SeatState.RELEASED, SeatState.WAITLISTED}:
            await self.world.run("update license_pool set assigned = assigned + 1 where id = $1", pool_number)
        return ids.encode("seat", row.id)

    async def invitation(
        self, email: str, role: Role = Role.MEMBER, *, sent: datetime | None = None, life: timedelta = INVITED_FOR
    ) -> str:
        """An open invitation to an address."""
        start = sent or await self.world.now()
        row = Invitation(
            account_id=self.number,
            id=self.world.number(),
            email=email,
            role=role,
            state=InvitationState.PENDING,
            invited_by=self.owner.number,
            created_at=start,
            expires_at=start + life,
        )
        await self.world.put(row)
        return ids.encode("invitation", row.id)

    async def sso(self, issuer: str | None = None, *, name: str = "SSO", enabled: bool = True) -> str:
        """An SSO connection, to the provider of this world unless told otherwise."""
        row = SsoConnection(
            account_id=self.number,
            id=self.world.number(),
            kind=SsoKind.OIDC,
            name=name,
            issuer=issuer or self.world.provider.issuer,
            client_id="seatgraph",
            enabled=enabled,
            created_by=self.owner.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("sso", row.id)

    async def saml(self, *, name: str = "SAML", enabled: bool = True, certificates: int = 1) -> str:
        """An SSO connection by SAML, to the provider of `tests.auth.saml`, with so many of its certificates."""
        now, number = await self.world.now(), self.world.number()
        row = SsoConnection(
            account_id=self.number,
            id=number,
            kind=SsoKind.SAML,
            name=name,
            issuer=answering.ISSUER,
            client_id=f"http://127.0.0.1:8000/sso/{ids.encode('sso', number)}/metadata",
            sign_in_url="https://idp.test/sso?tenant=1",
            enabled=enabled,
            created_by=self.owner.number,
            created_at=now,
        )
        await self.world.put(row)
        for slot in range(1, certificates + 1):
            key = answering.key_of("idp" if slot == 1 else "next")
            await self._pin(number, slot, saml.of(answering.der(answering.certificate(key, now=now))))
        return ids.encode("sso", number)

    async def _pin(self, connection: int, slot: int, found: saml.Certificate) -> str:
        row = SsoCertificate(
            account_id=self.number,
            id=self.world.number(),
            connection_id=connection,
            slot=slot,
            der=found.der,
            fingerprint=found.fingerprint,
            subject=found.subject,
            begins_at=found.begins_at,
            expires_at=found.expires_at,
            created_by=self.owner.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("certificate", row.id)

    async def certificate(self, connection: str | None = None, *, name: str = "idp") -> str:
        """A certificate of an SSO connection by SAML that has another one, too."""
        found = answering.certificate(answering.key_of(name), now=await self.world.now())
        number = ids.decode("sso", connection or await self.saml(enabled=False))
        return await self._pin(number, 2, saml.of(answering.der(found)))

    async def login(self, connection: str | None = None) -> str:
        """A login that was refused, though its claims held."""
        now, number = await self.world.now(), self.world.number()
        row = SsoLogin(
            account_id=self.number,
            id=number,
            connection_id=ids.decode("sso", connection or await self.sso()),
            purpose=LoginPurpose.SIGN_IN,
            state=LoginState.REFUSED,
            reason="SUBJECT_CHANGED",
            subject=f"subject-{number}",
            request_id="test",
            created_at=now,
            ended_at=now,
        )
        await self.world.put(row)
        return ids.encode("login", row.id)

    async def identity(self, who: Somebody, connection: str | None = None) -> str:
        """A link of somebody to a subject."""
        number = self.world.number()
        row = SsoIdentity(
            account_id=self.number,
            id=number,
            connection_id=ids.decode("sso", connection or await self.sso()),
            subject=f"subject-{number}",
            person_id=who.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("identity", row.id)

    async def vouched(self, identity: str, email: str) -> None:
        """The provider vouched for a subject with this address, and they came in."""
        (link,) = await self.world.rows("select * from sso_identity where id = $1", ids.decode("identity", identity))
        now = await self.world.now()
        row = SsoLogin(
            account_id=self.number,
            id=self.world.number(),
            connection_id=link["connection_id"],
            purpose=LoginPurpose.SIGN_IN,
            state=LoginState.DONE,
            subject=link["subject"],
            email=email,
            person_id=link["person_id"],
            request_id="test",
            created_at=now,
            ended_at=now,
        )
        await self.world.put(row)

    async def setup_link(self, purpose: SetupPurpose = SetupPurpose.SSO) -> tuple[str, str]:
        """A link that the owner made for somebody else to set something up: its id, and its text."""
        now, issued, number = await self.world.now(), bearers.issue(setups.LINK), self.world.number()
        row = SetupLink(
            account_id=self.number,
            id=number,
            purpose=purpose,
            hash=issued.digest,
            created_by=self.owner.number,
            created_at=now,
            expires_at=now + setups.OPEN_FOR,
        )
        await self.world.put(row)
        return ids.encode("link", number), issued.text

    async def viewing(self, who: Somebody, by: Somebody | None = None) -> tuple[str, str]:
        """A look of our Support at the workspace as somebody of it: its id, and the text it is made with."""
        staff = by or await self.world.person("support", desk=Desk.SUPPORT)
        now, issued, number = await self.world.now(), bearers.issue(looks.PREFIX), self.world.number()
        row = Viewing(
            account_id=self.number,
            id=number,
            person_id=who.number,
            staff_id=staff.number,
            reason="They asked.",
            hash=issued.digest,
            created_at=now,
            expires_at=now + looks.LOOKS_FOR,
        )
        await self.world.put(row)
        return ids.encode("viewing", number), issued.text

    async def domain(
        self,
        name: str,
        behavior: DomainBehavior = DomainBehavior.JOIN,
        *,
        verified: bool = True,
        pool: str | None = None,
    ) -> str:
        """A domain of the workspace, proven unless told otherwise."""
        now = await self.world.now()
        row = WorkspaceDomain(
            account_id=self.number,
            id=self.world.number(),
            name=name,
            behavior=behavior,
            pool_id=ids.decode("pool", pool) if pool else None,
            token="token",
            created_by=self.owner.number,
            created_at=now,
            verified_at=now if verified else None,
            checked_at=now if verified else None,
        )
        await self.world.put(row)
        return ids.encode("domain", row.id)

    async def directory(self, name: str = "Directory", *, pool: str | None = None, by: Somebody | None = None) -> str:
        """A directory of the workspace, which its owner connected unless told otherwise."""
        row = Directory(
            account_id=self.number,
            id=self.world.number(),
            name=name,
            pool_id=ids.decode("pool", pool) if pool else None,
            created_by=(by or self.owner).number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("directory", row.id)

    async def directory_token(self, directory: str) -> tuple[str, str]:
        """A token of a directory: its id, and its text."""
        minted = bearers.issue(tokens.PREFIX)
        row = DirectoryToken(
            account_id=self.number,
            id=self.world.number(),
            directory_id=ids.decode("directory", directory),
            hash=minted.digest,
            created_by=self.owner.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("token", row.id), minted.text

    async def glass(self, who: Somebody | None = None, *, confirmed: bool = True) -> tuple[str, str]:
        """A second factor of an owner, in place of one they had, and its secret."""
        now, secret, person = await self.world.now(), rules.new_secret(), (who or self.owner).number
        await self.world.run(
            "update break_glass set removed_at = $3 where account_id = $1 and person_id = $2 and removed_at is null",
            self.number,
            person,
            now,
        )
        row = BreakGlass(
            account_id=self.number,
            id=self.world.number(),
            person_id=person,
            sealed_secret=seal(secret).encode(),
            created_at=now,
            confirmed_at=now if confirmed else None,
        )
        await self.world.put(row)
        return ids.encode("glass", row.id), secret

    async def app_code(self, secret: str, ahead: int = 0) -> str:
        """What an authenticator app shows now, or so many steps of its clock later."""
        return rules.code(secret, await self.world.now(), ahead)

    async def directory_user(self, directory: str, who: Somebody) -> str:
        """Somebody in a directory."""
        now = await self.world.now()
        row = DirectoryUser(
            account_id=self.number,
            id=self.world.number(),
            directory_id=ids.decode("directory", directory),
            user_name=f"name-{self.world.number()}",
            document={},
            person_id=who.number,
            created_at=now,
            changed_at=now,
        )
        await self.world.put(row)
        return ids.encode("user", row.id)

    async def directory_group(self, directory: str, *users: str) -> str:
        """A group of a directory, with these users."""
        now, number = await self.world.now(), self.world.number()
        await self.world.put(
            DirectoryGroup(
                account_id=self.number,
                id=number,
                directory_id=ids.decode("directory", directory),
                name=f"group-{number}",
                created_at=now,
                changed_at=now,
            ),
            *(
                DirectoryMembership(account_id=self.number, group_id=number, user_id=ids.decode("user", user))
                for user in users
            ),
        )
        return ids.encode("group", number)

    async def group_rule(self, group: str, role: Role | None = Role.MEMBER, *, pool: str | None = None) -> str:
        """A rule for a group, which the owner answers for."""
        row = GroupRule(
            account_id=self.number,
            id=self.world.number(),
            group_id=ids.decode("group", group),
            role=role,
            pool_id=ids.decode("pool", pool) if pool else None,
            priority=100,
            created_by=self.owner.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("rule", row.id)

    async def session_of(self, who: Somebody) -> str:
        """Another place where somebody is signed in."""
        now, number = await self.world.now(), self.world.number()
        row = Session(
            id=number, person_id=who.number, issuer="dev", created_at=now, expires_at=now + timedelta(hours=1)
        )
        await self.world.put(row)
        return ids.encode("session", number)

    async def came_through(self, connection: str, who: Somebody, *, since: datetime | None = None) -> str:
        """A session that an SSO connection made: its text. Its login is still on its way, too."""
        now, issued, number = (
            since or await self.world.now(),
            bearers.issue(sessions.PREFIX),
            ids.decode("sso", connection),
        )
        await self.world.put(
            Session(
                id=self.world.number(),
                person_id=who.number,
                issuer=self.world.provider.issuer,
                created_at=now,
                expires_at=now + timedelta(hours=12),
                hash=issued.digest,
                account_id=self.number,
                connection_id=number,
                idle_seconds=7_200,
                last_used_at=now,
                signed_in_at=now,
            ),
            SsoFlow(
                account_id=self.number,
                state_hash=issued.digest,
                connection_id=number,
                browser_hash=bytes(32),
                sealed=b"",
                next="/",
                created_at=now,
                expires_at=now + timedelta(minutes=10),
            ),
        )
        return issued.text

    async def payment_method(self, *, is_default: bool = True) -> str:
        """A card."""
        row = PaymentMethod(
            account_id=self.number,
            id=self.world.number(),
            kind=PaymentMethodKind.CARD,
            brand="visa",
            last4="4242",
            expires_on="2030-01",
            is_default=is_default,
            rail_id=f"pm_{self.world.number()}",
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("pm", row.id)

    async def invoice(
        self, *amounts_minor: int, subscription: Subscription | None = None, state: InvoiceState = InvoiceState.OPEN
    ) -> str:
        """An invoice with a line of each amount, 40.00 USD when none is given; no tax is on it."""
        amounts = amounts_minor or (4000,)
        number, now = self.world.number(), await self.world.now()
        period = Anchor.at(now, "UTC").period(0, Interval.MONTH)
        total = sum(amounts)
        row = Invoice(
            account_id=self.number,
            id=number,
            subscription_id=subscription.id if subscription else None,
            number=None if state is InvoiceState.DRAFT else f"T-{number}",
            state=state,
            currency="USD",
            subtotal_minor=total,
            total_minor=total,
            paid_minor=total if state is InvoiceState.PAID else 0,
            period_start=period.start,
            period_end=period.end,
            created_at=now,
            issued_at=None if state is InvoiceState.DRAFT else now,
            due_at=now,
            paid_at=now if state is InvoiceState.PAID else None,
        )
        lines = [
            LineItem(
                account_id=self.number,
                id=self.world.number(),
                invoice_id=number,
                position=place,
                description=f"Line {place}",
                currency="USD",
                amount_minor=amount,
                period_start=period.start,
                period_end=period.end,
            )
            for place, amount in enumerate(amounts, 1)
        ]
        await self.world.put(row, *lines)
        return ids.encode("inv", number)

    async def dunned(self, *, paused: bool = False) -> str:
        """An unpaid invoice, of which its customer is reminded in a day, and which is charged in two."""
        invoice, now = await self.invoice(), await self.world.now()
        ahead = [(1, StepKind.REMIND), (2, StepKind.CHARGE), (21, StepKind.END)]
        row = InvoiceDunning(
            account_id=self.number,
            id=ids.decode("inv", invoice),
            state=DunningState.PAUSED if paused else DunningState.RUNNING,
            course=Course.SCHEDULE,
            schedule="standard",
            started_at=now,
            ahead=write_steps(Step(now + timedelta(days=days), kind) for days, kind in ahead),
            next_at=now + timedelta(days=1),
            paused_at=now if paused else None,
            pause_reason="They dispute it." if paused else None,
        )
        await self.world.put(row)
        return invoice

    async def payment(
        self, invoice: str, method: str | None = None, *, state: PaymentState = PaymentState.SUCCEEDED
    ) -> str:
        """A payment of the whole invoice."""
        invoice_number = ids.decode("inv", invoice)
        row = Payment(
            account_id=self.number,
            id=self.world.number(),
            invoice_id=invoice_number,
            payment_method_id=ids.decode("pm", method) if method else None,
            state=state,
            currency="USD",
            amount_minor=await self.world.value("select total_minor from invoice where id = $1", invoice_number),
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("pay", row.id)

    async def approval(self, by: Somebody, amount_minor: int = 500_000) -> str:
        """Somebody of our staff asks for a second person's consent to a grant of credit."""
        row = CreditApproval(
            account_id=self.number,
            id=self.world.number(),
            kind=ApprovalKind.CREDIT_GRANT,
            currency="USD",
            amount_minor=amount_minor,
            reason="Kindness",
            requested_by=by.number,
            requested_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("approval", row.id)

    async def export(self, document: str = "{ accounts { nodes { id } } }") -> str:
        """A list that somebody of our Finance takes home, which waits for its first page."""
        whose = await self.world.person("takes home", desk=Desk.FINANCE)
        row = BulkExport(
            id=self.world.number(),
            document=document,
            person_id=whose.number,
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("export", row.id)

    async def seat_import(self, email: str = "listed@example.test", *, pool: str | None = None) -> tuple[str, str]:
        """A long list of one person that was brought and waits to be started, and its line."""
        pool, now = pool or await self.pool(), await self.world.now()
        number, line = self.world.number(), self.world.number()
        await self.world.put(
            SeatImport(
                account_id=self.number,
                id=number,
                pool_id=ids.decode("pool", pool),
                lines=1,
                outcomes={"invited": 1},
                purchases=[],
                actor="person",
                person_id=self.owner.number,
                token="",
                created_at=now,
            ),
            SeatImportRow(
                account_id=self.number,
                id=line,
                seat_import_id=number,
                line=2,
                email=email,
                pool_written="",
                role_written="",
                outcome=RowOutcome.INVITED,
                says=f"{email} is invited.",
                pool_id=ids.decode("pool", pool),
            ),
        )
        return ids.encode("seatimport", number), ids.encode("importrow", line)

    async def discrepancy(self, payment: str | None = None) -> str:
        """A fee that is another one at Stripe, of a payment or of a new one, and the comparison that found it."""
        now = await self.world.now()
        number = ids.decode("pay", payment or await self.payment(await self.invoice()))
        run = Reconciliation(
            id=self.world.number(),
            since=now - HOUR,
            until=now,
            stage=ReconciliationStage.DONE,
            started_at=now,
            touched_at=now,
            ended_at=now,
        )
        row = Discrepancy(
            id=self.world.number(),
            reconciliation_id=run.id,
            kind=DiscrepancyKind.FEE,
            subject=DiscrepancySubject.PAYMENT,
            reference=f"ch_{self.world.number()}",
            account_id=self.number,
            payment_id=number,
            currency="USD",
            risk_minor=46,
            here="a fee of 1.00 USD",
            there="a fee of 1.46 USD",
            found_at=now,
            seen_at=now,
        )
        await self.world.put(run, row)
        return ids.encode("discrepancy", row.id)

    async def discount(self, subscription: Subscription, name: str = "Kind") -> str:
        """Ten percent off a subscription, from now on."""
        row = SubscriptionDiscount(
            account_id=self.number,
            id=self.world.number(),
            subscription_id=subscription.id,
            key="kind",
            name=name,
            percent="10",
            since=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("discount", row.id)

    async def code(self, *, percent: str | None = "10", **columns: Any) -> str:
        """A promotion code for a percentage off; columns of both tables by their names."""
        number, now = self.world.number(), await self.world.now()
        told = {name: columns.pop(name) for name in ("amounts", "periods", "plans") if name in columns}
        coupon = Coupon(
            id=number, key=f"coupon_{number}", name={"en": "Kindness"}, percent=percent, created_at=now, **told
        )
        code = PromotionCode(id=self.world.number(), coupon_id=number, code=f"CODE{number}", created_at=now, **columns)
        await self.world.put(coupon, code)
        return code.code

    async def refund(self, payment: str, invoice: str) -> str:
        """A refund of a payment, as a credit note of the invoice has promised."""
        note = await self.world.value("select id from credit_note where account_id = $1", self.number)
        row = Refund(
            account_id=self.number,
            id=self.world.number(),
            payment_id=ids.decode("pay", payment),
            invoice_id=ids.decode("inv", invoice),
            credit_note_id=note,
            currency="USD",
            amount_minor=100,
            cause=RefundCause.DUPLICATE,
            reason="Kindness",
            created_at=await self.world.now(),
        )
        await self.world.put(row)
        return ids.encode("refund", row.id)

    async def setup(self, method: str, payment: str, subscription: Subscription) -> str:
        """One of everything else that paying has: a setup, a customer, a choice, a part and an attempt."""
        now, account, card = await self.world.now(), self.number, ids.decode("pm", method)
        paid, number = ids.decode("pay", payment), self.world.number()
        invoice = await self.world.value("select invoice_id from payment where id = $1", paid)
        await self.world.put(
            RailCustomer(account_id=account, rail_id=f"cus_{number}", created_at=now),
            PaymentChoice(account_id=account, subscription_id=subscription.id, payment_method_id=card),
            PaymentSetup(
                account_id=account,
                id=number,
                kinds=["card"],
                state=SetupState.SUCCEEDED,
                payment_method_id=card,
                ip="127.0.0.1",
                device="",
                created_at=now,
            ),
            PaymentPart(
                account_id=account,
                id=self.world.number(),
                payment_id=paid,
                invoice_id=invoice,
                currency="USD",
                amount_minor=1,
                state=PartState.SETTLED,
            ),
            PaymentAttempt(
                account_id=account,
                id=self.world.number(),
                payment_id=paid,
                payment_method_id=card,
                state=AttemptState.ANSWERED,
                outcome=AttemptOutcome.SUCCEEDED,
                created_at=now,
            ),
        )
        return ids.encode("setup", number)

    async def ledger(self, subscription: Subscription, invoice: str) -> None:
        """One of everything else that bookkeeping has: a past pause, a credit note, and an entry."""
        now, account, invoice_number = await self.world.now(), self.number, ids.decode("inv", invoice)
        note, entry = self.world.number(), self.world.number()
        line = await self.world.value("select min(id) from line_item where invoice_id = $1", invoice_number)
        await self.world.put(
            SubscriptionPause(
                account_id=account,
                id=self.world.number(),
                subscription_id=subscription.id,
                starts_at=subscription.created_at,
                ends_at=subscription.created_at + HOUR,
            ),
            CreditNote(
                account_id=account,
                id=note,
                invoice_id=invoice_number,
                number=f"CN-{note}",
                reason="Kindness",
                destination=CreditDestination.CUSTOMER_CREDIT,
                currency="USD",
                subtotal_minor=100,
                tax_minor=0,
                total_minor=100,
                issued_at=now,
            ),
            CreditNoteLine(
                account_id=account,
                id=self.world.number(),
                credit_note_id=note,
                line_item_id=line,
                currency="USD",
                amount_minor=100,
                tax_minor=0,
            ),
            LedgerEntry(
                account_id=account, id=entry, at=now, kind="credit_note", subject="invoice", subject_id=invoice_number
            ),
            LedgerTransfer(
                account_id=account,
                id=self.world.number(),
                entry_id=entry,
                debit=LedgerAccount.REVENUE,
                credit=LedgerAccount.CUSTOMER_CREDIT,
                currency="USD",
                amount_minor=100,
            ),
        )
        await self.world.run(
            "insert into recognition_clock (account_id, currency, closed_at) values ($1, 'USD', $2)", account, now
        )

    async def record(self, *, by: Somebody | None = None, action: str = "workspace.renamed") -> None:
        """A true record in the workspace's audit chain."""
        entry = audit.Entry(
            id=self.world.number(),
            account_id=self.number,
            at=await self.world.now(),
            action=action,
            subject=action.partition(".")[0],
            subject_id=self.number,
            before={"name": "Acne"},
            after={"name": "Acme"},
            origin=audit.Origin(actor="person", person_id=(by or self.owner).number),
        )
        async with self.world.connection() as connection:
            await audit.append(connection, [entry])
