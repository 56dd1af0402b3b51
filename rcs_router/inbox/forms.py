"""Serve the web page of a form at a signed URL, and store the answers as an incoming message of kind `form`."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from rcs_router import database, sql, wake
from rcs_router.backends import backends
from rcs_router.conf import router_settings
from rcs_router.content import Form, FormField
from rcs_router.content.forms import postback_of_form
from rcs_router.content.links import LinkBroken, read_form_token
from rcs_router.contract import Incoming, IncomingKind
from rcs_router.errors import ContentError
from rcs_router.inbox import incoming
from rcs_router.inbox.outside import outside
from rcs_router.models import Connection, Message, Transmission
from rcs_router.people import numbering

LONGEST = 2000  # characters of one answer
PHONE = RegexValidator(r"^\+?[0-9 ()./-]{3,30}$", "Enter a phone number, such as +372 5550 1234.")


class _Csrf(CsrfViewMiddleware):
    """Check the CSRF token, but refuse with a page of ours: Django's refusal would log the URL."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return _page(request, "unknown", status=403)


_csrf = _Csrf(lambda request: HttpResponse())


@outside
def fill_in(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form or store its answers.

    200 with the questions or with thanks; 400 with what is wrong; 403 without the page's CSRF token; 404 unknown form;
    405 wrong method; 410 too late.
    """
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD, POST"})
    _csrf.process_request(request)
    answer: HttpResponse = _csrf.process_view(request, _respond, (), {}) or _respond(request, token)
    _csrf.process_response(request, answer)
    return answer


def _respond(request: HttpRequest, token: str) -> HttpResponse:
    try:
        row = Transmission.objects.select_related("message", "connection").get(pk=read_form_token(token))
        form = row.message.body
    except (LinkBroken, Transmission.DoesNotExist, ContentError):
        return _page(request, "unknown", status=404)
    if not isinstance(form, Form):
        return _page(request, "unknown", status=404)
    if _is_answered(row):
        return _page(request, "thanks", form)
    if (row.accepted_at or row.created_at) + timedelta(seconds=router_settings().FORM_LIFE) < timezone.now():
        return _page(request, "too_late", status=410)
    questions = Questions(form, request.POST if request.method == "POST" else None)
    if not questions.is_bound or not questions.is_valid():
        return _page(request, "questions", form, questions, status=400 if questions.is_bound else 200)
    _store(row, form, questions.cleaned_data)
    return _page(request, "thanks", form)


class Questions(forms.Form):
    """A Django form with the questions of a message's Form; it validates the answers."""

    template_name = "rcs_router/questions.html"
    error_css_class = "wrong"

    def __init__(self, form: Form, data: Any = None) -> None:
        super().__init__(data, use_required_attribute=True)
        for question in form.fields:
            self.fields[question.name] = _FIELDS[question.type](question)


def _text(question: FormField) -> forms.Field:
    return forms.CharField(label=question.label, required=question.required, max_length=LONGEST)


def _number(question: FormField) -> forms.Field:
    widget = forms.NumberInput(attrs={"step": "any"})
    return forms.DecimalField(label=question.label, required=question.required, max_digits=30, widget=widget)


def _email(question: FormField) -> forms.Field:
    return forms.EmailField(label=question.label, required=question.required)


def _phone(question: FormField) -> forms.Field:
    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"})
    return forms.CharField(
        label=question.label, required=question.required, max_length=30, validators=[PHONE], widget=widget
    )


def _date(question: FormField) -> forms.Field:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(
        label=question.label, required=question.required, input_formats=["%Y-%m-%d"], widget=widget
    )


def _select(question: FormField) -> forms.Field:
    choices = [(option, option) for option in question.options]
    return forms.ChoiceField(
        label=question.label, required=question.required, choices=[("", "Choose one"), *choices]
    )


def _checkbox(question: FormField) -> forms.Field:
    return forms.BooleanField(label=question.label, required=question.required)


_FIELDS = {
    "text": _text,
    "number": _number,
    "email": _email,
    "phone": _phone,
    "date": _date,
    "select": _select,
    "checkbox": _checkbox,
}


def _external_id(row: Transmission) -> str:
    """Return the incoming message's id. It is the same for each submission, so a form is answered once."""
    return f"form:{row.pk}"


def _is_answered(row: Transmission) -> bool:
    """Return True if the form was answered at any of its URLs: by RCS and as an SMS it has different ones."""
    forms = numbering.forms(row.connection.identity)
    theirs = Connection.objects.filter(backend__in=list(backends), identity__in=forms)
    answers = Message.objects.filter(direction=Message.Direction.IN, kind=IncomingKind.FORM)
    return answers.filter(answers__message=row.message_id, answers__connection__in=theirs).exists()


def _store(row: Transmission, form: Form, answers: dict[str, Any]) -> None:
    """Store the answers like a form that a phone sent: with the same kind, postback and link to our message."""
    parsed = Incoming(
        IncomingKind.FORM,
        row.connection.identity,
        id=_external_id(row),
        text=form.title,
        postback=postback_of_form(form),
        answers=row.pk,
        fields={"form": {name: _plain(value) for name, value in answers.items()}},
    )
    with database.atomic():
        sql.insert_all([incoming.as_row(row.connection, parsed)], ignore_conflicts=True)
        wake.digest()


def _plain(value: Any) -> Any:
    """Return a JSON value; dates and numbers become strings."""
    return value if isinstance(value, bool | None) else str(value).replace("\0", "\ufffd")


def _page(
    request: HttpRequest, what: str, form: Form | None = None, questions: Any = None, status: int = 200
) -> HttpResponse:
    context = {"what": what, "form": form, "questions": questions}
    response = render(request, "rcs_router/form.html", context, status=status)
    add_never_cache_headers(response)
    # The URL is a secret, but Django's CSRF check needs the referrer on https.
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
