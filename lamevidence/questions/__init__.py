"""What is asked, and which findings are eligible for it."""

from .loader import load_questions
from .question import Question

__all__ = ["Question", "load_questions"]
