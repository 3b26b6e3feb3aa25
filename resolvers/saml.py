"""SSO connections that speak SAML, and the certificates that sign for them."""

from __future__ import annotations

from typing import Annotated

from strawberry import ID

from auth.policy import Permission
from auth.saml import metadata
from auth.saml.metadata import Described
from auth.sso import federating
from auth.sso.federating import Attributes
from auth.sso.tables import SsoCertificate, SsoConnection
from kernel.errors import InvalidInput
from resolvers.identity import managed
from resolvers.info import Context, Info

MANAGE = Permission.MANAGE_IDENTITY


async def create_saml_connection(
    info: Info,
    workspace: Annotated[ID, "Whose people sign in there."],
    name: Annotated[str, "What people call it: 1 to 200 characters."],
    metadata_url: Annotated[str | None, "Where the provider's metadata is, if it has an address."] = None,
    metadata: Annotated[str | None, "The metadata itself, where it has no address."] = None,
    issuer: Annotated[str | None, "The provider's entity id, where there is no metadata."] = None,
    sign_in_url: Annotated[str | None, "Where it wants browsers sent, by redirect."] = None,
    certificates: Annotated[list[str] | None, "The certificates that sign its answers, in PEM: one or two."] = None,
    subject_attribute: Annotated[str | None, "The attribute that names a person for good; else the NameID."] = None,
    email_attribute: Annotated[str | None, "The attribute with the address; the usual ones if left out."] = None,
    name_attribute: Annotated[str | None, "The attribute with the name; the usual ones if left out."] = None,
) -> SsoConnection:
    """Connect a workspace to its own identity provider, by SAML 2.0. Try it, then enable it."""
    context = info.context
    found = await managed(context, "workspace", workspace)
    by_hand = None if issuer is None or sign_in_url is None else (issuer, sign_in_url, certificates or [])
    told = await _described(context, metadata_url, metadata, by_hand)
    return await federating.create(
        context.work,
        found.id,
        context.person(),
        told,
        name=name,
        base=context.base,
        metadata_url=metadata_url,
        attributes=Attributes(subject_attribute, email_attribute, name_attribute),
    )


async def change_saml_connection(
    info: Info,
    connection: Annotated[ID, "Which SSO connection."],
    sign_in_url: Annotated[str | None, "Where the provider wants browsers sent from now on."] = None,
    subject_attribute: Annotated[str | None, "The attribute that names a person; empty for the NameID."] = None,
    email_attribute: Annotated[str | None, "The attribute with the address; empty for the usual ones."] = None,
    name_attribute: Annotated[str | None, "The attribute with the name; empty for the usual ones."] = None,
    idp_initiated: Annotated[bool | None, "Whether a login may begin at the provider, and then anew here."] = None,
) -> SsoConnection:
    """Change how an SSO connection speaks SAML. What is left out stays."""
    context = info.context
    found = await managed(context, "sso", connection)
    if sign_in_url is not None:
        context.providers.fetcher.check(sign_in_url)
    return await federating.change(
        context.work,
        found.account_id,
        found.id,
        sign_in_url=sign_in_url,
        idp_initiated=idp_initiated,
        attributes=Attributes(subject_attribute, email_attribute, name_attribute),
    )


async def add_sso_certificate(
    info: Info,
    connection: Annotated[ID, "Which SSO connection."],
    certificate: Annotated[str, "The certificate, in PEM."],
) -> SsoCertificate:
    """Let answers be signed by another key as well, so that a provider can change to it at any moment."""
    context = info.context
    found = await managed(context, "sso", connection)
    return await federating.add_certificate(context.work, found.account_id, found.id, context.person(), certificate)


async def remove_sso_certificate(info: Info, certificate: Annotated[ID, "Which certificate."]) -> SsoCertificate:
    """Let answers be signed by a key no more."""
    found = await managed(info.context, "certificate", certificate)
    return await federating.remove_certificate(info.context.work, found.account_id, found.id)


async def _described(
    context: Context, url: str | None, text: str | None, by_hand: tuple[str, str, list[str]] | None
) -> Described:
    """What was told of a provider, in one of three ways. Raises InvalidInput, or ConnectionUnreachable."""
    if sum(each is not None for each in (url, text, by_hand)) != 1:
        raise InvalidInput(
            "Tell one of these: the address of the metadata, the metadata, or issuer, sign-in address and certificates."
        )
    fetcher, now = context.providers.fetcher, context.work.now
    if url is not None:
        return await metadata.fetched(fetcher, url, now)
    if text is not None:
        return metadata.read(text.encode(), fetcher, now)
    assert by_hand is not None, "one of the three is there"
    issuer, sign_in, certificates = by_hand
    fetcher.check(sign_in)
    return metadata.given(issuer.strip(), sign_in, certificates, now)
