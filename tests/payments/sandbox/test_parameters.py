"""Requests are judged by the pinned version, in Stripe's words."""

from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st
from stripe._encode import _api_encode

from payments.sandbox import parameters, spec
from payments.sandbox.refusals import Refused
from tests.payments.sandbox.bench import Bench

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
names = st.text("abcdefgh_", min_size=1, max_size=6)
trees = st.dictionaries(
    names,
    st.recursive(texts, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=6),
    min_size=1,
    max_size=4,
)


def judged(path: str, form: str) -> dict[str, Any]:
    found = spec.route("POST", path)
    assert found
    return parameters.judged(found[0], parameters.nested(parameters.pairs(form)))


def refusal(path: str, form: str) -> dict[str, Any]:
    with pytest.raises(Refused) as caught:
        judged(path, form)
    return {name: caught.value.error.get(name) for name in ("code", "param", "message")}


def test_names_with_brackets_become_hashes_and_lists() -> None:
    form = (
        "address[city]=Berlin&preferred_locales[0]=de&preferred_locales[1]=en&metadata[a]=1&tax_id_data[0][type]=eu_vat"
    )

    given = judged("/v1/customers", form + "&tax_id_data[0][value]=DE123&next_invoice_sequence=7")

    assert given == {
        "address": {"city": "Berlin"},
        "preferred_locales": ["de", "en"],
        "metadata": {"a": "1"},
        "tax_id_data": [{"type": "eu_vat", "value": "DE123"}],
        "next_invoice_sequence": 7,
    }


def test_lists_may_be_given_without_places() -> None:
    assert judged("/v1/customers", "preferred_locales[]=de&preferred_locales[]=en")["preferred_locales"] == ["de", "en"]


def test_an_unknown_parameter_is_named() -> None:
    assert refusal("/v1/customers", "nam=Ada") == {
        "code": "parameter_unknown",
        "param": "nam",
        "message": "Received unknown parameter: nam",
    }
    assert refusal("/v1/customers", "address[town]=Ulm")["param"] == "address[town]"


def test_a_missing_parameter_is_named() -> None:
    assert refusal("/v1/payment_intents", "amount=100") == {
        "code": "parameter_missing",
        "param": "currency",
        "message": "Missing required param: currency.",
    }
    nested = refusal("/v1/customers", "tax_id_data[0][type]=eu_vat")
    assert nested["param"] == "tax_id_data[0][value]"


@pytest.mark.parametrize(
    ("form", "param", "message"),
    [
        ("amount=ten&currency=usd", "amount", "Invalid integer: ten"),
        ("amount=1&currency=usd&confirm=yes", "confirm", "Invalid boolean: yes"),
        (
            "amount=1&currency=usd&capture_method=later",
            "capture_method",
            "Invalid capture_method: must be one of automatic, automatic_async, or manual",
        ),
        ("amount=1&currency=usd&shipping=Ulm", "shipping", "Invalid object"),
        ("amount=1&currency=usd&allowed_payment_method_types=card", "allowed_payment_method_types", "Invalid array"),
    ],
)
def test_a_value_of_the_wrong_type_is_explained(form: str, param: str, message: str) -> None:
    refused = refusal("/v1/payment_intents", form)

    assert (refused["param"], refused["message"]) == (param, message)


def test_an_empty_string_unsets_what_can_be_unset_and_nothing_else() -> None:
    assert judged("/v1/customers/cus_1", "name=&metadata=&address=") == {"name": None, "metadata": "", "address": ""}
    assert refusal("/v1/payment_intents", "amount=&currency=usd")["code"] == "parameter_invalid_empty"


def test_metadata_has_limits() -> None:
    assert refusal("/v1/customers", f"metadata[{'k' * 41}]=1")["param"] == f"metadata[{'k' * 41}]"
    assert refusal("/v1/customers", f"metadata[k]={'v' * 501}")["param"] == "metadata[k]"


async def test_the_sdk_raises_its_own_error_with_everything_in_it(bench: Bench) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        await bench.v1.payment_intents.create_async(
            {"amount": 100, "currency": "usd", "payment_method_types": ["card"]}  # type: ignore[typeddict-unknown-key] # the old name
        )

    assert (caught.value.code, caught.value.param) == ("parameter_unknown", "payment_method_types")
    assert caught.value.http_status == 400
    assert str(caught.value.request_id).startswith("req_")
    assert caught.value.error
    assert caught.value.error.doc_url == "https://stripe.com/docs/error-codes/parameter-unknown"


@pytest.mark.parametrize("key", ["sk_live_nothing", "nonsense"])
async def test_only_a_secret_test_key_is_let_in(bench: Bench, key: str) -> None:
    answer = await bench.raw.get(f"{bench.address}/v1/balance", headers={"Authorization": f"Bearer {key}"})

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_another_version_is_refused_and_ours_is_echoed(bench: Bench) -> None:
    old = await bench.post("/v1/customers", Stripe_Version="2024-06-20")
    ours = await bench.post("/v1/customers", Stripe_Version=spec.VERSION)

    assert (old.status_code, ours.status_code) == (400, 200)
    assert ours.headers["stripe-version"] == stripe.api_version


async def test_an_unknown_path_is_said_to_be_unknown(bench: Bench) -> None:
    answer = await bench.post("/v1/orders")

    assert answer.status_code == 404
    assert "Unrecognized request URL (POST: /v1/orders)" in answer.json()["error"]["message"]


async def test_connect_is_refused_rather_than_ignored(bench: Bench) -> None:
    answer = await bench.post("/v1/payment_intents", "amount=100&currency=usd&transfer_data[destination]=acct_1")

    assert answer.json()["error"]["param"] == "transfer_data"


@given(trees)
def test_what_the_sdk_encodes_is_read_back(tree: dict[str, Any]) -> None:
    assert parameters.nested(parameters.pairs(urlencode(list(_api_encode(tree))))) == tree


@pytest.mark.parametrize(
    "form",
    [
        "name=%00",
        "metadata[%00]=1",
        "metadata[a][b]=1",
        "a" + "[b]" * 50 + "=1",
        "address=1&address[city]=Ulm",
        "next_invoice_sequence=99999999999999999999",
        "[]=1",
        "=1",
        "name[0]=a",
        "preferred_locales[x]=de",
        "&".join(f"metadata[{number}]=1" for number in range(6000)),
    ],
)
async def test_no_form_however_odd_breaks_the_sandbox(bench: Bench, form: str) -> None:
    answer = await bench.post("/v1/customers", form)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("path", ["/v1/customers/%00", "/v1/customers/%E2%80%A8", "/v1/customers/" + "x" * 5000])
async def test_no_path_however_odd_breaks_the_sandbox(bench: Bench, path: str) -> None:
    answer = await bench.post(path, "name=Ada")

    assert answer.status_code == 404
