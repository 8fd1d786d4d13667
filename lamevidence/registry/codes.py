"""Every code that `check` can print: what it means, in one line each."""

from __future__ import annotations

__all__ = ["CODES", "explain"]

CODES: dict[str, str] = {
    "LE001": "The file is not valid YAML 1.2 (tabs, indentation, brackets, more than one document).",
    "LE002": "A field is given twice; one of them would silently win.",
    "LE003": "The file cannot be read as UTF-8 text.",
    "LW004": "The file starts with a byte order mark.",
    "LW005": "Lines end with CR LF, so the file's hash differs from the same file with LF.",
    "LE006": "The file is empty.",
    "LE007": "Anchors, aliases, tags and merge keys are not used: a reader sees each number in its place.",
    "LE008": "A file or folder of the registry is missing.",
    "LE101": "A field with a name that the format does not know.",
    "LE102": "A field that must be there is missing.",
    "LE103": "Text stands where a number belongs.",
    "LE104": "A standard error or standard deviation is negative.",
    "LE105": "A standard error or standard deviation is zero.",
    "LE106": "The value is not one of those allowed.",
    "LE107": "The wrong kind of value: a list for a mapping, a number or a date for text, text for true or false.",
    "LE108": "The field is blank; what a source does not say is written not_reported.",
    "LE111": "A typographic minus or dash in a number.",
    "LE112": "A decimal comma or middle dot in a number.",
    "LE113": "A thousands separator in a number.",
    "LE114": "NaN or infinity, or a number no float can hold.",
    "LE115": "A number with its ± in one field.",
    "LE116": "A number outside the range its field can have (a p value above 1, a percentage above 100).",
    "LE121": "A unit that the package does not know.",
    "LE122": "A unit of another dimension than the outcome has.",
    "LE123": "Findings of different dimensions would be pooled together.",
    "LW203": "An SD looks entered as SE, or an SE as SD.",
    "LE211": "The estimate lies outside its own interval.",
    "LE212": "The lower bound is above the upper one.",
    "LE213": "Interval, standard error and p of one finding disagree beyond rounding.",
    "LW214": "An interval that is not symmetric about its estimate.",
    "LW215": "The p value and the dispersion of a finding disagree beyond rounding.",
    "LW221": "A value outside the plausible range of its outcome.",
    "LE231": "The arms do not add up to the patients enrolled.",
    "LW232": "Categories do not add up to the printed total.",
    "LW233": "A count and the percentage printed with it disagree.",
    "LW234": "A change over the whole time and a slope of the same arm disagree.",
    "LW235": "The p value of a before-after comparison implies an impossible correlation.",
    "LE241": "More patients affected than at risk.",
    "LE242": "A count that is not a whole number.",
    "LE243": "A number of patients that is not a positive whole number.",
    "LE244": "A rate without person-time or follow-up.",
    "LE301": "The same id twice.",
    "LE302": "The same DOI, PMID or registration in two records that are not declared to overlap.",
    "LE303": "The record's id and its file name differ.",
    "LE304": "A reference to something the record does not have.",
    "LE311": "Findings that share patients would be pooled together.",
    "LW312": "Two records look as if they shared patients, and no overlap is declared.",
    "LE313": "One control arm would be counted twice in one pool.",
    "LE501": "A number without its place in print.",
    "LE502": "A malformed DOI, PMID or registration number.",
    "LW503": "The printed cell does not contain the number.",
    "LW504": "The record or publication is marked as retracted or superseded.",
}
"""Code → meaning. ``LE`` stops a record from being pooled, ``LW`` is pooled and shown."""


def explain(code: str) -> str:
    """Return what a code means.

    Raises
    ------
    UnknownName
        No such code; names the nearest one.

    Examples
    --------
    >>> explain("LE104")
    'A standard error or standard deviation is negative.'
    """
    from ..errors import UnknownName

    if code not in CODES:
        raise UnknownName("problem code", code, CODES)
    return CODES[code]
