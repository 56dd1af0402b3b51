"""Scripts: what passes, and that each way to fail is told clearly."""

import pytest

from rcs_router import send
from rcs_router.content import Reply, Text
from rcs_router.testing import Handset, ScriptFailed, World
from rcs_router.testing.script import read

A, B = "+37255501234", "+37255501235"


def failure(rcs: World, script: str) -> str:
    with pytest.raises(ScriptFailed) as caught:
        rcs.plays(script)
    return str(caught.value)


def test_a_conversation_that_goes_as_written(rcs: World) -> None:
    rcs.plays(f"""
        # anybody may begin
        {A} > echo hello

        {A} < hello
        {B} > menu
        {B} < What would you …? [Boots|Tent]
        {B} ! Tent
        {B} < Tent ... EUR [Buy|See it]
    """)


def test_the_other_side_may_begin(rcs: World) -> None:
    send(Text("Your order\nis on its way", (Reply("Track"),)), rcs.handset(A).connection())
    rcs.plays(f"{A} < Your order is on its way [Track]")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (  # another answer
            f"{A} > echo hello\n{A} < hallo",
            "line 2 of the script: +37255501234 was shown something else:\n"
            "  missing:     hallo\n"
            "  unexpected:  hello\n"
            "before that:\n"
            "    +37255501234 > echo hello",
        ),
        (  # no answer
            f"{A} > what?\n{A} < hello",
            "line 2 of the script: +37255501234 was shown nothing:\n"
            "  missing:     hello\n"
            "before that:\n"
            "    +37255501234 > what?",
        ),
        (  # one too many, at the end
            f"{A} > twice\n{A} < once",
            "line 2 of the script: +37255501234 was shown something else:\n"
            "  as expected: once\n"
            "  unexpected:  twice\n"
            "before that:\n"
            "    +37255501234 > twice",
        ),
        (  # and where none was expected
            f"{A} > echo a\n{A} > echo b",
            "line 1 of the script: +37255501234 was shown something that nobody expected:\n"
            "  unexpected:  a\n"
            "before that:\n"
            "    +37255501234 > echo a",
        ),
        (  # one too few
            f"{A} > echo a\n{A} < a\n{A} < b",
            "line 2 of the script: +37255501234 was shown something else:\n"
            "  as expected: a\n"
            "  missing:     b\n"
            "before that:\n"
            "    +37255501234 > echo a",
        ),
        (  # the other way round
            f"{A} > twice\n{A} < twice\n{A} < once",
            "line 2 of the script: +37255501234 was shown the right messages in the wrong order:\n"
            "  unexpected:  once\n"
            "  as expected: twice\n"
            "  missing:     once\n"
            "before that:\n"
            "    +37255501234 > twice",
        ),
        (  # other chips
            f"{A} > menu\n{A} < What would you like? [Boots]",
            "line 2 of the script: +37255501234 was shown something else:\n"
            "  missing:     What would you like? [Boots]\n"
            "  unexpected:  What would you like? [Boots|Tent]\n"
            "before that:\n"
            "    +37255501234 > menu",
        ),
        (  # chips where none are expected
            f"{A} > menu\n{A} < What would you like?",
            "line 2 of the script: +37255501234 was shown something else:\n"
            "  missing:     What would you like?\n"
            "  unexpected:  What would you like? [Boots|Tent]\n"
            "before that:\n"
            "    +37255501234 > menu",
        ),
        (  # a chip that is not there
            f"{A} > menu\n{A} < … [Boots|Tent]\n{A} ! Hat",
            "line 3 of the script: +37255501234 has no chip 'Hat'; its chips: ['Boots', 'Tent']",
        ),
        (  # the wrong phone
            f"{A} > echo a\n{B} < a",
            "line 2 of the script: +37255501235 was shown nothing:\n"
            "  missing:     a\n"
            "before that:\n"
            "    +37255501234 > echo a",
        ),
    ],
)
def test_what_goes_otherwise_is_told(rcs: World, script: str, told: str) -> None:
    assert failure(rcs, script) == told


def test_another_phone_that_is_disturbed_is_told(rcs: World) -> None:
    send("Psst", rcs.handset(B).connection())
    assert failure(rcs, f"{A} > echo a\n{A} < a").startswith(
        f"line 1 of the script: {B} was shown something that"
    )


def test_a_failure_repeats_the_end_of_a_long_conversation(rcs: World) -> None:
    told = failure(rcs, f"{A} > echo a\n{A} < a\n" * 20 + f"{A} > echo b")
    assert len(told.splitlines()) == 3 + 12
    assert told.endswith(f"    {A} < a\n    {A} > echo b")


def test_an_error_on_the_way_names_the_line(rcs: World) -> None:
    rcs.fail_fast = True
    with pytest.raises(AssertionError, match="on purpose") as caught:
        rcs.plays(f"{A} > echo a\n{A} < a\n{A} > broken")
    assert caught.value.__notes__ == [f"in line 3 of the script: {A} > broken"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("hello", "line 2 of the script is not “number > text”: hello"),
        (f"{A} = hello", "line 2 of the script is not"),
        (f"{A} ~ fax", "line 2 of the script: ~ takes sms, rcs, off, on, not 'fax'"),
        (f"{A} ~", "~ takes sms"),
    ],
)
def test_what_is_no_script(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read(f"{A} > menu\n{line}")


def test_empty_words_are_words(rcs: World) -> None:
    rcs.plays(f"{A} >")
    assert rcs.inbound.get().text == ""


def test_power_and_roads(rcs: World) -> None:
    rcs.plays(f"""
        {A} > echo a
        {A} < a
        {A} ~ off
        {A} ~ on
        {A} ~ sms
        {A} > echo b
        {A} < b
        {A} ~ rcs
        {A} > echo c
        {A} < c
    """)
    assert [row.backend_id for row in rcs.inbound] == ["acme", "sms", "acme"]


# In Python


def test_the_same_in_python(rcs: World, handset: Handset) -> None:
    with rcs.conversation():
        handset.says("menu")
        (question,) = handset.hears(Text("What would you like?", (Reply("Boots"), Reply("Tent"))))
        assert question.options == {1: "Boots", 2: "Tent"}
        handset.taps("Tent")
        handset.hears("Tent 249 EUR [Buy|See it]")
        handset.types()
        handset.hears()


def test_a_conversation_in_python_has_no_more_than_was_heard(rcs: World, handset: Handset) -> None:
    with pytest.raises(ScriptFailed, match="nobody expected"), rcs.conversation():
        handset.says("echo a")


def test_an_error_inside_is_not_hidden(rcs: World, handset: Handset) -> None:
    with pytest.raises(ZeroDivisionError), rcs.conversation():
        handset.says("echo a")
        _ = 1 / 0


def test_hears_takes_all_of_them(rcs: World, handset: Handset) -> None:
    handset.says("twice")
    with pytest.raises(ScriptFailed, match="unexpected:  twice"):
        handset.hears("once")
