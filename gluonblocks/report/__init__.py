"""Runs as a page that people look at: one HTML file, which opens anywhere and asks nothing."""
from .write import write_report

__all__ = ['write_report']
