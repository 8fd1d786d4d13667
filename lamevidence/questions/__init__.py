"""What is asked, and which findings are eligible for it."""

from .grade import InformationSize, Judged, Judgements, StatedBaseline, Upgrade, judgements_of
from .loader import load_questions
from .question import Question
from .variation import Variation, varied

__all__ = [
    "InformationSize",
    "Judged",
    "Judgements",
    "Question",
    "StatedBaseline",
    "Upgrade",
    "Variation",
    "judgements_of",
    "load_questions",
    "varied",
]
