"""Forms: the questions, and what a valid answer looks like."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from rcs_router.content.base import CONFIG, Label, Several, raises_content_error
from rcs_router.content.suggestions import Suggestions

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Kind = Literal["text", "number", "email", "phone", "date", "select", "checkbox"]


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class FormField:
    """One question. `type`: text, number, email, phone, date, select (one of `options`) or checkbox (yes or no)."""

    name: Name
    label: Label
    type: Kind = "text"
    required: bool = Field(default=False, kw_only=True)
    options: Several[Label] = Field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.name == "csrfmiddlewaretoken":
            raise ValueError("a field of Django's own has the name csrfmiddlewaretoken on every page")
        if (self.type == "select") != bool(self.options):
            raise ValueError("a select needs options, and only a select has them")
        if len(set(self.options)) != len(self.options):
            raise ValueError("an option stands twice")


@raises_content_error
@dataclass(frozen=True, config=CONFIG)
class Form:
    """Questions that are answered together: native where the backend has forms, else a web page of ours behind a chip.

    `name` identifies the form. `postback` (default: the name) comes back with the answers. `button` is the label of the
    chip that opens the page, and `submit` the label of the button that sends the answers.
    """

    title: Label
    fields: Annotated[Several[FormField], Field(min_length=1)]
    text: str = ""
    name: Name = Field(default="form", kw_only=True)
    postback: str = Field(default="", kw_only=True)
    button: Label = Field(default="Open the form", kw_only=True)
    submit: Label = Field(default="Send", kw_only=True)
    suggestions: Suggestions = Field(default=(), kw_only=True)
    type: Literal["form"] = Field(default="form", kw_only=True, repr=False)

    def __post_init__(self) -> None:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("two fields have the same name")


def postback_of_form(form: Form) -> str:
    """Return the data that comes back with the answers: the form's postback, else its name."""
    return form.postback or form.name
