"""Logs are read as the tests of the gateway read them."""

from tests.gateway.conftest import lines

__all__ = ["lines"]
