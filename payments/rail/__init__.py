"""The rail: Stripe, behind values and errors of our own. Nothing else in the product imports its SDK."""
