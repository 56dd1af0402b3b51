"""Backends with one mistake each, as they are made. Not collected: `test_kit` runs them, and each must be caught."""

import dataclasses
import itertools
import logging
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import requests

from rcs_backends import http
from rcs_router.content import Content, Text
from rcs_router.contract import Options, Outbound, Parsed, Receipt, ReceiptKind, SendResult, WebhookRequest
from rcs_router.errors import (
    Ambiguous,
    Forbidden,
    Misconfigured,
    Refused,
    SendError,
    Unavailable,
    Unreachable,
    Unreadable,
    WebhookRefused,
)
from rcs_router.testing.conformance import Conformance, answer
from tests.toy.provider import Toy, ToyOptions, sign
from tests.toy.test_toy import TestToy as _Good

BROKEN: dict[str, str] = {}  # class → the test that must fail


def broken(toy: type[Toy], caught_by: str, **changes: Any) -> type[Conformance]:
    """The suite over a broken toy."""
    name = f"Test{toy.__name__}"
    BROKEN[name] = caught_by
    provider = dataclasses.replace(_Good.provider, backend=toy, **changes)
    return type(name, (Conformance,), {"provider": provider, "__module__": __name__})


class SaysHalf(Toy):
    """Forgets the chips."""

    def send(self, outbound: Outbound) -> SendResult:
        return super().send(
            dataclasses.replace(outbound, content=dataclasses.replace(outbound.content, suggestions=()))
        )


class SendsTwice(Toy):
    def send(self, outbound: Outbound) -> SendResult:
        super().send(outbound)
        return super().send(outbound)


class NewIds(Toy):
    """Announces idempotence, and makes up an id for each attempt."""

    def send(self, outbound: Outbound) -> SendResult:
        return super().send(dataclasses.replace(outbound, id=uuid4()))


class Shared(Toy):
    """Keeps a message where every thread writes."""

    def send(self, outbound: Outbound) -> SendResult:
        self.current = outbound
        time.sleep(0.01)
        return super().send(self.current)


class Follows(Toy):
    def send(self, outbound: Outbound) -> SendResult:
        headers = {"Authorization": f"Bearer {self.options.api_key}"}
        reply = requests.post(
            f"{self.options.url}/messages", json={"id": str(outbound.id)}, headers=headers, timeout=5
        )
        if not reply.ok:
            raise Refused("no")
        return SendResult("t-1")


class Loses(Toy):
    """Takes what was perhaps sent for something that was not."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Ambiguous:
            raise Unavailable("no answer") from None


class Again(Toy):
    """Sends again what was accepted by an answer that it cannot read."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Unreadable:
            raise Unavailable("what?") from None


class Trusts(Toy):
    """Reads an answer as if it were always as documented."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Unreadable:
            raise KeyError("ticket") from None


class AnySuccess(Toy):
    """Takes a login page for an acceptance."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Unreadable:
            return SendResult("t-1")


class NoPhone(Toy):
    """Reads in a proxy's page that the phone has no RCS."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Unavailable as error:
            raise (Unreachable if "404" in error.detail else Unavailable)(error.detail) from None


class Bans(Toy):
    """Pauses for everybody when one number is refused."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Forbidden:
            raise Misconfigured("forbidden") from None


class Moves(Toy):
    """Takes a redirect for a refusal."""

    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except Misconfigured:
            raise Refused("no") from None


class AnyToken(Toy):
    """Sends with whatever the token endpoint says."""

    def send(self, outbound: Outbound) -> SendResult:
        http.call("POST", f"{self.options.url}/token", timeout=self.options.timeout)
        return super().send(outbound)


class Tells(Toy):
    def send(self, outbound: Outbound) -> SendResult:
        try:
            return super().send(outbound)
        except SendError as error:
            raise Refused(f"{self.options.api_key} was not taken: {error}") from error


class Path(Toy):
    """Writes the number into the address as it is."""

    def send(self, outbound: Outbound) -> SendResult:
        options = dataclasses.replace(self.options, url=f"{self.options.url}/{outbound.to}")
        return Toy("path", options).send(outbound)


class Unlimited(Toy):
    def check(self, content: Content) -> list[str]:
        return []


class TooStrict(Toy):
    def check(self, content: Content) -> list[str]:
        long = isinstance(content, Text) and len(content.text) >= 1000
        return ["text: too long"] if long else super().check(content)


class Believes(Toy):
    def verify(self, request: WebhookRequest) -> None:
        return None


class Stumbles(Toy):
    """Any stranger causes a 500."""

    def verify(self, request: WebhookRequest) -> None:
        if request.headers["x-toy-signature"] != sign(request.body, self.options.webhook_keys[0]):
            raise WebhookRefused("no")


class OneKey(Toy):
    def verify(self, request: WebhookRequest) -> None:
        if request.headers.get("x-toy-signature") != sign(request.body, self.options.webhook_keys[0]):
            raise WebhookRefused("no")


class Counts(Toy):
    """Parses the same request twice to different things."""

    numbers = itertools.count()

    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return super().parse(request)[next(self.numbers) % 2 :]


class Optimist(Toy):
    def parse(self, request: WebhookRequest) -> list[Parsed]:
        return [
            dataclasses.replace(one, kind=ReceiptKind.DELIVERED) if isinstance(one, Receipt) else one
            for one in super().parse(request)
        ]


class Careless(Toy):
    def parse(self, request: WebhookRequest) -> list[Parsed]:
        super().parse(request)
        raise KeyError("event")


