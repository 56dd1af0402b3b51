"""Google's capability checks: numbers come in, what their phones can (or who of them can be reached) goes out.

Source: reference/rest/v1/phones/getCapabilities, reference/rest/v1/users/batchGet, guides/build/capabilities.
"""

from django.http import HttpRequest, HttpResponse, JsonResponse

from rcs_backends.emulator.phones import Handset, Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google import auth, errors, schema, webhooks
from rcs_backends.emulator.wire.google import request as wire
from rcs_backends.emulator.wire.google.errors import GoogleError


@wire.method("capabilities", "GET")
def capabilities(request: HttpRequest, phone: str) -> HttpResponse:
    """phones.getCapabilities: what the phone can, offline or not; 404 where RCS or the launch is missing."""
    _, agent = wire.caller(request)
    number = wire.phone(phone)
    if not wire.query(request, "requestId", "request_id"):
        raise GoogleError(400, "requestId is required.", field="requestId")
    with world.change():
        handset = world.handsets.get(number) or Handset(number, rcs=world.config["default_rcs"])
        launched = agent.get("launched", True) or number in agent.get("testers", ())
        if not handset.rcs or not launched:
            raise errors.unreachable()
        answer: Json = {"features": list(handset.features)} if handset.features else {}
    if number.startswith("+1"):
        answer["carrier"] = webhooks.CARRIER
    return JsonResponse(answer)


@wire.method("batchGet", "POST")
def batch_get(request: HttpRequest) -> HttpResponse:
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
    with world.change():
        reachable = [number for number in numbers if _has_rcs(number)]
    sample = set(numbers[: len(numbers) * 3 // 4]) if len(numbers) >= 500 else set()
    answer = {
        "reachableUsers": reachable if agent.get("launched", True) else [],
        "totalRandomSampleUserCount": len(sample),
        "reachableRandomSampleUserCount": len(sample.intersection(reachable)),
    }
    return JsonResponse({key: value for key, value in answer.items() if value})  # proto3: empty is absent


def _has_rcs(number: str) -> bool:
    handset = world.handsets.get(number)
    return bool(handset.rcs if handset else world.config["default_rcs"])


def region(number: str) -> str:
    """Whose endpoint a number belongs to, by its world zone. Google publishes no map: our choice."""
    return {"1": "us", "5": "us", "2": "europe", "3": "europe", "4": "europe", "7": "europe"}.get(
        number[1], "asia"
    )
