"""Export a trained net to the formats of other inference engines, and verify each file."""
from .files import export_files
from .graph import prediction_symbol
from .run import export_net, export_run
from .torch import load_torch
from .verify import VerificationError
from .write import Export, Exported

__all__ = ['Export', 'Exported', 'VerificationError', 'export_files', 'export_net', 'export_run',
           'load_torch', 'prediction_symbol']
