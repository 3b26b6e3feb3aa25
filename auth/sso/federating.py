"""Federating: what is done with SSO connections that speak SAML, and with their certificates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from auth import events
from auth.operations import named
from auth.saml import certificates
from auth.saml.certificates import Certificate, LastCertificate, TooManyCertificates
from auth.saml.metadata import Described
from auth.sso import addresses, queries
from auth.sso.rules import SsoKind
from auth.sso.tables import SsoCertificate, SsoConnection
from kernel.errors import InvalidInput
from kernel.work import Work

LONGEST_ATTRIBUTE = 500


@dataclass(frozen=True, slots=True)
class Attributes:
    """Which attributes say who somebody is; None for what stays as it is, an empty text for the usual ones."""

    subject: str | None = None
    email: str | None = None
    name: str | None = None


async def create(
    work: Work,
    account_id: int,
    person_id: int,
    told: Described,
    *,
    name: str,
    base: str,
    metadata_url: str | None,
    attributes: Attributes,
) -> SsoConnection:
    """An SSO connection by SAML that nobody signs in through until it is enabled."""
    number = work.new_id()
    row = SsoConnection(
        account_id=account_id,
        id=number,
        kind=SsoKind.SAML,
        name=named(name),
        issuer=told.issuer,
        client_id=addresses.door(base, number, "metadata"),
        sign_in_url=told.sign_in,
        metadata_url=metadata_url,
        metadata_read_at=work.now if metadata_url else None,
        created_by=person_id,
        created_at=work.now,
    )
    _map(row, attributes)
    work.add(row)
    await work.flush()
    for slot, each in enumerate(told.certificates, 1):
        work.add(_pinned(work, row, each, slot, person_id))
    await work.flush()
    work.emit(events.SsoCreated(account_id, number), row)
    return row


async def change(
    work: Work,
    account_id: int,
    connection_id: int,
    *,
    sign_in_url: str | None,
    idp_initiated: bool | None,
    attributes: Attributes,
) -> SsoConnection:
    """Change how an SSO connection speaks SAML. Its issuer stays: subjects mean something there alone."""
    row = await _saml(work, account_id, connection_id)
    before = (row.sign_in_url, row.subject_attribute, row.email_attribute, row.name_attribute)
    row.sign_in_url = row.sign_in_url if sign_in_url is None else sign_in_url
    row.idp_initiated = row.idp_initiated if idp_initiated is None else idp_initiated
    _map(row, attributes)
    if before != (row.sign_in_url, row.subject_attribute, row.email_attribute, row.name_attribute):
        # What was tried is no longer what is there.
        row.tested_at = row.tested_by = None
    await work.flush()
    work.emit(events.SsoChanged(account_id, connection_id), row)
    return row


async def add_certificate(work: Work, account_id: int, connection_id: int, person_id: int, text: str) -> SsoCertificate:
    """Let another key sign, beside the one that does. Raises TooManyCertificates, InvalidInput."""
    row = await _saml(work, account_id, connection_id)
    found = certificates.read(text)
    certificates.insist_on_life(found, work.now)
    pinned = await queries.certificates(work, account_id, connection_id)
    if found.fingerprint in {each.fingerprint for each in pinned}:
        raise InvalidInput("This certificate counts already.")
    free = {1, 2} - {each.slot for each in pinned}
    if not free:
        raise TooManyCertificates
    added = _pinned(work, row, found, min(free), person_id)
    work.add(added)
    row.announced_certificates = [each for each in row.announced_certificates if each != found.fingerprint]
    try:
        await work.flush()
    except IntegrityError:
        raise TooManyCertificates from None
    work.emit(events.SsoCertificateAdded(account_id, added.id), added)
    return added


async def remove_certificate(work: Work, account_id: int, certificate_id: int) -> SsoCertificate:
    """Let a key sign no more. Raises LastCertificate."""
    gone = await queries.certificate(work, account_id, certificate_id)
    row = await queries.connection(work, account_id, gone.connection_id)
    if gone.removed_at is not None:
        return gone
    living = [
        each
        for each in await queries.certificates(work, account_id, row.id)
        if each.id != gone.id and each.expires_at > work.now
    ]
    if row.enabled and not living:
        raise LastCertificate
    gone.removed_at = work.now
    await work.flush()
    work.emit(events.SsoCertificateRemoved(account_id, certificate_id), gone)
    return gone


async def warn(work: Work, account_id: int, certificate_id: int) -> None:
    """Tell that a certificate is about to expire, where that was not told yet."""
    row = await queries.certificate(work, account_id, certificate_id)
    due = certificates.warnings_due(row.expires_at, work.now)
    if row.removed_at is not None or row.warned >= due:
        return
    row.warned = due
    await work.flush()
    work.emit(events.SsoCertificateExpiring(account_id, certificate_id), row)


async def announced(work: Work, account_id: int, found: tuple[int, Sequence[Certificate] | None]) -> None:
    """Note what the metadata of an SSO connection (its number) names by now, or that it could not be read.

    Certificates that have never counted here are told of. None counts by that: an admin puts it here.
    """
    number, named = found
    row = await queries.connection(work, account_id, number)
    row.metadata_read_at = work.now
    new: list[str] = []
    if named is not None:
        known = await queries.fingerprints(work, account_id, number)
        named_anew = [each.fingerprint for each in named if each.fingerprint not in known]
        new = [each for each in named_anew if each not in row.announced_certificates]
        row.announced_certificates = named_anew
    await work.flush()
    for fingerprint in new:
        work.emit(events.SsoCertificateAnnounced(account_id, number, fingerprint), row)


async def _saml(work: Work, account_id: int, connection_id: int) -> SsoConnection:
    row = await queries.connection(work, account_id, connection_id)
    if row.kind != SsoKind.SAML:
        raise InvalidInput("This SSO connection speaks OpenID Connect, which has no such setting.")
    return row


def _pinned(work: Work, row: SsoConnection, found: Certificate, slot: int, person_id: int) -> SsoCertificate:
    return SsoCertificate(
        account_id=row.account_id,
        id=work.new_id(),
        connection_id=row.id,
        slot=slot,
        der=found.der,
        fingerprint=found.fingerprint,
        subject=found.subject,
        begins_at=found.begins_at,
        expires_at=found.expires_at,
        # One that comes shortly before its end is told of as it is.
        warned=0,
        created_by=person_id,
        created_at=work.now,
    )


def _map(row: SsoConnection, attributes: Attributes) -> None:
    row.subject_attribute = _attribute(attributes.subject, row.subject_attribute)
    row.email_attribute = _attribute(attributes.email, row.email_attribute)
    row.name_attribute = _attribute(attributes.name, row.name_attribute)


def _attribute(told: str | None, before: str | None) -> str | None:
    if told is None:
        return before
    if len(told) > LONGEST_ATTRIBUTE or (told and not told.isprintable()):
        raise InvalidInput(f"An attribute's name is at most {LONGEST_ATTRIBUTE} printable characters.")
    return told.strip() or None


def pinned_of(rows: Sequence[SsoCertificate]) -> list[Certificate]:
    """The certificates behind these rows."""
    return [certificates.of(row.der) for row in rows]
