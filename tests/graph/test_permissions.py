"""Who may do what: every mutation, tried by everybody who may come to the door."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.graph.attempts import ATTEMPTS, mutations
from tests.graph.crowd import (
    DESKS,
    EVERYBODY,
    OUTSIDERS,
    ROLES,
    SCOPES,
    UNBELIEVED,
    WITHOUT_A_REASON,
    crowd,
    evidence,
    outcome,
)
from tests.scenery import Scene

COLUMNS = (*ROLES, *SCOPES, *DESKS)

# The columns are those of COLUMNS: six roles, then seven scopes of a key, then three desks of staff.
MATRIX = """
                     ow ad se bi au me   sr sw br bw ar uw sc   su fi ad
    see workspace     x  x  x  x  x  x    x  x  x  x  x  x  x    x  x  x
    see counts        x  x  x  x  x  .    x  x  x  x  .  .  .    x  x  x
    see people        x  x  x  .  x  .    x  x  .  .  .  .  .    x  x  x
    see billing       x  .  .  x  .  .    .  .  x  x  .  .  .    x  x  x
    see keys          x  x  .  .  .  .    .  .  .  .  .  .  .    x  x  x
    rename            x  x  .  .  .  .    .  .  .  .  .  .  .    .  .  x
    invite            x  x  x  .  .  .    .  x  .  .  .  .  .    .  .  x
    assign            x  x  x  .  .  .    .  x  .  .  .  .  .    .  .  x
    change members    x  x  .  .  .  .    .  .  .  .  .  .  .    .  .  .
    buy               x  .  .  x  .  .    .  .  .  x  .  .  .    .  x  x
    make keys         x  x  x  x  .  .    .  .  .  .  .  .  .    .  .  .
    end others' keys  x  x  .  .  .  .    .  .  .  .  .  .  .    .  .  .
    see invoices      x  .  .  x  x  .    .  .  x  x  .  .  .    x  x  x
    see approvals     .  .  .  .  .  .    .  .  .  .  .  .  .    x  x  x
    adjust            .  .  .  .  .  .    .  .  .  .  .  .  .    .  x  x
    chase             .  .  .  .  .  .    .  .  .  .  .  .  .    x  x  x
    see audit         x  x  .  .  x  .    .  .  .  .  x  .  .    x  x  x
    see identity      x  x  .  .  x  .    .  .  .  .  .  .  .    x  x  x
    change identity   x  x  .  .  .  .    .  .  .  .  .  .  .    .  .  .
    end sessions      x  x  .  .  .  .    .  .  .  .  .  .  .    x  .  x
    re-link           x  x  .  .  .  .    .  .  .  .  .  .  .    .  .  x
    view as           .  .  .  .  .  .    .  .  .  .  .  .  .    x  .  x
    enroll            x  .  .  .  .  .    .  .  .  .  .  .  .    .  .  .
    report usage      x  .  .  x  .  .    .  .  .  .  .  x  .    .  x  x
