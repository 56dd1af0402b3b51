"""The customers' phones, through the emulator's control API: tell them what to do, and read what they show."""

from typing import Any

import requests

Json = dict[str, Any]


class Emulator:
    """The emulator at `url` (…/emulator/)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # it is on this machine: no proxy

    def get(self, path: str) -> Json:
        return self._answer(self._session.get(self.url + path, timeout=10))

    def post(self, path: str, body: Json) -> Json:
        return self._answer(self._session.post(self.url + path, json=body, timeout=10))

    def _answer(self, response: requests.Response) -> Json:
        answer: Json = response.json()
        if not response.ok:
            raise EmulatorRefused(
                f"{response.request.method} {response.request.path_url}: {answer.get('error')}"
            )
        return answer

    def phone(self, number: str, name: str, **state: bool) -> "Phone":
        """Create a phone that is switched on and has RCS, unless `rcs` or `online` says otherwise."""
        self.post("handsets/", {"number": number, "name": name, **state})
        return Phone(self, number, name)

    def accepted(self, number: str, provider: str) -> list[int]:
        """Return how often the provider was asked to accept each message to this phone, oldest first."""
        entries = self.get("ledger/")["accepted"]
        return [e["copies"] for e in entries if (e["to"], e["provider"]) == (number, provider)]


class EmulatorRefused(Exception):
    """The emulator has refused a request."""


class Phone:
    """One person's phone."""

    def __init__(self, emulator: Emulator, number: str, name: str) -> None:
        self.emulator = emulator
        self.number = number
        self.name = name

    def set(self, **state: bool) -> None:
        self.emulator.post("handsets/", {"number": self.number, **state})

    def does(self, action: str, **details: Any) -> None:
        self.emulator.post(f"handsets/{self.number}/actions/", {"action": action, **details})

    def shows(self) -> list[Json]:
        """Return the shop's messages that the person sees, oldest first."""
        messages = self.emulator.get(f"handsets/{self.number}/messages/")["messages"]
        return [m for m in messages if m["direction"] == "in" and m["state"] in {"delivered", "read"}]
