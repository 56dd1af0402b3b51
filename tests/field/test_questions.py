"""Asking a provider what phones can, by the API: nobody holds the site with it, and every question is answered."""

import dataclasses
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connections
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from rcs_backends import http
from rcs_router import capability_checks, sweep, wake
from rcs_router.backends import backends
from rcs_router.contract import within
from rcs_router.errors import Misconfigured, Refused, SendError, Throttled, Unavailable
from rcs_router.models import LastRun, Question
from rcs_router.testing import MemoryBackend
from rcs_router.testing.stub import Stub, hang
from rcs_router.threads import perform

from .sites import GSMA, options, site

pytestmark = pytest.mark.django_db(transaction=True)
State = Question.State
NUMBERS = [f"+3725550{n:04}" for n in range(1000)]


class OneByOne(MemoryBackend):
    """Says of each phone that it has cards; `moods` are raised first."""

    capabilities = dataclasses.replace(MemoryBackend.capabilities, check=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls: list[list[str]] = []
        self.moods: list[Exception | None] = []

    def check_capabilities(self, identities: list[str]) -> dict[str, frozenset[str] | None]:
        self.calls.append(identities)
        if self.moods and (mood := self.moods.pop(0)):
            raise mood
        return {name: frozenset({"CARD"}) for name in identities}


class InBatches(OneByOne):
    def check_requests(self, count: int) -> int:
        return 1


def asked(name: str) -> OneByOne:
    backend = backends[name]
    assert isinstance(backend, OneByOne)
    return backend


@pytest.fixture
def api(settings: Any) -> APIClient:
    """The token of somebody who may look at connections, and nothing else."""
    here = f"{__name__}."
    site(settings, {"one": {"BACKEND": here + "OneByOne"}, "many": {"BACKEND": here + "InBatches"}})
    return looker("looker")


def looker(name: str) -> APIClient:
    user = User.objects.create_user(name)
    user.user_permissions.add(Permission.objects.get(codename="view_connection"))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
    return client


def post(api: APIClient, count: int, backend: str = "one") -> Any:
    return api.post(
        "/rcs/api/capabilities/", {"backend": backend, "identities": NUMBERS[:count]}, format="json"
    )


@pytest.mark.parametrize(("backend", "count"), [("one", 1), ("one", capability_checks.FEW), ("many", 1000)])
def test_few_requests_are_made_while_the_caller_waits(api: APIClient, backend: str, count: int) -> None:
    answer = post(api, count, backend)
    assert (answer.status_code, len(answer.json()["results"])) == (200, count)
    assert not Question.objects.exists()


@pytest.mark.parametrize("count", [capability_checks.FEW + 1, 1000])
def test_many_are_answered_later(api: APIClient, count: int) -> None:
    first = post(api, count)
    assert (first.status_code, first.json()["state"], first.json()["results"]) == (202, "waiting", [])
    assert asked("one").calls == [], "the web server asks nobody"
    assert list(sweep.due(timezone.now())) == [(wake.CHECK,)]
    perform((wake.CHECK,))
    answer = api.get(first["Location"]).json()
    assert (answer["state"], answer["code"], answer["id"]) == ("answered", "", first.json()["id"])
    assert [one["identity"] for one in answer["results"]] == NUMBERS[:count]
    assert answer["results"][-1] == {"identity": NUMBERS[count - 1], "reachable": True, "features": ["CARD"]}
    assert list(sweep.due(timezone.now())) == []


def test_questions_take_turns(api: APIClient) -> None:
    """A thousand phones delay the few of somebody else by one slice."""
    first, second = post(api, 1000), post(looker("other"), 10)
    for _ in range(2):
        capability_checks._take_a_turn(capability_checks._claim(timezone.now()))  # type: ignore[arg-type]
    states = dict(Question.objects.values_list("pk", "state"))
    assert sorted(states.values()) == ["answered", "waiting"]
    assert len(api.get(first["Location"]).json()["results"]) == capability_checks.SLICE
    assert api.get(second["Location"]).status_code == 404, "it is somebody else's"


def test_one_caller_of_the_site_waits_for_a_backend(api: APIClient) -> None:
    began, release = threading.Event(), threading.Event()

    def slow(identities: list[str]) -> dict[str, frozenset[str] | None]:
        began.set()
        release.wait(10)
        return {}

    asked("one").check_capabilities = slow  # type: ignore[method-assign]

    def first() -> None:
        post(api, 1)
        connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert began.wait(10)
    other = looker("other")
    assert post(other, 1).status_code == 202
    answer = other.get("/rcs/api/capabilities/", {"backend": "one", "identity": NUMBERS[0]})
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "busy", "2")
    assert post(other, 1, "many").status_code == 200, "another backend is not busy"
    release.set()
    thread.join()
    assert LastRun.objects.get(job="check:one").at <= timezone.now() + timedelta(seconds=1)


def test_who_died_while_asking_holds_the_others_for_a_moment_only(api: APIClient) -> None:
    LastRun.objects.create(job="check:one", at=timezone.now() - timedelta(seconds=1))
    assert post(api, 1).status_code == 200


