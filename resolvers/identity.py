"""How the people of a workspace sign in: SSO connections, their tests and links."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import strawberry
import structlog
from strawberry import ID

from auth import operations as accounts
from auth import queries as people
from auth.glass import operations as glass
from auth.glass import rules
from auth.glass.operations import Opened
from auth.glass.tables import BreakGlass
from auth.policy import Permission, Role
from auth.sso import operations, proving
from auth.sso.rules import DomainBehavior
from auth.sso.tables import SsoConnection, SsoIdentity, WorkspaceDomain
from auth.tables import Session, Workspace
from kernel import ids
from kernel.errors import Forbidden, InvalidInput
from resolvers.graph import FACES
from resolvers.info import Context, Info

MANAGE = Permission.MANAGE_IDENTITY

log = structlog.get_logger("resolvers.identity")


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Whether single sign-on is enforced; whoever asked may not see the workspace any more."""

    enforced: bool


@dataclass(frozen=True, slots=True)
class TestStarted:
    """A test that waits for a browser."""

    login_id: int
    url: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A second factor that waits to be confirmed."""

    glass_id: int
    secret: str = field(repr=False)
    url: str = field(repr=False)


async def create_sso_connection(
    info: Info,
    workspace: Annotated[ID, "Whose people sign in there."],
    name: Annotated[str, "What people call it: 1 to 200 characters."],
    issuer: Annotated[str, "The provider's issuer: the address before `/.well-known/openid-configuration`."],
    client_id: Annotated[str, "What the provider calls us."],
    client_secret: Annotated[
        str | None, "The secret that it gave us, if it gave one. Nobody can read it again."
    ] = None,
) -> SsoConnection:
    """Connect a workspace to its own identity provider, by OpenID Connect. Try it, then enable it."""
    context = info.context
    found = await managed(context, "workspace", workspace)
    told = await operations.check(context.providers, issuer)
    return operations.create(
        context.work,
        found.id,
        context.person(),
        name=name,
        issuer=told,
        client_id=client_id,
        client_secret=client_secret,
    )


async def change_sso_connection(
    info: Info,
    connection: Annotated[ID, "Which SSO connection."],
    name: Annotated[str | None, "What people call it from now on."] = None,
    client_id: Annotated[str | None, "What the provider calls us from now on."] = None,
    client_secret: Annotated[str | None, "Another secret; an empty one for none."] = None,
    enabled: Annotated[bool | None, "Whether people sign in through it."] = None,
) -> SsoConnection:
    """Change what was told of an SSO connection, or switch it on or off. What is left out stays."""
    found = await managed(info.context, "sso", connection)
    if enabled is not None and info.context.actor.setting is not None:
        raise Forbidden("Whoever made your link lets people in: they enable the SSO connection.")
    return await operations.change(
        info.context.work,
        found.account_id,
        found.id,
        name=name,
        client_id=client_id,
        client_secret=client_secret,
        enabled=enabled,
    )


async def delete_sso_connection(info: Info, connection: Annotated[ID, "Which SSO connection."]) -> SsoConnection:
    """End an SSO connection, its links to people, and the sessions that it made."""
    found = await managed(info.context, "sso", connection)
    return await operations.delete(info.context.work, found.account_id, found.id)


async def start_sso_test(info: Info, connection: Annotated[ID, "Which SSO connection."]) -> TestStarted:
    """Begin a test: open its address in a browser, sign in there, and look at `ssoTest`."""
    context = info.context
    found = await managed(context, "sso", connection)
    # Whoever came with a link is nobody of ours, so that their test links nobody.
    tester = None if context.actor.setting is not None else context.person()
    login, ticket = await operations.start_test(context.work, found.account_id, found.id, tester)
    return TestStarted(login.id, f"{context.base}/sso/{ids.encode('sso', found.id)}/login?test={ticket}")


async def link_sso_login(
    info: Info,
    login: Annotated[ID, "A login that came back, such as one that was refused with SUBJECT_CHANGED."],
    member: Annotated[ID, "Who it was."],
) -> SsoIdentity:
    """Say whose a login was: from now on, whoever the provider calls so is this member."""
    context = info.context
    tried = await managed(context, "login", login)
    found = await context.found("member", member)
    if found.account_id != tried.account_id:
        raise InvalidInput("The login and the member are of different workspaces.")
    above(context, Role(found.role), found.account_id)
    return await operations.link_login(context.work, tried.account_id, tried.id, found.person_id)


async def unlink_sso_identity(info: Info, identity: Annotated[ID, "Which link."]) -> SsoIdentity:
    """Forget whose a subject is, and end the sessions that it had. The person stays a member."""
    context = info.context
    found = await managed(context, "identity", identity)
    role = await people.role_of(context.work, found.account_id, found.person_id)
    if role is not None:
        above(context, role, found.account_id)
    return await operations.unlink(context.work, found.account_id, found.id)


async def sso_test(info: Info, id: Annotated[ID, strawberry.argument(description="The login of the test.")]) -> Any:
    """What became of a test, step by step, or None."""
    return await info.context.find(FACES["SsoLogin"], ids.decode("login", id))


async def enforce_sso(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    enforced: Annotated[bool, "Whether its own single sign-on alone lets people in."],
) -> Enforcement:
    """Let people in through single sign-on alone, or in other ways too. Only an owner does, after a test."""
    context = info.context
    found = await managed(context, "workspace", workspace)
    if enforced and context.actor.role_in(found.id) is not Role.OWNER:
        raise Forbidden("Only an owner enforces single sign-on: it locks everybody else's other doors.")
    changed = await operations.enforce(context.work, found.id, context.person(), enforced=enforced)
    return Enforcement(changed.sso_enforced)


async def change_session_policy(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    hours: Annotated[int, "How long a session lives at most: 1 to 720 hours."],
    idle_minutes: Annotated[int, "How long one lives without being used: 5 minutes or more."],
) -> Workspace:
    """Say how long sessions of single sign-on live. Open ones become shorter, never longer."""
    found = await managed(info.context, "workspace", workspace)
    return await operations.limit_sessions(info.context.work, found.id, hours, idle_minutes)


async def enroll_break_glass(info: Info, workspace: Annotated[ID, "Which workspace."]) -> Enrolled:
    """Begin to enroll yourself for break-glass: put the secret into an authenticator app, and confirm a code of it."""
    context = info.context
    found = await context.permitted(Permission.ENROLL, "workspace", workspace)
    context.fresh()
    made, secret = await glass.enroll(context.work, found.id, context.person())
    return Enrolled(made.id, secret, rules.address(secret, context.actor.email or "owner", found.name))


async def confirm_break_glass(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    code: Annotated[str, "The six digits that your app shows."],
) -> BreakGlass:
    """Show that your app has the secret. From now on it breaks the glass."""
    context = info.context
    found = await context.permitted(Permission.ENROLL, "workspace", workspace)
    return await glass.confirm(context.work, found.id, context.person(), code)


async def remove_break_glass(info: Info, break_glass: Annotated[ID, "Whose."]) -> BreakGlass:
    """Let an owner break the glass no more, and end what they have open."""
    context = info.context
    found = await context.permitted(Permission.ENROLL, "glass", break_glass)
    context.fresh()
    return await glass.remove(context.work, found.account_id, found.id)


async def open_break_glass(
    info: Info,
    workspace: Annotated[ID, "Which workspace."],
    code: Annotated[str, "The six digits that your app shows."],
) -> Opened:
    """Come in as an enrolled owner although your workspace enforces its own single sign-on, and that is away.

    For 30 minutes you may change how people sign in, and nothing else. Everybody there who may reads that you did.
    """
    context = info.context
    account_id = ids.decode("workspace", workspace)
    await glass.insist_on_owner(context.work, account_id, context.person())
    await context.own(account_id)
    opened = await glass.open_door(context.work, account_id, context.person(), code)
    context.afterwards.append(partial(_alarm, workspace, opened))
    return opened


async def _alarm(workspace: str, opened: Opened) -> None:
    # Whoever watches the logs hears of it, whatever became of it.
    log.error("break_glass.opened" if opened.session else "break_glass.refused", workspace=workspace)


async def end_session(info: Info, session: Annotated[ID, "Which of your sessions."]) -> Session:
    """Sign out somewhere, at once."""
    context = info.context
    own = await people.own_account(context.work, context.person())
    found = await context.found("session", session)
    await context.own(found.account_id or own.id)
    return await accounts.end_session(context.work, found.id, why="ended by its holder")


async def add_domain(
    info: Info,
    workspace: Annotated[ID, "Whose it is."],
    name: Annotated[str, "The domain, such as acme.example."],
) -> WorkspaceDomain:
    """Say that a domain is the workspace's own. It counts once a record in it proves that."""
    context = info.context
    found = await managed(context, "workspace", workspace)
    return await proving.add(context.work, found.id, context.person(), name)


