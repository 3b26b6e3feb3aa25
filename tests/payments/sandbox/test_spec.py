"""The specification is derived from the installed SDK, and every operation of it is answered."""

from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
import stripe

from payments.sandbox import cards, derive, faults, spec
from payments.sandbox.books import DELIVERY_STATES
from payments.sandbox.clock import Delays
from payments.sandbox.operations import OPERATIONS
from payments.sandbox.parameters import NOT_PLAYED
from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import KEY, Bench


def test_the_committed_specification_is_what_the_sdk_says() -> None:
    assert derive.SPEC.read_text("utf-8") == derive.written(derive.derive())


def test_the_version_is_the_one_that_the_sdk_pins() -> None:
    assert stripe.api_version == spec.VERSION


def test_every_specified_operation_is_answered_and_no_other() -> None:
    specified = {f"{resource}.{method}" for resource, methods in served() for method in methods}

    assert specified == set(OPERATIONS)


def test_a_path_leads_to_its_operation() -> None:
    found = spec.route("POST", "/v1/customers/cus_1/tax_ids")

    assert found is not None
    assert (found[0].name, found[1]) == ("customers.tax_ids.create", ["cus_1"])
    assert spec.route("GET", "/v1/customers/search") != spec.route("GET", "/v1/customers/cus_1")
    assert spec.route("GET", "/v1/nothing") is None
    assert spec.route("DELETE", "/v1/balance") is None


def test_the_old_name_of_payment_method_types_is_gone_from_requests() -> None:
    found = spec.route("POST", "/v1/payment_intents")

    assert found is not None
    assert "payment_method_types" not in found[0].fields
    assert "allowed_payment_method_types" in found[0].fields


def test_what_the_sandbox_does_not_play_is_never_required() -> None:
    required = {name[:-1] for fields in spec.TYPES for name in fields if name.endswith("!")}

    assert not required & NOT_PLAYED


def test_every_event_that_is_emitted_is_one_that_the_sdk_knows() -> None:
    known = set(get_args(stripe.Event.__annotations__["type"]))

    assert {"charge.dispute.funds_withdrawn", "payout.reconciliation_completed", "mandate.updated"} <= known
    assert set(DELIVERY_STATES) == {"normal", "duplicate", "shuffle", "hold", "off"}


def served() -> list[tuple[str, list[str]]]:
    lines = [line.split(": ") for line in derive.SERVED.strip().splitlines()]
    return [(resource, methods.split()) for resource, methods in lines]


async def test_the_checker_of_shapes_sees_what_is_wrong(bench: Bench) -> None:
    intent = await bench.pay()

    for wrong in ({"colour": "red"}, {"amount": "2000"}, {"status": "paid"}, {"latest_charge": 7}):
        with pytest.raises(AssertionError, match=f"payment_intent.{next(iter(wrong))}"):
            shapes.check(intent | wrong)
    with pytest.raises(AssertionError, match="amount is missing"):
        shapes.check({name: value for name, value in intent.items() if name != "amount"})


def test_the_document_names_every_card_and_every_fault() -> None:
    text = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text("utf-8")

    for card in cards.BY_NUMBER.values():
        assert f"| `pm_card_{card.name}` | {card.number} |" in text
    for kind in faults.KINDS:
        assert f"`{kind}`" in text
    for field in fields(Delays):
        assert f"`{field.name}`" in text


LISTS = [path for path in spec.PATHS if path.startswith("GET") and "{" not in path]


@pytest.mark.parametrize("path", [path for path in LISTS if "search" not in path and "subscription_items" not in path])
async def test_every_list_of_an_empty_sandbox_answers(bench: Bench, path: str) -> None:
    answer = await bench.raw.get(
        f"{bench.address}{path.removeprefix('GET ')}", headers={"Authorization": f"Bearer {KEY}"}
    )

    assert answer.status_code == 200
    assert answer.json()["object"] in ("list", "balance")
