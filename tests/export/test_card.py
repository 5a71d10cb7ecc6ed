"""The model card: what it says is the run's, and its lines of code run as they stand."""
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import yaml
from picture_files import IMAGES, saved

import gluonblocks as gb
from gluonblocks.export.card import model_card
from gluonblocks.export.formats import FORMATS
from gluonblocks.export.run import export_net, export_run
from gluonblocks.export.verify import Verified
from gluonblocks.export.write import Exported
from gluonblocks.runs.evaluate import evaluate_run

INFO = {'model': 'net', 'classes': ['a', 'b'], 'input': [1, 28, 28], 'resize': None,
        'scaling': 'x / 255', 'ground': 'dark', 'preprocessing': 'outside', 'gluonblocks': '0',
        'weights_sha256': 'f' * 64}


def card_of(folder):
    with open(os.path.join(str(folder), 'README.md'), encoding='utf-8') as f:
        return f.read()


def head_of(card):
    assert card.startswith('---\n')
    return yaml.safe_load(card.split('---\n')[1])


def codes_of(card):
    return re.findall(r'^```python\n(.*?)^```$', card, re.M | re.S)


@pytest.fixture(scope='module')
def card(run_of, tmp_path_factory):
    """The model card of a run's best weights."""
    out = tmp_path_factory.mktemp('card')
    export_run(str(run_of()), out=str(out))
    assert hashlib.sha256((out / 'model.onnx').read_bytes()).hexdigest() in card_of(out)
    return card_of(out)


def test_the_card_has_what_the_runs_records_and_its_evaluation_say(card, run_of):
    matrix = evaluate_run(str(run_of())).matrix
    head = head_of(card)
    (result,) = head['model-index'][0]['results']
    assert result['metrics'] == [{'type': 'accuracy', 'value': matrix.trace() / matrix.sum()}]
    assert result['task'] == {'type': 'image-classification'}
    assert head['library_name'] == 'gluonblocks' and 'onnx' in head['tags']
    config = json.loads((run_of() / 'config.json').read_text())
    for name, value in [('seed', '0'), ('batch size', '8'), ('lr', '1.0'), ('epochs', '1'),
                        ('gluonblocks', gb.__version__), ('mxnet', config['versions']['mxnet'])]:
        assert re.search(r'^\| %s +\| %s +\|$' % (name, re.escape(value)), card, re.M), name
    assert config['data_sha256'] in card and str(run_of().parent) not in card


def test_fashion_mnist_is_named_with_its_licence_and_by_its_name_on_the_hub(run_of):
    config = dict(json.loads((run_of() / 'config.json').read_text()), dataset='fashion-mnist')
    card = model_card(dict(INFO, dataset='fashion-mnist'), config=config)
    assert head_of(card)['datasets'] == ['zalando-datasets/fashion_mnist']
    assert '- licence of the data: MIT\n' in card
    assert '<https://github.com/zalandoresearch/fashion-mnist>' in card
    assert 'license' not in head_of(card)  # of the weights: no record knows
    assert head_of(model_card(INFO, license='apache-2.0'))['license'] == 'apache-2.0'


def test_precision_and_recall_are_those_of_the_matrix():
    matrix = np.array([[8, 2], [1, 9]])
    card = model_card(INFO, matrix=matrix)
    assert '\n| a | 10 | 0.889 | 0.800 | b (2) |\n' in card  # 8 / 9, 8 / 10
    assert 'accuracy on 20 test images is 0.8500.' in card
    assert 'lowest recall (0.800) is a; it is most often confused with b.' in card


def test_names_do_no_harm_to_yaml_and_markdown():
    nasty = ['a | b', '*c*', 'x\n---\ny: [', '"q" \\', '<script>', '\u2028\x85', '`t`', '\ud800']
    card = model_card(dict(INFO, model='m: "\n- #\u2028\ud83d\ude00\x07', classes=nasty),
                      matrix=np.eye(8, dtype=int))
    card.encode()
    assert head_of(card)['tags'][2] == 'm: "\n- #\u2028\ud83d\ude00\x07'
    rows = [line for line in card.splitlines() if line.startswith('| ')]
    assert len(rows) == 9 and {len(re.findall(r'(?<!\\)\|', row)) for row in rows} == {6}
    assert '<script>' not in card and '\n---\ny' not in card
    assert [line for line in card.splitlines() if line.startswith('#') and 'licen' not in line] == [
        '# ' + line for line in [card.split('\n# ', 2)[-1].split('\n')[0]]] + [
        line for line in card.splitlines() if line.startswith('## ')]


