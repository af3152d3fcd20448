"""The console's forms: shape and wording here, the rules themselves in `recurrence` and the schedule commands."""

from __future__ import annotations

import functools
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.forms.fields import InvalidJSONInput

from clockwright.engine.clock import utc_now
from clockwright.engine.registry import default_registry
from clockwright.recurrence import (
    Cron,
    Recurrence,
    RecurrenceError,
    from_words,
    looks_like_words,
)
from clockwright.schedules.strict_json import BadJSON, parse_text

_LINE_LENGTH = 255
_KEY_LENGTH = 255
_CONTEXT_LENGTH = 20_000
_PLACES = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@functools.cache
def zone_names() -> tuple[str, ...]:
    """The zones worth suggesting: places, and UTC. Any other IANA name may be typed."""
    return ("UTC", *sorted(name for name in available_timezones() if name.split("/")[0] in _PLACES))


def exposed_functions() -> list[tuple[str, str]]:
    """The functions that callers may schedule, as choices."""
    return [(function.key, function.key) for function in default_registry if function.exposed]


class PreviewForm(forms.Form):
    """A cron line, or a sentence, and its zone. Once valid, `rule` is what they mean."""

    use_required_attribute = False  # the server says what is missing, in its own words

    cron = forms.CharField(
        label="Cron line",
        max_length=_LINE_LENGTH,
        help_text="Minute, hour, day of month, month, day of week; or such as every weekday at 9.",
        error_messages={"required": "The cron line is empty: write for example 0 5 * * mon-fri."},
    )
    tz = forms.CharField(
        label="Time zone",
        initial="UTC",
        empty_value="UTC",
        required=False,
        max_length=100,
        help_text="An IANA name, such as Australia/Sydney.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.rule: Recurrence | None = None
        for name, field in self.fields.items():
            field.widget.attrs.update(_WIDGET_ATTRS.get(name, {}))
            described_by = (
                f"id_{name}-error id_{name}-help" if field.help_text else f"id_{name}-error"
            )
            field.widget.attrs["aria-describedby"] = described_by

    def clean(self) -> dict[str, Any]:
        """Read the line in its zone; a problem stands next to the field it is in."""
        data = super().clean() or self.cleaned_data
        if "cron" not in data or "tz" not in data:
            return data
        try:
            rule = _rule_of(data["cron"], data["tz"])
        except RecurrenceError as error:
            self.add_error("tz" if error.field == "timezone" else "cron", str(error))
            return data
        if not rule.is_possible():
            self.add_error(
                "cron",
                f"day: {data['cron']!r} never fires: no such date exists; choose another day.",
            )
            return data
        self.rule = rule
        return data


def _rule_of(text: str, tz: str) -> Recurrence:
    """The rule of a cron line or of a sentence; what a sentence counts, is from now. Raises RecurrenceError."""
    if looks_like_words(text):
        return from_words(text, tz, anchor=utc_now())
    return Cron(text, tz)


class _OptionalJSON(forms.JSONField):
    """JSON as strict as the API's, that shows nothing where nothing was given, instead of `null`."""

    def to_python(self, value: Any) -> Any:
        """The value of what was typed; raises ValidationError."""
        if value in self.empty_values:
            return None
        if len(value) > _CONTEXT_LENGTH:
            raise forms.ValidationError(f"Give at most {_CONTEXT_LENGTH} characters.")
        try:
            return parse_text(value)
        except BadJSON as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, for showing it again: as a value, or as it stands where it is none."""
        if data is None:
            return None
        try:
            return parse_text(data)
        except BadJSON:
            return InvalidJSONInput(data)

    def prepare_value(self, value: Any) -> Any:
        """What the widget shows."""
        return "" if value is None else super().prepare_value(value)


class AddForm(PreviewForm):
    """A preview that becomes a schedule."""

    function = forms.ChoiceField(
        label="Function",
        choices=exposed_functions,
        help_text="What runs. Only functions that are registered as exposed are listed.",
    )
    key = forms.CharField(
        label="Key (optional)",
        required=False,
        max_length=_KEY_LENGTH,
        help_text="Your own name for the schedule; no other one may have it.",
    )
    context = _OptionalJSON(
        label="Context (optional)",
        required=False,
        help_text='A JSON object; the function is called with it, for example {"name": "Ada"}.',
        error_messages={"invalid": 'This is not JSON: write for example {"name": "Ada"}.'},
        widget=forms.Textarea(attrs={"rows": 2, "maxlength": _CONTEXT_LENGTH}),
    )

    def clean_context(self) -> dict[str, Any]:
        """An object, empty when left out."""
        value = self.cleaned_data["context"]
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise forms.ValidationError(
                'This is not a JSON object: write for example {"name": "Ada"}.'
            )
        return value


_PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
_WIDGET_ATTRS: dict[str, dict[str, str]] = {
    "cron": {**_PLAIN, "class": "code", "placeholder": "0 5 * * mon-fri"},
    "tz": {**_PLAIN, "list": "zones"},
    "key": _PLAIN,
    "context": {"class": "code", "spellcheck": "false"},
    "token": {"autocomplete": "current-password", "autocapitalize": "none", "spellcheck": "false"},
}


class SignInForm(forms.Form):
    """A pasted API token."""

    use_required_attribute = False

    token = forms.CharField(
        label="API token",
        max_length=200,
        widget=forms.PasswordInput(
            attrs={**_WIDGET_ATTRS["token"], "aria-describedby": "id_token-error id_token-help"}
        ),
        help_text="It is checked and not kept: the session remembers only which token it was.",
        error_messages={
            "required": "The token is empty: paste one, such as clockwright token create prints."
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})


class _SecretsForm(forms.Form):
    """Fields whose errors stand next to them, and nothing that is typed comes back."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        for name, field in self.fields.items():
            field.widget.attrs["aria-describedby"] = f"id_{name}-error"


def _secret(label: str, kind: str, required: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=1_000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": f"{kind}-password"}),
        error_messages={"required": required},
    )


class PasswordForm(_SecretsForm):
    """A user's name and password."""

    username = forms.CharField(
        label="Name",
        max_length=150,
        widget=forms.TextInput(attrs={**_PLAIN, "autocomplete": "username"}),
        error_messages={"required": "The name is empty: type the one your admin gave you."},
    )
    password = _secret("Password", "current", "The password is empty.")


class NewPasswordForm(_SecretsForm):
    """The password there is, and the one there is to be."""

    old = _secret("Password now", "current", "The password is empty.")
    new = _secret("New password", "new", "The new password is empty.")
    again = _secret("New password again", "new", "Type the new password twice.")

    def clean(self) -> dict[str, Any]:
        """Both new ones are the same."""
        data = super().clean() or self.cleaned_data
        if "new" in data and "again" in data and data["new"] != data["again"]:
            self.add_error("again", "This is not what stands above it.")
        return data
