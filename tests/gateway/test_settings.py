"""Settings: a sentence for each mistake, and no secret in any of them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import settings
from gateway.settings import Environment, Issuer, Misconfigured, load

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
SECRET = "a-secret-of-thirty-two-bytes-or-more"


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment that says nothing but where home is."""
    for field in settings.Settings.model_fields.values():
        monkeypatch.delenv(str(field.validation_alias), raising=False)
    monkeypatch.setenv("SEATGRAPH_HOME", str(tmp_path / "home"))
    return monkeypatch


def problems() -> list[str]:
    """What `load` complains of."""
    with pytest.raises(Misconfigured) as refusal:
        load()
    return refusal.value.problems


def test_a_laptop_needs_no_settings() -> None:
    found = load()

    assert (found.host, found.port, found.environment) == ("127.0.0.1", 8000, Environment.DEVELOPMENT)
    assert (found.database_url, found.issuers, found.clock) == (None, (), None)


def test_an_empty_setting_is_none(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("PORT", "")

    assert load().port == 8000


def test_every_setting_is_read(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("HOST", "0.0.0.0")
    environ.setenv("PORT", "9000")
    environ.setenv("SEATGRAPH_ENV", "test")
    environ.setenv("DATABASE_URL", "postgresql://me:word@db/seatgraph?sslmode=verify-full")
    environ.setenv("SEATGRAPH_SECRET", SECRET)
    environ.setenv("SEATGRAPH_ISSUERS", '[{"issuer": "i", "audience": "a", "jwks": "https://i.example/keys"}]')
    environ.setenv("SEATGRAPH_CLOCK", "2026-01-01T01:00:00+01:00")

    found = load()

    assert (found.host, found.port, found.environment) == ("0.0.0.0", 9000, Environment.TEST)
    assert found.database_url is not None
    assert found.database_url.get_secret_value().endswith("sslmode=verify-full")
    assert found.secret is not None
    assert found.secret.get_secret_value() == SECRET
    assert found.issuers == (Issuer(issuer="i", audience="a", jwks="https://i.example/keys"),)
    assert found.clock == datetime(2026, 1, 1, tzinfo=UTC)


def test_each_mistake_is_one_sentence_without_what_was_written(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("PORT", "99999")
    environ.setenv("SEATGRAPH_ENV", "prod")
    environ.setenv("DATABASE_URL", "mysql://me:hunter2@db/seatgraph")
    environ.setenv("SEATGRAPH_SECRET", "hunter2")
    environ.setenv("SEATGRAPH_ISSUERS", '[{"issuer": "i"}]')
    environ.setenv("SEATGRAPH_CLOCK", "2026-01-01T00:00:00")

    assert problems() == [
        "PORT must be a port between 1 and 65535.",
        "SEATGRAPH_ENV must be development, test or production.",
        "DATABASE_URL must be a URL that begins with postgresql://.",
        "SEATGRAPH_SECRET must be at least 32 bytes long.",
        'SEATGRAPH_ISSUERS must be a JSON list of {"issuer": …, "audience": …, "jwks": "https://…"}.',
        "SEATGRAPH_CLOCK must be an instant with its offset, such as 2026-01-01T00:00:00Z.",
    ]


@pytest.mark.parametrize(
    "text", ["[", "{}", "https://id.example", '[{"issuer": "i", "audience": "a", "jwks": "keys"}]']
)
def test_issuers_that_are_not_such_a_list_are_one_sentence(environ: pytest.MonkeyPatch, text: str) -> None:
    environ.setenv("SEATGRAPH_ISSUERS", text)

    assert len(problems()) == 1


def test_production_insists_on_a_secret_and_on_the_time_of_day(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SEATGRAPH_ENV", "production")
    environ.setenv("SEATGRAPH_CLOCK", "2026-01-01T00:00:00Z")

    assert problems() == [
        "SEATGRAPH_SECRET is required in production: 32 random bytes or more.",
        "SEATGRAPH_CLOCK is not for production: the clock there is the time of day.",
    ]


def test_development_makes_a_secret_once_that_nobody_else_may_read(tmp_path: Path) -> None:
    first, second = load(), load()

    assert first.secret == second.secret
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["secret"]
    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600


def test_a_home_that_can_not_be_written_is_one_sentence(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SEATGRAPH_HOME", "/dev/null/home")

    assert problems() == ["SEATGRAPH_HOME must be a folder we can write in: Not a directory."]


def test_keys_differ_by_purpose_and_by_secret(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SEATGRAPH_SECRET", SECRET)
    ids, sessions = load().key("ids"), load().key("sessions")
    environ.setenv("SEATGRAPH_SECRET", SECRET + "!")

    assert len({ids, sessions, load().key("ids")}) == 3
    assert len(ids) == 32


def test_a_key_never_changes_from_release_to_release(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SEATGRAPH_SECRET", SECRET)

    assert load().key("ids", 8).hex() == "b38ce1d1c4c53d9f"


def test_no_secret_is_printed(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("SEATGRAPH_SECRET", SECRET)
    environ.setenv("DATABASE_URL", "postgresql://me:hunter2@db/seatgraph")

    assert SECRET not in repr(load())
    assert "hunter2" not in repr(load())


def test_the_documentation_prints_every_setting() -> None:
    assert settings.table() in DOCS.read_text()


def test_stripe_is_told_by_three_settings(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("STRIPE_SECRET_KEY", "rk_test_1")
    environ.setenv("STRIPE_API_BASE", "http://127.0.0.1:12111/")
    environ.setenv("STRIPE_WEBHOOK_SECRETS", "whsec_new, whsec_old")

    found = load()

    assert found.stripe_key is not None
    assert found.stripe_key.get_secret_value() == "rk_test_1"
    assert found.stripe_api == "http://127.0.0.1:12111"
    assert [secret.get_secret_value() for secret in found.stripe_webhooks] == ["whsec_new", "whsec_old"]


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("STRIPE_SECRET_KEY", "pk_test_1", "a secret or restricted key of Stripe, such as sk_test_…."),
        ("STRIPE_API_BASE", "http://127.0.0.1/v1", "the address of a server without a path, such as"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_1,secret", "secrets that begin with whsec_, separated by commas."),
    ],
)
def test_what_stripe_would_not_say_is_refused(environ: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    environ.setenv(name, value)

    (problem,) = problems()

    assert problem.startswith(f"{name} must be {says}")
    assert value not in problem


def test_a_live_key_is_for_production(environ: pytest.MonkeyPatch) -> None:
    environ.setenv("STRIPE_SECRET_KEY", "sk_live_1")

    assert problems() == ["STRIPE_SECRET_KEY moves real money: a live key needs SEATGRAPH_ENV=production."]
