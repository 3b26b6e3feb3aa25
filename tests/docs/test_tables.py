"""The tables of the documentation say what the code says."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path

import pytest
from prometheus_client import generate_latest

import auth.events
import billing.events
import payments.events
import seats.events
from auth.policy import ROLES, KeyScope, Permission, Role
from auth.sso.rules import DomainBehavior
from billing.ledger import Account as LedgerAccount
from gateway.limits import Limits
from gateway.metrics import Metrics
from kernel.errors import Code
from kernel.events import Event, event_name
from seats.seating import BulkOutcome, SeatState
from tests.docs.demo import Demo
from tests.docs.pages import ROOT

CLIENTS = ROOT / "docs" / "clients.md"
ADMINS = ROOT / "docs" / "admins.md"
FINANCE = ROOT / "docs" / "finance.md"
OPERATING = ROOT / "docs" / "operating.md"

MATRIX = {
    "see the workspace, and their own membership and seats": {Permission.SEE_ACCOUNT},
    "see pools, and how full they are": {Permission.SEE_COUNTS},
    "see all members, seats and invitations": {Permission.SEE_SEATS},
    "invite people, and take invitations back": {Permission.INVITE_MEMBERS},
    "assign, hand on, suspend and free seats": {Permission.ASSIGN_SEATS},
    "change roles and remove members": {Permission.MANAGE_MEMBERS},
    "rename the workspace": {Permission.RENAME_WORKSPACE},
    "buy seats and plans, change and cancel them, and say how they are billed": {Permission.BUY},
    "see invoices": {Permission.SEE_INVOICES},
    "see subscriptions, payments and payment methods": {Permission.SEE_BILLING},
    "make service keys, and end their own": {Permission.MANAGE_KEYS},
    "see and end everybody's service keys": {Permission.SEE_KEYS, Permission.MANAGE_KEYS},
    "see the whole audit log": {Permission.SEE_AUDIT},
    "see how people sign in": {Permission.SEE_IDENTITY},
    "change how people sign in": {Permission.MANAGE_IDENTITY},
    "end everybody's sessions, and say anew who a sign-in is": {Permission.SIGN_OUT, Permission.RELINK},
    "enroll owners for break-glass": {Permission.ENROLL},
    "report what is used": {Permission.REPORT_USAGE},
}
"""What each row of the matrix of roles means."""


def table(page: Path, first: str) -> list[list[str]]:
    """The cells of the table whose first column has this heading, row by row."""
    lines = page.read_text().splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith(f"| {first} |"))
    rows = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def words(page: Path, first: str) -> list[str]:
    """What stands between backticks in the first column of a table."""
    return [word for row in table(page, first) for word in re.findall(r"`([^`]+)`", row[0])]


def test_every_error_code_is_explained() -> None:
    assert words(CLIENTS, "Code") == [code.value for code in Code]


def test_the_limits_are_those_in_force() -> None:
    told = {row[0].strip("`"): int(row[1].replace(",", "")) for row in table(CLIENTS, "`details.limit`")}

    shown_elsewhere = {"comments", "comparisons"}
    assert told == {name: most for name, most in asdict(Limits()).items() if name not in shown_elsewhere}


@pytest.mark.parametrize("row", table(ADMINS, "May"), ids=lambda row: row[0])
def test_the_matrix_of_roles_is_the_policy(row: list[str]) -> None:
    may = {role for role, cell in zip(Role, row[1:], strict=True) if cell}

    assert may == {role for role in Role if MATRIX[row[0]] <= ROLES[role]}


def test_the_matrix_of_roles_has_every_permission() -> None:
    assert {row[0] for row in table(ADMINS, "May")} == MATRIX.keys()
    ours = {Permission.ADJUST, Permission.CHASE, Permission.PROVISION, Permission.VIEW_AS}
    assert set().union(*MATRIX.values()) == set(Permission) - ours, (
        "no member does what our own staff or a directory do"
    )


@pytest.mark.parametrize(
    ("first", "kind"),
    [("State", SeatState), ("Outcome", BulkOutcome), ("Scope", KeyScope), ("Behavior", DomainBehavior)],
    ids=str,
)
def test_every_word_of_an_enumeration_is_explained(first: str, kind: type[StrEnum]) -> None:
    assert words(ADMINS, first) == [member.name for member in kind]


def test_every_event_is_in_the_table_of_actions() -> None:
    kinds = [
        kind
        for module in (auth.events, billing.events, payments.events, seats.events)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Event) and kind is not Event
    ]

    assert sorted(words(ADMINS, "Action")) == sorted(map(event_name, kinds))


def test_every_ledger_account_is_explained() -> None:
    assert words(FINANCE, "Account") == [account.name for account in LedgerAccount]


async def test_everybody_to_ask_as_is_in_the_demo(shared: Demo) -> None:
    assert set(words(CLIENTS, "Ask as")) <= shared.names.keys()


def test_every_figure_is_one_of_ours() -> None:
    metrics = Metrics()
    shown = "".join(generate_latest(each).decode() for each in (metrics.registry, metrics.whole))

    for name in words(OPERATING, "Figure"):
        assert f"# TYPE {name} " in shown