class Chatty(Toy):
    def parse(self, request: WebhookRequest) -> list[Parsed]:
        logging.getLogger(__name__).debug("%s", request.body)
        return super().parse(request)


class SameKey(Toy):
    def dedupe_key(self, request: WebhookRequest) -> str:
        return "webhook"


class LongKey(Toy):
    def dedupe_key(self, request: WebhookRequest) -> str:
        return "x" * 101


class RandomKey(Toy):
    def dedupe_key(self, request: WebhookRequest) -> str:
        return str(uuid4())


class Promises(Toy):
    """Announces what it does not have."""

    capabilities = dataclasses.replace(Toy.capabilities, revoke=True)


class Shrugs(Toy):
    """Says of a message that it was taken back, in words."""

    capabilities = Promises.capabilities

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> Any:
        return "revoked"


class Easy(Toy):
    """Believes anybody that a message was taken back."""

    capabilities = Promises.capabilities

    def revoke(self, transmission: UUID, to: str, provider_id: str = "") -> bool:
        http.call("DELETE", f"{self.options.url}/messages/{provider_id}", timeout=self.options.timeout)
        return True


class Batch(Toy):
    """Takes any answer to a batch for the acceptance of all."""

    capabilities = dataclasses.replace(Toy.capabilities, bulk=10)

    def send_many(self, outbounds: Sequence[Outbound]) -> list[SendResult | SendError]:
        messages = [{"id": str(outbound.id), "to": outbound.to} for outbound in outbounds]
        http.call("POST", f"{self.options.url}/many", json=messages, timeout=self.options.timeout)
        return [SendResult("t-1") for _ in outbounds]


@dataclasses.dataclass(frozen=True)
class OpenOptions(ToyOptions):
    api_key: str


class Open(Toy):
    Options = OpenOptions


class NoWords(Toy):
    """Has options that say nothing of what is wrong."""

    @dataclasses.dataclass(frozen=True)
    class Silent(ToyOptions):
        @classmethod
        def read(cls, alias: str, given: Any) -> Options:
            return cls(**{name: value for name, value in given.items() if name in cls.__dataclass_fields__})

    Options = Silent


TestSaysHalf = broken(SaysHalf, "test_content_is_sent_whole_by_one_request[Text with Reply]")
TestSendsTwice = broken(SendsTwice, "test_content_is_sent_whole_by_one_request[Text]")
TestNewIds = broken(NewIds, "test_idempotent_backend_sends_our_id")
TestShared = broken(Shared, "test_several_threads_send_at_once")
TestFollows = broken(Follows, "test_redirect_is_not_followed[301]")
TestLoses = broken(Loses, "test_lost_answer_is_ambiguous[cut]")
TestAgain = broken(Again, "test_unreadable_acceptance_is_never_sent_again[HTML]")
TestTrusts = broken(Trusts, "test_acceptance_of_wrong_types_is_never_sent_again")
TestAnySuccess = broken(AnySuccess, "test_success_that_is_not_the_providers_is_doubted[HTML 200]")
TestNoPhone = broken(NoPhone, "test_error_page_says_nothing_of_the_message[HTML 404]")
TestBans = broken(Bans, "test_bare_403_pauses_nobody")
TestMoves = broken(Moves, "test_redirect_is_a_wrong_address[redirect]")
TestAnyToken = broken(
    AnyToken,
    "test_token_endpoint_that_is_another[/token HTML 200]",
    routes={"/token": answer(200, {"token": "t"})},
)
TestEasy = broken(
    Easy,
    "test_question_is_not_answered_by_somebody_else[revoke HTML 200]",
    answers={"revoke": answer(200, {"gone": True})},
)
TestBatch = broken(
    Batch,
    "test_batch_that_somebody_else_answers_is_doubted[HTML 200]",
    answers={"bulk": answer(200, {"tickets": ["t-1", "t-2"]})},
)
TestTells = broken(Tells, "test_nothing_secret_is_told[400]")
TestPath = broken(Path, "test_strange_identity_stays_where_it_belongs")
TestUnlimited = broken(Unlimited, "test_content_above_a_limit_is_named_by_its_path[label]")
TestTooStrict = broken(TooStrict, "test_content_at_a_limit_passes_and_can_be_sent[text]")
TestBelieves = broken(Believes, "test_forged_request_is_refused[neither headers nor query]")
TestStumbles = broken(Stumbles, "test_arbitrary_request_is_refused_and_nothing_else")
TestOneKey = broken(OneKey, "test_either_secret_is_good_while_it_is_changed")
TestCounts = broken(Counts, "test_parsing_is_pure_and_needs_only_what_is_stored[delivered]")
TestOptimist = broken(Optimist, "test_unknown_kind_is_kept_as_unknown_or_ignored[1]")
TestCareless = broken(Careless, "test_spoilt_payload_is_understood_or_a_value_error[delivered]")
TestChatty = broken(Chatty, "test_nobodys_words_are_logged[text]")
TestSameKey = broken(SameKey, "test_different_events_have_different_keys")
TestLongKey = broken(LongKey, "test_repeat_has_the_same_key[text]")
TestRandomKey = broken(RandomKey, "test_repeat_has_the_same_key[text]")
TestPromises = broken(Promises, "test_announced_call_works[revoke]", answers={"revoke": answer(200)})
TestShrugs = broken(Shrugs, "test_announced_call_works[revoke]", answers={"revoke": answer(200)})
TestOpen = broken(Open, "test_what_is_called_a_secret_is_one")
TestNoWords = broken(NoWords, "test_unknown_option_is_named")
