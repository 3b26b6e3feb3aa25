"""Signatures: what a provider's key has signed, and nothing beside it.

A signature stands right in what it signs, a response or an assertion. It refers once, to
the id of that; it takes itself out, and uses the exclusive canonical form. RSA or P-256
with SHA-2, under a key that is pinned here; what `KeyInfo` says is not read.

What comes out are the canonical bytes that the digest was made of, parsed again: so
whatever stands around them, in comments, or elsewhere under the same name, is not read
by anybody.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from hashlib import sha256, sha384, sha512
from hmac import compare_digest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from auth.saml.certificates import Certificate
from auth.saml.documents import EXCLUSIVE, NAMES, SIGNATURE, Element, canonical, parse, shown, tag
from auth.sso.rules import LoginRefused

_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
_RSA = "http://www.w3.org/2001/04/xmldsig-more#rsa-"
_CURVE = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-"
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_METHODS = {f"{kind}{name}": (kind, made) for kind in (_RSA, _CURVE) for name, made in _HASHES.items()}
_DIGESTS = {
    "http://www.w3.org/2001/04/xmlenc#sha256": sha256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": sha384,
    "http://www.w3.org/2001/04/xmlenc#sha512": sha512,
}
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}")
_PREFIXES = re.compile(r"#default|[A-Za-z_][A-Za-z0-9_.-]{0,50}")
_MOST_PREFIXES = 20
_COORDINATE = 32


def signed(parent: Element, certificates: Sequence[Certificate], now: datetime) -> Element | None:
    """What the signature in this element covers, parsed again; None without a signature. Raises LoginRefused."""
    signatures = parent.findall("s:Signature", NAMES)
    if not signatures:
        return None
    if len(signatures) > 1:
        raise LoginRefused("A part of the answer has several signatures.")
    (signature,) = signatures
    told = _told(signature)
    form = canonical(told, _prefixes(told[0]))
    _verify(form, told[1].get("Algorithm"), _bytes(_child(signature, "SignatureValue")), certificates, now)
    return _covered(parent, signature, parse(form)[2])


def identified(element: Element) -> str:
    """The id of a response or an assertion. Raises LoginRefused."""
    found = element.get("ID", "")
    if not _ID.fullmatch(found):
        raise LoginRefused("A response or an assertion has no usable ID.")
    return str(found)


def _told(signature: Element) -> Element:
    """The `SignedInfo`, which has exactly the parts that we know."""
    told = _child(signature, "SignedInfo")
    if next(told.iter(etree.Comment), None) is not None:
        raise LoginRefused("A signature has a comment.")
    _insist(told, "CanonicalizationMethod", "SignatureMethod", "Reference")
    form, method, reference = told
    if form.get("Algorithm") != EXCLUSIVE:
        raise LoginRefused(f"A signature is not in the exclusive canonical form, but {shown(form.get('Algorithm'))}.")
    _insist(method)
    _insist(reference, "Transforms", "DigestMethod", "DigestValue")
    return told


def _child(signature: Element, name: str) -> Element:
    found = signature.findall(f"s:{name}", NAMES)
    if len(found) != 1:
        raise LoginRefused(f"A signature needs one {name}.")
    return found[0]


def _insist(element: Element, *names: str) -> None:
    """Refuse an element with other children than these."""
    if [child.tag for child in element] != [tag(SIGNATURE, name) for name in names]:
        raise LoginRefused(f"A signature has other parts than we allow in its {shown(_local(element))}.")


def _local(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _covered(parent: Element, signature: Element, reference: Element) -> Element:
    """The canonical bytes of the parent without the signature, if that is what was signed, parsed again."""
    if reference.get("URI") != f"#{identified(parent)}":
        raise LoginRefused("A signature refers to something else than what it stands in.")
    transforms, method, value = reference
    _insist(transforms, "Transform", "Transform")
    enveloped, exclusive = transforms
    if [each.get("Algorithm") for each in transforms] != [_ENVELOPED, EXCLUSIVE] or len(enveloped) or len(method):
        raise LoginRefused("A signature transforms what it signs in another way than we allow.")
    form = canonical(_without(parent, signature), _prefixes(exclusive))
    digest = _DIGESTS.get(method.get("Algorithm"))
    if digest is None:
        raise LoginRefused(f"A digest is not of SHA-2, but {shown(method.get('Algorithm'))}.")
    if not compare_digest(digest(form).digest(), _bytes(value)):
        raise LoginRefused("What was signed is not what arrived: the digest is another.")
    return parse(form)


def _without(parent: Element, signature: Element) -> Element:
    """The same element in a copy of its document, without the signature; the text behind that stays."""
    root = parent.getroottree().getroot()
    copy = deepcopy(root)
    twin = copy if parent is root else copy[root.index(parent)]
    gone = twin[parent.index(signature)]
    before = gone.getprevious()
    if before is None:
        twin.text = (twin.text or "") + (gone.tail or "")
    else:
        before.tail = (before.tail or "") + (gone.tail or "")
    twin.remove(gone)
    return twin


def _prefixes(method: Element) -> list[str]:
    """The prefixes that a canonical form is to keep."""
    if not len(method):
        return []
    if [child.tag for child in method] != [tag(EXCLUSIVE, "InclusiveNamespaces")] or len(method[0]):
        raise LoginRefused("A canonical form has a part that we don't allow.")
    found: list[str] = method[0].get("PrefixList", "").split()
    if len(found) > _MOST_PREFIXES or not all(_PREFIXES.fullmatch(each) for each in found):
        raise LoginRefused("A canonical form keeps too many prefixes, or impossible ones.")
    return found


def _bytes(element: Element) -> bytes:
    if len(element):
        raise LoginRefused("A signature or digest is more than text.")
    try:
        return b64decode("".join((element.text or "").split()), validate=True)
    except (NotBase64, ValueError) as reason:
        raise LoginRefused("A signature or digest is not in base 64.") from reason


def _verify(
    form: bytes, algorithm: str | None, value: bytes, certificates: Sequence[Certificate], now: datetime
) -> None:
    """Insist that one of the pinned keys made the signature."""
    if algorithm not in _METHODS:
        raise LoginRefused(f"A signature is made by {shown(algorithm)}, which we don't allow.")
    kind, made = _METHODS[algorithm]
    by = next((each for each in certificates if _is_by(each, form, value, kind, made)), None)
    if by is None:
        raise LoginRefused("No certificate of this SSO connection made the signature.")
    if by.expires_at <= now:
        raise LoginRefused(f"The certificate of the signature expired on {by.expires_at:%Y-%m-%d}. Add the next one.")


def _is_by(certificate: Certificate, form: bytes, value: bytes, kind: str, made: hashes.HashAlgorithm) -> bool:
    key = certificate.key
    try:
        if kind == _RSA and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, form, padding.PKCS1v15(), made)
            return True
        if kind == _CURVE and isinstance(key, ec.EllipticCurvePublicKey) and len(value) == 2 * _COORDINATE:
            halves = (int.from_bytes(value[:_COORDINATE]), int.from_bytes(value[_COORDINATE:]))
            key.verify(encode_dss_signature(*halves), form, ec.ECDSA(made))
            return True
    except InvalidSignature:
        pass
    return False
