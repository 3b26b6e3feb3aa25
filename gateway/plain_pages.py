"""Plain pages: what a browser is shown by our own doors.

They need nothing from elsewhere and run no script, and their policy forbids both.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from html import escape

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
p, ol, ul { margin: .5rem 0 }
ol, ul { padding-left: 1.5rem }
label { display: block; margin-top: 1.25rem; font-weight: 600 }
small, .brand { color: var(--soft); font-size: .875rem }
.brand { margin: 0 0 1.5rem; letter-spacing: .02em }
.wrong { color: var(--wrong) }
input, textarea { width: 100%; margin: .25rem 0; padding: .5rem .75rem; border: 1px solid var(--line);
  border-radius: .5rem;
  background: var(--ground); color: var(--ink); font: .9375rem/1.5 ui-monospace, monospace }
textarea { resize: vertical }
[aria-invalid] { border-color: var(--wrong) }
small { display: block }
a { color: var(--press) }
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
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
"""What is said with every one of them. Without a referrer, browsers would not say whose pages send a form."""


def moment(at: datetime) -> str:
    """An instant, for people and for programs."""
    return f'<time datetime="{at.isoformat()}">{at:%B} {at.day}, {at:%Y, %H:%M} UTC</time>'


def sheet(title: str, body: str) -> str:
    """A page of ours with this inside."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Seatgraph</title><style>{_STYLE}</style></head>"
        f'<body><main><p class="brand">Seatgraph</p>{body}</main></body></html>'
    )
