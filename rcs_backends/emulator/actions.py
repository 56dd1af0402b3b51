"""What a person does with a phone: the control API's action comes in, webhooks of the right wire go out."""

import mimetypes
import posixpath
from collections.abc import Callable
from urllib.parse import urlsplit

from rcs_backends.emulator import delivery
from rcs_backends.emulator.phones import Handset, Json, Media, Message, Suggestion
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire import google_webhooks, kannel_callbacks

KEYWORDS = {  # country code → unsubscribe, subscribe (guides/build/events/receive-events)
    "+33": ("STOP", "Démarrer"),
    "+34": ("BAJA", "ALTA"),
    "+52": ("BAJA", "ALTA"),
    "+55": ("parar", "começar"),
}
FILE_SIZE = 248_113  # bytes, where the action names none


class ActionProblem(ValueError):
    """The phone cannot do that; the message is one sentence."""


def perform(handset: Handset, action: Json) -> Message | None:
    """Do what `{"action": …}` says; the bubble it leaves on the phone, if any. Raises ActionProblem. Lock held."""
    known = ACTIONS.get(str(action.get("action")))
    if known is None:
        raise ActionProblem(f"action must be one of {', '.join(ACTIONS)}.")
    if not handset.online:
        raise ActionProblem("The phone is offline.")
    return known(handset, action)


def _text(handset: Handset, action: Json) -> Message:
    text = action.get("text")
    if not isinstance(text, str) or not text:
        raise ActionProblem("text must be a string that is not empty.")
    channel, agent = _conversation(handset, action)
    return _say(handset, channel, agent, {"text": text}, text=text)


def _conversation(handset: Handset, action: Json) -> tuple[str, str]:
    """Channel and agent: as asked for, else those of the newest message on the phone, else the only ones there are."""
    newest = handset.newest()
    channel = action.get("via") or (newest.channel if newest else "rcs" if handset.rcs else "sms")
    if channel not in ("rcs", "sms"):
        raise ActionProblem("via must be rcs or sms.")
    if channel == "rcs" and not handset.rcs:
        raise ActionProblem("The phone has no RCS.")
    latest = next((m.agent for m in reversed(handset.messages.values()) if m.channel == channel), "")
    return channel, str(action.get("to") or latest or _only_agent(channel))


def _only_agent(channel: str) -> str:
    if channel == "sms":
        return str(world.config["kannel"]["short_code"])
    agents = list(world.config["google"]["agents"])
    if len(agents) != 1:
        raise ActionProblem("to must name the agent: the phone has no conversation yet.")
    return str(agents[0])


def _rcs_agent(handset: Handset, action: Json) -> str:
    return _conversation(handset, {**action, "via": "rcs"})[1]


def _say(handset: Handset, channel: str, agent: str, content: Json, **shown: object) -> Message:
    """Leave a bubble and send it; it turns from waiting to delivered when the client has taken the webhook."""
    provider = "google" if channel == "rcs" else "kannel"
    message = Message(google_webhooks.user_id(), provider, agent, handset.number, "out", channel)
    for name, value in shown.items():
        setattr(message, name, value)

    def delivered() -> None:
        message.state = "delivered" if message.state == "waiting" else message.state

    handset.messages[message.id] = message
    if channel == "rcs":
        google_webhooks.said(agent, handset.number, content, message_id=message.id, delivered=delivered)
    else:
        kannel_callbacks.mo(handset.number, agent, message.text, delivered)
    return message


def _tap(handset: Handset, action: Json) -> Message | None:
    message, suggestion = _found(handset, action.get("suggestion"), action.get("message"))
    if not handset.rcs:
        raise ActionProblem("The phone has no RCS.")
    suggestion.tapped = True
    if suggestion.kind == "reply":
        response = {"postbackData": suggestion.postback, "text": suggestion.label, "type": "REPLY"}
        return _say(handset, "rcs", message.agent, {"suggestionResponse": response}, text=suggestion.label)
    google_webhooks.tapped_action(message.agent, handset.number, suggestion.label, suggestion.postback)
    if suggestion.kind != "request_location":
        return None
    latitude, longitude = _place({"latitude": 59.437, "longitude": 24.7536, **action})
    return _send_location(handset, message.agent, latitude, longitude)


