"""Texts in several languages, as a catalog file writes them: `{ en = "Pro", de = "Pro" }`."""

from __future__ import annotations

import re

from babel import localedata

from billing.localized import Localized
from billing.toml_page import Page

_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")


def localized(sheet: Page, key: str) -> Localized:
    """The text below a key in every language that it has; a mistake is noted, and stands for nothing."""
    table = sheet.table(key, f"a {key}", required=True)
    if table is None:
        return Localized(())
    texts = table.rest()
    if "en" not in texts:
        table.note(f"`{key}` has no English text, `en`, for whoever speaks none of its languages.")
    for locale, text in texts.items():
        if not _LOCALE.fullmatch(locale) or not localedata.exists(locale.replace("-", "_")):
            table.note(f'"{locale}" is not a locale, such as "de" or "pt-BR".', locale)
        if not isinstance(text, str) or not text.strip():
            table.note(f"`{key}.{locale}` is a text that says something.", locale)
    return Localized(tuple(sorted((locale, str(text)) for locale, text in texts.items())))
