"""The page of a run: its values, its words if something is missing, its safety, its bytes."""
import base64
import hashlib
import io
import os
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import replace_dataset
from PIL import Image
from reading import read_page
from runs_on_disk import rewrite
from small_runs import start, stopped

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.data.fashion_mnist import DataError
from gluonblocks.report import norms
from gluonblocks.report.run import read_runs
from gluonblocks.runs.records import TIMES, HistoryRow, TimesRow, read_csv
from gluonblocks.training.norm_layers import NormActivation, histogram

CONFUSES, BATCHES = 'Confused classes', 'Batch normalization'


@pytest.fixture(scope='module')
def found(trained_page):
    return read_page(trained_page)


def test_every_epoch_has_the_values_of_the_history_and_the_seconds_of_the_run(trained, found):
    rows = read_csv(HistoryRow, os.path.join(trained, 'history.csv'))
    times = read_csv(TimesRow, os.path.join(trained, TIMES))
    assert [row[:4] + row[5:6] for row in found.tables['Every epoch'][1:]] == [
        ['%d' % row.epoch, '%.4f' % row.loss, '%.4f' % row.train_acc, '%.4f' % row.test_acc,
         '%.1f s' % time.seconds] for row, time in zip(rows, times)]
    assert len(rows) == 3


def test_matrix_and_accuracy_are_those_of_evaluation_by_the_weights_asked_for(
        trained, run, found, page):
    matrices = []
    for weights in ('best', 'last'):
        matrix = gb.evaluate_run(trained, ctx='cpu', weights=weights).matrix
        assert (matrix != matrix.T).any()
        found = page(run, weights=weights) if weights != 'best' else found
        rows = found.tables[
            'Confusion matrix: rows are true classes, columns are predicted classes']
        assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == matrix.tolist()
        assert 'Accuracy %.4f on 20 test images with the %s weights' % (
            gb.training.accuracy_of(matrix), weights) in (
                re.sub(r'\s+', ' ', found.section(CONFUSES)))
        matrices.append(matrix.tolist())
    assert matrices[0] != matrices[1]


def test_the_worst_mistakes_are_the_wrong_answers_of_the_highest_probability(trained, found):
    net, _ = gb.load_run(trained, ctx='cpu')
    _, test_iter = datasets.get_dataset('synthetic').load(16, seed=0)
    chances = gb.training.predict_images(net, test_iter.images, batch_size=16)
    wrong = [i for i in range(20) if chances[i].argmax() != test_iter.labels[i]]
    wrong.sort(key=lambda i: -chances[i].max())
    assert len(wrong) > 5
    pictures = [attributes for name, attributes in found.elements if name == 'img']
    for i, attributes in zip(wrong, pictures):
        content = base64.b64decode(attributes['src'].split(',')[1])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), test_iter.images[i])
        assert attributes['alt'] == 'Test image of class %d' % test_iter.labels[i]
    assert len(pictures) == len(wrong)
    shares = re.findall(r'(\d+\.\d) %', found.section('Worst mistakes'))
    assert shares == ['%.1f' % (100 * chances[i].max()) for i in wrong]


def test_the_same_run_gives_the_same_bytes_below_a_megabyte(trained, trained_page, page, tmp_path):
    page(trained)
    content = (tmp_path / 'page.html').read_bytes()
    assert content == trained_page.read_bytes() and len(content) < 2 ** 20


