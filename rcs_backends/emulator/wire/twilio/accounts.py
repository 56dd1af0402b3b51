"""Twilio's accounts: say who may call, who may send, and who said STOP."""

import hmac

from django.http import HttpRequest

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import rules
from rcs_backends.emulator.wire.api import basic
from rcs_backends.emulator.wire.twilio.errors import TwilioError
from rcs_backends.emulator.wire.twilio.store import TwilioStore, records
from rcs_backends.emulator.wires import Problem

KEYS = {"auth_token": str, "api_keys": dict, "numbers": list, "messaging_services": dict, "sms_url": str}
STOP = frozenset(["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"])
START = frozenset(["START", "YES", "UNSTOP"])
HELP = frozenset(["HELP", "INFO"])


def check(sid: str, account: Json) -> None:
    """Check what the types of an entry of the dial do not say. Raises Problem."""
    if not account.get("auth_token"):
        raise Problem(f"twilio.accounts.{sid}.auth_token is missing.")
    services = account.get("messaging_services", {})
    pools = [*services.values(), account.get("numbers", [])]
    if not all(isinstance(pool, list) and all(isinstance(one, str) for one in pool) for pool in pools):
        raise Problem(f"twilio.accounts.{sid}: numbers are strings, and a service has a list of them.")
    if not all(isinstance(secret, str) for secret in account.get("api_keys", {}).values()):
        raise Problem(f"twilio.accounts.{sid}.api_keys must map keys to secrets.")
    if account.get("sms_url") and not is_url(account["sms_url"]):
        raise Problem(f"twilio.accounts.{sid}.sms_url must be an absolute address.")


def is_url(value: str) -> bool:
    """http or https with a host."""
    try:
        rules.url(4000)(value, "")
    except rules.Invalid:
        return False
    return True


def caller(request: HttpRequest, sid: str) -> Json:
    """Return the account in the address, if the request may act for it. Raises TwilioError 20003."""
    account: Json | None = world.config["twilio"]["accounts"].get(sid)
    try:
        user, _, password = (basic(request) or "").partition(":")
    except ValueError:
        raise TwilioError(20003) from None
    if account is not None:
        known = {sid: account["auth_token"], **account.get("api_keys", {})}
        if user in known and hmac.compare_digest(known[user].encode(), password.encode()):
            return account
    raise TwilioError(20003)


def pool(account: Json, service: str) -> list[str]:
    if not (service.startswith("MG") and len(service) == 34):
        raise TwilioError(21705, service)
    services = account.get("messaging_services", {})
    if service not in services:
        raise TwilioError(21701, service)
    if not services[service]:
        raise TwilioError(21704, service)
    return list(services[service])


def senders() -> list[str]:
    found = [one for account in world.config["twilio"]["accounts"].values() for one in numbers(account)]
    return list(dict.fromkeys(found))


def numbers(account: Json) -> list[str]:
    services = account.get("messaging_services", {}).values()
    return [*account.get("numbers", []), *(one for some in services for one in some)]


def owner(sender: str) -> str:
    """Return whose number this is: the account that has it, else that wrote from it last, else any that listens."""
    accounts = world.config["twilio"]["accounts"]
    having = [sid for sid, account in accounts.items() if sender in numbers(account)]
    wrote = [one.account for one in reversed(records().values()) if one.sender == sender]
    listening = [sid for sid, account in accounts.items() if account.get("sms_url")]
    return next((sid for sid in (*having, *wrote, *listening) if sid in accounts), "")


def service_of(sid: str, sender: str) -> str:
    """Return the messaging service that sends from this number."""
    services = world.config["twilio"]["accounts"][sid].get("messaging_services", {})
    return next((service for service, some in services.items() if sender in some), "")


def opted_out(sid: str, sender: str, service: str, number: str) -> bool:
    """Return whether this person said STOP to the sender, or to the service that it belongs to."""
    scope = service or service_of(sid, sender) or sender
    return (sid, scope, number) in world.store(TwilioStore).opted_out


def keyword(sid: str, sender: str, number: str, text: str) -> str:
    """Return STOP, START or HELP when the whole text is one of their words, and keep the opt-out list."""
    word = text.strip().upper()
    entry = (sid, service_of(sid, sender) or sender, number)
    listed = world.store(TwilioStore).opted_out
    if word in STOP:
        listed.add(entry)
        return "STOP"
    if word in START:
        listed.discard(entry)
        return "START"
    return "HELP" if word in HELP else ""