async def verify_domain(info: Info, domain: Annotated[ID, "Which domain."]) -> WorkspaceDomain:
    """Look for the record that proves the domain, now."""
    found = await managed(info.context, "domain", domain)
    return await proving.verify(info.context.work, info.context.names, found.account_id, found.id)


async def change_domain(
    info: Info,
    domain: Annotated[ID, "Which domain."],
    behavior: Annotated[DomainBehavior, "What its people get who come for the first time."],
    pool: Annotated[ID | None, "The pool that gives them seats, with JOIN_AND_SEAT."] = None,
) -> WorkspaceDomain:
    """Say what people of a domain get who come through single sign-on for the first time."""
    context = info.context
    found = await managed(context, "domain", domain)
    giving = None
    if pool is not None:
        giving = await context.permitted(Permission.ASSIGN_SEATS, "pool", pool)
        if giving.account_id != found.account_id:
            raise InvalidInput("The domain and the pool are of different workspaces.")
    return await proving.change(context.work, found.account_id, found.id, behavior, giving and giving.id)


async def remove_domain(info: Info, domain: Annotated[ID, "Which domain."]) -> WorkspaceDomain:
    """Give a domain up. Its people stay members."""
    found = await managed(info.context, "domain", domain)
    return await proving.remove(info.context.work, found.account_id, found.id)


async def managed(context: Context, prefix: str, text: str) -> Any:
    """What an admin changes about how people sign in, having proved a moment ago that it is them."""
    found = await context.permitted(MANAGE, prefix, text)
    context.fresh()
    return found


def above(context: Context, role: Role, account_id: int) -> None:
    """Insist that the actor may grant the role of whom this is about: a link lets its holder in as them."""
    if not context.actor.may_grant(role, account_id):
        raise Forbidden(f"They are {role.value.replace('_', ' ')} here, and you may not decide for them. Ask an owner.")
