"""Documents: XML from strangers, parsed once and strictly, or not at all.

A document is UTF-8, without a document type, an entity, or a processing instruction, and
has 256 kB at most. Everything that has an id has one of its own. Elements are known by
namespace and name together; one that only looks like another is refused where it could
be taken for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lxml import etree

from auth.sso.rules import LoginRefused

LARGEST = 256 * 1024
"""Bytes of a document."""

ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
NAMES = {"a": ASSERTION, "p": PROTOCOL, "m": METADATA, "s": SIGNATURE, "e": EXCLUSIVE}
"""The prefixes by which our own paths name a namespace."""

Element = Any
"""An element of lxml, which has no types of its own."""

_DECLARED = re.compile(r"<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']")
_MOST_ATTRIBUTES = 100
_MOST_NAMESPACES = 2_000
_SHOWN = 200


def parse(raw: bytes) -> Element:
    """The root of a document. Raises LoginRefused."""
    if len(raw) > LARGEST:
        raise LoginRefused(f"The document has more than {LARGEST // 1024} kB.")
    text = _decoded(raw)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise LoginRefused("The document has a document type, which we don't read.")
    if text.count("xmlns") > _MOST_NAMESPACES:
        raise LoginRefused("The document has more namespaces than anybody needs.")
    try:
        root = etree.fromstring(text.encode(), _parser())
    except (etree.XMLSyntaxError, ValueError) as reason:
        raise LoginRefused(f"The document is not XML: {shown(reason)}.") from reason
    if root.getroottree().docinfo.doctype or root.xpath("//processing-instruction()"):
        raise LoginRefused("The document has a processing instruction or a document type, which we don't read.")
    _insist_on_ids(root)
    return root


def canonical(element: Element, prefixes: Sequence[str] = ()) -> bytes:
    """An element in the exclusive canonical form, without comments. Raises LoginRefused where there is none."""
    try:
        form: bytes = etree.tostring(
            element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes) or None
        )
    except (etree.LxmlError, ValueError) as reason:
        raise LoginRefused("A part of the document has no canonical form.") from reason
    # Where libxml2 gives up, it may do so without a word, and the digest of nothing is known to everybody.
    if not form.startswith(b"<"):
        raise LoginRefused("A part of the document has an empty canonical form.")
    return form


def only(element: Element, path: str, what: str) -> Element:
    """The one element at a path below another. Raises LoginRefused for none and for several."""
    found = element.findall(path, NAMES)
    if len(found) != 1:
        raise LoginRefused(f"The answer has {len(found) or 'no'} {what}, where it needs one.")
    return found[0]


def words(element: Element, what: str, longest: int = 1_000) -> str:
    """The whole text of an element that has nothing but text. Raises LoginRefused."""
    if len(element):
        raise LoginRefused(f"The {what} holds more than text.")
    found = (element.text or "").strip()
    if not 0 < len(found) <= longest or not found.isprintable():
        raise LoginRefused(f"The {what} is empty, too long, or can not be shown.")
    return found


def tag(namespace: str, name: str) -> str:
    """An element's full name, as lxml writes it."""
    return f"{{{namespace}}}{name}"


def shown(value: object) -> str:
    """Words of a stranger, cut to what a log can show."""
    text = " ".join(str(value).split())[:_SHOWN]
    return text if text.isprintable() else "(not printable)"


def _decoded(raw: bytes) -> str:
    try:
        text = raw.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as reason:
        raise LoginRefused("The document is not in UTF-8.") from reason
    declared = _DECLARED.match(text)
    if "\x00" in text or (declared and declared[1].lower() != "utf-8"):
        raise LoginRefused("The document is not in UTF-8.")
    return text


def _parser() -> Any:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        dtd_validation=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        collect_ids=False,
    )


def _insist_on_ids(root: Element) -> None:
    """Refuse a document in which two things have the same id, however the attribute is spelled."""
    seen = set()
    for element in root.iter(etree.Element):
        names = element.keys()
        if len(names) > _MOST_ATTRIBUTES:
            raise LoginRefused("A part of the document has more attributes than anybody needs.")
        for value in [element.get(name) for name in names if name.rpartition("}")[2].lower() == "id"]:
            if value in seen:
                raise LoginRefused("Two parts of the document have the same id.")
            seen.add(value)
