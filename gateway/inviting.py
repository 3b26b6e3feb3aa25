"""The doors of an invitation: where the link of its letter leads, unless an app has that page.

    GET  /invitations/sgi_…    a page that says what it is about and what to do, and accepts nothing
    POST /invitations/sgi_…    accepts it, for whoever is signed in in this browser

Whoever has the letter may read the page, signed in or not. What can't be accepted is told so in one sentence, always
the same. Accepting does nothing but ask the graph, which insists that the address is theirs.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from gateway import invitation_page
from gateway.authentication import Door
from gateway.cookies import Cookies, same_site
from gateway.invitation_page import Beside, Here
from gateway.plain_pages import HEADERS
from gateway.setup_acts import Acts, Told
from kernel import ids
from kernel.errors import Code, Fault
from seats import invitations
from seats.invitations import Offer
from seats.joining import OwnOutcome
from seats.seating import InvitationLinkClosed

STRANGE = "This form did not come from our own page, so nothing was done. Open the letter's link, and press it there."
ABSENT = "You are not signed in in this browser. Sign in with the address the letter went to, then open its link again."

_STATUS = {Code.UNAUTHENTICATED: 401, Code.FORBIDDEN: 403, Code.NOT_FOUND: 404, Code.RATE_LIMITED: 429}
_PREVIEW = """
    query ($invitation: ID!) {
      joinPreview(invitation: $invitation) { own { outcome subscription { plan { name } } } }
    }
"""
_ACCEPT = """
    mutation ($input: AcceptInvitationInput!) {
      acceptInvitation(input: $input) {
        __typename
        ... on Problem { message }
      }
    }
"""


class InvitationDoors:
    """See the module. `base` is the address at which browsers find us, `app` that of an app with such a page."""

    def __init__(self, acts: Acts, cookies: Cookies, base: str, app: str) -> None:
        self.acts, self.cookies, self.base = acts, cookies, base
        self.app = "" if app.rstrip("/") == base else app.rstrip("/")

    def routes(self) -> list[BaseRoute]:
        """The doors."""
        return [
            Route("/invitations/{token}", self._look, methods=["GET"]),
            Route("/invitations/{token}", self._accept, methods=["POST"]),
        ]

    async def _look(self, request: Request) -> Response:
        entrance: Door = request.app.state.door
        token = request.path_params["token"]
        try:
            async with entrance.work(request, await entrance.clock.now()) as work, work.transaction():
                offer = await invitations.look(work, token)
        except InvitationLinkClosed as problem:
            return _page(invitation_page.closed(problem.message), 404)
        return _page(invitation_page.offered(token, offer, await self._here(request, offer), self.app))

    async def _here(self, request: Request, offer: Offer) -> Here | None:
        """Whoever is signed in in this browser; None where nobody is."""
        entrance: Door = request.app.state.door
        if self.cookies.session not in request.cookies:
            return None
        try:
            async with entrance.context(request) as context:
                if context.actor.email != offer.email:
                    return Here(context.actor.email) if context.actor.known else None
                number = ids.encode("invitation", offer.invitation_id)
                told = await self.acts.ask(request, context, _PREVIEW, {"invitation": number})
        except (Fault, Told):
            return None
        own = told["joinPreview"]["own"]
        return Here(
            offer.email, [Beside(one["subscription"]["plan"]["name"], OwnOutcome[one["outcome"]]) for one in own]
        )

    async def _accept(self, request: Request) -> Response:
        entrance: Door = request.app.state.door
        if not same_site(request, self.base):
            return _page(invitation_page.closed(STRANGE), 403)
        try:
            async with entrance.context(request) as context:
                asked = {"input": {"token": request.path_params["token"]}}
                told = (await self.acts.ask(request, context, _ACCEPT, asked))["acceptInvitation"]
        except (Fault, Told) as fault:
            says = ABSENT if fault.code is Code.UNAUTHENTICATED else fault.message
            return _page(invitation_page.closed(says), _STATUS.get(fault.code, 400))
        if told["__typename"] != "Member":
            return _page(invitation_page.closed(told["message"]), 409)
        return _page(invitation_page.joined())


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(text, status, headers=HEADERS)
