"""What is done with workspaces, members and keys: load, decide, record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from auth import events, keys, queries
from auth.policy import KeyScope, Role
from auth.tables import Account, AccountKind, Identity, Member, MemberState, Person, ServiceKey, Session, Workspace
from kernel import ids
from kernel.errors import InvalidInput, NotFound, Problem
from kernel.work import Work

LONGEST_NAME = 200
LONGEST_KEY_LIFE = timedelta(days=366)
OLD_SECRET_LIVES = timedelta(hours=24)
"""How long the secret before a rotation still works, so that a fleet can change over."""


@dataclass(eq=False)
class LastOwner(Problem):
    """A workspace always keeps one owner."""

    says = "This is the workspace's last owner. Make somebody else an owner first."


@dataclass(eq=False)
class KeyUnusable(Problem):
    """The key was revoked or has expired."""

    says = "This key is {state}. Create a new one."
    state: str
    """Whether it was revoked or has expired."""


def named(text: str, *, what: str = "A name") -> str:
    """A name as people wrote it, trimmed. Raises InvalidInput for none, a very long one, or control characters."""
    found = " ".join(text.split()) if len(text) <= 2 * LONGEST_NAME else ""
    if not 1 <= len(found) <= LONGEST_NAME or not found.isprintable():
        raise InvalidInput(f"{what} is 1 to {LONGEST_NAME} printable characters.")
    return found


async def open_account(work: Work, person: Person) -> Account:
    """The account a person pays with, made when they first come; the transaction is theirs already."""
    account = _own_account(work, person)
    await work.bind(account.id)
    work.add(account)
    work.emit(events.AccountOpened(account.id, account.id), account)
    return account


def _own_account(work: Work, person: Person) -> Account:
    return Account(
        id=work.new_id(),
        kind=AccountKind.PERSON,
        person_id=person.id,
        name=person.name,
        email=person.email,
        locale=person.locale,
        time_zone=person.time_zone,
        created_at=work.now,
    )


async def sign_up(work: Work, issuer: str, subject: str, email: str | None, name: str | None) -> Person:
    """A person whom an issuer we trust names for the first time."""
    person = await arrive(work, email, name)
    work.add(Identity(issuer=issuer, subject=subject, person_id=person.id, created_at=work.now))
    return person


async def arrive(work: Work, email: str | None, name: str | None) -> Person:
    """A person who comes for the first time, with an account of their own; an address that is given is verified."""
    person = Person(
        id=work.new_id(),
        email=email or "",
        email_verified=email is not None,
        name=(name or email or "")[:LONGEST_NAME],
        created_at=work.now,
    )
    account = _own_account(work, person)
    await work.bind(account.id)
    await work.put(person, account)
    # The first thing they do is to come.
    work.origin = replace(work.origin, person_id=person.id)
    work.emit(events.AccountOpened(account.id, account.id), account)
    return person


async def create_workspace(work: Work, workspace_id: int, person_id: int, name: str, account: Account) -> Workspace:
    """A workspace with its account, owned by whoever makes it; it pays as `account` does until it is told otherwise."""
    workspace = Workspace(id=workspace_id, name=named(name), created_at=work.now)
    paying = account.model_dump() | {"id": workspace_id, "kind": AccountKind.WORKSPACE, "person_id": None}
    work.add(Account(**paying | {"name": workspace.name, "created_at": work.now}))
    await work.flush()
    work.add(workspace)
    await work.flush()
    work.emit(events.WorkspaceCreated(workspace_id, workspace_id), workspace)
    join(work, workspace_id, person_id, Role.OWNER)
    return workspace


async def readdress(work: Work, account_id: int, person_id: int, email: str) -> bool:
    """Know a member by another address from now on, and end all their sessions; whether `move_address` could."""
    moved = await queries.move_address(work, person_id, email)
    if moved:
        why = "the address changed"
        await queries.end_sessions(work, account_id, why=why, person_id=person_id)
        # They are in no other workspace. An address is somebody's everywhere, and so they prove anew who they are.
        await queries.end_own_sessions(work, person_id, why=why)
    return moved


def join(work: Work, account_id: int, person_id: int, role: Role) -> Member:
    """Make a person a member, at the next flush."""
    member = _joining(work, account_id, person_id, role)
    work.add(member)
    return member


async def come(work: Work, account_id: int, person_id: int, role: Role) -> Member:
    """Make a person a member, now."""
    member = _joining(work, account_id, person_id, role)
    await work.put(member)
    return member


def _joining(work: Work, account_id: int, person_id: int, role: Role) -> Member:
    member = Member(account_id=account_id, id=work.new_id(), person_id=person_id, role=role, joined_at=work.now)
    work.emit(events.MemberJoined(account_id, member.id), member)
    return member


async def rename_workspace(work: Work, workspace_id: int, name: str) -> Workspace:
    """Give a workspace another name."""
    workspace = await queries.workspace(work, workspace_id, lock=True)
    workspace.name = named(name)
    await work.flush()
    work.emit(events.WorkspaceRenamed(workspace_id, workspace_id), workspace)
    return workspace


async def change_role(work: Work, account_id: int, member_id: int, role: Role) -> Member:
    """Give a member another role. Raises LastOwner."""
    member = await _changeable(work, account_id, member_id, keeps_owner=role is Role.OWNER)
    member.role = role
    await work.flush()
    work.emit(events.MemberChanged(account_id, member_id), member)
    return member


async def remove_member(work: Work, account_id: int, member_id: int) -> Member:
    """End a membership. Raises LastOwner."""
    member = await _changeable(work, account_id, member_id, keeps_owner=False)
    member.state, member.removed_at = MemberState.REMOVED, work.now
    await work.flush()
    await queries.end_sessions(work, account_id, why="removed from the workspace", person_id=member.person_id)
    work.emit(events.MemberRemoved(account_id, member_id), member)
    return member


async def _changeable(work: Work, account_id: int, member_id: int, *, keeps_owner: bool) -> Member:
    # Whoever takes an owner away takes turns on the workspace's row: two can't both leave the other as the last.
    await queries.workspace(work, account_id, lock=True)
    member = await queries.member(work, account_id, member_id)
    if member.state is MemberState.REMOVED:
        raise InvalidInput("This person is no longer a member.")
    if member.role is Role.OWNER and not keeps_owner and await queries.owners(work, account_id) == 1:
        raise LastOwner
    return member


async def end_session(work: Work, session_id: int, *, why: str) -> Session:
    """End a session of the person this transaction acts for. Raises NotFound."""
    session = await queries.session_to_end(work, session_id)
    if session.ended_at is not None:
        return session
    account = session.account_id or (await queries.own_account(work, session.person_id)).id
    await work.bind(account)
    session.ended_at, session.ended_why = work.now, why
    await work.flush()
    work.emit(events.SessionEnded(account, session.id), session)
    return session


async def sign_out(work: Work, account_id: int, person_id: int) -> int:
    """End all sessions of a person that count for an account: a workspace, or their own; how many. Raises NotFound."""
    account = await queries.account(work, account_id)
    why = "ended by somebody else" if work.origin.person_id != person_id else "ended by its holder"
    if account.kind is AccountKind.WORKSPACE:
        await queries.membership(work, account_id, person_id)
        ended = await queries.end_sessions(work, account_id, why=why, person_id=person_id)
    elif account.person_id == person_id:
        ended = await queries.end_own_sessions(work, person_id, why=why)
    else:
        raise NotFound
    work.emit(events.PersonSignedOut(account_id, person_id), before=None, after={"sessions": ended})
    return ended


async def create_key(
    work: Work, account_id: int, person_id: int, *, name: str, scopes: Sequence[KeyScope], life: timedelta
) -> tuple[ServiceKey, str]:
    """A service key and its text, which is shown once and kept only as a hash."""
    if not scopes:
        raise InvalidInput("Give the key at least one scope.")
    if not timedelta(0) < life <= LONGEST_KEY_LIFE:
        raise InvalidInput(f"A key lives 1 to {LONGEST_KEY_LIFE.days} days.")
    number = work.new_id()
    minted = keys.mint(ids.encode("key", number))
    key = ServiceKey(
        account_id=account_id,
        id=number,
        name=named(name, what="A key's name"),
        scopes=sorted({scope.value for scope in scopes}),
        created_by=person_id,
        created_at=work.now,
        expires_at=work.now + life,
        hash=minted.digest,
    )
    work.add(key)
    work.emit(events.KeyCreated(account_id, number), key)
    return key, minted.text


async def rotate_key(work: Work, account_id: int, key_id: int) -> tuple[ServiceKey, str]:
    """A new secret for a key; the one before works for another day. Raises KeyUnusable."""
    key = await _usable(work, account_id, key_id)
    minted = keys.mint(ids.encode("key", key_id))
    key.previous_hash, key.previous_until = key.hash, work.now + OLD_SECRET_LIVES
    key.hash, key.rotated_at = minted.digest, work.now
    await work.flush()
    work.emit(events.KeyRotated(account_id, key_id), key)
    return key, minted.text


async def revoke_key(work: Work, account_id: int, key_id: int) -> ServiceKey:
    """End a key at once. Raises KeyUnusable."""
    key = await _usable(work, account_id, key_id)
    key.revoked_at = work.now
    await work.flush()
    work.emit(events.KeyRevoked(account_id, key_id), key)
    return key


async def _usable(work: Work, account_id: int, key_id: int) -> ServiceKey:
    key = await queries.key_to_change(work, account_id, key_id)
    if key.revoked_at:
        raise KeyUnusable("revoked")
    if key.expires_at <= work.now:
        raise KeyUnusable("expired")
    return key