"""


def _holders() -> dict[str, set[str]]:
    """Who holds each right, as the matrix above says."""
    rows = [line.rsplit(maxsplit=len(COLUMNS)) for line in MATRIX.strip().splitlines()[1:]]
    return {row[0].strip(): {who for who, mark in zip(COLUMNS, row[1:], strict=True) if mark == "x"} for row in rows}


HOLDERS = _holders()


class Rule(NamedTuple):
    """The right that a mutation asks for, and the one to see what it is about."""

    right: str
    sight: str


RULES = {
    "renameWorkspace": Rule("rename", "see workspace"),
    "inviteMember": Rule("invite", "see workspace"),
    "resendInvitation": Rule("invite", "see people"),
    "revokeInvitation": Rule("invite", "see people"),
    "changeRole": Rule("change members", "see people"),
    "removeMember": Rule("change members", "see people"),
    "createServiceKey": Rule("make keys", "see workspace"),
    "rotateServiceKey": Rule("end others' keys", "see keys"),
    "revokeServiceKey": Rule("end others' keys", "see keys"),
    "createLicensePool": Rule("buy", "see workspace"),
    "assignSeat": Rule("assign", "see counts"),
    "assignSeats": Rule("assign", "see counts"),
    "changeOverage": Rule("buy", "see workspace"),
    "approveJoinRequest": Rule("invite", "see people"),
    "declineJoinRequest": Rule("invite", "see people"),
    "changeReclaim": Rule("change members", "see workspace"),
    "changeDecrease": Rule("buy", "see workspace"),
    "protectSeat": Rule("assign", "see people"),
    "importSeats": Rule("assign", "see workspace"),
    "startSeatImport": Rule("assign", "see people"),
    "stopSeatImport": Rule("assign", "see people"),
    "moveSeats": Rule("assign", "see counts"),
    "restoreSeats": Rule("assign", "see counts"),
    "createSeatGroup": Rule("assign", "see counts"),
    "changeSeatGroup": Rule("assign", "see counts"),
    "removeSeatGroup": Rule("assign", "see counts"),
    "assignGroupSeat": Rule("assign", "see counts"),
    "groupSeat": Rule("assign", "see people"),
    "appointGroupAdmin": Rule("assign", "see counts"),
    "dismissGroupAdmin": Rule("assign", "see people"),
    "approveSeatRequest": Rule("assign", "see people"),
    "declineSeatRequest": Rule("assign", "see people"),
    "releaseSeat": Rule("assign", "see people"),
    "transferSeat": Rule("assign", "see people"),
    "suspendSeat": Rule("assign", "see people"),
    "resumeSeat": Rule("assign", "see people"),
    "subscribe": Rule("buy", "see workspace"),
    "cancelSubscription": Rule("buy", "see billing"),
    "changeSubscription": Rule("buy", "see billing"),
    "dropItem": Rule("buy", "see billing"),
    "withdrawChange": Rule("buy", "see billing"),
    "pauseSubscription": Rule("buy", "see billing"),
    "resumeSubscription": Rule("buy", "see billing"),
    "reactivateSubscription": Rule("buy", "see billing"),
    "changeBillingDay": Rule("buy", "see billing"),
    "changeSeats": Rule("buy", "see counts"),
    "updateBillingSettings": Rule("buy", "see workspace"),
    "applyDiscount": Rule("buy", "see billing"),
    "removeDiscount": Rule("buy", "see billing"),
    "setUpPaymentMethod": Rule("buy", "see workspace"),
    "checkPaymentMethodSetup": Rule("buy", "see billing"),
    "choosePaymentMethod": Rule("buy", "see billing"),
    "removePaymentMethod": Rule("buy", "see billing"),
    "payInvoices": Rule("buy", "see invoices"),
    "checkPayment": Rule("buy", "see billing"),
    "recordPayment": Rule("adjust", "see invoices"),
    "createOneOffInvoice": Rule("adjust", "see workspace"),
    "finalizeInvoice": Rule("adjust", "see invoices"),
    "voidInvoice": Rule("adjust", "see invoices"),
    "markUncollectible": Rule("adjust", "see invoices"),
    "createCreditNote": Rule("adjust", "see invoices"),
    "grantCredit": Rule("adjust", "see workspace"),
    "requestApproval": Rule("adjust", "see workspace"),
    "approve": Rule("adjust", "see approvals"),
    "createSsoConnection": Rule("change identity", "see workspace"),
    "changeSsoConnection": Rule("change identity", "see identity"),
    "deleteSsoConnection": Rule("change identity", "see identity"),
    "createSamlConnection": Rule("change identity", "see workspace"),
    "changeSamlConnection": Rule("change identity", "see identity"),
    "addSsoCertificate": Rule("change identity", "see identity"),
    "removeSsoCertificate": Rule("change identity", "see identity"),
    "startSsoTest": Rule("change identity", "see identity"),
    "enforceSso": Rule("change identity", "see workspace"),
    "enrollBreakGlass": Rule("enroll", "see workspace"),
    "confirmBreakGlass": Rule("enroll", "see workspace"),
    "removeBreakGlass": Rule("enroll", "see identity"),
    "changeSessionPolicy": Rule("change identity", "see workspace"),
    "addDomain": Rule("change identity", "see workspace"),
    "verifyDomain": Rule("change identity", "see identity"),
    "changeDomain": Rule("change identity", "see identity"),
    "removeDomain": Rule("change identity", "see identity"),
    "createDirectory": Rule("change identity", "see workspace"),
    "changeDirectory": Rule("change identity", "see identity"),
    "rotateDirectoryToken": Rule("change identity", "see identity"),
    "removeDirectoryToken": Rule("change identity", "see identity"),
    "disableDirectory": Rule("change identity", "see identity"),
    "setGroupRule": Rule("change identity", "see identity"),
    "removeGroupRule": Rule("change identity", "see identity"),
    "createSetupLink": Rule("change identity", "see workspace"),
    "revokeSetupLink": Rule("change identity", "see identity"),
    "endSessions": Rule("end sessions", "see workspace"),
    "relinkIdentity": Rule("re-link", "see identity"),
    "viewAs": Rule("view as", "see workspace"),
    "endViewing": Rule("end sessions", "see audit"),
    "linkSsoLogin": Rule("change identity", "see identity"),
    "unlinkSsoIdentity": Rule("change identity", "see identity"),
    "stageEvidence": Rule("adjust", "see billing"),
    "submitEvidence": Rule("adjust", "see billing"),
    "acceptDispute": Rule("adjust", "see billing"),
    "resolveDiscrepancy": Rule("adjust", "see approvals"),
    "startBulkExport": Rule("adjust", "see approvals"),
    "stopBulkExport": Rule("adjust", "see approvals"),
    "refundPayment": Rule("adjust", "see billing"),
    "creditRefund": Rule("adjust", "see billing"),
    "retryRefund": Rule("adjust", "see billing"),
    "retryPayment": Rule("chase", "see invoices"),
    "pauseDunning": Rule("chase", "see invoices"),
    "resumeDunning": Rule("chase", "see invoices"),
    "skipDunningStep": Rule("chase", "see invoices"),
    "recordUsage": Rule("report usage", "see workspace"),
    "voidUsage": Rule("report usage", "see workspace"),
    "releaseSubscription": Rule("adjust", "see billing"),
    "limitSubscription": Rule("adjust", "see billing"),
}

PERSONS = {*ROLES, *DESKS, "stranger", "former admin"}
READERS = HOLDERS["see people"] & PERSONS
KEYS = {*SCOPES, "key of another workspace"}

# What only a person does, and asks of no account: found a workspace, and answer a letter (here, one to somebody else).
PERSONAL = {
    "endSession": {"done": {"owner"}, "INVALID_INPUT": KEYS, "NOT_FOUND": {*PERSONS, *WITHOUT_A_REASON} - {"owner"}},
    "openBreakGlass": {
        "done": {"owner"},
        "INVALID_INPUT": KEYS,
        "NOT_FOUND": {*PERSONS, *WITHOUT_A_REASON} - {"owner"},
    },
    "leaveWorkspace": {"done": ROLES, "INVALID_INPUT": KEYS, "NOT_FOUND": {*PERSONS, *WITHOUT_A_REASON} - {*ROLES}},
    "requestSeat": {"done": ROLES, "INVALID_INPUT": KEYS, "NOT_FOUND": {*PERSONS, *WITHOUT_A_REASON} - {*ROLES}},
    "withdrawSeatRequest": {
        "done": {"owner"},
        "INVALID_INPUT": KEYS,
        "FORBIDDEN": READERS | {*WITHOUT_A_REASON},
        "NOT_FOUND": PERSONS,
    },
    "askToJoin": {"INVALID_INPUT": KEYS, "NOT_FOUND": {*PERSONS, *WITHOUT_A_REASON}},
    # Whoever asked is none of these.
    "withdrawJoinRequest": {
        "INVALID_INPUT": KEYS,
        "FORBIDDEN": READERS | {*WITHOUT_A_REASON},
        "NOT_FOUND": PERSONS,
    },
    "createWorkspace": {"done": PERSONS, "INVALID_INPUT": KEYS, "FORBIDDEN": {*WITHOUT_A_REASON}},
    "acceptInvitation": {
        "InvitedSomebodyElse": READERS,
        "NOT_FOUND": PERSONS - READERS,
        "INVALID_INPUT": KEYS,
        "FORBIDDEN": {*WITHOUT_A_REASON},
    },
}


def expected(mutation: str, who: str) -> str:
    """What comes of it when somebody tries a mutation, by the tables above."""
    if who == "anonymous" or who in UNBELIEVED:
        return "UNAUTHENTICATED"
    if mutation in PERSONAL:
        return next(word for word, people in PERSONAL[mutation].items() if who in people)
    rule = RULES[mutation]
    if who in OUTSIDERS:
        return "NOT_FOUND"
    if who in HOLDERS[rule.right]:
        return "done"
    sees = who in HOLDERS[rule.sight] or who in WITHOUT_A_REASON
    return "FORBIDDEN" if sees else "NOT_FOUND"


def test_every_mutation_stands_in_the_tables() -> None:
    assert set(mutations()) == {*RULES, *PERSONAL} == set(ATTEMPTS)


@pytest.mark.parametrize("mutation", mutations())
async def test_a_mutation_is_done_for_those_who_may_and_changes_nothing_for_others(
    mutation: str, workspace: Scene
) -> None:
    people = await crowd(workspace)
    world, came, due = workspace.world, {}, {}
    for who in EVERYBODY:
        asked = await ATTEMPTS[mutation](workspace, who)
        before = await evidence(workspace)

        caller = people[who]
        reply = await world.change(mutation, caller.asker, reason_=caller.reason, shows_=mutations()[mutation], **asked)

        unchanged = await evidence(workspace) == before
        came[who] = outcome(reply), "nothing changed" if unchanged else "changed", reply.status == 401
        word = expected(mutation, who)
        due[who] = word, "changed" if word == "done" else "nothing changed", who in UNBELIEVED
    assert came == due


def test_the_tables_speak_of_everybody() -> None:
    for mutation in mutations():
        assert all(expected(mutation, who) for who in EVERYBODY)
