"""Finish every answer of the emulator, so that a connection can be kept and Django logs nothing."""

from django.http import HttpResponse


def finished(response: HttpResponse) -> HttpResponse:
    """Give the length, which keep-alive needs even without CommonMiddleware, and keep Django from logging a 4xx:
    a refusal is the emulator's daily work, and the path it would log names a phone.
    """
    response.headers["Content-Length"] = str(len(response.content))
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
