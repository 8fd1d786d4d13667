"""Every code that `check` can print: what it means, in one line each."""

from __future__ import annotations

from dataclasses import dataclass

from ..foundation.errors import UnknownName
from .explanations import AUDITED, EXAMPLES, REMEDIES

__all__ = ["ACKNOWLEDGED", "CODES", "Explanation", "explain", "explanation"]

CODES: dict[str, str] = {
    "LE001": "The file is not valid YAML 1.2 (tabs, indentation, brackets, more than one document).",
    "LE002": "A field is given twice; one of them would silently win.",
    "LE003": "The file cannot be read as UTF-8 text.",
    "LW004": "The file starts with a byte order mark.",
    "LW005": "Lines end with CR LF, so the file's hash differs from the same file with LF.",
    "LE006": "The file is empty.",
    "LE007": "Anchors, aliases, tags and merge keys are not used: a reader sees each number in its place.",
    "LE008": "A file or folder of the registry is missing.",
    "LE009": "Something that is not a file of the registry stands where one is expected, or a file where none is read.",
    "LE010": "A file too large or too deeply nested to be read.",
    "LW011": "A YAML file in the registry folder that is no part of a registry.",
    "LE101": "A field with a name that the format does not know.",
    "LE102": "A field that must be there is missing.",
    "LE103": "Text stands where a number belongs.",
    "LE104": "A standard error or standard deviation is negative.",
    "LE105": "A standard error or standard deviation is zero.",
    "LE106": "The value is not one of those allowed.",
    "LE107": "The wrong kind of value: a list for a mapping, a number or a date for text, text for true or false.",
    "LE108": "The field is blank; what a source does not say is written not_reported.",
    "LW109": "Text with a control character, or one that turns the reading direction; it is printed as its code.",
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
    "LW204": "The printed p values of a study fit the other reading of its ±: SE for SD, or SD for SE.",
    "LE211": "The estimate lies outside its own interval.",
    "LE212": "The lower bound is above the upper one.",
    "LE213": "Interval, standard error and p of one finding disagree beyond rounding.",
    "LW214": "An interval that is not symmetric about its estimate.",
    "LW215": "The p value and the dispersion of a finding disagree beyond rounding.",
    "LW216": "The p value between two arms and their means disagree beyond rounding and the choice of test.",
    "LW217": "The p value between two counts of patients is none that a test of the counts gives.",
    "LE218": "An interval of a proportion that no usual method gives for its count.",
    "LW219": "A difference or ratio between arms is not that of the arms.",
    "LW221": "A value outside the plausible range of its outcome.",
    "LW222": "Findings of one outcome in one table have two units of one dimension.",
    "LW223": "The patients' SD is of another order than in a larger study of the outcome.",
    "LE231": "The arms do not add up to the patients enrolled.",
    "LW232": "Categories do not add up to the printed total.",
    "LW233": "A count and the percentage printed with it disagree.",
    "LW234": "A change over the whole time and a slope of the same arm disagree.",
    "LW235": "The p value of a before-after comparison implies an impossible or unusual correlation.",
    "LW236": "No whole numbers of as many patients have this mean, or this mean and SD.",
    "LW237": "One quantity is printed in two places with two values.",
    "LW238": "The figure of all patients is not that of its parts.",
    "LE239": "More patients in a finding than its arm or study has.",
    "LE241": "More patients affected than at risk.",
    "LE242": "A count that is not a whole number.",
    "LE243": "A number of patients that is not a positive whole number.",
    "LE244": "A rate without person-time or follow-up.",
    "LW245": "FEV1, FVC and their ratio disagree.",
    "LW246": "Person-time and the patients times their follow-up disagree.",
    "LW247": "Values at the start and at the end and the change between them disagree.",
    "LW248": "A result in words has the other direction than the numbers.",
    "LW249": "Events per patient and the events counted disagree.",
    "LE301": "The same id twice.",
    "LE302": "The same DOI, PMID or registration in two records that are not declared to overlap.",
    "LE303": "The record's id and its file name differ.",
    "LE304": "A reference to something the record does not have.",
    "LE305": "An id that cannot name a file or folder on every system, or that a file of the program has.",
    "LE306": "A study prints several findings that answer a question equally well, and the question names none.",
    "LW307": "No record has this word, so the question finds nothing by it.",
    "LE308": "A question that names a finding which it does not admit.",
    "LW309": "No study of the registry answers the question.",
    "LE311": "Findings that share patients would be pooled together.",
    "LW312": "Two records look as if they shared patients, and no overlap is declared.",
    "LE313": "One control arm would be counted twice in one pool.",
    "LE314": "`checked_by` counts cells otherwise than the two readings do.",
    "LE315": "A decision about two readings of the sources that fits no disagreement of theirs.",
    "LW316": "The record and the second reading differ in a cell, and no decision says which stands.",
    "LE321": "A measure, unit or option of a question that does not fit its kind of finding or its comparison.",
    "LE322": "A model, estimator, interval or prior that does not exist, or does not apply to the question.",
    "LE501": "A number without its place in print.",
    "LE502": "A malformed DOI, PMID or registration number.",
    "LW503": "The printed cell does not contain the number.",
    "LW504": "The record or publication is marked as retracted or superseded.",
    "LW505": "An acknowledged code that is no longer found: nothing is left to acknowledge.",
    "LE701": "Numbers of a flow of records (PRISMA) that do not add up.",
    "LW702": "A flow of records that can be, and is odd: records in no box, more studies than reports.",
    "LE703": "`prisma.yaml` includes another number of studies than the registry has records.",
    "LW704": "The registry lists more reports, or more papers left out, than `prisma.yaml` counts.",
}
"""Code → meaning. ``LE`` stops a record from being pooled, ``LW`` is pooled and shown."""

_NUMBERS = (203, 204, 211, *range(213, 220), *range(221, 224), *range(231, 240), *range(245, 250), 312, 503)
ACKNOWLEDGED: tuple[str, ...] = tuple(code for code in CODES if int(code[2:]) in _NUMBERS)
"""The codes that a record may acknowledge: the source prints the numbers so, and a note says why they stand."""


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
    if code not in CODES:
        raise UnknownName("problem code", code, CODES)
    return CODES[code]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, an example that raises it, and what to do.

    Attributes
    ----------
    code, meaning, example, remedy
        As ``lamevidence explain`` prints them.
    """

    code: str
    meaning: str
    example: str
    remedy: str

    def __str__(self) -> str:
        error = "an error: the record, finding or question that it concerns is not used"
        stops = error if self.code[1] == "E" else "a warning: used, and said"
        return f"{self.code} ({stops})\n{self.meaning}\nExample: {self.example}\nRemedy:  {self.remedy}"


def explanation(code: str) -> Explanation:
    """Return the meaning of a code with an example and the remedy.

    Raises
    ------
    UnknownName
        No such code; names the nearest one.

    Examples
    --------
    >>> explanation("LE104").example
    '−12 ± −2 recorded as `dispersion: {type: se, value: -2}`'
    """
    return Explanation(code, explain(code), EXAMPLES[code], REMEDIES.get(code, AUDITED))
