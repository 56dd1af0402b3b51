"""Who a person is to a bot: a number, or a chatId that hides it. Contacts of requests come in, phones go out, and back.

Source: GSMA RCC.71 v2.2, R15-2. Everything here is called with the world's lock held.
"""

import secrets

from rcs_backends.emulator.phones import Handset, Json
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.gsma.store import GsmaStore


def chat_id(bot: str, number: str) -> str:
    """The person's token towards this bot; made at first use, and never that of another bot."""
    store = world.store(GsmaStore)
    found = store.tokens.get((bot, number))
    if found is None:
        found = f"tk-{secrets.token_urlsafe(9)}"
        store.tokens[bot, number] = found
        store.numbers[bot, found] = number
    return found


def retire(bot: str, number: str) -> None:
    """The token is dead: messages to it reach nobody. The next use of `chat_id` makes another one."""
    store = world.store(GsmaStore)
    token = store.tokens.pop((bot, number), "")
    store.numbers.pop((bot, token), None)


def number_of(bot: str, contact: Json) -> str | None:
    """Whose contact this is; None for a token that is not, or no longer, known. A number goes before a token."""
    if "userContact" in contact:
        return str(contact["userContact"])
    return world.store(GsmaStore).numbers.get((bot, contact["chatId"]))


def contact_of(handset: Handset, bot: str, *, like: Json | None = None) -> Json:
    """How the phone shows itself to the bot: as in the conversation `like` (a contact), else as the phone is set."""
    anonymous = handset.anonymous if like is None else "userContact" not in like
    return {"chatId": chat_id(bot, handset.number)} if anonymous else {"userContact": handset.number}
