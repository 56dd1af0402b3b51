"""Google RBM's messages, events and capability checks: show an agent's messages on phones, and take them back.

Source: developers.google.com/business-communications/rcs-business-messaging, reference/rest, as of November 2026, and
guides/build/capabilities.
"""

from django.http import HttpRequest
from django.urls import reverse

from rcs_backends.emulator import delivery, gate
from rcs_backends.emulator.phones import Handset, Json, Message, now, stamp
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.google import request as wire
from rcs_backends.emulator.wire.google import schema, webhooks
from rcs_backends.emulator.wire.google.content import (
    as_answer,
    classification,
    file_names,
    fill,
    missing_feature,
)
from rcs_backends.emulator.wire.google.request import GoogleError
from rcs_backends.emulator.wire.google.store import GoogleStore


def _reachable(agent: Json, number: str) -> Handset:
    """Return the phone, if this agent reaches it by RCS. Raises GoogleError 403 or 404."""
    if not agent.get("launched", True) and number not in agent.get("testers", ()):
        raise GoogleError(
            403,
            "This operation is blocked because the RBM agent has not launched and the recipient has not been "
            "invited and accepted the invitation to become a tester.",
        )
    handset = world.handset(number)
    if not handset.rcs:
        raise wire.unreachable()
    return handset


def create_message(request: HttpRequest, agent_id: str, agent: Json, phone: str) -> Json:
    """phones.agentMessages.create. An id that the agent used before answers as the first time and shows nothing."""
    message_id = wire.new_id(wire.query(request, "messageId"), "messageId")
    body = wire.body(request, schema.agent_message)
    _check_traffic(body.get("messageTrafficType", schema.TRAFFIC_TYPES[0]), agent)
    google = world.store(GoogleStore)
    stored = google.answers.get((agent_id, message_id))
    if stored is None:
        return _accept(request, agent_id, agent, phone, message_id, body)
    if (agent_id, message_id) in google.messages:
        world.ledger.accept(google.messages[agent_id, message_id])
    return stored


def _check_traffic(traffic: str, agent: Json) -> None:
    use_case = agent.get("use_case", "multi")
    if traffic == schema.TRAFFIC_TYPES[0] and use_case == "multi":
        raise GoogleError(400, "A multi-use agent must set the traffic type.", field="messageTrafficType")
    allowed = {
        "otp": ("AUTHENTICATION",),
        "transactional": ("TRANSACTION",),
        "promotional": ("PROMOTION",),
        "multi": ("TRANSACTION", "PROMOTION"),
    }[use_case]
    always = (schema.TRAFFIC_TYPES[0], "SERVICEREQUEST", "ACKNOWLEDGEMENT")
    if world.config["google"]["strict_traffic"] and traffic not in (*allowed, *always):
        raise GoogleError(
            400, "The agent's use case does not allow this traffic type.", field="messageTrafficType"
        )


def _accept(
    request: HttpRequest, agent_id: str, agent: Json, number: str, message_id: str, body: Json
) -> Json:
    """Take a new message and return the answer."""
    handset = _reachable(agent, number)
    content = body["contentMessage"]
    _check_files(content, agent_id)
    if lacking := missing_feature(content, handset.features):
        raise GoogleError(400, f"The recipient's device does not support {lacking}.", field="contentMessage")
    message = Message(message_id, "google", agent_id, number, ledger_id=message_id, report=_report)
    message.expires_at = body.get("expireTime")
    message.traffic = body.get("messageTrafficType", "").lower()
    fill(message, content, lambda name: _uploaded(request, name))
    answer = _message_answer(message, body)
    google = world.store(GoogleStore)
    google.answers[agent_id, message_id] = answer
    google.messages[agent_id, message_id] = message
    delivery.accept(message)
    return answer


def _check_files(content: Json, agent_id: str) -> None:
    files = world.store(GoogleStore).files
    for name in file_names(content):
        stored = files.get(name)
        if stored is None or stored.agent != agent_id or stored.expired():
            raise GoogleError(400, f"The file {name} does not exist.", field="contentMessage")


