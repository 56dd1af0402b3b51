"""Do what a person does with a phone: leave a bubble on it and send the provider's webhooks."""

import mimetypes
import posixpath
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from itertools import chain
from urllib.parse import urlsplit

from rcs_backends.emulator import delivery
from rcs_backends.emulator.conversations import Conversation, continued, conversation
from rcs_backends.emulator.phones import Handset, Json, Media, Message, Suggestion
from rcs_backends.emulator.wires import Act, Problem, Said, wires

KEYWORDS = {  # country code → unsubscribe, subscribe (guides/build/events/receive-events)
    "+33": ("STOP", "Démarrer"),
    "+34": ("BAJA", "ALTA"),
    "+52": ("BAJA", "ALTA"),
    "+55": ("parar", "começar"),
}
TALLINN = {"latitude": 59.437, "longitude": 24.7536}  # where a phone is that is not told where it is
DEVICE = {
    "deviceModel": "Emulated 1",
    "platformVersion": "16",
    "clientVendor": "EMUL",
    "clientVersion": "1.0",
    "batteryRemainingMinutes": 517,
}


def perform(handset: Handset, action: Json) -> Message | None:
    """Do what `{"action": …}` says. Return the bubble that it leaves, if any. Raises Problem. Lock held."""
    name = str(action.get("action"))
    known = ACTIONS.get(name) or _of_a_wire(handset, action, name)
    if known is None:
        own = dict.fromkeys(own for one in wires().values() for own in one.actions)
        raise Problem(f"action must be one of {', '.join((*ACTIONS, *own))}.")
    if not handset.online:
        raise Problem("The phone is offline.")
    return known(handset, action)


def _of_a_wire(handset: Handset, action: Json, name: str) -> Act | None:
    """Find an action that only some providers' phones have: the conversation's, else the first that has it."""
    having = [one for one in wires().values() if name in one.actions]
    if not having:
        return None
    try:
        own = conversation(handset, action).wire
    except Problem:
        own = having[0]
    return (own if own in having else having[0]).actions[name]


# Speaking


def _say(handset: Handset, talk: Conversation, said: Said, **shown: object) -> Message:
    """Send it and leave a bubble, which turns from waiting to delivered when the client has taken the webhook."""
    message = _bubble(handset, talk)
    for name, value in {"text": said.text, **shown}.items():
        setattr(message, name, value)
    talk.wire.say(message, said, message.taken)
    handset.messages[message.id] = message
    return message


def _bubble(handset: Handset, talk: Conversation) -> Message:
    return Message(talk.wire.new_id(), talk.wire.provider, talk.agent, handset.number, "out", talk.channel)


def _tell(handset: Handset, talk: Conversation, said: Said) -> None:
    talk.wire.say(_bubble(handset, talk), said, lambda: None)


def _over_rcs(handset: Handset, action: Json) -> Conversation:
    """Choose RCS for what an SMS cannot carry, unless `via` says otherwise."""
    return conversation(handset, {**action, "via": action.get("via") or "rcs"})


def _text(handset: Handset, action: Json) -> Message:
    text = action.get("text")
    if not isinstance(text, str) or not text:
        raise Problem("text must be a string that is not empty.")
    return _say(handset, conversation(handset, action), Said("text", text=text))


def _file(handset: Handset, action: Json) -> Message:
    url = action.get("url")
    if not isinstance(url, str) or not urlsplit(url).scheme:
        raise Problem("url must be an absolute address.")
    name = str(action.get("name") or posixpath.basename(urlsplit(url).path) or "file")
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    media_type = str(action.get("media_type") or ("audio/mp4" if action.get("audio") else guessed))
    kind = "audio" if action.get("audio") or media_type.startswith("audio/") else "file"
    size, seconds = _count(action, "size"), _count(action, "seconds")
    media = Media(url, media_type=media_type, alt=name, name=name, size=size, seconds=seconds)
    said = Said(kind, url=url, name=name, media_type=media_type, size=size, seconds=seconds)
    return _say(handset, _over_rcs(handset, action), said, kind=kind, media=media)


