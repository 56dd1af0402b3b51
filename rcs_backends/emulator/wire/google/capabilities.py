"""Google's capability checks: what one phone can do, and which of many numbers can be reached.

Source: reference/rest/v1/phones/getCapabilities, reference/rest/v1/users/batchGet, guides/build/capabilities.
"""

from django.http import HttpRequest

from rcs_backends.emulator.phones import Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google import auth, errors, schema, webhooks
from rcs_backends.emulator.wire.google import request as wire
from rcs_backends.emulator.wire.google.errors import GoogleError


def capabilities(request: HttpRequest, phone: str) -> Json:
    """phones.getCapabilities: what the phone can do, offline or not; 404 where RCS or the launch is missing."""
    _, agent = wire.caller(request)
    number = wire.phone(phone)
    if not wire.query(request, "requestId"):
        raise GoogleError(400, "requestId is required.", field="requestId")
    handset = world.known(number)
    launched = agent.get("launched", True) or number in agent.get("testers", ())
    if not handset.rcs or not launched:
        raise errors.unreachable()
    answer: Json = {"features": list(handset.features)} if handset.features else {}
    if number.startswith("+1"):
        answer["carrier"] = webhooks.CARRIER
    return answer


def batch_get(request: HttpRequest) -> Json:
    """users.batchGet: who of up to 10,000 numbers can be reached. Below 500 there is no sample, or 400 by a dial."""
    auth.caller(request)  # 401 comes before 400
    body = wire.body(request, schema.batch_get)
    _, agent = wire.caller(request, body.get("agentId"))
    numbers = list(dict.fromkeys(body["users"]))
    google = world.config["google"]
    if google["batch_minimum"] and len(numbers) < 500:
        raise GoogleError(400, "At least 500 unique phone numbers are needed.", field="users")
    if google["region"] and any(region(number) != google["region"] for number in numbers):
        raise GoogleError(
            400, "The phone numbers do not belong to the region of this endpoint.", field="users"
        )
    reachable = [number for number in numbers if world.known(number).rcs]
    sample = set(numbers[: len(numbers) * 3 // 4]) if len(numbers) >= 500 else set()
    answer = {
        "reachableUsers": reachable if agent.get("launched", True) else [],
        "totalRandomSampleUserCount": len(sample),
        "reachableRandomSampleUserCount": len(sample.intersection(reachable)),
    }
    return {key: value for key, value in answer.items() if value}  # proto3: empty is absent


def region(number: str) -> str:
    """Return whose endpoint a number belongs to, by its world zone. Google publishes no map: our choice."""
    return {"1": "us", "5": "us", "2": "europe", "3": "europe", "4": "europe", "7": "europe"}.get(
        number[1], "asia"
    )
