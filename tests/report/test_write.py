"""The page of a run: its numbers, its words where something lacks, its safety, its bytes."""
import base64
import hashlib
import io
import os
import re

import numpy as np
import pytest
from conftest import replace_dataset
from PIL import Image
from reading import read_page
from runs_on_disk import rewrite
from small_runs import WHOLE, start, stopped

import gluonblocks as gb
from gluonblocks.data import datasets
from gluonblocks.data.fashion_mnist import DataError
from gluonblocks.runs.records import TIMES, HistoryRow, TimesRow, read_csv

pytestmark = pytest.mark.usefixtures('little_data')


@pytest.fixture
def page(tmp_path):
    """Write the page of runs; returns it, read."""
    def write(*runs, **how):
        gb.write_report([str(run) for run in runs], str(tmp_path / 'page.html'), ctx='cpu', **how)
        return read_page(tmp_path / 'page.html')
    return write


@pytest.fixture
def run(folder):
    start(folder, norm_stats=True)
    return folder


def test_every_epoch_has_all_digits_of_the_history(run, page):
    rows = read_csv(HistoryRow, os.path.join(run, 'history.csv'))
    values = np.array(page(run).values['Every epoch']).reshape(-1, 3)
    assert len(rows) == 3
    assert values.tolist() == [[row.loss, row.train_acc, row.test_acc] for row in rows]


def test_matrix_and_accuracy_are_those_of_evaluation_by_the_weights_asked_for(folder, page):
    start(folder, epochs=3, lr=0.1, seed=2)  # which confuses much, and its last is not its best
    matrices = []
    for weights in ('best', 'last'):
        matrix = gb.evaluate_run(folder, ctx='cpu', weights=weights).matrix
        assert (matrix != matrix.T).any()
        found = page(folder, weights=weights)
        rows = found.tables['Confusion matrix: rows are the true classes, columns the answers']
        assert [[int(cell) for cell in row[1:]] for row in rows[1:]] == matrix.tolist()
        assert 'Accuracy %.4f on 20 test images, by the %s weights' % (
            gb.training.accuracy_of(matrix), weights) in (
                re.sub(r'\s+', ' ', found.section('What it confuses')))
        matrices.append(matrix.tolist())
    assert matrices[0] != matrices[1]


def test_the_worst_mistakes_are_the_wrong_answers_of_the_highest_probability(folder, page):
    start(folder, epochs=1)  # after which all answers are wrong
    net, _ = gb.load_run(folder, ctx='cpu')
    _, test_iter = datasets.get_dataset('synthetic').load(16, seed=0)
    chances = gb.training.predict_images(net, test_iter.images, batch_size=16)
    wrong = [i for i in range(20) if chances[i].argmax() != test_iter.labels[i]]
    wrong.sort(key=lambda i: -chances[i].max())
    assert len(wrong) > 5
    found = page(folder)
    pictures = [attributes for name, attributes in found.elements if name == 'img']
    for i, attributes in zip(wrong, pictures):
        content = base64.b64decode(attributes['src'].split(',')[1])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), test_iter.images[i])
        assert attributes['alt'] == 'Test image of class %d' % test_iter.labels[i]
    assert len(pictures) == len(wrong)
    shares = re.findall(r'(\d+\.\d) %', found.section('The worst mistakes'))
    assert shares == ['%.1f' % (100 * chances[i].max()) for i in wrong]


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    for name in 'ab':
        gb.write_report(run, str(tmp_path / name), ctx='cpu')
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