def _count(action: Json, name: str) -> int:
    """Return a number that may be left out: bytes, or seconds of playing length."""
    value = action.get(name) or 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Problem(f"{name} must be a whole number that is not negative.")
    return value


def _location(handset: Handset, action: Json) -> Message:
    return _say_place(handset, _over_rcs(handset, action), action)


def _say_place(handset: Handset, talk: Conversation, action: Json) -> Message:
    latitude, longitude = _place(action)
    label = action.get("label", "")
    if not isinstance(label, str):
        raise Problem("label must be a string.")
    said = Said("location", text=label, latitude=latitude, longitude=longitude)
    text = label or f"{latitude:g}, {longitude:g}"
    return _say(handset, talk, said, kind="location", text=text, location=(latitude, longitude))


def _place(action: Json) -> tuple[float, float]:
    try:
        latitude, longitude = float(action["latitude"]), float(action["longitude"])
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Problem("latitude and longitude must be numbers.") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise Problem("latitude goes from -90 to 90, longitude from -180 to 180.")
    return latitude, longitude


# Answering


def _tap(handset: Handset, action: Json) -> Message | None:
    message, suggestion = _found(handset, action.get("suggestion"), action.get("message"))
    if not handset.rcs:
        raise Problem("The phone has no RCS.")
    talk = continued(message)
    said = Said("reply", label=suggestion.label, postback=suggestion.postback, about=message)
    if suggestion.kind == "reply":
        answer: Message | None = _say(handset, talk, said, text=suggestion.label)
    else:
        place = {**TALLINN, **action}
        _place(place)  # nothing is sent when it makes no sense
        _tell(handset, talk, replace(said, kind="action"))
        answer = _follow(handset, talk, suggestion, place)
    suggestion.tapped = True
    return answer


def _follow(handset: Handset, talk: Conversation, suggestion: Suggestion, place: Json) -> Message | None:
    """Do what the phone does by itself after a tap, where the provider can tell it; the tap itself has been told."""
    with suppress(Problem):
        if suggestion.kind == "request_location":
            return _say_place(handset, talk, {**place, "label": ""})
        if suggestion.kind == "request_device_specifics":
            _tell(handset, talk, Said("device", data=DEVICE))
    return None


def _found(handset: Handset, wanted: object, message_id: object) -> tuple[Message, Suggestion]:
    """Find a suggestion by label, postback or index in reading order, on the newest message that has it."""
    for message in _shown(handset):
        if message_id in (None, message.id) and (found := _chosen(message.all_suggestions(), wanted)):
            return message, found
    raise Problem(f"The phone shows no suggestion {wanted!r}.")


def _shown(handset: Handset) -> list[Message]:
    """Return the messages that can be touched, newest first; nothing in an SMS can."""
    shown = ("delivered", "read")
    return [m for m in reversed(handset.messages.values()) if m.state in shown and m.channel == "rcs"]


def _chosen(suggestions: list[Suggestion], wanted: object) -> Suggestion | None:
    if isinstance(wanted, int) and not isinstance(wanted, bool):
        return suggestions[wanted] if 0 <= wanted < len(suggestions) else None
    by_label = (one for one in suggestions if one.label == wanted)
    by_postback = (one for one in suggestions if one.postback == wanted)
    return next(by_label, None) or next(by_postback, None)


def _form(handset: Handset, action: Json) -> Message:
    """Fill in the newest form, or that of `message`."""
    wanted = action.get("message")
    shown = [m for m in _shown(handset) if m.form is not None and wanted in (None, m.id)]
    if not shown:
        raise Problem("The phone shows no such form.")
    message = shown[0]
    form = message.form or {}
    data = filled(form, action.get("data"))
    talk = continued(message)
    said = Said("form", text=summary(form, data), postback=form["postback"], data=data, about=message)
    answer = _say(handset, talk, said)
    form["answer"] = data
    return answer