def test_the_page_fetches_nothing_and_its_policy_allows_its_own_style_only(found, trained_page):
    style = trained_page.read_text().split('<style>')[1].split('</style>')[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = [attributes['content'] for name, attributes in found.elements
              if attributes.get('http-equiv') == 'Content-Security-Policy']
    assert policy == ["default-src 'none'; style-src 'sha256-%s'; img-src blob: data:; "
                      "base-uri 'none'; form-action 'none'" % digest]
    assert 'url(' not in style and '@import' not in style
    for name, attributes in found.elements:
        assert name not in ('script', 'link', 'iframe', 'object', 'use')
        assert not [key for key in attributes if key.startswith('on') or key == 'style']
        assert attributes.get('src', 'data:').startswith('data:')
        assert attributes.get('href', '#').startswith('#')


def test_names_are_text_and_never_markup(run, tmp_path, page):
    name = '<script>alert(1)<\\script>&"\''
    os.rename(run, str(tmp_path / name))
    found = page(tmp_path / name)
    assert name in found.text
    assert 'script' not in [element for element, _ in found.elements]


def test_layers_show_their_costs_and_norm_layers_their_record_and_their_distributions(found):
    rows = found.tables['For one image of 1 × 28 × 28']
    assert rows[-1] == ['all', '', '44,878', '281,640']
    assert rows[1] == ['conv0', '6 × 24 × 24', '156', '86,400']
    names = [row[0] for row in found.tables['Norm layers at the first and last recorded step'][1:]]
    assert names == ['1', '5', '9', '12']
    assert [text for level, text in found.headings if level == 3] == [
        'Layer %s' % name for name in names]
    titles = found.section(BATCHES)
    for title in ('gamma, the scale', 'beta, the shift', 'moving mean', 'moving variance',
                  'input on one batch: mean', 'output on one batch: mean'):
        assert titles.count(' %s' % title) >= 4, title


def test_many_norm_layers_are_shown_together_and_folded_away(trained, page, monkeypatch):
    monkeypatch.setattr(norms, 'ALL_OPEN', 3)
    monkeypatch.setattr(norms, 'draw', lambda plot, title, text, draw=norms.draw: draw(
        plot, title, text) if 'by layer, at the last' in title else '')  # the others are long
    found = page(trained)
    for title in ('gamma, the scale', 'beta, the shift', 'moving mean', 'moving variance'):
        assert title + ' by layer, at the last recorded step' in found.section(BATCHES)
    assert [attributes for name, attributes in found.elements if name == 'details'] == [{}] * 4


def test_a_norm_layer_without_a_finite_value_has_no_charts(trained, run, monkeypatch):
    with open(os.path.join(trained, 'norms.csv')) as f:
        head, *rows = f.read().splitlines()
    rows = [re.sub(r'(,1,moving_var)' + 7 * ',[^,]+', r'\1' + 7 * ',nan', row) for row in rows]
    with open(os.path.join(run, 'norms.csv'), 'w') as f:
        f.write('\n'.join([head, *rows, '']))
    monkeypatch.setattr(norms, 'draw', lambda *args: 'drawn')
    (found,) = read_runs([run])
    values = [np.full(8, np.nan), np.arange(8)]
    found.predictions = SimpleNamespace(activations=[
        NormActivation('1', *[histogram([each]) for each in values])])
    charts = norms.norms_of(found)['layers']['1']
    assert [(chart.title.partition(':')[0], chart.svg) for chart in charts] == [
        ('gamma, the scale', 'drawn'), ('beta, the shift', 'drawn'), ('moving mean', 'drawn'),
        ('moving variance', ''), ('input on one batch', ''), ('output on one batch', 'drawn')]


def test_what_is_missing_from_a_run_is_stated_in_the_sections_that_need_it(run, page, monkeypatch):
    text = page(run).section(BATCHES)
    assert 'recorded no statistics over time' in text and 'input on one batch' in text
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: (
        datasets.load_data_synthetic(batch_size, num_train=60, num_test=24, **how)))
    assert 'differ from the data that the run was trained on' in page(run).section(CONFUSES)

    def missing(*args, **kwargs):
        raise DataError('no <such> file')
    replace_dataset(monkeypatch, 'synthetic', missing)
    found = page(run)
    for title in (CONFUSES, 'Worst mistakes', BATCHES):
        assert 'no <such> file' in found.section(title)
    assert len(found.tables['Every epoch']) == 4
    assert found.tables['For one image of 1 × 28 × 28'][-1][2] == '44,878'
    for name in os.listdir(run):
        if name.endswith('.safetensors'):
            os.unlink(os.path.join(run, name))
    assert 'contains no valid checkpoint' in page(run).section(CONFUSES)


def test_a_run_that_was_stopped_in_its_first_epoch_has_a_page(few_images, folder, page,
                                                              monkeypatch):
    stopped(monkeypatch, folder, 2)
    found = page(folder)
    assert 'No epoch is finished yet' in found.text and 'not finished: 0 of 3 epochs' in found.text
    assert 'with the last weights' in found.section(CONFUSES)


def test_one_epoch_two_hundred_and_losses_that_are_nan_have_a_page(run, page):
    nan, inf = float('nan'), float('inf')
    for rows, words in [([(0.5, 0.6, 0.7)], 'in epoch 1 of 3'),
                        ([(0.5, 0.6, n / 300) for n in range(200)], 'in epoch 200 of 200'),
                        ([(nan, nan, 0.1), (inf, 0.2, 0.1), (nan, nan, 0.1)], 'in epoch 1 of 200')]:
        rewrite(run, rows, seconds=nan)
        found = page(run)
        assert words in found.text
        assert len(found.tables['Every epoch']) == len(rows) + 1
    assert 'no finite values to draw' in found.section('Loss and accuracy')


