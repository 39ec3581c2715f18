"""The forms that rows come in. A new one is one small file here and one line in `FORMS`.

In:  a raw value (an object of JSON, a row of Parquet). Out: the form that reads it.
Always true: a form says by the columns whether a value is its own; a named form is never second-guessed.
"""

from preftree.errors import InputError
from preftree.train.forms import openorca, sharegpt, trl, ultrachat, ultrafeedback, ultrainteract, ultrasafety
from preftree.train.forms.form import Form, Value
from preftree.train.rows import FieldError, Kind

# In the order in which "auto" tries them: those with the most telling columns first.
FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        ultrainteract.PAIR,
        ultrasafety.FORM,
        ultrafeedback.FORM,
        ultrafeedback.BINARIZED,
        ultrainteract.SFT,
        openorca.FORM,
        sharegpt.FORM,
        ultrachat.FORM,
        trl.PREFERENCE,
        trl.LABELLED,
        trl.MESSAGES,
        trl.PROMPT_COMPLETION,
        trl.TEXT,
    )
}


def form_of(name: str, value: Value, kind: Kind) -> Form:
    """The named form, or the first that knows these columns and gives what is wanted."""
    if name != "auto":
        if name not in FORMS:
            raise InputError(f'form "{name}" is unknown; expected auto, {", ".join(FORMS)}')
        if not FORMS[name].gives(kind):
            raise InputError(f'form "{name}" has no {_WANTED[kind]}')
        missing = next((column for column in FORMS[name].columns if value.get(column) is None), None)
        if missing is not None:
            raise FieldError(missing, f"missing: the form {name} has it")
        return FORMS[name]
    for form in FORMS.values():
        if form.gives(kind) and form.recognises(value):
            return form
    raise FieldError(", ".join(sorted(value)), f"no known form with {_WANTED[kind]} has these columns")


_WANTED: dict[Kind, str] = {
    "single": "single answers",
    "pair": "chosen and rejected",
    "label": "pairs or labels",
}
__all__ = ["FORMS", "Form", "form_of"]
