"""Test answers that come from a proxy, a login page or another server. A backend must conclude nothing from them."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rcs_router.content import Text
from rcs_router.contract import MALFORMED_REPLY, SendResult
from rcs_router.errors import Misconfigured, SendError, Unavailable
from rcs_router.testing.conformance.optional import Call, announced, ended_call
from rcs_router.testing.conformance.provider import Provider, outbound
from rcs_router.testing.conformance.suite import Suite, ended, over
from rcs_router.testing.conformance.webhooks import JSON, QUICK
from rcs_router.testing.stub import Answer, Stub, answer

PAGE = (
    "\ufeff\r\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form action='/login'>"
    "<input name='password'></form></body></html>"
)
HTML = "text/html; charset=utf-8"
SUCCESSES: dict[str, Answer] = {
    "HTML 200": answer(200, PAGE, Content_Type=HTML),
    "words as HTML 200": answer(200, "It works!", Content_Type=HTML),
    "empty 200": answer(200, b""),
    "{} 200": answer(200, {}),
}
PAGES: dict[str, Answer] = {
    f"HTML {status}": answer(status, PAGE, Content_Type=HTML)
    for status in (404, 400, 403, 405, 409, 410, 422)
}
REDIRECT: dict[str, Answer] = {"redirect": answer(302, PAGE, Content_Type=HTML, Location="/login")}
ASKED = ("revoke", "status", "check")  # calls from whose answer the router concludes something


def successes(provider: Provider) -> dict[str, Answer]:
    """Return the foreign successes, without the one that is the provider's own acceptance."""
    own = provider.accepted.body.strip()
    return {name: case for name, case in SUCCESSES.items() if case.body.strip() != own}


def token_endpoints(provider: Provider) -> dict[str, tuple[str, Answer]]:
    """Return the other addresses of the provider, each with every answer that does not come from it."""
    answers = {**SUCCESSES, "HTML 404": PAGES["HTML 404"]}
    return {f"{path} {name}": (path, case) for path in provider.routes for name, case in answers.items()}


def questions(provider: Provider) -> dict[str, tuple[Call, Answer]]:
    """Return each announced call of ASKED with each foreign answer, without `{}` where that is the provider's own."""
    answers = {**SUCCESSES, **PAGES, **REDIRECT}
    return {
        f"{name} {how}": (call, case)
        for name, call in announced(provider).items()
        for how, case in answers.items()
        if name in ASKED and not (how == "{} 200" and name in provider.empty_answers)
    }


def batches(provider: Provider) -> dict[str, Answer]:
    """Return the foreign answers to `send_many`, for a backend that has it."""
    if not provider.make().capabilities.bulk:
        return {}
    own = getattr(provider.answers["bulk"], "body", b"").strip()
    answers = {**SUCCESSES, **PAGES}
    return {name: case for name, case in answers.items() if case.body.strip() != own}


class Foreign(Suite):
    """Answers that do not come from the provider, with any status."""

    @over(successes)
    def test_success_that_is_not_the_providers_is_doubted(self, case: Answer, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = case
        end = ended(backend, outbound(Text("x")))
        if isinstance(end, SendResult):
            assert end.code == MALFORMED_REPLY, (
                f"{end!r}: the provider has not accepted the message. Raise Unreadable"
            )
        else:
            assert end.unknown, f"{end!r} says that it was not sent, which nobody knows. Raise Unreadable"

    @over(lambda provider: PAGES)
    def test_error_page_says_nothing_of_the_message(self, case: Answer, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = case
        end = ended(backend, outbound(Text("x")))
        assert isinstance(end, Unavailable), (
            f"{end!r}: the provider does not answer with web pages, so this says nothing about phone, content or"
            " credentials. Raise Unavailable, as http.call does"
        )

    @over(lambda provider: REDIRECT)
    def test_redirect_is_a_wrong_address(self, case: Answer, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = case
        end = ended(backend, outbound(Text("x")))
        assert isinstance(end, Misconfigured), f"{end!r}: an API does not redirect. Raise Misconfigured"

    def test_bare_403_pauses_nobody(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        bare = answer(403)
        for case in [bare, self.provider.odd_error(403)] if self.provider.odd_error else [bare]:
            stub.default = case
            end = ended(backend, outbound(Text("x")))
            assert isinstance(end, SendError), f"403 is read as {end!r}"
            assert not end.pauses, (
                f"{end!r} pauses the backend for everybody, and the answer does not say that it is about our"
                " credentials. Raise Forbidden"
            )

    @over(token_endpoints)
    def test_token_endpoint_that_is_another(self, case: tuple[str, Answer], stub: Stub) -> None:
        path, behaviour = case
        backend = self.provider.make(stub)
        stub.routes[path] = behaviour
        end = ended(backend, outbound(Text("x")))
        assert isinstance(end, Unavailable), f"{end!r}: there is no token, which is Unavailable"
        assert not end.unknown, f"{end!r} says that the message may have been sent"
        assert self.provider.asked(stub) == [], "the message was sent with something that is not a token"

    @over(questions)
    def test_question_is_not_answered_by_somebody_else(self, case: tuple[Call, Answer], stub: Stub) -> None:
        call, behaviour = case
        backend = self.provider.make(stub)
        stub.default = behaviour
        end = ended_call(call, backend, self.provider, "an answer that is not the provider's")
        assert isinstance(end, SendError), (
            f"{call.capability} returned {end!r}, but the provider has not said so."
            " Raise Unavailable(code='malformed_reply'), so that it is asked again"
        )
        if behaviour not in REDIRECT.values():
            assert end.retry, f"{call.capability}: after {end!r} the router does not ask again"

    def test_revoke_concludes_nothing_from_an_arbitrary_answer(self, stub: Stub) -> None:
        backend = self.provider.make(stub)
        if not (call := announced(self.provider).get("revoke")):
            pytest.skip("not announced: revoke")

        @QUICK
        @given(st.sampled_from([200, 202, 204, 400, 404, 409]), JSON | st.binary(max_size=60))
        def concludes_nothing(status: int, body: Any) -> None:
            assume(body != {})  # several providers answer this, with one status or another
            stub.default = answer(status, body)
            end = ended_call(call, backend, self.provider, f"HTTP {status} {body!r}")
            assert end is None or isinstance(end, SendError), (
                f"returned {end!r}, but the provider has not said so"
            )

        concludes_nothing()

    @over(batches)
    def test_batch_that_somebody_else_answers_is_doubted(self, case: Answer, stub: Stub) -> None:
        backend = self.provider.make(stub)
        stub.default = case
        end = ended_call(announced(self.provider)["bulk"], backend, self.provider, "another server's answer")
        for one in [end] if isinstance(end, SendError) else end:
            if isinstance(one, SendResult):
                assert one.code == MALFORMED_REPLY, (
                    f"{one!r}: the provider has not accepted the message. Give Unreadable"
                )
            elif case.status < 300:
                assert one.unknown, f"{one!r} says that it was not sent, which nobody knows. Give Unreadable"
            else:
                assert isinstance(one, Unavailable), f"{one!r}: a web page says nothing about a message"