def test_the_page_fetches_nothing_and_its_policy_allows_its_own_style_only(run, page, tmp_path):
    found = page(run)
    text = (tmp_path / 'page.html').read_text()
    style = text.split('<style>')[1].split('</style>')[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = [attributes['content'] for name, attributes in found.elements
              if attributes.get('http-equiv') == 'Content-Security-Policy']
    assert policy == ["default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; "
                      "form-action 'none'" % digest]
    assert 'url(' not in style and '@import' not in style
    for name, attributes in found.elements:
        assert name not in ('script', 'link', 'iframe', 'object', 'use-external')
        assert not [key for key in attributes if key.startswith('on') or key == 'style']
        assert attributes.get('src', 'data:').startswith('data:')
        assert attributes.get('href', '#').startswith('#')


def test_every_id_is_there_once_and_what_is_referred_to_is_there(run, page):
    elements = page(run).elements
    ids = [attributes['id'] for _, attributes in elements if 'id' in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        for key in ('aria-labelledby', 'href', 'clip-path'):
            for name in re.sub(r'url\(|[#)]', '', attributes.get(key) or '').split():
                assert name in ids, (key, name)


def test_names_are_text_and_never_markup(tmp_path, page):
    name = '<script>alert(1)</script>&"\''
    start(str(tmp_path / name.replace('/', '_')), epochs=1)
    found = page(tmp_path / name.replace('/', '_'))
    assert name.replace('/', '_') in found.text
    assert 'script' not in [element for element, _ in found.elements]


def test_headings_go_down_one_level_at_a_time(run, page):
    levels = [level for level, _ in page(run).headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:]))


def test_the_layers_are_those_of_layer_shapes(run, page):
    rows = page(run).tables['For one image of 1 × 28 × 28']
    assert rows[-1] == ['all', '', '44,878', '281,640']
    assert rows[1] == ['conv0', '6 × 24 × 24', '156', '86,400']


def test_norm_layers_show_their_record_and_their_distributions(run, page):
    found = page(run)
    names = [row[0] for row in found.tables['The layers, at the end of the record'][1:]]
    assert names == ['1', '5', '9', '12']
    assert [text for level, text in found.headings if level == 3] == [
        'Layer %s' % name for name in names]
    titles = found.section('What batch normalization does')
    for title in ('gamma, the scale', 'beta, the shift', 'moving mean', 'moving variance',
                  'input of a batch: mean', 'output of a batch: mean'):
        assert titles.count(' %s' % title) >= 4, title


def test_without_a_record_the_distributions_are_shown_and_the_reason_is_told(folder, page):
    start(folder, epochs=1)
    text = page(folder).section('What batch normalization does')
    assert 'recorded no statistics over time' in text and 'input of a batch' in text


def test_data_that_are_not_here_are_told_in_the_sections_that_need_them(run, page, monkeypatch):
    def missing(*args, **kwargs):
        raise DataError('no <such> file')
    replace_dataset(monkeypatch, 'synthetic', missing)
    found = page(run)
    for title in ('What it confuses', 'The worst mistakes', 'What batch normalization does'):
        assert 'no <such> file' in found.section(title)
    assert len(found.tables['Every epoch']) == 4
    assert found.tables['For one image of 1 × 28 × 28'][-1][2] == '44,878'


def test_data_that_are_not_those_of_the_training_are_told(run, page, monkeypatch):
    assert 'not those' not in page(run).text
    replace_dataset(monkeypatch, 'synthetic', lambda batch_size, **how: (
        datasets.load_data_synthetic(batch_size, num_train=60, num_test=24, **how)))
    assert 'are not those that the run was trained on' in page(run).section('What it confuses')


def test_a_run_that_was_stopped_in_its_first_epoch_has_a_page(folder, page, monkeypatch):
    stopped(monkeypatch, folder, 2)
    found = page(folder)
    assert 'No epoch is done yet' in found.text and 'not finished: 0 of 3 epochs done' in found.text
    assert 'by the last weights' in found.section('What it confuses')


def test_a_run_without_weights_has_a_page(run, page):
    for name in os.listdir(run):
        if name.endswith('.safetensors'):
            os.unlink(os.path.join(run, name))
    found = page(run)
    assert len(found.tables['Every epoch']) == 4
    assert 'has no checkpoint' in found.section('What it confuses')


