"""Debits: Stripe's test IBANs and American bank accounts."""

from __future__ import annotations

from payments.sandbox.instruments import Dispute, Instrument

_IBANS = {
    "at": "AT611904300234573201 AT321904300235473204 AT861904300235473202 AT051904300235473205 "
    "AT591904300235473203 AT981904300000343434 AT601904300000121212 AT981904300002222227",
    "be": "BE62510007547061 BE78510007547064 BE68539007547034 BE51510007547065 "
    "BE08510007547063 BE90510000343434 BE52510000121212 BE90510002222227",
    "de": "DE89370400440532013000 DE08370400440532013003 DE62370400440532013001 DE78370400440532013004 "
    "DE35370400440532013002 DE65370400440000343434 DE27370400440000121212 DE65370400440002222227",
    "fr": "FR1420041010050500013M02606 FR3020041010050500013M02609 FR8420041010050500013M02607 "
    "FR7920041010050500013M02600 FR5720041010050500013M02608 FR9720041010050000000343434 "
    "FR5920041010050000000121212 FR9720041010050000002222227",
}

_SEPA_REVERSAL = Dispute("debit_not_authorized", "MD06")


def _sepa(country: str, ibans: str) -> dict[str, Instrument]:
    """The eight IBANs of a country, by token, in the order of Stripe's table."""

    def one(name: str, iban: str, **behaves: object) -> Instrument:
        return Instrument(f"{name}_{country}", iban, type="sepa_debit", country=country.upper(), **behaves)  # type: ignore[arg-type] # named below

    good, slow, failed, slow_failed, disputed, volume, limit, poor = ibans.split()
    made = [
        one("success", good),
        one("successDelayed", slow, slow=True),
        one("failed", failed, declines="generic_could_not_process"),
        one("failedDelayed", slow_failed, declines="generic_could_not_process", slow=True),
        one("disputed", disputed, disputes=_SEPA_REVERSAL),
        one("exceedsWeeklyVolumeLimit", volume, declines="charge_exceeds_source_limit"),
        one("exceedsWeeklyTransactionLimit", limit, declines="charge_exceeds_weekly_limit"),
        one("insufficientFunds", poor, declines="insufficient_funds"),
    ]
    return {f"pm_{instrument.name}": instrument for instrument in made}


def _account(name: str, number: str, declines: str | None = None, **behaves: object) -> Instrument:
    return Instrument(name, number, type="us_bank_account", declines=declines, **behaves)  # type: ignore[arg-type] # named below


_ACCOUNTS = [
    _account("success", "000123456789"),
    _account("accountClosed", "000111111113", "account_closed"),
    _account("noAccount", "000111111116", "no_account"),
    _account("insufficientFunds", "000222222227", "insufficient_funds"),
    _account("debitNotAuthorized", "000333333335", "debit_not_authorized"),
    _account("invalidCurrency", "000444444440", "invalid_currency"),
    _account("dispute", "000555555559", disputes=Dispute("bank_cannot_process", "R10")),
    _account("processing", "000000000009", settles=False),
]

BY_TOKEN = {token: made for country, ibans in _IBANS.items() for token, made in _sepa(country, ibans).items()} | {
    f"pm_usBankAccount_{account.name}": account for account in _ACCOUNTS
}
BY_NUMBER = {instrument.number: instrument for instrument in BY_TOKEN.values()}
