"""A finished drill as three files: the record itself, a page and a picture that are made from it alone."""

from fleet.drill.report.files import Report, write

__all__ = ["Report", "write"]