@pytest.mark.services  # takes long
def test_a_provider_that_hangs_holds_a_caller_for_two_seconds(settings: Any) -> None:
    stub = Stub()
    stub.default = hang
    site(settings, {"maap": options(GSMA, api_url=f"{stub.url}/rcs/bot/v1", timeout=15.0)})
    began, api = time.monotonic(), looker("looker")
    try:
        answer = post(api, capability_checks.FEW, "maap")
        assert answer.status_code == 202
        assert time.monotonic() - began < capability_checks.PATIENCE + 2
        answer = api.get("/rcs/api/capabilities/", {"backend": "maap", "identity": NUMBERS[0]})
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    finally:
        stub.close()


def test_all_requests_of_a_question_have_one_time(settings: Any) -> None:
    stub = Stub()
    stub.default = hang
    began = time.monotonic()
    try:
        with within(0.3):
            for _ in range(3):
                with pytest.raises(SendError):
                    http.call("GET", stub.url, timeout=15)
        assert (time.monotonic() - began < 3, len(stub.requests)) == (True, 1)
    finally:
        stub.close()


@pytest.mark.parametrize(
    "again", [Unavailable("down"), Throttled("slow", retry_after=7), RuntimeError("bug")]
)
def test_trouble_keeps_what_has_been_answered(api: APIClient, again: Exception) -> None:
    place = post(api, 20)["Location"]
    asked("one").moods = [None] * 7 + [again]
    capability_checks._take_a_turn(capability_checks._claim(timezone.now()))  # type: ignore[arg-type]
    assert len(api.get(place).json()["results"]) == 7
    perform((wake.CHECK,))
    assert (api.get(place).json()["state"], len(api.get(place).json()["results"])) == ("answered", 20)


@pytest.mark.parametrize(
    ("error", "state", "wait"),
    [
        (Unavailable("down"), "waiting", 5),
        (Throttled("slow", retry_after=30), "waiting", 30),
        (Throttled("slow", retry_after=1e9), "waiting", capability_checks.OVERALL),
        (Throttled("slow", retry_after=0), "waiting", 5),
        (Misconfigured("key"), "waiting", 5),
        (Refused("no"), "failed", None),
        (RuntimeError("a bug that quotes +37255501234"), "failed", None),
    ],
)
def test_a_provider_that_fails_at_once(
    api: APIClient, error: Exception, state: str, wait: float | None, caplog: Any
) -> None:
    post(api, 20)
    asked("one").moods = [error] * 9
    began = timezone.now()
    perform((wake.CHECK,))
    row = Question.objects.get()
    assert (row.state, row.claim, len(asked("one").calls)) == (state, None, 1)
    if wait is not None:
        assert row.due_at - began == pytest.approx(timedelta(seconds=wait), abs=timedelta(seconds=3))
    assert "37255501234" not in caplog.text


def test_it_fails_in_the_end(api: APIClient) -> None:
    place = post(api, 20)["Location"]
    asked("one").moods = [Unavailable("down")] * 9
    for _ in range(len(capability_checks.DELAYS) + 1):
        Question.objects.update(due_at=timezone.now())
        perform((wake.CHECK,))
    answer = api.get(place).json()
    assert (answer["state"], answer["code"], answer["results"]) == ("failed", "unavailable", [])


def test_a_question_that_takes_too_long_ends(api: APIClient) -> None:
    place = post(api, 20)["Location"]
    Question.objects.update(created_at=timezone.now() - timedelta(seconds=capability_checks.OVERALL + 1))
    perform((wake.CHECK,))
    assert (api.get(place).json()["code"], asked("one").calls) == ("too_slow", [])


def test_a_backend_that_left_the_settings(api: APIClient, settings: Any) -> None:
    place = post(api, 20)["Location"]
    site(settings, {"many": settings.RCS_BACKENDS["many"]})
    perform((wake.CHECK,))
    assert api.get(place).json()["code"] == "unknown_backend"


def test_a_user_has_few_questions_waiting(api: APIClient) -> None:
    assert [post(api, 20).status_code for _ in range(capability_checks.MOST_WAITING)] == [
        202
    ] * capability_checks.MOST_WAITING
    answer = post(api, 20)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_waiting")
    assert post(looker("other"), 20).status_code == 202
    perform((wake.CHECK,))
    assert post(api, 20).status_code == 202


def test_rows_are_kept_for_a_day(api: APIClient) -> None:
    post(api, 20)
    perform((wake.CHECK,))
    Question.objects.update(created_at=timezone.now() - timedelta(days=2))
    post(api, 20)
    perform((wake.CHECK,))
    assert Question.objects.count() == 1


def test_a_worker_that_died_is_followed_by_another(api: APIClient) -> None:
    post(api, 20)
    assert capability_checks._claim(timezone.now())
    assert (capability_checks.answer_due(), capability_checks.is_due(timezone.now())) == (0, False)
    Question.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert (capability_checks.is_due(timezone.now()), capability_checks.answer_due()) == (True, 1)


def test_who_may_not_look_may_not_ask(api: APIClient) -> None:
    place = post(api, 20)["Location"]
    User.objects.get().user_permissions.clear()
    assert (api.get(place).status_code, post(api, 1).status_code) == (403, 403)
    assert APIClient().get(place).status_code == 401
