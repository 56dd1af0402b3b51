"""A client of the API that sends JSON and returns the status and the JSON of the response."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connection as database
from django.test import Client

Said = TypeVar("Said")
ROOT = "/rcs/api/"


class API:
    """`get("messages/", status="failed")` and the like: (status, data). `raw` gives Django's whole response."""

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.client = Client(raise_request_exception=True)

    def raw(self, method: str, path: str, body: Any = None, *, headers: Any = None, **query: Any) -> Any:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        auth = {"Authorization": f"Token {self.token}"} if self.token else {}
        return self.client.generic(
            method,
            ROOT + path,
            data,
            content_type="application/json" if body is not None else "application/octet-stream",
            headers={**auth, **(headers or {})},
            query_params={name: str(value) for name, value in query.items()},
        )

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        response = self.raw(method, path, body, **more)
        return response.status_code, response.json() if response.content else None

    def get(self, path: str, **query: Any) -> tuple[int, Any]:
        return self.ask("GET", path, **query)

    def post(self, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        return self.ask("POST", path, body, **more)

    def patch(self, path: str, body: Any = None) -> tuple[int, Any]:
        return self.ask("PATCH", path, body)

    def delete(self, path: str) -> tuple[int, Any]:
        return self.ask("DELETE", path)

    def send(self, content: Any = "Hello", *numbers: str, key: str = "", **options: Any) -> tuple[int, Any]:
        """To numbers on `rcs`."""
        to = {"backend": "rcs", "identities": numbers or ["+37255501234"]}
        headers = {"Idempotency-Key": key} if key else {}
        return self.post("messages/", {"content": content, "recipients": to, **options}, headers=headers)


def at_once(ask: Callable[[Any], Said], bodies: Iterable[Any]) -> list[Said]:
    """Each body by a thread of its own, with a database connection of its own; the answers in that order."""

    def one(body: Any) -> Said:
        try:
            return ask(body)
        finally:
            database.close()

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(one, bodies))
