"""The sandbox: a server that speaks Stripe's wire protocol, for tests and for the zero-setup mode."""
