"""Trusted documents: texts that a client registered before it asks, and then names by an id."""
