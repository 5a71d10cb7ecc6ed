"""Reports on training runs: self-contained HTML files that open in any browser, even offline."""
from .write import write_report

__all__ = ['write_report']
