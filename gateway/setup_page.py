"""The pages of a setup link: what it is for, until when, what to do, and what was opened.

They need nothing from elsewhere and run no script, and their policy forbids both.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape

from auth.setup.rules import MAY, SetupPurpose

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --ground: #f6f8fa;
  --press: #0b57d0; --pressed: #fff; --wrong: #b3261e }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9da7b3; --line: #3d444d; --paper: #161b22;
  --ground: #0d1117; --press: #8ab4f8; --pressed: #0d1117; --wrong: #f2b8b5 } }
* { box-sizing: border-box }
body { margin: 0; padding: 2rem 1rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 40rem; margin: auto; padding: 2rem; background: var(--paper); border: 1px solid var(--line);
  border-radius: .75rem; overflow-wrap: anywhere }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 2rem 0 .5rem; font-size: 1.125rem }
p, ol { margin: .5rem 0 }
ol { padding-left: 1.5rem }
label { display: block; margin-top: 1.25rem; font-weight: 600 }
small, .brand { color: var(--soft); font-size: .875rem }
.brand { margin: 0 0 1.5rem; letter-spacing: .02em }
.wrong { color: var(--wrong) }
input { width: 100%; margin: .25rem 0; padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--ground); color: var(--ink); font: .9375rem/1.5 ui-monospace, monospace }
button { margin: 1.5rem 0 0; padding: .625rem 1.25rem; border: 0; border-radius: .5rem; background: var(--press);
  color: var(--pressed); font: inherit; font-weight: 600; cursor: pointer }
:focus-visible { outline: 3px solid var(--press); outline-offset: 2px }
@media (max-width: 30rem) { body { padding: 0 }
  main { min-height: 100vh; padding: 1.25rem; border: 0; border-radius: 0 }
  button { width: 100% } }
"""
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""What is said with every answer of the door."""

_FOR = {
    SetupPurpose.SSO: "Connect single sign-on",
    SetupPurpose.DIRECTORY: "Connect a directory",
    SetupPurpose.DOMAIN: "Prove a domain",
}
_READY = {
    SetupPurpose.SSO: "the issuer, client id and client secret of your identity provider, or its SAML metadata",
    SetupPurpose.DIRECTORY: "access to the provisioning settings (SCIM 2.0) of your directory",
    SetupPurpose.DOMAIN: "access to the DNS records of the domain",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What a page tells of a link: the workspace by its name, and an instant at which it ends."""

    workspace: str
    purpose: SetupPurpose
    until: datetime


def offered(link: str, held: Held) -> str:
    """The page of a link that can be opened."""
    what, name = _FOR[held.purpose], escape(held.workspace)
    return _page(
        f"{what} for {held.workspace}",
        f"<h1>{what} for {name}</h1>"
        f"<p>An admin of {name} asks you to do this for them. You need no account, and you see nothing else of theirs."
        " If you didn't expect it, ask them before you go on.</p>"
        "<h2>How it goes</h2><ol>"
        f"<li>Have ready: {_READY[held.purpose]}.</li>"
        "<li>Open the link below. It opens once, and what it opens counts for an hour.</li>"
        "<li>You get a token for our API, with which you make the one thing this link is for.</li></ol>"
        f"<p>The link can be opened until <strong>{_moment(held.until)}</strong>.</p>"
        f'<form method="post" action="/setup?link={escape(link, quote=True)}"><button>Open the link</button></form>',
    )


def opened(bearer: str, workspace: str, held: Held) -> str:
    """The page of a link that was just opened: `workspace` is the id."""
    calls = "".join(f"<li><code>{name}</code></li>" for name in sorted(MAY[held.purpose]))
    return _page(
        f"{_FOR[held.purpose]} for {held.workspace}",
        f"<h1>{_FOR[held.purpose]} for {escape(held.workspace)}</h1>"
        f'<p role="status">The link is open until <strong>{_moment(held.until)}</strong>. This page is shown once:'
        " copy the token before you leave it, and give it to nobody.</p>"
        + _field("token", "Token", bearer, "Send it as <code>Authorization: Bearer …</code> with every request.")
        + _field("workspace", "Workspace", workspace, "The calls below ask for it as <code>workspace</code>.")
        + _field("address", "Address", "/graphql", "Of this same host, by POST.")
        + f"<h2>What it may call</h2><ul>{calls}</ul>",
    )


def closed(says: str) -> str:
    """The page of what is no link, or none any more."""
    return _page("This link is closed", f'<h1>This link is closed</h1><p role="alert" class="wrong">{escape(says)}</p>')


def _field(name: str, label: str, value: str, help_: str) -> str:
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" readonly value="{escape(value, quote=True)}" aria-describedby="{name}-help">'
        f'<small id="{name}-help">{help_}</small>'
    )


def _moment(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{at:%B} {at.day}, {at:%Y, %H:%M} UTC</time>'


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Seatgraph</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="brand">Seatgraph</p>{body}</main></body></html>'
    )
