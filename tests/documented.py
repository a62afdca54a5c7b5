"""A test client that holds every JSON reply against what the OpenAPI document says of it."""

from functools import cache
from typing import Any

from flask.testing import FlaskClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from pyapp.api.openapi_operations import OPERATIONS
from pyapp.api.openapi_schemas import SCHEMAS


def closed(schema: Any) -> Any:
    """The same without members that it does not name: who reads the document must learn of all there are."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    return {"additionalProperties": False, **found} if isinstance(schema.get("properties"), dict) else found


@cache
def validator(view: str, status: int) -> Draft202012Validator | None:
    """Of the view's reply; None: it is no JSON."""
    operation = OPERATIONS.get(view)
    shape = operation.replies.get(status) if operation else None
    if not isinstance(shape, dict):
        return None
    return Draft202012Validator({**closed(shape), "components": {"schemas": closed(SCHEMAS)}})


class DocumentedClient(FlaskClient):
    """As FlaskClient; raises where a reply is not as documented."""

    def open(self, *args: Any, **options: Any) -> TestResponse:
        """Also of every request by get(), post() and the others."""
        response = super().open(*args, **options)
        view = self._view_of(response) if response.is_json and response.request.method != "HEAD" else None
        found = validator(view, response.status_code) if view else None
        if found:
            found.validate(response.json)
        return response

    def _view_of(self, response: TestResponse) -> str | None:
        """`blueprint.view`; None: no route."""
        routes = self.application.url_map.bind_to_environ(response.request.environ)
        try:
            endpoint, _ = routes.match(method=response.request.method)
        except HTTPException:
            return None
        return ".".join(endpoint.split(".")[-2:])