# Filling in forms: checked as the phone itself would

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s().-]{3,}", re.ASCII)


def filled(form: Json, data: object) -> Json:
    """Return the values by field name, in the form's order, empty ones left out. Raises Problem."""
    if not isinstance(data, dict):
        raise Problem("data must be an object: the name of each field and its value.")
    fields = {field["name"]: field for field in form["fields"]}
    for name in data:
        if name not in fields:
            raise Problem(f"The form has no field {name!r}; its fields are {', '.join(fields)}.")
    for name, field in fields.items():
        if field["required"] and data.get(name) in (None, "", False):
            raise Problem(f"{name} is required.")
    return {name: _value(fields[name], data[name]) for name in fields if data.get(name) not in (None, "")}


def _value(field: Json, value: object) -> object:
    is_good, wanted = TYPES[field["type"]]
    if not is_good(value, field):
        raise Problem(f"{field['name']} must be {wanted}.")
    return value


def _is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_like(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and bool(pattern.fullmatch(value))


def _is_number(value: object) -> bool:
    return bool(_NUMBER.fullmatch(str(value))) and not isinstance(value, bool)


TYPES: dict[str, tuple[Callable[[object, Json], bool], str]] = {  # how it is checked, and what it must be
    "text": (lambda value, field: isinstance(value, str), "a string"),
    "number": (lambda value, field: _is_number(value), "a number"),
    "email": (lambda value, field: _is_like(_EMAIL, value), "an e-mail address"),
    "phone": (lambda value, field: _is_like(_PHONE, value), "a phone number"),
    "date": (lambda value, field: _is_date(value), "a date such as 2026-11-27"),
    "select": (lambda value, field: value in field["options"], "one of its options"),
    "checkbox": (lambda value, field: isinstance(value, bool), "true or false"),
}


def summary(form: Json, data: Json) -> str:
    """Return what the bubble says: a line for each answer."""
    labels = {field["name"]: field["label"] or field["name"] for field in form["fields"]}
    lines = (f"{labels[name]}: {_in_words(value)}" for name, value in data.items())
    return "\n".join(chain([form["title"]] if form["title"] else [], lines))


def _in_words(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


# Looking and typing, coming and going


def _read(handset: Handset, action: Json) -> None:
    wanted = action.get("message")
    if wanted is not None and str(wanted) not in handset.messages:
        raise Problem("The phone has no such message.")
    for message in list(handset.messages.values()) if wanted is None else [handset.messages[str(wanted)]]:
        delivery.read(handset, message)


def _type(handset: Handset, action: Json) -> None:
    active = action.get("active", True)
    if not isinstance(active, bool):
        raise Problem("active must be true or false.")
    talk = _over_rcs(handset, action)
    talk.wire.typing(talk.agent, handset.number, active)


def _unsubscribe(handset: Handset, action: Json) -> Message:
    return _consent(handset, action, subscribed=False)


def _subscribe(handset: Handset, action: Json) -> Message:
    return _consent(handset, action, subscribed=True)


def _consent(handset: Handset, action: Json, *, subscribed: bool) -> Message:
    """Use the menu of the phone: a keyword message and the provider's event, if it has one, in the provider's order."""
    talk = conversation(handset, action)
    words = next((KEYWORDS[code] for code in KEYWORDS if handset.number.startswith(code)), ("STOP", "START"))
    handset.unsubscribed = not subscribed
    event_first = talk.wire.subscription_comes_first()
    if event_first:
        talk.wire.subscription(talk.agent, handset.number, subscribed)
    message = _say(handset, talk, Said("text", text=words[subscribed]))
    if not event_first:
        talk.wire.subscription(talk.agent, handset.number, subscribed)
    return message


ACTIONS: dict[str, Callable[[Handset, Json], Message | None]] = {
    "text": _text,
    "tap": _tap,
    "read": _read,
    "type": _type,
    "file": _file,
    "location": _location,
    "form": _form,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
}
