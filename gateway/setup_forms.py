"""The forms of a setup link: what each asks for, what was typed, and which field a refusal is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.setup.rules import SetupPurpose

_LINE = 2_000
_DOCUMENT = 256 * 1024
_CERTIFICATE = 20_000
_ATTRIBUTE = 500
_NAMED = {"name": "Single sign-on"}


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked for."""

    name: str
    label: str
    help: str
    longest: int = _LINE
    optional: bool = False
    secret: bool = False
    """Whether it is never shown again, not even to whoever typed it."""

    @property
    def long(self) -> bool:
        """Whether it is a whole document."""
        return self.longest > _LINE


@dataclass(frozen=True, slots=True)
class Form:
    """What is asked for at once, and the mutation that gets it: its input has the fields' names."""

    act: str
    button: str
    mutation: str
    fields: tuple[Field, ...] = ()
    title: str = ""
    also: Mapping[str, str] = field(default_factory=dict)
    """What the mutation gets besides."""

    either: bool = False
    """Whether one of the fields is filled in, and no more."""

    whole: bool = False
    """Whether the fields hold what is so now, and each counts as it is sent: an emptied one says so, too."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in, and what is wrong with it: a sentence for a field, or for the whole under ""."""

    form: Form
    typed: Mapping[str, str]
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def input(self) -> dict[str, str]:
        """What the mutation gets."""
        return {**self.form.also, **{name: text for name, text in self.typed.items() if text or self.form.whole}}


OIDC = Form(
    "oidc",
    "Connect by OpenID Connect",
    "createSsoConnection",
    (
        Field(
            "issuer",
            "Issuer",
            "The address before /.well-known/openid-configuration, such as https://acme.okta.com.",
        ),
        Field(
            "clientId",
            "Client id",
            "What your provider calls the app that you made for us. The address to enter there comes next.",
        ),
        Field(
            "clientSecret",
            "Client secret",
            "If your provider gave you one. We keep it sealed, and nobody can read it again.",
            optional=True,
            secret=True,
        ),
    ),
    title="Your provider speaks OpenID Connect",
    also=_NAMED,
)
SAML = Form(
    "saml",
    "Connect by SAML",
    "createSamlConnection",
    (
        Field(
            "metadataUrl", "Address of its metadata", "We read it again every day. Or leave this empty.", optional=True
        ),
        Field(
            "metadata",
            "Or its metadata, pasted",
            "The whole XML document, if it has no address.",
            longest=_DOCUMENT,
            optional=True,
        ),
    ),
    title="Your provider speaks SAML 2.0",
    also=_NAMED,
    either=True,
)
DIRECTORY = Form(
    "directory",
    "Connect the directory",
    "createDirectory",
    (Field("name", "Name", "What people here shall call it, such as Okta or Entra.", longest=200),),
)
DOMAIN = Form("domain", "Add the domain", "addDomain", (Field("name", "Domain", "Such as acme.example.", longest=253),))
TEST = Form("test", "Begin a test", "startSsoTest")
CORRECT = Form(
    "correct",
    "Correct it",
    "changeSsoConnection",
    (
        Field("clientId", "Client id", "Leave it empty if it is right.", optional=True),
        Field("clientSecret", "Client secret", "Leave it empty if it is right.", optional=True, secret=True),
    ),
    title="Was something mistyped?",
)
READ = Form(
    "read",
    "Read it so",
    "changeSamlConnection",
    (
        Field("signInUrl", "Sign-in address", "Where your provider wants browsers sent."),
        Field(
            "emailAttribute",
            "Attribute with the e-mail address",
            "Its name in the answers of your provider. Empty for the usual ones, such as mail.",
            longest=_ATTRIBUTE,
            optional=True,
        ),
        Field(
            "nameAttribute",
            "Attribute with the name",
            "What somebody is called. Empty for the usual ones, such as displayName.",
            longest=_ATTRIBUTE,
            optional=True,
        ),
        Field(
            "subjectAttribute",
            "Attribute that names somebody for good",
            "One that never changes, such as an employee number. Empty for the NameID.",
            longest=_ATTRIBUTE,
            optional=True,
        ),
    ),
    title="Are its answers read as you mean them?",
    whole=True,
)
SIGNS = Form(
    "signs",
    "Add the certificate",
    "addSsoCertificate",
    (
        Field(
            "certificate",
            "Certificate",
            "In PEM, from BEGIN CERTIFICATE to the end. Two count at a time.",
            longest=_CERTIFICATE,
        ),
    ),
    title="Does another certificate sign them?",
)
TOKEN = Form("token", "Make a token", "rotateDirectoryToken")
CHECK = Form("check", "Check now", "verifyDomain")

MAKING: Mapping[SetupPurpose, tuple[Form, ...]] = {
    SetupPurpose.SSO: (OIDC, SAML),
    SetupPurpose.DIRECTORY: (DIRECTORY,),
    SetupPurpose.DOMAIN: (DOMAIN,),
}
"""The forms that make the one thing a link is for, of which one is filled in."""

AFTER: Mapping[SetupPurpose, tuple[Form, ...]] = {
    SetupPurpose.SSO: (TEST, CORRECT, READ, SIGNS),
    SetupPurpose.DIRECTORY: (TOKEN,),
    SetupPurpose.DOMAIN: (CHECK,),
}
"""What can be done with that thing once it is there."""


def form_of(purpose: SetupPurpose, act: str, *, made: bool) -> Form | None:
    """The form that was sent, if it is one of those that the link offers now."""
    offered = AFTER[purpose] if made else MAKING[purpose]
    return next((form for form in offered if form.act == act), None)


def filled(form: Form, sent: Mapping[str, str]) -> Filled:
    """A form with what was typed, and what can be seen to be wrong with that."""
    typed = {one.name: sent.get(one.name, "").strip() for one in form.fields}
    wrong = {one.name: said for one in form.fields if (said := _wrong(one, typed[one.name]))}
    there = [one for one in form.fields if typed[one.name]]
    if form.either and len(there) != 1 and not wrong:
        wrong[form.fields[0].name] = "Fill in one of the two: the address of the metadata, or the metadata itself."
    if form.fields and not there and not wrong and not form.whole:
        wrong[form.fields[0].name] = "Nothing is filled in. Write what is to be changed."
    return Filled(form, typed, wrong)


def refused(found: Filled, says: str, *, ours: bool) -> Filled:
    """The same, with what the graph said of it: beside the field it is about, or above all where it is about none.

    `ours` is a refusal that no other word in a field would change.
    """
    if ours or not found.form.fields:
        return Filled(found.form, found.typed, {"": says})
    named = [one.name for one in found.form.fields if says.lower().startswith(f"a {one.label.lower()} ")]
    there = [one.name for one in found.form.fields if found.typed[one.name]]
    about = next(iter([*named, *there]), "")
    return Filled(found.form, found.typed, {about: says})


def _wrong(one: Field, text: str) -> str | None:
    if not text and not one.optional:
        return f"{one.label} is missing: fill it in."
    if len(text) > one.longest:
        return f"This is longer than the {one.longest:,} characters it may have. Shorten it."
    return None
