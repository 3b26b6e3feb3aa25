"""Settings: all that the product is told by its environment, checked once, at the start.

`load` gives settings that fit together, or says in one sentence for each what is
wrong; it never quotes a secret. `table` is what the documentation prints.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from tempfile import mkstemp
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from platformdirs.unix import Unix
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    SecretStr,
    ValidationError,
)
from pydantic.config import JsonDict
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kernel.errors import InvalidInput

EVERYBODY = "*"
"""All clients, whatever they call themselves."""

CLIENT = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What a client may be called."""

LEAST_SECRET = 32
"""Bytes that a secret has at least."""

_LIVE = ("sk_live_", "rk_live_")


class Misconfigured(InvalidInput):
    """The environment asks for what can't be: one sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Environment(StrEnum):
    """What this installation is for."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class Issuer(BaseModel):
    """Somebody whose tokens identify people to us, and where their public keys are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks: str = Field(pattern=r"^https?://")
    algorithms: tuple[str, ...] = ("RS256",)
    typ: tuple[str, ...] = ("at+jwt", "JWT")


def _home() -> Path:
    """Where data is kept on a UNIX, also on macOS: its own folder has a space, at which the embedded server stops.

    Root's is the machine's: the embedded server runs as somebody else, to whom root's own
    folders would have to be opened.
    """
    return Unix("seatgraph", appauthor=False, use_site_for_root=True).user_data_path


def _on_postgres(url: SecretStr) -> SecretStr:
    if urlsplit(url.get_secret_value()).scheme not in {"postgres", "postgresql", "postgresql+asyncpg"}:
        raise ValueError
    return url


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < LEAST_SECRET:
        raise ValueError
    return secret


def _a_key(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().startswith(("sk_test_", "rk_test_", *_LIVE)):
        raise ValueError
    return key


def _an_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError
    return address.rstrip("/")


def _a_mail_server(address: SecretStr) -> SecretStr:
    parts = urlsplit(address.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError
    return address


def _listed(text: Any) -> Any:
    return tuple(part.strip() for part in text.split(",")) if isinstance(text, str) else text


def _of_apps(addresses: tuple[str, ...]) -> tuple[str, ...]:
    for address in addresses:
        parts = urlsplit(address)
        script = parts.scheme in {"", "javascript", "data", "file", "http"}
        if script or parts.fragment or not address.isprintable() or not (parts.netloc or parts.path):
            raise ValueError
    return addresses


def _clients(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name != EVERYBODY and not CLIENT.fullmatch(name):
            raise ValueError
    return names


def _on_networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        ip_network(text)
    return texts


def _servers(text: Any) -> Any:
    return tuple(_server(part.strip()) for part in text.split(",")) if isinstance(text, str) else text


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "53")
    return str(ip_address(host)), int(port)


def _endpoint_secret(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().startswith("whsec_"):
        raise ValueError
    return secret


def _setting(name: str, default: Any, description: str, expects: str, shown: str | None = None, **rules: Any) -> Any:
    """A field read from the variable `name`; a wrong value is told to "be" what it `expects`."""
    extra: JsonDict = {"expects": expects, "shown": str(default) if shown is None else shown}
    return Field(default, validation_alias=name, description=description, json_schema_extra=extra, **rules)


class Settings(BaseSettings):
    """What the product was told. Everything has a default that suits a laptop."""

    model_config = SettingsConfigDict(
        frozen=True, case_sensitive=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    host: str = _setting(
        "HOST", "127.0.0.1", "The address to listen on; 0.0.0.0 is every interface.", "an address", min_length=1
    )
    port: int = _setting("PORT", 8000, "The port to listen on.", "a port between 1 and 65535", ge=1, le=65535)
    url: str = _setting(
        "SEATGRAPH_URL",
        "",
        "Where clients reach us, such as `https://billing.example`: what links to invoices begin with, and where"
        " identity providers send browsers back to. In production it has to be https.",
        "an address that begins with https:// or http://",
        shown="nothing: links are relative to the address of the graph",
        pattern=r"^(https?://[^\s?#]+)?$",
    )
    environment: Environment = _setting(
        "SEATGRAPH_ENV",
        Environment.DEVELOPMENT,
        "`development`, `test` or `production`. Production insists on a secret and has no simulated clock.",
        "development, test or production",
    )
    home: Path = _setting(
        "SEATGRAPH_HOME",
        _home(),
        "The folder of the embedded PostgreSQL, of the development secret and of the development signing key.",
        "a folder",
        shown="the user's data folder",
    )
    database_url: Annotated[SecretStr, AfterValidator(_on_postgres)] | None = _setting(
        "DATABASE_URL",
        None,
        "PostgreSQL 15 or newer, as the owner of the database: `postgresql://owner:secret@host/seatgraph`.",
        "a URL that begins with postgresql://",
        shown="the embedded PostgreSQL",
    )
    secret: Annotated[SecretStr, AfterValidator(_long_enough)] | None = _setting(
        "SEATGRAPH_SECRET",
        None,
        "At least 32 random bytes as text, from which all keys are derived. Required in production.",
        f"at least {LEAST_SECRET} bytes long",
        shown="made once and kept in `secret` under the home",
    )
    signing_key: Path | None = _setting(
        "SEATGRAPH_SIGNING_KEY",
        None,
        "The file of the RSA private key, unencrypted PEM of 2048 bits or more, that signs our own access tokens. "
        "Without one, production accepts service keys and the tokens of `SEATGRAPH_ISSUERS` alone.",
        "a file",
        shown="made once and kept in `signing.pem` under the home; none in production",
    )
    issuers: Annotated[Json[tuple[Issuer, ...]], NoDecode] = _setting(
        "SEATGRAPH_ISSUERS",
        "[]",
        "Who may identify people to us, as a JSON list: "
        '`[{"issuer": "https://id.example", "audience": "seatgraph", "jwks": "https://id.example/keys"}]`; '
        '`"algorithms": ["RS256"]` and `"typ": ["at+jwt", "JWT"]` are what is accepted unless you say otherwise.',
        'a JSON list of {"issuer": …, "audience": …, "jwks": "https://…"}',
        shown="nobody",
    )
    reachable: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_on_networks), NoDecode] = _setting(
        "SEATGRAPH_NETWORKS",
        (),
        "Networks beside the public Internet in which identity providers may be reached, separated by commas: "
        "`10.1.0.0/16`. Everything else that is not public is never called.",
        "networks separated by commas, such as 10.1.0.0/16",
        shown="none; loopback in development",
    )
    nameservers: Annotated[tuple[tuple[str, int], ...], BeforeValidator(_servers), NoDecode] = _setting(
        "SEATGRAPH_NAMESERVERS",
        (),
        "The servers that are asked for the records that prove a domain, separated by commas: `10.0.0.53` or "
        "`127.0.0.1:5353`.",
        "addresses separated by commas, each with a port if it is not 53, such as 10.0.0.53",
        shown="those of the machine",
    )
    stripe_key: Annotated[SecretStr, AfterValidator(_a_key)] | None = _setting(
        "STRIPE_SECRET_KEY",
        None,
        "The secret or restricted key of the Stripe account that is paid. Without one, a [sandbox](sandbox.md) plays "
        "Stripe; in production nothing can be paid then. A live key is for production alone.",
        "a secret or restricted key of Stripe, such as sk_test_…",
        shown="none",
    )
    stripe_api: Annotated[str, AfterValidator(_an_address)] | None = _setting(
        "STRIPE_API_BASE",
        None,
        "Where Stripe's API answers, also for files: for a sandbox that runs by itself, or a proxy.",
        "the address of a server without a path, such as http://127.0.0.1:12111",
        shown="Stripe's own",
    )
    stripe_webhooks: Annotated[
        tuple[Annotated[SecretStr, AfterValidator(_endpoint_secret)], ...], BeforeValidator(_listed), NoDecode
    ] = _setting(
        "STRIPE_WEBHOOK_SECRETS",
        (),
        "The signing secrets of the endpoint `/webhooks/stripe`, separated by commas: while one is being replaced, "
        "the old one and the new one.",
        "secrets that begin with whsec_, separated by commas",
        shown="none; the sandbox needs none",
    )
    apps: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_of_apps), NoDecode] = _setting(
        "SEATGRAPH_APPS",
        (),
        "Where apps on phones and desktops get the codes of their sign-in, separated by commas: each an address of "
        "theirs, such as `com.acme.app:/signed-in` or `https://app.acme.example/signed-in`.",
        "addresses separated by commas, such as com.acme.app:/signed-in",
        shown="none",
    )
    smtp: Annotated[SecretStr, AfterValidator(_a_mail_server)] | None = _setting(
        "SEATGRAPH_SMTP",
        None,
        "The server that letters leave by: `smtps://user:secret@mail.example` with TLS from the first byte, or "
        "`smtp://…`, which turns to TLS and, in production, insists on it. Without one, letters are put into the "
        "folder `letters` under the home; in production none is posted.",
        "the address of a mail server that begins with smtps:// or smtp://",
        shown="a folder; none in production",
    )
    sender: str = _setting(
        "SEATGRAPH_SENDER",
        "Seatgraph <billing@localhost>",
        "From whom letters come, as a mail program shows it.",
        "a name and an address, such as Acme Billing <billing@acme.example>",
        pattern=r"^[^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>$|^[^<>@\s]+@[^<>@\s]+$",
    )
    app: str = _setting(
        "SEATGRAPH_APP",
        "",
        "Where people find your app, such as `https://app.example`: what the buttons of letters lead to.",
        "an address that begins with https:// or http://",
        shown="`SEATGRAPH_URL`",
        pattern=r"^(https?://[^\s?#]+)?$",
    )
    manifests: Path | None = _setting(
        "SEATGRAPH_DOCUMENTS",
        None,
        "A folder with the [trusted documents](clients.md#trusted-documents) of clients, registered at the start: "
        "`web.json` is the manifest of the client `web`.",
        "a folder",
        shown="none",
    )
    trusted_only: Annotated[tuple[str, ...], BeforeValidator(_listed), AfterValidator(_clients), NoDecode] = _setting(
        "SEATGRAPH_TRUSTED_ONLY",
        (),
        "Clients that may ask trusted documents alone, separated by commas: `web,mobile`, or `*` for everybody.",
        "names of clients separated by commas, such as web,mobile",
        shown="none",
    )
    budget: int = _setting(
        "SEATGRAPH_BUDGET",
        20_000,
        "How many [points](clients.md#cost) everybody may spend on requests in a row.",
        "a number from 10000 on",
        ge=10_000,
    )
    restored: int = _setting(
        "SEATGRAPH_BUDGET_RESTORED",
        1_000,
        "How many points come back in a second.",
        "a number from 1 on",
        ge=1,
    )
    explain: bool = _setting(
        "SEATGRAPH_EXPLAIN",
        False,
        "With `1`, the log says for each query whether one statement answered it or the executor, and why;"
        " so does an extension of the response for our own staff.",
        "1 or 0",
        shown="off",
    )
    clock: AwareDatetime | None = _setting(
        "SEATGRAPH_CLOCK",
        None,
        "Where the simulated clock of a new database begins, such as `2026-01-01T00:00:00Z`. Not for production.",
        "an instant with its offset, such as 2026-01-01T00:00:00Z",
        shown="the time of day",
    )

    @property
    def in_production(self) -> bool:
        """Whether real people and real money are at stake."""
        return self.environment is Environment.PRODUCTION

    @property
    def base(self) -> str:
        """Where browsers find us, without a slash at the end."""
        return self.url.rstrip("/") or f"http://{self.host}:{self.port}"

    def key(self, purpose: str, length: int = 32) -> bytes:
        """The key for one purpose, always the same for one secret, of which nobody can tell another."""
        assert self.secret is not None, "load() has made a secret"
        secret = self.secret.get_secret_value().encode()
        return HKDF(SHA256(), length, salt=b"seatgraph", info=purpose.encode()).derive(secret)


def load() -> Settings:
    """The settings of this environment, complete with a secret. Raises Misconfigured."""
    try:
        settings = Settings()
    except ValidationError as errors:
        # Not chained: what is wrong in a setting may be a secret.
        raise Misconfigured(_sentences(errors)) from None
    if problems := list(_contradictions(settings)):
        raise Misconfigured(problems)
    if settings.secret:
        return settings
    secret = kept(settings.home, "secret", lambda: secrets.token_urlsafe(LEAST_SECRET))
    return settings.model_copy(update={"secret": SecretStr(secret)})


def table() -> str:
    """All settings as a Markdown table."""
    rows = [
        f"| `{field.validation_alias}` | {_about(field)['shown']} | {field.description} |"
        for field in Settings.model_fields.values()
    ]
    return "\n".join(["| Setting | Default | Meaning |", "|---|---|---|", *rows]) + "\n"


def _sentences(errors: ValidationError) -> list[str]:
    """One sentence for each setting that is wrong, in the order of the table."""
    wrong = {error["loc"][0] for error in errors.errors(include_input=False)}
    return [
        f"{field.validation_alias} must be {_about(field)['expects']}."
        for field in Settings.model_fields.values()
        if field.validation_alias in wrong
    ]


def _contradictions(settings: Settings) -> Iterator[str]:
    if settings.in_production and not settings.secret:
        yield f"SEATGRAPH_SECRET is required in production: {LEAST_SECRET} random bytes or more."
    if settings.in_production and settings.clock:
        yield "SEATGRAPH_CLOCK is not for production: the clock there is the time of day."
    if settings.in_production and settings.url and not settings.url.startswith("https:"):
        yield "SEATGRAPH_URL must begin with https:// in production: sessions are not sent in the clear."
    if not settings.in_production and settings.stripe_key and settings.stripe_key.get_secret_value().startswith(_LIVE):
        yield "STRIPE_SECRET_KEY moves real money: a live key needs SEATGRAPH_ENV=production."


def _about(field: FieldInfo) -> dict[str, Any]:
    assert isinstance(field.json_schema_extra, dict), "every setting is made by _setting"
    return field.json_schema_extra


def kept(home: Path, name: str, make: Callable[[], str]) -> str:
    """What a file under `home` keeps, made by whoever comes first and readable by nobody else. Raises Misconfigured."""
    file = home.expanduser() / name
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not file.exists():
            _write(file, make())
        return file.read_text()
    except OSError as failure:
        raise Misconfigured([f"SEATGRAPH_HOME must be a folder we can write in: {failure.strerror}."]) from failure


def _write(path: Path, content: str) -> None:
    """Write a file that only we may read, whole or not at all, unless somebody was faster."""
    number, draft = mkstemp(dir=path.parent)
    with os.fdopen(number, "w") as file:
        file.write(content)
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    Path(draft).unlink()
