"""The protocol, read leniently: what Okta and Entra write in their own way becomes what the standard says.

Most of it is scim2-models' policy, and its readers take "False" for false and Replace
for replace. What is left is here: a manager told as a text, and an `active` that is
not told at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from scim2_models import (
    EnterpriseUser,
    InvalidSyntaxException,
    InvalidValueException,
    PatchOp,
    Resource,
    ResourceType,
    ResponseParameters,
)
from scim2_server.bulk import BulkPlan
from scim2_server.conditions import Conditions
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from gateway import cards
from gateway.scim.filters import bounded

_DEEPEST = 30
_MOST_CHANGES = 1_000
_MANAGER = "manager"
_CARD = "Something in this request looks like a card number, and those may not come here. Nothing was kept of it."


class Service(ScimService):
    """scim2-server's protocol, with our limits and other people's dialects."""

    def read_creation(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> Resource[Any]:
        """A new resource; whoever doesn't say so is active."""
        return super().read_creation(resource_type, self._understood(body, content_type), content_type)

    def read_replacement(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> Resource[Any]:
        """What a resource shall be."""
        return super().read_replacement(resource_type, self._understood(body, content_type), content_type)

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """The new state; a PUT that doesn't tell `active` leaves it."""
        if getattr(replacement, "active", True) is None:
            replacement.active = current.active  # type: ignore[attr-defined]
        return super().apply_replacement(current, replacement, conditions)

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> PatchOp[Any]:
        """The changes of a PATCH."""
        return super().read_patch(resource_type, self._understood(body, content_type), content_type)

    def read_bulk(self, body: bytes, content_type: str | None) -> BulkPlan:
        """The operations of a bulk request."""
        self.ensure_bulk_payload_size(len(body))
        return super().read_bulk(self._understood(body, content_type), content_type)

    def read_search(self, resource_types: list[ResourceType], payload: Any) -> Any:
        """A search, whose filter is of a size that can be answered."""
        told = payload.get("filter") if isinstance(payload, dict) else None
        if isinstance(told, str):
            bounded(told)
        return super().read_search(resource_types, payload)

    def publish(self, base_url: str, resource: Resource[Any]) -> Resource[Any]:
        """A resource in the form that is sent: in its place, for it was made of rows for this answer alone."""
        assert resource.id is not None
        assert resource.meta is not None
        kind = self.get_resource_type_of(resource)
        resource.meta.location = self.resource_location(base_url, kind, resource.id)
        for entry in _referring(resource):
            entry.ref = self.reference_location(base_url, entry.ref)
        return resource

    def patch_response(
        self, base_url: str, resource: Resource[Any], response_parameters: ResponseParameters[Any]
    ) -> ScimResponse:
        """The answer to a PATCH: the version alone, unless some attributes were asked for."""
        if response_parameters.attributes or response_parameters.excluded_attributes:
            return super().patch_response(base_url, resource, response_parameters)
        assert resource.meta is not None
        return ScimResponse(HTTPStatus.NO_CONTENT, None, {"ETag": resource.meta.version or ""})

    def _understood(self, body: bytes, content_type: str | None) -> bytes:
        self.ensure_json(content_type)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise InvalidSyntaxException(detail="The body is not JSON in UTF-8.") from None
        if cards.found(told):
            raise InvalidValueException(detail=_CARD)
        return json.dumps(understood(told)).encode()


def understood(told: Any, depth: int = 0) -> Any:
    """What somebody told, as the standard says it: a manager is an object, and a path is of a size."""
    if depth > _DEEPEST:
        raise InvalidSyntaxException(detail="The body is nested too deeply.")
    if isinstance(told, list):
        if len(told) > 20 * _MOST_CHANGES:
            raise InvalidValueException(detail="A list is too long.")
        return [understood(item, depth + 1) for item in told]
    if not isinstance(told, dict):
        return told
    made = {name: understood(item, depth + 1) for name, item in told.items()}
    path = next((item for name, item in made.items() if name.lower() == "path"), None)
    if isinstance(path, str):
        bounded(path)
        if path.lower().rpartition(":")[2] == _MANAGER:
            return {name: _manager(item) if name.lower() == "value" else item for name, item in made.items()}
    return {
        name: _manager(item) if name.lower().rpartition(":")[2] == _MANAGER else item for name, item in made.items()
    }


def _manager(told: Any) -> Any:
    """A manager as an object, with the reference that the standard asks for."""
    if isinstance(told, str):
        told = {"value": told} if told else None
    if isinstance(told, dict) and told.get("value") and not told.get("$ref"):
        return told | {"$ref": f"Users/{told['value']}"}
    return told


def _referring(resource: Resource[Any]) -> Iterator[Any]:
    """What of a resource of ours refers to another one."""
    enterprise = getattr(resource, EnterpriseUser.__name__, None)
    told = [*(getattr(resource, "groups", None) or ()), *(getattr(resource, "members", None) or ())]
    told += [enterprise.manager] if enterprise is not None and enterprise.manager is not None else []
    return (entry for entry in told if entry.ref is not None)
