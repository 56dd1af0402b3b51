"""The base class of the suite's parts: the provider's socket, parameters from its tables, and the end of a send."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import pytest

from rcs_router.contract import BaseBackend, Outbound, SendResult
from rcs_router.errors import SendError
from rcs_router.testing.conformance.provider import Provider
from rcs_router.testing.stub import Stub

Test = TypeVar("Test", bound=Callable[..., None])
Cases = Callable[[Provider], Mapping[str, Any]]


def over(cases: Cases) -> Callable[[Test], Test]:
    """Run a test once for each case of the provider: the case is its argument `case`, the key is its id."""

    def mark(test: Test) -> Test:
        test.cases = cases  # type: ignore[attr-defined]
        return test

    return mark


class Suite:
    """Base class of the parts."""

    provider: ClassVar[Provider]

    @pytest.fixture
    def stub(self) -> Iterator[Stub]:
        """The provider's side, on loopback."""
        server = Stub()
        yield server
        server.close()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Pytest's hook: parametrize the tests with the provider's tables."""
        if cases := getattr(metafunc.function, "cases", None):
            table = cases(self.provider)
            none = pytest.param(None, id="none", marks=pytest.mark.skip("this backend has none of these"))
            params = [pytest.param(case, id=name) for name, case in table.items()]
            metafunc.parametrize("case", params or [none])


def ended(backend: BaseBackend, outbound: Outbound) -> SendResult | SendError:
    """Return the result of a send, or its SendError. Anything else fails the test."""
    return outcome(lambda: backend.send(outbound), SendResult)


def outcome(work: Callable[[], Any], wanted: type | tuple[type, ...]) -> Any:
    """Return the result of `work`, if its type is `wanted`, or its SendError. Anything else fails the test."""
    try:
        result = work()
    except SendError as error:
        return error
    except Exception as error:
        pytest.fail(
            f"raised {type(error).__name__} ({error}), which is not a SendError: the message ends in review"
        )
    if not isinstance(result, wanted):
        pytest.fail(f"returned {result!r}, wanted {wanted}")
    return result
