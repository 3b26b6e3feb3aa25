"""The pages of a setup link: what it is for, until when, its forms, and what came of them.

They need nothing from elsewhere and run no script, and their policy forbids both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from auth.setup.rules import SetupPurpose
from auth.sso.addresses import door
from gateway.plain_pages import moment, sheet
from gateway.setup_acts import Stand
from gateway.setup_forms import CHECK, CORRECT, MAKING, READ, SIGNS, TEST, TOKEN, Field, Filled, Form
from kernel import ids

_ONE_LINE = 40
"""How many characters of a value can be seen at once in one line."""

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
    return sheet(
        f"{what} for {held.workspace}",
        f"<h1>{what} for {name}</h1>"
        f"<p>An admin of {name} asks you to do this for them. You need no account, and you see nothing else of theirs."
        " If you didn't expect it, ask them before you go on.</p>"
        "<h2>How it goes</h2><ol>"
        f"<li>Have ready: {_READY[held.purpose]}.</li>"
        "<li>Open the link below. It opens once, and you then have an hour, in this browser.</li>"
        "<li>Fill in one form. We tell you what to enter on your side, and whether it works.</li></ol>"
        f"<p>The link can be opened until <strong>{moment(held.until)}</strong>.</p>"
        f'<form method="post" action="/setup?link={escape(link, quote=True)}"><button>Open the link</button></form>',
    )


def standing(stand: Stand, base: str, found: Filled | None = None, once: str | None = None) -> str:
    """The page of a link that was opened: its forms, or what was made with one of them.

    With a form that was refused, what was typed stands there still; `once` is what is shown this one time.
    """
    what, name = _FOR[stand.purpose], escape(stand.workspace)
    body = f"<h1>{what} for {name}</h1>"
    body += f"<p>You have until <strong>{moment(stand.until)}</strong>, in this browser.</p>"
    if found and (says := found.wrong.get("")):
        body += f'<p role="alert" class="wrong">{escape(says)}</p>'
    if stand.thing is None:
        body += "".join(_form(form, found) for form in MAKING[stand.purpose])
    else:
        assert stand.made is not None, "what is seen was made"
        body += _THERE[stand.purpose](_There(stand.thing, stand.made, base, found, once))
    return sheet(f"{what} for {stand.workspace}", body)


def closed(says: str) -> str:
    """The page of what is no link, or none any more."""
    return sheet("This link is closed", f'<h1>This link is closed</h1><p role="alert" class="wrong">{escape(says)}</p>')


@dataclass(frozen=True, slots=True)
class _There:
    """What was made with a link, and what is shown beside it."""

    thing: Mapping[str, Any]
    made: str
    base: str
    found: Filled | None
    once: str | None


def _connected(there: _There) -> str:
    thing, base, once = there.thing, there.base, there.once
    saml, number = thing["kind"] == "SAML", ids.decode("sso", there.made)
    told = "Tell your provider these two addresses:" if saml else "Tell your provider this address:"
    body = f'<p role="status">Connected to <strong>{escape(thing["issuer"])}</strong>. {told}</p>'
    if saml:
        body += _copied("entity", "Our entity id, where our metadata is", thing["clientId"], "")
        body += _copied("acs", "Reply address (assertion consumer service)", door(base, number, "acs"), "By POST.")
    else:
        body += _copied("callback", "Redirect address", door(base, number, "callback"), "")
    body += "<h2>Does it work?</h2>" + "".join(_tried(each) for each in thing["logins"]["nodes"])
    if once:
        link = f'<a href="{escape(once, quote=True)}" target="_blank" rel="noopener">Sign in at your provider</a>'
        return f'{body}<p role="status">The test waits: {link}, then come back here.</p>' + _press(TEST, "Look again")
    body += "<p>Sign in there as yourself. That lets nobody in here: it only shows whether both sides agree.</p>"
    body += _press(TEST) + "<p>Whoever sent you the link lets people in, once a test of theirs worked.</p>"
    return body + (_read(there) if saml else _form(CORRECT, there.found))


def _read(there: _There) -> str:
    """How the answers of a provider that speaks SAML are read, and who signs them."""
    signs = "".join(_signs(each) for each in there.thing["certificates"])
    body = _form(READ, there.found, {one.name: there.thing[one.name] or "" for one in READ.fields})
    return f"{body}<h2>Certificates that count</h2><ul>{signs}</ul>" + _form(SIGNS, there.found)


def _signs(certificate: Mapping[str, Any]) -> str:
    """A certificate, as a provider shows it."""
    ends = moment(datetime.fromisoformat(certificate["expiresAt"]))
    return f"<li>SHA-256 {escape(certificate['fingerprint'])}, until {ends}</li>"


def _tried(login: Mapping[str, Any]) -> str:
    """What became of the last try."""
    steps = "".join(f"<li>{escape(step)}</li>" for step in login["steps"])
    if login["state"] == "DONE":
        says = '<p role="status">The last test worked:</p>'
    elif login["reason"]:
        says = f'<p role="alert" class="wrong">The last test failed. {escape(login["reason"])}</p>'
    else:
        says = "<p>The last test has not come back yet.</p>"
    return says + (f"<ol>{steps}</ol>" if steps else "")


def _listed(there: _There) -> str:
    thing, once = there.thing, there.once
    body = f'<p role="status"><strong>{escape(thing["name"])}</strong> is connected. Enter this there:</p>'
    body += _copied("address", "Base URL, or tenant URL", f"{there.base}/scim/v2", "SCIM 2.0, with a bearer token.")
    if once:
        return body + _copied("token", "Token", once, "Copy it now: it is not shown again.")
    many = len(thing["tokens"])
    body += f"<p>{'No token was made yet.' if not many else f'Tokens that count: {many} of 2.'}</p>"
    return body + _press(TOKEN)


def _named(there: _There) -> str:
    thing = there.thing
    name = f"<strong>{escape(thing['name'])}</strong>"
    if thing["verifiedAt"]:
        return f'<p role="status">{name} is proven. Keep the record: we look for it every day.</p>'
    body = f"<p>Add this TXT record to the DNS of {name}. It can take some minutes until everybody sees it.</p>"
    body += _copied("record", "Name", thing["record"], "Some providers want it without the domain at its end.")
    return body + _copied("value", "Value", thing["value"], "As a TXT record.") + _press(CHECK)


_THERE: Mapping[SetupPurpose, Callable[[_There], str]] = {
    SetupPurpose.SSO: _connected,
    SetupPurpose.DIRECTORY: _listed,
    SetupPurpose.DOMAIN: _named,
}


def _form(form: Form, found: Filled | None, now: Mapping[str, str] | None = None) -> str:
    """A form with what was refused in it, or else with what is so now."""
    mine = found if found and found.form is form else Filled(form, now) if now else None
    fields = "".join(_asked(form, one, mine) for one in form.fields)
    title = f"<h2>{escape(form.title)}</h2>" if form.title else ""
    return title + _sent(form.act, f"{fields}<button>{escape(form.button)}</button>")


def _press(form: Form, says: str | None = None) -> str:
    """A form of a button alone; one that says something else only looks again."""
    if says:
        return f'<form method="get" action="/setup/form"><button>{escape(says)}</button></form>'
    return _sent(form.act, f"<button>{escape(form.button)}</button>")


def _sent(act: str, inner: str) -> str:
    hidden = f'<input type="hidden" name="act" value="{act}">'
    return f'<form method="post" action="/setup/form" autocomplete="off">{hidden}{inner}</form>'


def _asked(form: Form, one: Field, found: Filled | None) -> str:
    """A field, with what was typed there, unless it is a secret, and what is wrong with it."""
    number, typed = f"{form.act}-{one.name}", found.typed[one.name] if found and not one.secret else ""
    said = found.wrong.get(one.name) if found else None
    about = f"{number}-help {number}-wrong" if said else f"{number}-help"
    marks = f'id="{number}" name="{one.name}" aria-describedby="{about}"' + (' aria-invalid="true"' if said else "")
    if one.long:
        box = f'<textarea {marks} rows="6" spellcheck="false">{escape(typed)}</textarea>'
    else:
        kind, value = "password" if one.secret else "text", escape(typed, quote=True)
        need = "" if one.optional else " required"
        box = f'<input {marks} type="{kind}" value="{value}" maxlength="{one.longest}" spellcheck="false"{need}>'
    wrong = f'<small id="{number}-wrong" role="alert" class="wrong">{escape(said)}</small>' if said else ""
    label = f'<label for="{number}">{escape(one.label)}</label>'
    return f'{label}{box}{wrong}<small id="{number}-help">{escape(one.help)}</small>'


def _copied(name: str, label: str, value: str, help_: str) -> str:
    """Something to be copied from here, all of which can be seen."""
    about = f'id="{name}" readonly' + (f' aria-describedby="{name}-help"' if help_ else "")
    box = f'<input {about} value="{escape(value, quote=True)}">'
    if len(value) > _ONE_LINE:
        box = f'<textarea {about} rows="2">{escape(value)}</textarea>'
    return f'<label for="{name}">{label}</label>{box}' + (f'<small id="{name}-help">{help_}</small>' if help_ else "")
