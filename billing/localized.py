"""Texts in several languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Localized:
    """One text in several languages, as (locale, text) pairs in order of locale; English is always one."""

    texts: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return " / ".join(f'{locale} "{" ".join(text.split())}"' for locale, text in self.texts)

    def said_in(self, locale: str) -> str:
        """The text in a locale such as "de-AT", else in its language, else in English."""
        known = dict(self.texts)
        language = locale.partition("-")[0]
        return known.get(locale) or known.get(language) or known["en"]
