"""Kannel: the address of sendsms, its dials, and the call that brings what a person writes."""

from django.urls import path, re_path

from rcs_backends.emulator.phones import Json, Message
from rcs_backends.emulator.state import world
from rcs_backends.emulator.wire.kannel import callbacks, sendsms
from rcs_backends.emulator.wires import Delivered, Problem, Said, Wire

API = sendsms.KannelApi()


class KannelWire(Wire):
    """An application GETs kannel/cgi-bin/sendsms; reports go to its dlr-url, what people write to the dial mo_url."""

    provider = "kannel"
    channel = "sms"
    methods = ("sendsms",)
    addresses = {"Kannel (sendsms)": "kannel/cgi-bin/sendsms"}
    dials: Json = {
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
    }
    open_dials = ("users",)
    choices = {"link": ("up", "down", "stopped"), "outcome": ("delivered", "failed", "rejected")}
    urlpatterns = (
        path("kannel/cgi-bin/sendsms", API.by_verb("sendsms", GET=sendsms.sendsms, HEAD=sendsms.sendsms)),
        re_path("^kannel/", API.unknown),
    )

    def agents(self) -> list[str]:
        return [world.config["kannel"]["short_code"]]

    def is_up(self) -> bool:
        return bool(world.config["kannel"]["link"] == "up")

    def say(self, message: Message, said: Said, delivered: Delivered) -> None:
        if said.kind != "text":
            raise Problem("An SMS carries only text.")
        callbacks.mo(message.number, message.agent, said.text, delivered)


WIRE = KannelWire()
