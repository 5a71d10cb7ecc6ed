"""What becomes of a notebook's outputs and metadata: which lines are folded, and which never."""
import copy

import pytest
from conftest import load_script
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

outputs = load_script('notebook_outputs')

EPOCH = 'epoch 1, loss 0.5000, train acc 0.800, test acc 0.810, time 9.0 sec\n'


def one_pass(batch):
    """What a dense block of two units prints at one pass."""
    return ''.join('X.shape: (%d, %d, 6, 6) --> Y.shape: (%d, 32, 6, 6)\n' % (batch, c, batch)
                   for c in (64, 96))


def test_the_first_pass_of_each_kind_stays_and_the_rest_is_counted():
    text = 'training on cpu(0)\n' + (one_pass(256) * 3 + one_pass(96) + EPOCH) * 2
    left_out = '[%d lines left out: each is one of those above]\n'
    assert outputs.fold(text) == (
        'training on cpu(0)\n' + one_pass(256) + left_out % 4 + one_pass(96) + EPOCH
        + left_out % 8 + EPOCH)


@pytest.mark.parametrize('line', [
    'training on cpu(0)\n', EPOCH, 'conv0 output shape:\t (1, 64, 14, 14)\n', '\n',
    'X.shape: (4, 3) --> Y.shape: (4, 10) and more\n', 'X.shape: none\n'])
def test_no_other_line_is_ever_folded(line):
    text = (one_pass(256) + line * 2) * 3
    assert outputs.fold(text).count(line) >= 6
    assert outputs.fold(line * 5) == line * 5


def test_repeats_at_the_end_are_counted_too_with_or_without_a_last_line_end():
    for text in (one_pass(4) * 1001, (one_pass(4) * 1001)[:-1]):
        folded = outputs.fold(text)
        assert folded.startswith(one_pass(4))
        assert folded[len(one_pass(4)):].strip() == (
            '[2,000 lines left out: each is one of those above]')
        assert folded.endswith('\n') == text.endswith('\n')


def notebook():
    """A notebook as it is just executed."""
    cell = new_code_cell('x = 1', execution_count=1, metadata={'execution': {'shell': 'now'}},
                         outputs=[new_output('stream', text=one_pass(4) * 2)])
    return new_notebook(cells=[new_markdown_cell('words'), cell],
                        metadata={'language_info': {'name': 'python', 'version': '3.1'}, 'me': 'x'})


def test_what_is_kept_is_folded_clean_and_stamped():
    kept = notebook()
    outputs.tidy(kept, '1.2.3')
    assert kept.metadata == dict(outputs.METADATA, gluonblocks={
        'code_sha256': outputs.code_sha256(kept), 'version': '1.2.3'})
    assert [cell.metadata for cell in kept.cells] == [{}, {}]
    assert kept.cells[1].outputs[0].text == outputs.fold(one_pass(4) * 2)


def test_the_stamp_changes_with_the_code_and_with_nothing_else():
    before, words, code, order = (copy.deepcopy(notebook()) for _ in range(4))
    words.cells[0].source, words.cells[1].outputs = 'other words', []
    code.cells[1].source = 'x = 2'
    order.cells += [new_code_cell('y = 1')]
    assert outputs.code_sha256(words) == outputs.code_sha256(before)
    assert len({outputs.code_sha256(each) for each in (before, code, order)}) == 3
