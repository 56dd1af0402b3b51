"""Walk the admin's pages and the API as somebody with exactly one permission, and say what was let through."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from rcs_router import lookup_connections, receive, send
from rcs_router.content import Reply, Text
from rcs_router.contract import WebhookRequest
from rcs_router.inbox import intake
from rcs_router.models import (
    Alarm,
    BackendState,
    Consent,
    ConsentRecord,
    Contact,
    InboundFile,
    Message,
    Question,
    StoredWebhook,
    Transmission,
)
from rcs_router.people import consent
from tests.core import ALICE, memory

NUMBER = ALICE.removeprefix("+372")
CANARIES = {
    "names": ("Ann Canary",),
    "numbers": (NUMBER,),
    "what messages say": ("code 482913", "chip-4711", "words 777001", "body-canary-555"),
    "the words of the ledger": ("ledger-words-9",),
}


def rows() -> dict[str, Any]:
    """One row of each kind, by the model's name, with words that are found again."""
    contact = Contact.objects.create(name="Ann Canary")
    (connection,) = lookup_connections("rcs", [ALICE])
    connection.contact = contact
    connection.save()
    message = send(Text("Your code 482913", [Reply("chip-4711", "p")]), connection)
    receive("words 777001", connection)
    intake.digest()
    intake.accept(memory(), WebhookRequest("POST", b"body-canary-555", query={"text": "body-canary-555"}))
    consent.record(ALICE, opted_out=True, source="keyword", words="ledger-words-9")
    said = Message.objects.get(direction=Message.Direction.IN)
    file = InboundFile.objects.create(message=said, url="https://f.example/", state="failed")
    now = timezone.now()
    state, _ = BackendState.objects.get_or_create(pk="rcs")
    return {
        "contact": contact,
        "connection": connection,
        "message": said,
        "sent": message,
        "transmission": Transmission.objects.get(message=message),
        "storedwebhook": StoredWebhook.objects.get(),
        "inboundfile": file,
        "consent": Consent.objects.get(),
        "consentrecord": ConsentRecord.objects.get(),
        "backendstate": state,
        "question": Question.objects.create(backend="rcs", identities=[ALICE]),
        "alarm": Alarm.objects.create(kind="slow_provider", raised_at=now),
    }


@dataclass
class Walk:
    """What one user was let do and see."""

    client: Client
    rows: dict[str, Any]
    admin: list[str] = field(default_factory=list)
    api: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    def get(self, address: str) -> Any:
        answer = self.client.get(address)
        assert answer.status_code < 500, (address, answer.status_code)
        if answer.status_code == 200:
            self.bodies.append(answer.content.decode())
        return answer

    @property
    def sees(self) -> list[str]:
        every = "\n".join(self.bodies)
        return [what for what, words in CANARIES.items() if any(word in every for word in words)]

    def through_the_admin(self) -> None:
        ours = [model for model in admin.site._registry if model._meta.app_label == "rcs_router"]
        for model in sorted(ours, key=lambda model: model._meta.model_name or ""):
            name = model._meta.model_name or ""
            verbs = list(self.verbs(name, self.rows[name]))
            if verbs:
                self.admin.append(f"{model._meta.verbose_name_plural}: {', '.join(verbs)}")

    def verbs(self, name: str, row: Any) -> Iterator[str]:
        at = f"admin:rcs_router_{name}"
        listed = self.get(reverse(f"{at}_changelist"))
        if listed.status_code == 200:
            yield "view"
            for term in ("5501", "482", "chip", "7770", "body", "Ann"):  # not a canary: the page repeats it
                self.get(f"{reverse(f'{at}_changelist')}?q={term}")
        pages = [row, self.rows["sent"]] if name == "message" else [row]
        for one in pages:
            page = self.get(reverse(f"{at}_change", args=[one.pk]))
            self.get(reverse(f"{at}_history", args=[one.pk]))
        if page.status_code == 200 and page.context["has_change_permission"]:
            yield "change"
        if self.get(reverse(f"{at}_add")).status_code == 200:
            yield "add"
        if self.get(reverse(f"{at}_delete", args=[row.pk])).status_code == 200:
            yield "delete"
        if listed.status_code == 200:
            form = listed.context.get("action_form")
            names = dict(form.fields["action"].choices if form else [])
            yield from (
                f"*{label.partition(' (')[0]}*"
                for key, label in names.items()
                if key not in {"", "delete_selected"}
            )

    def through_the_api(self) -> None:
        rows = self.rows
        keys = {name: str(row.pk) for name, row in rows.items()}
        for method, path in API:
            address = "/rcs/api/" + path.format(subject=ALICE, **keys)
            if method == "GET":
                answer = self.get(address)
            else:
                answer = getattr(self.client, method.lower())(address, b"[", content_type="application/json")
            assert answer.status_code < 500, (address, answer.status_code)
            if answer.status_code not in {401, 403}:
                shown = path.format(subject="…", **dict.fromkeys(keys, "…"))
                self.api.append(f"`{method} {shown}`")


API = [
    ("GET", "messages/"),
    ("GET", "messages/{message}/"),
    ("POST", "messages/"),
    ("GET", "transmissions/"),
    ("GET", "transmissions/{transmission}/"),
    ("POST", "transmissions/{transmission}/cancel/"),
    ("GET", "interactions/"),
    ("GET", "contacts/"),
    ("GET", "contacts/{contact}/"),
    ("POST", "contacts/"),
    ("PATCH", "contacts/{contact}/"),
    ("DELETE", "contacts/" + "9" * 9 + "/"),
    ("POST", "contacts/import/"),
    ("POST", "contacts/{contact}/merge/"),
    ("GET", "connections/"),
    ("GET", "connections/{connection}/"),
    ("POST", "connections/"),
    ("PATCH", "connections/{connection}/"),
    ("DELETE", "connections/" + "9" * 9 + "/"),
    ("GET", "capabilities/"),
    ("POST", "capabilities/"),
    ("GET", "capabilities/{question}/"),
    ("GET", "consent/{subject}/"),
    ("GET", "consent/{subject}/export/"),
    ("POST", "consent/{subject}/opt-out/"),
    ("POST", "consent/{subject}/opt-in/"),
]


def walked(rows: dict[str, Any], *codenames: str, superuser: bool = False) -> Walk:
    user = User.objects.create_user(f"user-{uuid4()}", is_staff=True, is_superuser=superuser)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="rcs_router", codename__in=codenames)
    )
    client = Client()
    client.force_login(user)
    walk = Walk(client, rows)
    walk.through_the_admin()
    walk.through_the_api()
    return walk


def line(name: str, walk: Walk) -> str:
    """A row of the table in docs/permissions.md."""
    cells = [name, "<br>".join(walk.admin), "<br>".join(walk.api), ", ".join(walk.sees)]
    return f"| {' | '.join(cell.replace('9' * 9, '…') or '-' for cell in cells)} |"
