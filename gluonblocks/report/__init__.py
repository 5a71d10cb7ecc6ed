"""Reports on runs, each a single HTML file that opens in any browser and needs no network."""
from .write import write_report

__all__ = ['write_report']
