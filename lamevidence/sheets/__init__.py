"""A user's own spreadsheet: its cells, its columns under the field's names, its numbers as they are printed."""

from __future__ import annotations

from .table import Column, Sheet, read_sheet

__all__ = ["Column", "Sheet", "read_sheet"]
