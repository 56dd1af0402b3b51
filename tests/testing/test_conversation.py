"""Twenty turns with a switch from RCS to SMS in the middle: every postback arrives as it does by RCS."""

from rcs_router.models import Message
from rcs_router.testing import World

ALICE = "+37255501234"
TWENTY = """
    # ten turns by RCS
    +37255501234 > menu
    +37255501234 < What would you like? [Boots|Tent]
    +37255501234 ! Boots
    +37255501234 < Boots 129 EUR [Buy|See it]
    +37255501234 ! Buy
    +37255501234 < You bought boots.
    +37255501234 < Where to? [Here|Shop]
    +37255501234 ! Here
    +37255501234 > echo hello
    +37255501234 < hello
    +37255501234 > menu
    +37255501234 < What would you like? [Boots|Tent]
    +37255501234 ! product_tent
    +37255501234 < Tent 249 EUR [Buy|See it]
    +37255501234 > echo wait
    +37255501234 < wait
    +37255501234 ! buy_tent
    +37255501234 < You bought tent.
    +37255501234 < Where to? [Here|Shop]
    +37255501234 ! fetch

    # the same ten by SMS
    +37255501234 ~ sms
    +37255501234 > menu
    +37255501234 < What would you like? [Boots|Tent]
    +37255501234 ! Boots
    +37255501234 < Boots 129 EUR See it: https://shop.example/boots [Buy]
    +37255501234 ! Buy
    +37255501234 < You bought boots.
    +37255501234 < Where to? [Here|Shop]
    +37255501234 ! Here
    +37255501234 > echo hello
    +37255501234 < hello
    +37255501234 > menu
    +37255501234 < What would you like? [Boots|Tent]
    +37255501234 > 2
    +37255501234 < Tent 249 EUR See it: … [Buy]
    +37255501234 > echo wait
    +37255501234 < wait
    +37255501234 ! buy_tent
    +37255501234 < You bought tent.
    +37255501234 < Where to? [Here|Shop]
    +37255501234 > shop
"""


def postbacks(alias: str) -> list[str]:
    rows = Message.objects.filter(direction="in", backend=alias).exclude(postback="")
    return list(rows.order_by("created_at").values_list("postback", flat=True))


def test_twenty_turns_with_a_switch_in_the_middle(rcs: World) -> None:
    assert TWENTY.count(" > ") + TWENTY.count(" ! ") == 20
    rcs.plays(TWENTY)
    assert postbacks("acme") == ["product_boots", "buy_boots", "here", "product_tent", "buy_tent", "fetch"]
    assert postbacks("sms") == postbacks("acme")
    assert [shown.alias for shown in rcs.handset(ALICE).messages] == ["acme"] * 10 + ["sms"] * 10


def test_the_switch_may_come_before_an_answer_that_is_on_its_way(rcs: World) -> None:
    """The tap left by RCS; its answer finds a phone without it, and falls back."""
    phone = rcs.handset(ALICE)
    phone.says("menu")
    phone.hears("What would you like? [Boots|Tent]")
    row = phone.taps("Tent")
    phone.loses_rcs()
    phone.hears("Tent 249 EUR [Buy|See it]")  # which it had by RCS
    row.connection.backend_id = "acme"
    from rcs_router import send
    from rcs_router.content import Reply, Text

    send(Text("Still there?", (Reply("Yes", "still_yes"),)), row.connection)
    phone.hears("Still there? [Yes]")
    assert phone.last.alias == "sms"
    answered = phone.taps("Yes")
    assert (answered.backend_id, answered.postback) == ("sms", "still_yes")
    assert answered.answers.fallback_of.backend_id == "acme"