def test_unknown_facts_are_left_out_and_notes_are_told():
    card = model_card(INFO)
    assert 'None' not in card and 'nan' not in card
    assert re.findall(r'^## (.*)$', card, re.M) == ['Run it', 'Limits']
    assert set(head_of(card)) == {'library_name', 'pipeline_tag', 'tags'}
    exported = Exported('onnx-int8', ['model-int8.onnx'], 9, Verified(2, None, None, 0.5, 1.0), {},
                        ('needs *care*',))
    assert '\n- onnx-int8: needs \\*care\\*\n' in model_card(INFO, [exported])


def test_the_best_epoch_is_said_to_be_picked_by_the_test_images(card, run_of, tmp_path):
    said = 'The best epoch was selected by test accuracy'
    export_run(str(run_of()), out=str(tmp_path), weights='final')
    assert said in card and said not in card_of(tmp_path)


def run_code(code, folder, **env):
    done = subprocess.run([sys.executable, '-c', code], cwd=str(folder), capture_output=True,
                          text=True, env=dict(os.environ, PYTHONPATH='', **env))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize('inside, resize', [(False, None), (True, 40)])
def test_the_five_lines_of_each_format_run_as_they_stand(
        run_of, tmp_path, fake_runtime, inside, resize):
    names = [name for name in FORMATS if name != 'torch' or importlib.util.find_spec('torch')]
    export_run(str(run_of(resize)), formats=names, out=str(tmp_path), with_preprocessing=inside,
               max_drop=100)
    path = saved(tmp_path, IMAGES[0], 'picture.png')
    codes = dict(zip(names, codes_of(card_of(tmp_path))))
    assert len(codes) == len(names) and all(code.count('\n') <= 5 for code in codes.values())
    assert run_code(codes.pop('web'), tmp_path, BROWSER='echo %s').endswith('/index.html')
    small = subprocess.run([sys.executable, 'predict.py', 'picture.png', '--model',
                            'model-int8.onnx'], cwd=str(tmp_path), capture_output=True, text=True)
    assert re.match('picture.png: %s [01]' % run_code(codes.pop('onnx-int8'), tmp_path),
                    small.stdout)
    (answer,) = gb.predict_files(str(run_of(resize)), [path])
    for code in codes.values():
        assert run_code(code, tmp_path) == answer.classes[0][0]


def test_a_net_without_a_run_has_a_card_and_lines_that_run(tmp_path):
    from mxnet.gluon import nn
    net = nn.Dense(3)
    net.initialize()
    export_net(net, (3, 8, 8), path=str(tmp_path / 'out'))
    (code,) = codes_of(card_of(tmp_path / 'out'))
    assert run_code(code, tmp_path / 'out').startswith('class ')
    assert not (tmp_path / 'out' / 'predict.py').exists()  # nothing tells how it takes pictures


def test_a_colour_picture_is_turned_into_what_the_net_takes(tmp_path):
    from PIL import Image
    Image.fromarray(np.arange(5 * 6 * 3, dtype=np.uint8).reshape(5, 6, 3)).save(
        str(tmp_path / 'picture.png'))
    exported = Exported('onnx', ['model.onnx'], 9, Verified(2, None, None, 0.5, 1.0), {}, ())
    (code,) = codes_of(model_card(dict(INFO, input=[3, 5, 6]), [exported]))
    line = code.splitlines()[3]
    said = run_code('import numpy\nfrom PIL import Image\n%s\n'
                    'print(X.shape, round(X[0, 2, 0, 1] * 255))' % line, tmp_path)
    assert said == '(1, 3, 5, 6) 5'
