"""A browser of somebody at a provider: it fills in the forms of its pages, and ends where it is sent away."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2
from lxml import html

from tests.peers.running import QUICK

MOST_HOPS = 20


class StrandedError(AssertionError):
    """The provider kept its visitor, with this page."""

    def __init__(self, page: httpx2.Response) -> None:
        super().__init__(f"{page.status_code} at {page.url}: {page.text}")
        self.page = page


async def visit(provider: str, address: str, **fields: str) -> dict[str, str]:
    """Go there, filling in the first form of every page, each field once: the parameters that it sends back.

    Raises StrandedError at a page that asks for nothing that is left to tell.
    """
    left = dict(fields)
    async with httpx2.AsyncClient(timeout=QUICK) as client:
        answer = await client.get(address)
        for _ in range(MOST_HOPS):
            if answer.is_redirect:
                place = urljoin(str(answer.url), answer.headers["location"])
                if not place.startswith(provider):
                    return dict(parse_qsl(urlsplit(place).query))
                answer = await client.get(place)
            else:
                place, told = _filled(answer, left)
                answer = await client.post(place, data=told)
    raise AssertionError(f"the provider sent its visitor around: {answer.url}")


def _filled(page: httpx2.Response, left: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Where the first form that asks for something goes, and what it carries; what is told is told."""
    document = html.fromstring(page.text, base_url=str(page.url))
    for form in document.forms:
        asked = left.keys() & {*form.fields.keys(), *form.xpath(".//button/@name")}
        if asked:
            told = {name: left.pop(name) for name in asked}
            return urljoin(str(page.url), form.action or ""), dict(form.form_values()) | told
    raise StrandedError(page)
