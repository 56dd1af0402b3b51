"""What a person decides about transmissions in the admin, and what they are told."""

import pytest
from django.urls import reverse

from rcs_router import send
from rcs_router.admin.timeline import LABELS
from rcs_router.contract import Status
from rcs_router.errors import BadAddress, Unavailable
from rcs_router.models import Event, Message, Transmission
from rcs_router.outbox import expiry, operate
from tests.admin.pages import act, page, words
from tests.core import ALICE, BOB, CAROL, connection, drain, memory, sent_to

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("router")]


def standing(status: Status, alias: str = "rcs", number: str = ALICE) -> Transmission:
    row = sent_to(alias, number)
    Transmission.objects.filter(pk=row.pk).update(status=status)
    row.refresh_from_db()
    return row


@pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
@pytest.mark.parametrize("what", list(LABELS))
def test_every_action_from_every_status(boss, what, status):
    row = standing(status)
    answer, told = act(boss, "transmission", what, [row])
    assert answer == 302
    if status in operate.ALLOWED[what]:
        assert told == [f"{LABELS[what]}: 1 transmission."]
        assert row.events.filter(kind="operator", detail__contains="by boss").exists()
    else:
        assert told == [f"{LABELS[what]}: not possible for 1 transmission: it is {status.name.lower()} (1)."]
        assert not Event.objects.exists()


def test_an_action_says_how_many_moved_and_why_others_did_not(boss):
    rows = [
        standing(Status.REVIEW, number=ALICE),
        standing(Status.ACCEPTED, number=BOB),
        standing(Status.REVIEW, "alone", CAROL),
        standing(Status.READ),
        standing(Status.READ),
    ]
    assert act(boss, "transmission", "fall_back", rows)[1] == [
        "Fall back now: 2 transmissions.",
        "Fall back now: not possible for 3 transmissions: it is read (2); there is no fallback left (1).",
    ]


def test_resend_makes_a_new_message_and_says_so_on_both_pages(boss):
    old = standing(Status.FAILED)
    act(boss, "transmission", "resend", [old])
    new = Message.objects.exclude(pk=old.message_id).get().transmissions.get()
    assert f"operator: resend as {new.pk} by boss" in words(boss.get(page(old)))
    assert f"operator: resend in place of {old.pk} by boss" in words(boss.get(page(new)))


def operate_on(client, row, what, **data):
    url = reverse("admin:rcs_router_transmission_operate", args=[row.pk])
    return client.post(url, {"what": what, **data})


class TestButtons:
    @pytest.mark.parametrize("status", list(Status), ids=lambda status: status.name)
    def test_are_there_for_what_is_possible(self, boss, status):
        row = standing(status)
        expected = [what for what in LABELS if status in operate.ALLOWED[what]]
        for where in (row, row.message):
            content = boss.get(page(where)).content.decode()
            assert [what for what in LABELS if f'value="{what}"' in content] == expected

    def test_do_it_and_come_back(self, boss):
        row = standing(Status.REVIEW)
        answer = operate_on(boss, row, "close", back=page(row.message))
        assert answer.headers["Location"] == page(row.message)
        row.refresh_from_db()
        assert (row.status, row.reason) == (Status.CANCELLED, "closed")
        assert "Close: 1 transmission." in boss.get(page(row.message)).content.decode()

    @pytest.mark.parametrize("back", ["", "https://evil.example/", "//evil.example/", "javascript:alert(1)"])
    def test_never_lead_elsewhere(self, boss, back):
        row = standing(Status.REVIEW)
        assert operate_on(boss, row, "close", back=back).headers["Location"] == page(row)

    @pytest.mark.parametrize("what", ["", "delete", "__class__"])
    def test_do_only_what_there_is(self, boss, what):
        row = standing(Status.REVIEW)
        assert operate_on(boss, row, what).status_code == 400
        row.refresh_from_db()
        assert row.status == Status.REVIEW

    def test_of_nothing_are_not_found(self, boss):
        row = sent_to()
        url = reverse("admin:rcs_router_transmission_operate", args=[row.message_id])
        assert boss.post(url, {"what": "close"}).status_code == 404


class TestTimeline:
    def test_tells_of_failures_retries_and_the_fallback(self, boss, settings):
        settings.RCS_ROUTER = {**settings.RCS_ROUTER, "RETRY_DELAYS": [25]}
        row = sent_to()
        memory().outcomes.append(Unavailable("503 from the provider"))
        drain()
        text = words(boss.get(page(row)))
        assert "unavailable: 503 from the provider → next attempt 25 s later," in text
        assert "next attempt in 25 s" in text or "next attempt in 24 s" in text
        Transmission.objects.update(due_at=row.created_at)
        memory().outcomes.append(Unavailable("503 from the provider"))
        drain("rcs")
        text = words(boss.get(page(row.message)))
        assert "attempt 2 failed" in text
        assert "→ no more attempts" in text
        assert "goes on by sms unavailable → leaves at once" in text
        assert "next goes on by sms" in text
        assert f"queued {ALICE} via sms, a fallback" in text

    def test_waits_for_the_answer_to_a_revoke_and_tells_it(self, boss):
        row = sent_to()
        drain()
        operate_on(boss, row, "revoke")
        text = words(boss.get(page(row)))
        assert "operator: revoke by boss → waits for the provider's answer" in text
        assert "next waits for the provider's answer to a revoke (somebody asked for it)" in text
        expiry.revoke_due("rcs")
        assert "the provider took it back" in words(boss.get(page(row)))

    def test_lists_what_a_person_may_choose_from(self, boss):
        row = sent_to("alone")
        memory("alone").outcomes.append(BadAddress("not a mobile number"))
        drain()
        assert (
            "next a person must decide: retry now, ask the provider, revoke, close, resend as new"
            in words(boss.get(page(row)))
        )

    def test_survives_a_backend_that_left_the_settings(self, boss, settings):
        row = standing(Status.REVIEW)
        settings.RCS_BACKENDS = {}
        assert "next a person must decide: close" in words(boss.get(page(row)))
        assert boss.get(page(row.message)).status_code == 200

    def test_of_three_recipients_is_told_three_times(self, boss):
        message = send("Hello", [connection(ALICE), connection(BOB), connection(CAROL)])
        response = boss.get(page(message))
        assert [way.row.connection.identity for way in response.context["timelines"]] == [ALICE, BOB, CAROL]
