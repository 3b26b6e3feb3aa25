"""The pages of an invitation: where somebody would join, what that gives them, and what they do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gateway.plain_pages import moment, sheet
from seats.invitations import Offer
from seats.joining import OwnOutcome


@dataclass(frozen=True, slots=True)
class Beside:
    """A subscription of one's own beside the seats that wait: its plan's name, and what becomes of it."""

    plan: str
    outcome: OwnOutcome


@dataclass(frozen=True, slots=True)
class Here:
    """Whoever is signed in in this browser: their verified address, and what they pay for themselves."""

    email: str | None
    own: Sequence[Beside] = ()


def offered(token: str, offer: Offer, here: Here | None, app: str) -> str:
    """The page of an invitation that can be accepted; with an app, that is where its button leads."""
    name, email = escape(offer.workspace), escape(offer.email)
    body = f"<h1>Join {name}</h1>"
    body += f"<p>{name} invites <strong>{email}</strong> to join as {offer.role.value.replace('_', ' ')}."
    body += f" The invitation is open until <strong>{moment(offer.until)}</strong>.</p>"
    body += f"<h2>What you get</h2><p>{_seats(offer.plans)}</p>{_own(here)}"
    body += f"<h2>What to do</h2>{_next(token, offer, here, app)}"
    body += "<p>Looking at this page accepts nothing. If you don't want to join, do nothing: it ends by itself.</p>"
    return sheet(f"Join {offer.workspace}", body)


def joined() -> str:
    """The page of an invitation that was accepted a moment ago."""
    says = "You are a member now, and the seats that waited for you are yours."
    return sheet("Welcome", f'<h1>Welcome</h1><p role="status">{says}</p>')


def closed(says: str) -> str:
    """The page of what nobody can accept, or of what was refused: one sentence that says why."""
    return sheet("Nobody joined", f'<h1>Nobody joined</h1><p role="alert" class="wrong">{escape(says)}</p>')


def _seats(plans: Sequence[str]) -> str:
    if not plans:
        return "No seat waits for you there. You are a member all the same, and an admin can give you one."
    return f"{'A seat waits' if len(plans) == 1 else 'Seats wait'} for you there: {escape(', '.join(plans))}."


def _own(here: Here | None) -> str:
    """What becomes of what somebody pays for themselves: nothing, whoever they are."""
    said = "<p>What you pay for yourself goes on as it is. Joining cancels nothing.</p>"
    covered = [escape(one.plan) for one in here.own if one.outcome is OwnOutcome.COVERED] if here else []
    if covered:
        said += f"<p>The seats give you all of your own {', '.join(covered)}: you could cancel it after joining.</p>"
    return said


def _next(token: str, offer: Offer, here: Here | None, app: str) -> str:
    email = f"<strong>{escape(offer.email)}</strong>"
    if here and here.email == offer.email:
        action = f"/invitations/{escape(token, quote=True)}"
        return f'<form method="post" action="{action}"><button>Join {escape(offer.workspace)}</button></form>'
    other = "<p>This browser is signed in with another address, with which you can't accept it.</p>" if here else ""
    if app:
        link = f'<a href="{escape(app, quote=True)}/invitations/{escape(token, quote=True)}">Go on in the app</a>'
        return f"{other}<p>{link}, and sign in with {email}: the invitation is for that address, and no other.</p>"
    return (
        f"{other}<p>Sign in with {email}: the invitation is for that address, and no other. It waits for you there,"
        " under your invitations, and this page then has a button to accept it.</p>"
    )
