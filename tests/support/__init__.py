"""Machinery that several chapters of tests share."""
