"""Sealing: what has to be readable again later, but not by whoever reads the database."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import blake2b

from cryptography.fernet import Fernet


class _Key:
    """The key in force: one an installation, chosen when the process starts."""

    fernet = Fernet(urlsafe_b64encode(blake2b(b"development", digest_size=32).digest()))


def use_key(key: bytes) -> None:
    """Choose the key of this installation; what was sealed with another can't be read."""
    _Key.fernet = Fernet(urlsafe_b64encode(blake2b(key, digest_size=32, person=b"seatgraph-seal").digest()))


def seal(text: str) -> str:
    """The text, encrypted and authenticated."""
    return _Key.fernet.encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text that was sealed. Raises cryptography's InvalidToken when it was sealed with another key."""
    return _Key.fernet.decrypt(sealed.encode()).decode()
