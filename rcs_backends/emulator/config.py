"""The dials: settings.RCS_EMULATOR and POST config/ come in, one checked dict is what the wires read."""

from copy import deepcopy

from django.conf import settings

from rcs_backends.emulator.phones import Json

DEFAULTS: Json = {
    "google": {
        "agents": {},  # id → {webhook, client_token, launched, use_case, testers, service_account}; none: any id
        "webhook": "",  # the partner's own, for agents without one
        "client_token": "",
        "verify_tokens": True,  # False: no bearer token is asked for
        "token_life": 3599,  # seconds that a new access token is good for
        "strict_uuids": False,
        "strict_traffic": False,  # True: refuse a traffic type that the agent's use case does not allow
        "batch_minimum": False,  # True: users:batchGet refuses fewer than 500 numbers
        "region": "",  # us, europe or asia: users:batchGet refuses numbers of another one
        "action_tap_style": "full",  # full · event (type ACTION, eventId, no text) · bare (only postbackData)
        "unsubscribe_order": "message_first",  # or event_first
        "expiry": "revoked",  # revoked · revoke_failed · both (delivered all the same) · neither (no event)
        "revoke": "honest",  # honest · always_200 (as older documents say) · lost_race (200, delivered all the same)
    },
    "kannel": {
        "users": {"tester": "foobar"},
        "mo_url": "",
        "mo_recode": True,  # False: what is not GSM-7 arrives as UTF-16BE, coding 2
        "short_code": "12345",  # whom a phone writes to that never got an SMS
        "default_sender": "",
        "smsc_id": "EMULATOR",
        "max_messages": 10,  # parts; a longer text is cut
        "http_request_retry": 0,  # how often a failed DLR or MO is tried again
        "http_queue_delay": 10,  # seconds between those tries, times retry_scale
        "link": "up",  # up · down (202 "3: Queued", held until up) · stopped (403 "Not routable")
        "outcome": "delivered",  # delivered · failed (DLR 8, then 2) · rejected (DLR 16)
    },
    "delivery_delay": 0.05,
    "auto_read": False,
    "retry_scale": 1.0,
    "default_rcs": True,
}
CHOICES: dict[str, tuple[str, ...]] = {
    "google.region": ("", "us", "europe", "asia"),
    "google.action_tap_style": ("full", "event", "bare"),
    "google.unsubscribe_order": ("message_first", "event_first"),
    "google.expiry": ("revoked", "revoke_failed", "both", "neither"),
    "google.revoke": ("honest", "always_200", "lost_race"),
    "kannel.link": ("up", "down", "stopped"),
    "kannel.outcome": ("delivered", "failed", "rejected"),
}
OPEN = ("google.agents", "kannel.users")  # their keys are names, not dials
AGENT_KEYS = {
    "webhook": str,
    "client_token": str,
    "launched": bool,
    "use_case": str,
    "testers": list,
    "service_account": str,
}
USE_CASES = ("otp", "transactional", "promotional", "multi")


class ConfigProblem(ValueError):
    """A dial does not exist or cannot be set like that; the message is one sentence."""


def initial() -> Json:
    """The defaults, changed by `settings.RCS_EMULATOR` (same shape) if there is one. Raises ConfigProblem."""
    return merged(DEFAULTS, getattr(settings, "RCS_EMULATOR", {}))


def merged(current: Json, changes: object) -> Json:
    """A copy of `current` with `changes` laid over it, dict by dict; an agent or user set to null is forgotten."""
    result = deepcopy(current)
    _merge(result, DEFAULTS, changes, "")
    for name, agent in result["google"]["agents"].items():
        _check_agent(name, agent)
    return result


def _merge(into: Json, model: Json, changes: object, path: str) -> None:
    if not isinstance(changes, dict):
        raise ConfigProblem(f"{path or 'the configuration'} must be an object.")
    for key, value in changes.items():
        name = f"{path}.{key}" if path else str(key)
        if path in OPEN:
            _set_entry(into, key, value)
        elif key not in model:
            raise ConfigProblem(f"There is no dial {name}.")
        elif isinstance(model[key], dict):
            _merge(into[key], model[key], value, name)
        else:
            into[key] = _checked(name, model[key], value)


def _set_entry(into: Json, key: str, value: object) -> None:
    if value is None:
        into.pop(key, None)
    elif isinstance(value, dict):
        into[key] = {**into.get(key, {}), **value}
    else:
        into[key] = value


def _checked(name: str, default: object, value: object) -> object:
    """Numbers may be whole or not, but a switch is a switch."""
    wanted = (
        (int, float) if isinstance(default, int | float) and not isinstance(default, bool) else type(default)
    )
    if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
        raise ConfigProblem(f"{name} must be like {default!r}.")
    if name in CHOICES and value not in CHOICES[name]:
        raise ConfigProblem(f"{name} must be one of {', '.join(CHOICES[name])}.")
    if isinstance(value, int | float) and value < 0:
        raise ConfigProblem(f"{name} must not be negative.")
    return value


def _check_agent(name: str, agent: object) -> None:
    if not isinstance(agent, dict):
        raise ConfigProblem(f"google.agents.{name} must be an object.")
    for key, value in agent.items():
        if key not in AGENT_KEYS or not isinstance(value, AGENT_KEYS[key]):
            raise ConfigProblem(f"google.agents.{name}.{key} is unknown or of the wrong type.")
    if agent.get("use_case", "multi") not in USE_CASES:
        raise ConfigProblem(f"google.agents.{name}.use_case must be one of {', '.join(USE_CASES)}.")
