"""What holds for every call, said once in the schema instead of in each view."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter

from rest.idempotency import HEADER

_PROBLEM = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}},
    "description": "A problem document",
}
_RETRY_AFTER = {"description": "Seconds until the call is worth another try.", "schema": {"type": "integer"}}

_KEY_PARAMETER = OpenApiParameter(
    name=HEADER,
    type={"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[!-~]{1,64}$"},
    location=OpenApiParameter.HEADER,
    description="The same key with the same request, within 24 hours: one effect, the same answer.",
)


class DoorSchema(AutoSchema):
    """Adds the header of calls that can be sent twice under one key; says of a call what was written for callers."""

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular takes no path and method
        """Nothing, where `extend_schema` says nothing: a view's docstring is for its developers."""
        return ""

    def get_override_parameters(self) -> list[Any]:
        method = getattr(self.view, self.method.lower(), None)
        return [_KEY_PARAMETER] if getattr(method, "takes_idempotency_key", False) else []


def add_common_problems(result: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
    """429 for every call, 411, 413 and 415 where a body is looked at, what a key may meet for those that take one."""
    for item in result["paths"].values():
        for method, call in item.items():
            statuses = ["429"]
            if method == "post" or "requestBody" in call:
                statuses += ["411", "413", "415"]
            if any(parameter["name"] == HEADER for parameter in call.get("parameters", ())):
                statuses += ["400", "409", "413", "422"]
            for status in statuses:
                call["responses"].setdefault(status, dict(_PROBLEM))
            call["responses"]["429"] = _PROBLEM | {"headers": {"Retry-After": _RETRY_AFTER}}
            call["responses"] = dict(sorted(call["responses"].items()))
    return result
