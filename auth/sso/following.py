"""Following: the address of somebody changed at their identity provider, and they are known by the new one here, too.

A provider may say any address. We follow only from one in a verified domain that it said of the
same subject before, so that whoever was linked by hand keeps their own, and only under the conditions
under which a directory is followed. Where they don't hold, whoever signs in comes in all
the same, as who they were, and the trace says why.
"""

from __future__ import annotations

from auth import events
from auth import operations as members
from auth import queries as people
from auth.sso import queries, rules
from auth.sso.rules import Claimed
from auth.sso.tables import SsoConnection
from auth.sso.tracing import Trace
from kernel.work import Work


async def follow(work: Work, row: SsoConnection, person_id: int, claimed: Claimed, trace: Trace) -> None:
    """Know a member by the address that their provider says by now, and end the sessions they have."""
    old, new = await people.address_of(work, person_id), claimed.email
    if new is None or new == old or not await _theirs(work, row, claimed, old):
        return
    # Changes of a workspace's people take turns on its row: another browser of theirs may have been here just now.
    await people.workspace(work, row.account_id, lock=True)
    if await people.address_of(work, person_id) == new:
        return
    if not await members.readdress(work, row.account_id, person_id, new):
        why = await _why(work, row, person_id, claimed)
        trace.add(f"The provider says {new} now, and we go on to know them by {old}: {why}")
        return
    known = await queries.identity(work, row.account_id, row.id, claimed.subject)
    assert known is not None, "whoever comes in is linked"
    work.emit(events.IdentityFollowed(row.account_id, known.id), before={"email": old}, after={"email": new})
    trace.add(f"The provider says {new} now in place of {old}, and so do we; the sessions they had are over.")


async def _theirs(work: Work, row: SsoConnection, claimed: Claimed, old: str) -> bool:
    """Whether the address that somebody is known by is the provider's to change: of a verified domain, and said before.

    What a provider says of other domains is ignored, however often it says it.
    """
    proven = await queries.domain(work, row.account_id, old.rpartition("@")[2]) is not None
    return proven and await queries.said_before(work, row, claimed.subject, old)


async def _why(work: Work, row: SsoConnection, person_id: int, claimed: Claimed) -> str:
    proven = await queries.domain(work, row.account_id, claimed.domain) is not None
    role = await people.role_of(work, row.account_id, person_id)
    elsewhere = await queries.belongs_elsewhere(work, row.account_id, person_id)
    return rules.unfollowed(claimed, proven=proven, role=role, elsewhere=elsewhere)
