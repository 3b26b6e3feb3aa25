"""3-D Secure: who must authenticate when, and the page where it is done."""

import pytest
import stripe

from tests.payments.sandbox import shapes
from tests.payments.sandbox.bench import Bench

RETURN = "https://shop.test/back?order=1"


async def on_session(bench: Bench, token: str) -> dict[str, object]:
    return await bench.pay(token, off_session=False, return_url=RETURN)  # type: ignore[no-any-return] # a plain hash


@pytest.mark.parametrize("token", ["pm_card_authenticationRequired", "pm_card_authenticationRequiredOnSetup"])
async def test_without_the_payer_such_a_card_is_declined(bench: Bench, token: str) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await bench.pay(token)

    assert caught.value.code == "authentication_required"
    assert caught.value.error
    assert caught.value.error.payment_intent
    assert caught.value.error.payment_intent.status == "requires_payment_method"


async def test_with_the_payer_the_bank_is_asked(bench: Bench) -> None:
    intent = await on_session(bench, "pm_card_authenticationRequired")

    shapes.check(intent)
    assert (intent["status"], intent["next_action"]["type"]) == ("requires_action", "redirect_to_url")  # type: ignore[index]
    assert await bench.told() == ["payment_intent.created", "payment_intent.requires_action"]


async def test_the_payer_completes_the_challenge_in_a_browser(bench: Bench) -> None:
    intent = await on_session(bench, "pm_card_threeDSecure2Required")
    url = intent["next_action"]["redirect_to_url"]["url"]  # type: ignore[index]

    page = await bench.raw.get(url)
    pressed = await bench.raw.post(url, data={"client_secret": intent["client_secret"], "outcome": "complete"})

    assert "Complete</button>" in page.text
    assert pressed.status_code == 303
    assert pressed.headers["location"].startswith(f"{RETURN}&payment_intent={intent['id']}")
    assert pressed.headers["location"].endswith("redirect_status=succeeded")
    paid = (await bench.v1.payment_intents.retrieve_async(str(intent["id"]))).to_dict()
    charge = await bench.charge_of(paid)
    shapes.check(charge)
    assert paid["status"] == "succeeded"
    assert charge["payment_method_details"]["card"]["three_d_secure"]["result"] == "authenticated"


async def test_the_page_asks_for_the_secret(bench: Bench) -> None:
    intent = await on_session(bench, "pm_card_authenticationRequired")

    page = await bench.raw.get(f"{bench.address}/_sandbox/3ds/{intent['id']}?client_secret=guess")
    pressed = await bench.raw.post(f"{bench.address}/_sandbox/3ds/{intent['id']}", data={"outcome": "complete"})

    assert (page.status_code, pressed.status_code) == (403, 403)
    assert (await bench.v1.payment_intents.retrieve_async(str(intent["id"]))).status == "requires_action"


async def test_a_failed_challenge_reopens_the_intent(bench: Bench) -> None:
    intent = await on_session(bench, "pm_card_authenticationRequired")

    await bench.control(f"3ds/{intent['id']}", {"outcome": "fail"})

    failed = (await bench.v1.payment_intents.retrieve_async(str(intent["id"]))).to_dict()
    shapes.check(failed)
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"


async def test_a_card_may_be_declined_after_a_passed_challenge(bench: Bench) -> None:
    intent = await on_session(bench, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")

    await bench.control(f"3ds/{intent['id']}", {"outcome": "complete"})

    failed = await bench.v1.payment_intents.retrieve_async(str(intent["id"]))
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error
    assert failed.last_payment_error.decline_code == "insufficient_funds"


async def test_a_card_that_was_set_up_pays_without_the_payer(bench: Bench) -> None:
    owner = await bench.customer()
    setup = await bench.v1.setup_intents.create_async(
        {
            "customer": owner,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": RETURN,
        }
    )
    await bench.control(f"3ds/{setup.id}", {"outcome": "complete"})
    done = (await bench.v1.setup_intents.retrieve_async(setup.id)).to_dict()

    paid = await bench.pay(done["payment_method"], customer=owner)

    shapes.check(done)
    assert (setup.status, done["status"], paid["status"]) == ("requires_action", "succeeded", "succeeded")


async def test_a_card_that_always_asks_asks_even_after_its_setup(bench: Bench) -> None:
    owner = await bench.customer()
    method = await bench.method("pm_card_authenticationRequired", owner)

    with pytest.raises(stripe.CardError):
        await bench.pay(method, customer=owner)


async def test_the_card_that_is_already_set_up_pays_off_session_only(bench: Bench) -> None:
    token = "pm_card_authenticationRequiredSetupForOffSession"

    assert (await bench.pay(token))["status"] == "succeeded"
    assert (await on_session(bench, token))["status"] == "requires_action"


async def test_a_client_without_a_return_url_gets_an_action_for_its_sdk(bench: Bench) -> None:
    never = {"enabled": True, "allow_redirects": "never"}

    intent = await bench.pay("pm_card_authenticationRequired", off_session=False, automatic_payment_methods=never)

    shapes.check(intent)
    assert intent["next_action"]["type"] == "use_stripe_sdk"


async def test_an_action_can_be_refused_beforehand(bench: Bench) -> None:
    with pytest.raises(stripe.CardError) as caught:
        await bench.pay(
            "pm_card_authenticationRequired", off_session=False, return_url=RETURN, error_on_requires_action=True
        )

    assert caught.value.code == "authentication_required"
