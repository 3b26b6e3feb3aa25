"""The tokens of directories: which one speaks, and for which workspace, is known by its hash and by nothing else.

    sgd_<43 characters of secret>

A directory has up to two at a time, so that the next one can be put in place before
the last one goes. The text is 256 random bits, shown once; we keep its SHA-256.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernel.errors import Problem

PREFIX = "sgd_"
"""What every token of a directory begins with; no other secret of ours does."""

MOST = 2
"""How many tokens of a directory count at the same time."""


@dataclass(eq=False)
class TooManyTokens(Problem):
    """The directory has two tokens that count."""

    says = "This directory has {most} tokens already. Remove the one that it no longer uses, then make another."
    most: int
    """How many it may have."""


@dataclass(eq=False)
class DirectoryDisabled(Problem):
    """The directory was disabled, which is final."""

    says = "{name} was disabled. Connect a new directory."
    name: str
    """What people call it."""