def _uploaded(request: HttpRequest, name: str) -> tuple[str, str]:
    stored = world.store(GoogleStore).files[name]
    uid = name.removeprefix("files/")
    path = reverse("rcs_emulator:google-file", kwargs={**gate.prefix(request), "uid": uid})
    return stored.url or request.build_absolute_uri(path), stored.media_type


def _message_answer(message: Message, body: Json) -> Json:
    name = f"phones/{message.number}/agentMessages/{message.id}"
    answer = as_answer({"name": name, "sendTime": message.at, **body})
    assert isinstance(answer, dict)
    if message.number.startswith("+1"):
        files = world.store(GoogleStore).files
        size = sum(len(files[one].content) for one in file_names(body["contentMessage"]))
        answer["richMessageClassification"] = classification(body["contentMessage"])
        answer["carrier"] = webhooks.CARRIER
        answer |= {"totalPayloadSizeBytes": str(size)} if size else {}  # an int64: a string in JSON
    return answer


def _report(message: Message, event: str) -> None:
    """Tell the agent what became of a message. The dial `expiry` decides how well the removal at expiry goes."""
    if event in ("delivered", "read"):
        webhooks.event(message, message.number, "DELIVERED" if event == "delivered" else "READ")
    elif event == "expired":
        outcome = world.config["google"]["expiry"]
        if outcome in ("revoke_failed", "both"):
            message.state = "waiting"
            world.handset(message.number).waiting[message.id] = message
        if outcome != "neither":
            failed = outcome == "revoke_failed"
            webhooks.expiry(message, "TTL_EXPIRATION_REVOKE_FAILED" if failed else "TTL_EXPIRATION_REVOKED")


def delete_message(request: HttpRequest, agent_id: str, agent: Json, phone: str, message_id: str) -> Json:
    """phones.agentMessages.delete: 200 {} for a message not yet delivered, 404 for one that was or never existed."""
    dial = world.config["google"]["revoke"]
    message = world.store(GoogleStore).messages.get((agent_id, message_id))
    revoked = message and message.number == phone and (dial == "lost_race" or delivery.revoke(message))
    if not revoked and dial != "always_200":
        raise GoogleError(404)
    return {}


def create_event(request: HttpRequest, agent_id: str, agent: Json, phone: str) -> Json:
    """phones.agentEvents.create: READ of a user's message (an unknown one is 404: our choice), or IS_TYPING."""
    event_id = wire.new_id(wire.query(request, "eventId"), "eventId")
    body = wire.body(request, schema.agent_event)
    answers = world.store(GoogleStore).answers
    if (agent_id, event_id) not in answers:
        _take_event(_reachable(agent, phone), body)
        name = f"phones/{phone}/agentEvents/{event_id}"
        answers[agent_id, event_id] = {"name": name, "sendTime": stamp(now()), **body}
    return answers[agent_id, event_id]


def _take_event(handset: Handset, body: Json) -> None:
    if body["eventType"] == "IS_TYPING":
        handset.show_typing()
    elif (handset.number, body["messageId"]) not in world.store(GoogleStore).user_ids:
        raise GoogleError(404)
    elif message := handset.messages.get(body["messageId"]):
        message.state = "read"


# Capabilities


def capabilities(request: HttpRequest, agent_id: str, agent: Json, phone: str) -> Json:
    """phones.getCapabilities: what the phone can do, offline or not; 404 where RCS or the launch is missing."""
    if not wire.query(request, "requestId"):
        raise GoogleError(400, "requestId is required.", field="requestId")
    handset = world.known(phone)
    launched = agent.get("launched", True) or phone in agent.get("testers", ())
    if not handset.rcs or not launched:
        raise wire.unreachable()
    answer: Json = {"features": list(handset.features)} if handset.features else {}
    if phone.startswith("+1"):
        answer["carrier"] = webhooks.CARRIER
    return answer


def batch_get(request: HttpRequest) -> Json:
    """users.batchGet: who of up to 10,000 numbers can be reached. Below 500 there is no sample, or 400 by a dial."""
    wire.log_in(request)  # 401 comes before 400
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
