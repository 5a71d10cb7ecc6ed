"""What a notebook keeps of its execution: outputs folded, metadata cleaned, and a stamp."""
import hashlib
import json
import re

# Only what every reader needs: no times, no paths, no version of the Python that ran it.
METADATA = {
    'kernelspec': {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'},
    'language_info': {'name': 'python', 'file_extension': '.py', 'mimetype': 'text/x-python',
                      'pygments_lexer': 'ipython3'},
}
# DenseBlock.forward of section 5.13 prints this for each unit at every pass: 22,000 lines in all.
_SHAPES = re.compile(r'X\.shape: \([\d, ]+\) --> Y\.shape: \([\d, ]+\)$')
_LEFT_OUT = '[{:,} lines left out: each is one of those above]'


def fold(text):
    """`text` with each different line of shapes once, where it first came.

    Those that repeat one of them are left out, and a line in brackets in their place says how many
    they were. Every other line stays, also where it repeats one.
    """
    seen, kept, left_out = set(), [], 0
    for line in text.split('\n'):
        if line in seen and _SHAPES.match(line):
            left_out += 1
            continue
        if left_out:
            kept.append(_LEFT_OUT.format(left_out))
            left_out = 0
        seen.add(line)
        kept.append(line)
    return '\n'.join(kept + [_LEFT_OUT.format(left_out)] * bool(left_out))


def tidy(notebook, version):
    """Fold the outputs of an executed notebook, clean its metadata and stamp it, in place.

    The stamp has the SHA-256 of the code that ran, and `version`, the package's.
    """
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get('outputs', ()):
            if output.output_type == 'stream':
                output.text = fold(output.text)
    notebook.metadata = dict(METADATA, gluonblocks={'code_sha256': code_sha256(notebook),
                                                    'version': version})


def code_sha256(notebook):
    """The SHA-256 of a notebook's code cells, in hexadecimal digits."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == 'code']
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()
