"""Consent and capabilities by HTTP: who stands where, evidence, changes on a person's behalf, what phones can."""

from typing import Any

import pytest

from rcs_router.backends import backends
from rcs_router.errors import BadAddress, Misconfigured, Refused, SendError, Throttled, Unavailable
from rcs_router.models import Connection, ConsentRecord, Message
from rcs_router.people import consent
from tests import core
from tests.api.client import API
from tests.api.core import ALICE, BOB, CAROL

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unhurried")]


def opted_out(answer: Any) -> dict[str, bool]:
    return {one["brand"]: one["opted_out"] for one in answer["standing"]}


def test_nothing_was_ever_heard(api: API) -> None:
    status, answer = api.get(f"consent/{ALICE}/")
    assert (status, answer["subject"], answer["ledger"]) == (200, ALICE, [])
    assert answer["standing"] == [{"brand": "", "opted_out": False, "changed_at": None}]


def test_out_and_in_again(api: API) -> None:
    status, answer = api.post("consent/+372 5550 1234/opt-out/", {"words": "Leave me alone"})
    assert (status, answer["changed"], opted_out(answer)) == (200, True, {"": True})
    assert answer["standing"][0]["changed_at"]
    assert api.post(f"consent/{ALICE}/opt-out/", {})[1]["changed"] is False
    api.send("Offer", traffic="promotion")
    assert api.get("transmissions/")[1]["results"][0]["reason"] == "opted_out"
    status, answer = api.post(f"consent/{ALICE}/opt-in/", {})
    assert (answer["changed"], opted_out(answer)) == (True, {"": False})
    assert [(one["opted_out"], one["source"], one["words"]) for one in answer["ledger"]] == [
        (False, "api", "by ann"),
        (True, "api", "by ann"),
        (True, "api", "Leave me alone"),
    ]
    assert Message.objects.count() == 1, "nothing is said unless it is asked for"


def test_an_old_opt_in_changes_nothing(api: API) -> None:
    api.post(f"consent/{ALICE}/opt-out/", {"said_at": "2026-02-01T00:00:00Z"})
    _status, answer = api.post(f"consent/{ALICE}/opt-in/", {"said_at": "2026-01-01T00:00:00Z"})
    assert (answer["changed"], opted_out(answer)) == (False, {"": True})


def test_an_acknowledgement_goes_out_when_it_is_asked_for(api: API) -> None:
    api.post(f"consent/{ALICE}/opt-out/", {"acknowledge": True, "backend": "sms"})
    assert Message.objects.get().transmissions.get().backend_id == "sms"


def test_brands_are_told_apart(api: API, settings: Any) -> None:
    entries = settings.RCS_BACKENDS
    settings.RCS_BACKENDS = {
        "rcs": {**entries["rcs"], "BRAND": "boots"},
        "sms": {**entries["sms"], "BRAND": "boots"},
        "alone": {**entries["alone"], "BRAND": "hats"},
    }
    assert api.post(f"consent/{ALICE}/opt-out/", {})[1]["path"] == "brand"
    assert opted_out(api.post(f"consent/{ALICE}/opt-out/", {"backend": "sms"})[1]) == {
        "boots": True,
        "hats": False,
    }
    assert opted_out(api.post(f"consent/{ALICE}/opt-out/", {"brand": "hats"})[1]) == {
        "boots": True,
        "hats": True,
    }
    status, answer = api.post(f"consent/{ALICE}/opt-in/", {"brand": "hats", "backend": "sms"})
    assert (status, answer["code"]) == (400, "unknown_brand")


def test_a_token_has_a_standing_too(api: API) -> None:
    assert opted_out(api.post("consent/tok-17/opt-out/", {})[1]) == {"": True}


def test_the_evidence_about_one_person(api: API) -> None:
    core.connection(ALICE)
    for n in range(120):
        consent.record(ALICE, opted_out=n % 2 == 0, source="keyword", words=str(n))
    consent.record(BOB, opted_out=True, source="keyword")
    response = api.raw("GET", f"consent/{ALICE}/export/")
    evidence = response.json()
    assert response["Content-Disposition"].startswith("attachment")
    assert [line["words"] for line in evidence["ledger"]] == [str(n) for n in range(120)]
    assert [one["backend"] for one in evidence["connections"]] == ["rcs"]
    assert len(api.get(f"consent/{ALICE}/")[1]["ledger"]) == 100
    assert ConsentRecord.objects.count() == 121, "to look changes nothing"


# Capabilities


def test_what_phones_can(api: API) -> None:
    status, answer = api.post(
        "capabilities/", {"backend": "asked", "identities": [BOB, "+372 5550 1234", CAROL, BOB]}
    )
    bob = {"identity": BOB, "reachable": False, "features": []}
    assert status == 200
    assert answer["results"] == [
        bob,
        {"identity": ALICE, "reachable": True, "features": ["ACTION", "CARD"]},
        {"identity": CAROL, "reachable": None, "features": []},
        bob,
    ]
    status, answer = api.get("capabilities/", backend="asked", identity=BOB)
    assert answer == {"backend": "asked", "results": [bob]}


def test_a_backend_that_cannot_be_asked(api: API) -> None:
    status, answer = api.get("capabilities/", backend="rcs", identity=BOB)
    assert (status, answer["code"], answer["path"]) == (400, "not_supported", "backend")


TROUBLE: list[tuple[SendError, int]] = [
    (Unavailable("down"), 503),
    (Throttled("slowly", retry_after=2.5), 503),
    (Misconfigured("wrong key"), 503),
    (Refused("no"), 502),
    (BadAddress("not you"), 502),
]


@pytest.mark.parametrize(("error", "wanted"), TROUBLE)
def test_a_provider_that_fails(api: API, error: SendError, wanted: int) -> None:
    backends["asked"].trouble = error  # type: ignore[attr-defined]
    response = api.raw("POST", "capabilities/", {"backend": "asked", "identities": [BOB]})
    assert (response.status_code, response.json()["code"]) == (wanted, error.code)
    assert response.json()["detail"] == error.detail
    assert response.headers.get("Retry-After") == ("3" if error.retry_after else None)


@pytest.mark.parametrize("written", ["+372 5550 1234x", "+37255501234ext5", "5550 1234"])
def test_a_number_with_a_mistake_is_not_filed_as_a_token(api: API, written: str) -> None:
    status, answer = api.post(f"consent/{written}/opt-out/", {})
    assert (status, answer["code"]) == (400, "identity_invalid")
    assert not ConsentRecord.objects.exists()


def test_whoever_has_written_to_us_can_be_opted_out(api: API) -> None:
    core.connection()  # there is a backend
    Connection.objects.create(backend_id="rcs", identity="5550123")
    status, answer = api.post("consent/5550123/opt-out/", {})
    assert (status, answer["subject"], answer["changed"]) == (200, "5550123", True)