def _found(handset: Handset, wanted: object, message_id: object) -> tuple[Message, Suggestion]:
    """A suggestion by label, by postback, or by its index in reading order; on the newest message that has it."""
    shown = [m for m in reversed(handset.messages.values()) if m.state in ("delivered", "read")]
    for message in shown:
        if message_id in (None, message.id) and (found := _chosen(message.all_suggestions(), wanted)):
            return message, found
    raise ActionProblem(f"The phone shows no suggestion {wanted!r}.")


def _chosen(suggestions: list[Suggestion], wanted: object) -> Suggestion | None:
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return suggestions[wanted] if 0 <= wanted < len(suggestions) else None
    by_label = (one for one in suggestions if one.label == wanted)
    by_postback = (one for one in suggestions if one.postback == wanted)
    return next(by_label, None) or next(by_postback, None)


def _read(handset: Handset, action: Json) -> None:
    wanted = action.get("message")
    if wanted is not None and str(wanted) not in handset.messages:
        raise ActionProblem("The phone has no such message.")
    for message in list(handset.messages.values()) if wanted is None else [handset.messages[str(wanted)]]:
        delivery.read(handset, message)


def _type(handset: Handset, action: Json) -> None:
    google_webhooks.event(_rcs_agent(handset, action), handset.number, "IS_TYPING")


def _file(handset: Handset, action: Json) -> Message:
    url = action.get("url")
    if not isinstance(url, str) or not urlsplit(url).scheme:
        raise ActionProblem("url must be an absolute address.")
    name = str(action.get("name") or posixpath.basename(urlsplit(url).path) or "file")
    media_type = str(action.get("media_type") or mimetypes.guess_type(name)[0] or "application/octet-stream")
    payload = {"mimeType": media_type, "fileSizeBytes": FILE_SIZE, "fileName": name, "fileUri": url}
    media = Media(url, media_type=media_type, alt=name)
    agent = _rcs_agent(handset, action)
    return _say(handset, "rcs", agent, {"userFile": {"payload": payload}}, kind="file", media=media)


def _location(handset: Handset, action: Json) -> Message:
    latitude, longitude = _place(action)
    return _send_location(handset, _rcs_agent(handset, action), latitude, longitude)


def _send_location(handset: Handset, agent: str, latitude: float, longitude: float) -> Message:
    content = {"location": {"latitude": latitude, "longitude": longitude}}
    text = f"{latitude:g}, {longitude:g}"
    return _say(handset, "rcs", agent, content, kind="location", text=text, location=(latitude, longitude))


def _place(action: Json) -> tuple[float, float]:
    try:
        latitude, longitude = float(action["latitude"]), float(action["longitude"])
    except (KeyError, TypeError, ValueError):
        raise ActionProblem("latitude and longitude must be numbers.") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ActionProblem("latitude goes from -90 to 90, longitude from -180 to 180.")
    return latitude, longitude


def _unsubscribe(handset: Handset, action: Json) -> Message:
    return _consent(handset, action, unsubscribed=True)


def _subscribe(handset: Handset, action: Json) -> Message:
    return _consent(handset, action, unsubscribed=False)


def _consent(handset: Handset, action: Json, *, unsubscribed: bool) -> Message:
    """The menu of the phone: a keyword message and, over RCS, an event; `unsubscribe_order` says which comes first."""
    channel, agent = _conversation(handset, action)
    country = next(
        (KEYWORDS[code] for code in KEYWORDS if handset.number.startswith(code)), ("STOP", "START")
    )
    keyword = country[0] if unsubscribed else country[1]
    handset.unsubscribed = unsubscribed
    event_first = world.config["google"]["unsubscribe_order"] == "event_first"
    event_type = "UNSUBSCRIBE" if unsubscribed else "SUBSCRIBE"
    if channel == "rcs" and event_first:
        google_webhooks.event(agent, handset.number, event_type)
    message = _say(handset, channel, agent, {"text": keyword}, text=keyword)
    if channel == "rcs" and not event_first:
        google_webhooks.event(agent, handset.number, event_type)
    return message


ACTIONS: dict[str, Callable[[Handset, Json], Message | None]] = {
    "text": _text,
    "tap": _tap,
    "read": _read,
    "type": _type,
    "file": _file,
    "location": _location,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
}
