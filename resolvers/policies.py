"""The terms that a page says it has shown."""

from __future__ import annotations

import strawberry

from billing.policies import Policy, PolicyKind

POLICIES = "Which terms your page has shown to whoever buys. They answer a bank that asks later."


@strawberry.input(description="Terms as your page has shown them.")
class PolicyInput:
    """Terms that a customer was shown."""

    title: str = strawberry.field(description="What they are called: up to 200 characters.")
    version: str = strawberry.field(description="Which edition, such as its date: up to 50 characters.")
    text: str = strawberry.field(description="Their words, for a bank follows no links: up to 20,000.", default="")
    url: str | None = strawberry.field(description="Where they can be read.", default=None)


@strawberry.input(description="All terms that your page has shown.")
class PoliciesShownInput:
    """All terms that a customer was shown."""

    terms: PolicyInput | None = strawberry.field(description="What both sides owe each other.", default=None)
    cancellation: PolicyInput | None = strawberry.field(description="How a subscription ends.", default=None)
    refunds: PolicyInput | None = strawberry.field(description="When money is given back.", default=None)


def shown(given: PoliciesShownInput | None) -> list[Policy]:
    """The terms as values of ours."""
    named = [(kind, getattr(given, kind.value)) for kind in PolicyKind] if given else []
    return [Policy(kind, each.title, each.version, each.text, each.url) for kind, each in named if each]
