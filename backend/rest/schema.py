"""What the API's schema says of every call."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ProblemAnswer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What is wrong, and the cure.")
    field = serializers.CharField(required=False, help_text="The part of the request that is wrong.")


def problems(*statuses: int) -> dict[Any, Any]:
    """Responses of a call that may be refused with these."""
    meant = OpenApiResponse(ProblemAnswer, description="A problem document")
    return {(status, "application/problem+json"): meant for status in statuses}


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How `players.authentication.BearerToken` shows in the schema: one of three credentials."""

    target_class = "players.authentication.BearerToken"
    name = ["playerToken", "serverToken", "fleetKey"]

    def get_security_definition(self, auto_schema: Any) -> Any:
        return [
            {"type": "http", "scheme": "bearer", "description": "Access token of POST /api/token/"},
            {"type": "http", "scheme": "bearer", "description": "Token of POST /api/servers/register/"},
            {"type": "apiKey", "in": "header", "name": "X-Fleet-Key"},
        ]

    def get_security_requirement(self, auto_schema: Any) -> Any:
        """The credentials that the view's permissions let in."""
        fits = {
            "IsPlayer": ["playerToken"],
            "IsStaff": ["playerToken"],
            "IsFleet": ["fleetKey"],
            "IsServer": ["serverToken"],
            "IsServerOrStaff": ["serverToken", "playerToken"],
            "IsServerOrFleet": ["serverToken", "fleetKey"],
        }
        names = [name for permission in auto_schema.view.permission_classes for name in fits[permission.__name__]]
        return [{name: []} for name in names]
