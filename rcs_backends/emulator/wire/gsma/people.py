"""Tell bots what a person does with a phone.

A person speaks as a number, or as a chatId where the phone is anonymous. Lock held everywhere.
"""

from collections.abc import Callable

from rcs_backends.emulator.conversations import conversation
from rcs_backends.emulator.phones import Handset, Json, Message, now
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma import messages, webhooks
from rcs_backends.emulator.wire.gsma.store import GsmaStore, Sent, time
from rcs_backends.emulator.wires import Delivered, Problem, Said

START = "new_bot_user_initiation"  # the postback of every "start chat" button


def say(message: Message, said: Said, delivered: Delivered) -> None:
    """Tell the bot what a person said or tapped."""
    build = CONTENT.get(said.kind)
    if build is None:
        raise Problem(f"A MaaP platform has nothing like {said.kind}.")
    store = world.store(GsmaStore)
    about = store.sent.get((message.agent, said.about.id)) if said.about else None
    handset = world.handset(message.number)
    contact = store.contact_of(handset, message.agent, like=about.contact if about else None)
    store.said[message.agent, message.id] = message
    if said.kind != "action" or said.postback:
        event = "response" if said.kind in ("reply", "action", "device") else "message"
        webhooks.said(event, message, contact, build(said), delivered)
    if tapped := said.tapped():
        _obey(handset, message.agent, tapped.kind)


def _obey(handset: Handset, bot_id: str, kind: str) -> None:
    """Change a setting whose suggestion was tapped."""
    if kind == "enable_displayed_notifications":
        world.store(GsmaStore).wants_displayed.add((bot_id, handset.number))
    elif kind == "disable_anonymization" and _has_token(handset, bot_id):
        _link(handset, bot_id)


def _reply(said: Said) -> Json:
    """Say what was tapped, with its postback if it had one, and without the action itself."""
    tapped: Json = {"displayText": said.label}
    if said.postback:
        tapped["postback"] = {"data": said.postback}
    return {"suggestedResponse": {"response": {said.kind: tapped}}}


def _file(said: Said) -> Json:
    file: Json = {"fileUrl": said.url, "fileName": said.name, "fileMIMEType": said.media_type}
    if said.size:
        file["fileSize"] = said.size
    if said.kind == "audio" and said.seconds:
        file["playingLength"] = said.seconds
    return {f"{said.kind}Message": file}


def _place(said: Said) -> Json:
    place: Json = {"pos": f"{said.latitude:.6f} {said.longitude:.6f}", "timestamp": time(now())}
    if said.text:
        place["label"] = said.text
    return {"geolocationPushMessage": place}


CONTENT: dict[str, Callable[[Said], Json]] = {  # the members of an event's RCSMessage, by what was said
    "text": lambda said: {"textMessage": said.text},
    "reply": _reply,
    "action": _reply,
    "file": _file,
    "audio": _file,
    "location": _place,
    "device": lambda said: {"sharedData": {"deviceSpecifics": dict(said.data)}},
}


def typing(bot_id: str, number: str, active: bool) -> None:
    """Tell the bot that the person types, or stops."""
    handset = world.handset(number)
    members = {"isTyping": "active" if active else "idle"}
    contact = world.store(GsmaStore).contact_of(handset, bot_id)
    webhooks.said("isTyping", _deed(handset, bot_id), contact, members)


def _deed(handset: Handset, bot_id: str) -> Message:
    """Return something that a person does, with its id. It is a bubble only if it is kept."""
    return Message(webhooks.user_id(), "gsma", bot_id, handset.number, "out")


def _bot(handset: Handset, action: Json) -> str:
    return conversation(handset, {**action, "via": "gsma"}).agent


def _has_token(handset: Handset, bot_id: str) -> bool:
    return handset.anonymous or (bot_id, handset.number) in world.store(GsmaStore).tokens


def start(handset: Handset, action: Json) -> Message:
    """Press the button on the bot's introduction: newUser. `{"anonymous": true}` starts as a chatId."""
    bot_id = _bot(handset, action)
    anonymous = action.get("anonymous", handset.anonymous)
    if not isinstance(anonymous, bool):
        raise Problem("anonymous must be true or false.")
    handset.anonymous = anonymous
    bubble = _deed(handset, bot_id)
    bubble.text = "Start Chat"
    store = world.store(GsmaStore)
    handset.messages[bubble.id] = store.said[bot_id, bubble.id] = bubble
    tapped = _reply(Said("reply", label=bubble.text, postback=START))
    webhooks.said("newUser", bubble, store.contact_of(handset, bot_id), tapped, bubble.taken)
    return bubble


def alias(handset: Handset, action: Json) -> None:
    """Tell the bot that chatId and number are the same."""
    bot_id = _bot(handset, action)
    if not _has_token(handset, bot_id):
        raise Problem("The bot knows no chatId of this phone.")
    _link(handset, bot_id)


def _link(handset: Handset, bot_id: str) -> None:
    """Use the number from now on, for statuses of earlier messages too; the token is dead."""
    store = world.store(GsmaStore)
    both = {"userContact": handset.number, "chatId": store.chat_id(bot_id, handset.number)}
    webhooks.said("alias", _deed(handset, bot_id), both, {})
    store.retire(bot_id, handset.number)
    handset.anonymous = False
    for sent in _conversation(handset, bot_id):
        sent.contact = {"userContact": handset.number}


def reset(handset: Handset, action: Json) -> None:
    """Take a new token, and be a new user for the bot. What waits for the old one is never delivered."""
    bot_id = _bot(handset, action)
    world.store(GsmaStore).retire(bot_id, handset.number)
    for sent in _conversation(handset, bot_id):
        if "chatId" in sent.contact and sent.message.state == "waiting":
            messages.fail(sent, messages.DEAD_TOKEN)


def _conversation(handset: Handset, bot_id: str) -> list[Sent]:
    """Return what the bot sent to this phone, as number or as token."""
    mine = (bot_id, handset.number)
    return [
        one for one in world.store(GsmaStore).sent.values() if (one.message.agent, one.message.number) == mine
    ]