def test_runs_of_other_lengths_models_and_names_are_sorted_by_their_best_accuracy(
        run, tmp_path, page):
    runs = [shutil.copytree(run, str(tmp_path / name / 'run')) for name in 'abc']
    for n, (folder, accuracies) in enumerate(zip(runs, [(0.2, 0.1), (0.7,), (0.4, 0.6, 0.5)])):
        rewrite(folder, [(1 / (n + 1), 0.5, accuracy) for accuracy in accuracies],
                lr=0.2 if n == 1 else 0.1)
    start(str(tmp_path / 'gluon'), 'lenet_bn_gluon', epochs=1)
    rewrite(tmp_path / 'gluon', [(0.1, 0.5, 0.05)])
    found = page(*runs, tmp_path / 'gluon')
    a, b, c = runs  # of one name, so these are the folders
    table = found.tables['Runs, sorted by best test accuracy']
    assert [row[0] for row in table[1:]] == [b, c, a, str(tmp_path / 'gluon')]
    assert [row[3:5] for row in table[1:]] == [['0.7000', '1'], ['0.6000', '2'], ['0.2000', '1'],
                                               ['0.0500', '1']]
    assert ['model'] + ['lenet_bn'] * 3 + ['lenet_bn_gluon'] in (
        found.tables['Recipe: differences'])
    assert ['learning rate', '0.1', '0.2', '0.1', '1'] in found.tables['Recipe: differences']
    recalls = found.tables['Recall on synthetic: the fraction of each class that was classified '
                           'correctly']
    assert recalls[0][1:] == ['%s (best weights)' % name for name in (a, c, tmp_path / 'gluon')]
    assert [row[0] for row in recalls[1:]] == ['class %d' % n for n in range(10)] + ['all']
    assert '%s is not available: ' % b in found.text  # its weights are of another learning rate


@pytest.mark.parametrize('order', [1, -1])
def test_a_loss_that_is_nan_is_not_the_lowest(run, tmp_path, page, order):
    other = shutil.copytree(run, str(tmp_path / 'other'))
    rewrite(run, [(float('nan'), 0.1, 0.1)])
    rewrite(other, [(0.25, 0.5, 0.5)])
    assert re.search(r'lowest final loss\s+0\.2500\s*other', page(*[run, other][::order]).text)


def test_runs_on_other_classes_of_a_data_set_have_tables_of_their_own(
        few_images, undrawn, registries, tmp_path, page):
    def load(batch_size, resize=None, seed=None, root=None):  # as many classes as the root says
        return [gb.data.BatchLoader(np.zeros((n, 28, 28), np.uint8),
                                    np.arange(n) % int(os.path.basename(root)), batch_size)
                for n in (20, 10)]
    gb.register_dataset('numbers', load, (), takes_root=True)
    for number in '23':
        os.mkdir(str(tmp_path / number))
        start(str(tmp_path / ('run' + number)), epochs=1, dataset='numbers',
              data_root=str(tmp_path / number))
    tables = page(tmp_path / 'run2', tmp_path / 'run3').tables
    assert [len(tables['Recall on numbers with %d classes: the fraction of each class that was '
                       'classified correctly' % number]) for number in (2, 3)] == [4, 5]


@pytest.mark.parametrize('runs, words', [([], 'runs, got none'), (['RUN', 'RUN/'], 'twice'),
                                         (['nowhere'], 'is not a run folder: it does not exist')])
def test_runs_that_cannot_be_shown_are_refused(trained, tmp_path, runs, words):
    with pytest.raises(ValueError, match=words):
        gb.write_report([one.replace('RUN', trained) for one in runs], str(tmp_path / 'page.html'))
    assert not (tmp_path / 'page.html').exists()


@pytest.mark.gluoncv
def test_a_net_of_gluoncv_has_a_page(few_images, undrawn, folder, page):
    start(folder, 'gluoncv:cifar_resnet20_v1', epochs=1)
    found = page(folder)
    assert found.headings[0] == (1, 'gluoncv:cifar_resnet20_v1 on synthetic')
    assert len([1 for level, _ in found.headings if level == 3]) == 21
