"""Calls that take too long: interrupted where that is possible, given up where it is not, and nothing lands later."""

import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rcs_router import timelimit
from rcs_router.timelimit import Abandoned, OutOfTime


def limited(function: Callable[[], Any], seconds: float | None, told: list[str] | None = None) -> Any:
    notes = [] if told is None else told
    return timelimit.call(
        function, seconds, slow=lambda: notes.append("slow"), abandon=lambda: notes.append("abandon")
    )


def in_a_thread(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """A thread that does it, and what it returned or raised."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def wait_for(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def loop() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(20)


def backtrack() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")


def stubborn() -> None:
    """Code that catches every Exception and goes on."""
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            continue


class Blocked:
    """A call that is blocked in a socket until it is released."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()

    def __call__(self) -> bytes:
        return self.ours.recv(1)

    def release(self) -> None:
        self.theirs.send(b"x")


@pytest.mark.parametrize(
    "function",
    [loop, sleep, backtrack, stubborn, Blocked()],
    ids=["loop", "sleep", "regular expression", "all", "socket"],
)
def test_the_main_thread_is_interrupted_whatever_it_does(function: Callable[[], Any]) -> None:
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        limited(function, 0.2)
    assert time.monotonic() - began < 5
    assert limited(lambda: 7, 0.2) == 7, "and the next call is as any other"


@pytest.mark.parametrize("function", [loop, stubborn])
def test_python_code_in_a_thread_is_interrupted(function: Callable[[], Any]) -> None:
    thread, results = in_a_thread(lambda: limited(function, 0.2))
    thread.join(20)
    assert [type(result) for result in results] == [OutOfTime]
    assert not timelimit.abandoned(thread)


def test_a_thread_that_does_not_come_back_is_given_up_and_counts_for_nothing() -> None:
    blocked, told = Blocked(), []
    thread, results = in_a_thread(lambda: limited(blocked, 0.2, told))
    wait_for(lambda: "abandon" in told)
    assert timelimit.abandoned(thread)
    assert timelimit.stuck(thread)
    assert not timelimit.abandoned()
    blocked.release()
    thread.join(20)
    assert [type(result) for result in results] == [Abandoned]
    assert told == ["slow", "abandon"]


@pytest.mark.parametrize("seconds", [None, 20])
def test_a_slow_call_is_told_of_once_and_may_go_on(seconds: float | None) -> None:
    told: list[str] = []
    blocked = Blocked()
    thread, results = in_a_thread(lambda: limited(blocked, seconds, told))
    wait_for(lambda: told)
    assert timelimit.stuck(thread)
    blocked.release()
    thread.join(20)
    assert (results, told, timelimit.stuck(thread)) == ([b"x"], ["slow"], False)


@pytest.mark.parametrize("main", [True, False])
def test_what_the_call_raises_is_raised(main: bool) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    def work() -> None:
        with pytest.raises(ValueError, match="on purpose"):
            limited(fail, 5)

    if main:
        work()
    else:
        thread, results = in_a_thread(work)
        thread.join(20)
        assert results == [None]


def test_without_time_left_it_is_still_asked_and_soon_interrupted() -> None:
    with pytest.raises(OutOfTime):
        limited(sleep, 0.001)


@pytest.mark.parametrize("main", [True, False])
def test_nothing_lands_after_the_call(main: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that end about when their time is up: each ends one way or the other, and what follows is left alone."""
    monkeypatch.setattr(timelimit, "LOOK", 0.001)

    def busy(seconds: float) -> None:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass

    def work() -> int:
        late = 0
        for n in range(150):
            try:
                limited(lambda n=n: busy(0.004 + n % 20 * 0.0002), 0.006)
            except OutOfTime:
                late += 1
            busy(0.001)
        return late

    if main:
        assert 0 < work() < 150
        return
    thread, results = in_a_thread(work)
    thread.join(60)
    assert [type(result) for result in results] == [int]


def test_somebody_elses_timer_is_left_alone() -> None:
    import signal

    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        with pytest.raises(OutOfTime):
            limited(loop, 0.2)
        assert signal.getsignal(signal.SIGALRM) is not before
        assert rung == []
    finally:
        signal.signal(signal.SIGALRM, before)