def test_one_epoch_two_hundred_and_numbers_that_are_none(run, page):
    nan, inf = float('nan'), float('inf')
    for rows, words in [([(0.5, 0.6, 0.7)], 'in epoch 1 of 3'),
                        ([(0.5, 0.6, n / 300) for n in range(200)], 'in epoch 200 of 200'),
                        ([(nan, nan, 0.1), (inf, 0.2, 0.1), (nan, nan, 0.1)], 'in epoch 1 of 200'),
                        ([(nan, 0.1, 0.1)] * 3, 'in epoch 1 of 200')]:
        rewrite(run, rows, seconds=nan)
        found = page(run)
        assert words in found.text
        assert len(found.tables['Every epoch']) == len(rows) + 1
    assert 'No finite number to draw' in found.section('Loss and accuracy')


def test_several_runs_are_sorted_by_their_best_accuracy(make_run, page):
    runs = []
    for n, accuracies in enumerate([(0.2, 0.1), (0.7, 0.3), (0.4, 0.6)]):
        folder, _ = make_run(name='run%d' % n)
        rewrite(folder, [(1 / (n + 1), 0.5, accuracy) for accuracy in accuracies], lr=0.1 + n)
        runs.append(folder)
    found = page(*runs)
    table = found.tables['Sorted by the best test accuracy']
    assert [row[0] for row in table[1:]] == ['run1', 'run2', 'run0']
    assert [row[3:5] for row in table[1:]] == [['0.7000', '1'], ['0.6000', '2'], ['0.2000', '1']]
    assert found.tables['Recipe: what differs'] == [['what', 'run0', 'run1', 'run2'],
                                                    ['learning rate', '0.1', '1.1', '2.1']]


def test_ten_runs_of_different_lengths_and_models_are_compared(make_run, page, tmp_path):
    runs = [make_run(name='run%d' % n)[0] for n in range(9)]
    for n, folder in enumerate(runs):
        rewrite(folder, [(1.0, 0.5, 0.1 * n)] * (n + 1))
    start(str(tmp_path / 'gluon'), 'lenet_bn_gluon', epochs=1)
    found = page(*runs, tmp_path / 'gluon')
    assert len(found.tables['Sorted by the best test accuracy']) == 11
    assert ['model'] + ['lenet_bn'] * 9 + ['lenet_bn_gluon'] in (
        found.tables['Recipe: what differs'])


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path, page):
    for name in 'ab':
        start(str(tmp_path / name / 'run'), epochs=1)
    text = page(tmp_path / 'a' / 'run', tmp_path / 'b' / 'run').text
    assert str(tmp_path / 'a' / 'run') in text and str(tmp_path / 'b' / 'run') in text


@pytest.mark.parametrize('runs, words', [([], 'no run is named'), (['RUN', 'RUN/'], 'twice'),
                                         (['nowhere'], 'is not a run')])
def test_runs_that_cannot_be_shown_are_refused(run, tmp_path, runs, words):
    with pytest.raises(ValueError, match=words):
        gb.write_report([one.replace('RUN', run) for one in runs], str(tmp_path / 'page.html'))
    assert not (tmp_path / 'page.html').exists()


@pytest.mark.gluoncv
def test_a_net_of_gluoncv_has_a_page(folder, page):
    start(folder, 'gluoncv:cifar_resnet20_v1', epochs=1, norm_stats=True)
    found = page(folder)
    assert found.headings[0] == (1, 'gluoncv:cifar_resnet20_v1 on synthetic')
    assert len([1 for level, _ in found.headings if level == 3]) == 21


def test_a_page_of_lenet_is_below_a_megabyte(run, page, tmp_path):
    page(run)
    assert (tmp_path / 'page.html').stat().st_size < 2 ** 20


def test_the_times_are_those_of_the_run(run, page):
    rows = read_csv(TimesRow, os.path.join(run, TIMES))
    shown = page(run).tables['Every epoch'][1:]
    assert [row[5] for row in shown] == ['%.1f s' % row.seconds for row in rows]
    assert WHOLE['epochs'] == len(rows)
