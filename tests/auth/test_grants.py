"""Grants of apps: what a code and a refresh token are worth, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from auth.apps import rules
from auth.apps.rules import App, GrantKind, Outcome, Used

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""Those of RFC 7636, appendix B."""


def test_a_verifier_is_that_of_its_challenge_as_the_standard_says() -> None:
    assert rules.proves(VERIFIER, CHALLENGE)


@pytest.mark.parametrize(
    "verifier", ["", VERIFIER[:-1], VERIFIER + "!", VERIFIER.upper(), "a" * 43, "a" * 129, CHALLENGE]
)
def test_nothing_else_is(verifier: str) -> None:
    assert not rules.proves(verifier, CHALLENGE)


@pytest.mark.parametrize(
    ("kind", "used", "answered", "found"),
    [
        (GrantKind.CODE, None, False, Outcome.GIVEN),
        (GrantKind.CODE, timedelta(seconds=1), False, Outcome.STOLEN),
        (GrantKind.REFRESH, None, False, Outcome.GIVEN),
        (GrantKind.REFRESH, timedelta(seconds=30), False, Outcome.GIVEN),
        (GrantKind.REFRESH, timedelta(seconds=30), True, Outcome.STOLEN),
        (GrantKind.REFRESH, timedelta(seconds=31), False, Outcome.STOLEN),
    ],
)
def test_a_grant_gives_tokens_once_or_its_answer_was_lost(
    kind: GrantKind, used: timedelta | None, answered: bool, found: Outcome
) -> None:
    at = None if used is None else NOW - used

    assert rules.outcome(Used(kind, NOW + MINUTE, at, answered), NOW) is found


def test_two_answers_to_one_token_that_are_both_used_show_a_thief() -> None:
    assert rules.outcome(Used(GrantKind.REFRESH, NOW + MINUTE, None, rivaled=True), NOW) is Outcome.STOLEN
    assert rules.outcome(Used(GrantKind.REFRESH, NOW + MINUTE, NOW, rivaled=True), NOW) is Outcome.STOLEN


def test_a_grant_that_ran_out_gives_nothing() -> None:
    assert rules.outcome(Used(GrantKind.CODE, NOW, None), NOW) is Outcome.STALE


def test_texts_are_told_apart_from_anything_else() -> None:
    text, digest = rules.new(GrantKind.CODE)

    assert rules.digest(text) == digest
    assert [rules.digest(other) for other in ("", "sgc_", text + "x", text[:-1], "sgs_" + text[4:], "\0")] == [None] * 6


@pytest.mark.parametrize(
    ("app", "address"),
    [
        (App("com.acme.app:/in", CHALLENGE, "a b&c"), "com.acme.app:/in?code=x&state=a+b%26c"),
        (App("https://acme.example/in?via=app", CHALLENGE), "https://acme.example/in?via=app&code=x"),
    ],
)
def test_a_code_goes_back_with_the_apps_own_state(app: App, address: str) -> None:
    assert app.back("x") == address
