"""What the door logs during a test, and nothing of it left behind."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog

from gateway.logs import configure_logging


@pytest.fixture(autouse=True)
def lines() -> Iterator[StringIO]:
    """The lines that are logged, one JSON object each."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = StringIO()
    configure_logging(production=True, stream=stream)
    yield stream
    root.handlers[:], root.level = handlers, level
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()
