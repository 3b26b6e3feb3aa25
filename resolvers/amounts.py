"""What clients write amounts in."""

from __future__ import annotations

from typing import NewType

import strawberry

from kernel.money import Money

Long = NewType("Long", int)
"""A whole number of up to 64 bits."""


@strawberry.input(description="An amount of one currency, in whole minor units.")
class AmountInput:
    """What a client writes for `kernel.money.Money`."""

    minor: Long = strawberry.field(description="The amount in minor units: cents of a dollar, whole yen.")
    currency: str = strawberry.field(description="The ISO 4217 code.")

    @property
    def money(self) -> Money:
        """The amount as a value."""
        return Money(self.minor, self.currency)


@strawberry.input(description="What a line of an invoice gives back.")
class CreditLineInput:
    """So much of one line."""

    position: int = strawberry.field(description="The line's place on the invoice, counted from 1.")
    minor: Long = strawberry.field(
        description="How much, in minor units: before an exclusive tax, or with an inclusive one, as the line's amount."
    )


@strawberry.input(description="A line of a one-off invoice.")
class OneOffLineInput:
    """Something to bill by hand."""

    description: str = strawberry.field(description="What it is for: 1 to 500 characters.")
    unit_minor: Long = strawberry.field(description="What one of it costs, in minor units.")
    quantity: int = strawberry.field(description="How many: 1 to 100,000.", default=1)
    tax_category: str = strawberry.field(description="How it is taxed.", default="standard")
