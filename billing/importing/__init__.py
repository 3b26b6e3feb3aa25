"""Importing: an account at Stripe Billing comes over, without anybody being charged twice or forgotten."""
