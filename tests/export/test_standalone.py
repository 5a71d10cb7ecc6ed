"""The small predict.py beside an ONNX file: its answers are ours, and it needs neither of us."""
import json
import subprocess
import sys

import linear_onnx
import numpy as np
import pytest
from picture_files import IMAGES, A, cut, saved
from PIL import Image

import gluonblocks as gb
from gluonblocks.export.run import export_run
from gluonblocks.export.write import standalone_program
from gluonblocks.training.inference import predict_images, top_classes

# As in an environment that has neither: what imports them gets the error that Python gives there.
BLOCK = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in %r:
            raise ModuleNotFoundError('No module named %%r' %% name, name=name)
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""
OURS = ('mxnet', 'gluonblocks', 'gluoncv', 'cv2', 'onnx', 'torch')


@pytest.fixture
def beside(tmp_path):
    """A folder with predict.py and model.onnx, a dense layer: (folder, the net in MXNet)."""
    def make(name='model.onnx'):
        net, weight, bias = linear_onnx.dense()
        (tmp_path / name).write_bytes(linear_onnx.model(weight, bias))
        (tmp_path / 'predict.py').write_text(standalone_program())
        return tmp_path, net
    return make


def ask(folder, *args, missing=OURS):
    """Run folder/predict.py; its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, '-I', '-c', BLOCK % (missing,), str(folder / 'predict.py')] +
        [str(arg) for arg in args], capture_output=True, text=True)
    assert 'Traceback' not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize('resize, how, arguments', [
    (None, {}, ()), (40, {}, ('--invert',)), (40, {'with_preprocessing': True}, ())])
def test_beside_an_export_it_answers_as_the_run_does(tmp_path, run_of, resize, how, arguments):
    export_run(str(run_of(resize)), out=str(tmp_path / 'out'), **how)
    paths = kinds(tmp_path)
    code, out, err = ask(tmp_path / 'out', '--json', '--top', '10', *paths, *arguments)
    assert code == 0 and 'error' not in err and out.count('\n') == len(paths)
    for line, answer in zip(out.splitlines(), gb.predict_files(
            str(run_of(resize)), paths, top=10, invert='--invert' in arguments)):
        answered = {c['name']: c['probability'] for c in json.loads(line)['classes']}
        assert next(iter(answered)) == answer.classes[0][0]
        for name, probability in answer.classes:
            assert answered[name] == pytest.approx(probability, rel=2e-5)


@pytest.mark.parametrize('side', [96, 37, 20])
def test_images_are_resized_to_the_last_bit_as_the_training_images_were(side):
    from gluonblocks.export.predict import resized
    X, _ = next(iter(gb.data.BatchLoader(IMAGES, np.zeros(6, np.int32), 6, resize=side)))
    want = np.rint(X.asnumpy()[:, 0] * 255).astype(np.uint8)
    assert (np.stack([resized(image, side) for image in IMAGES]) == want).all()


def kinds(folder):
    """Picture files of many kinds: their paths."""
    rgb = np.random.RandomState(1).randint(0, 256, (61, 93, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: turned by 90 degrees
    pictures = [
        ('colour.png', Image.fromarray(rgb), {}), ('photo.jpg', Image.fromarray(rgb), {}),
        ('turned.jpg', Image.fromarray(rgb[:40]), {'exif': exif}),
        ('glass.png', Image.fromarray(np.dstack([rgb, rgb[..., 0]])), {}),
        ('deep.png', Image.fromarray(rgb[..., 0].astype(np.uint16) * 257), {}),
        ('palette.gif', Image.fromarray(rgb).quantize(16), {'transparency': 3}),
        ('line.png', Image.fromarray(rgb[:1, :, 0]), {}),
        ('bits.bmp', Image.fromarray(rgb[..., 0]).convert('1'), {}),
        ('print.tiff', Image.fromarray(rgb).convert('CMYK'), {}),
        ('tall.webp', Image.fromarray(rgb[:, :20]), {}), ('small.pgm', Image.fromarray(A[:5]), {}),
        ('tall.png', Image.fromarray(np.vstack([rgb[..., 1]] * 9)), {})]
    return [saved(folder, picture, name, **how) for name, picture, how in pictures]


def test_what_it_prints_is_what_the_command_prints(tmp_path, run_of, beside, script):
    bright = np.full((100, 80), 250, np.uint8)
    bright[30:70, 20:60] = 30
    saved(tmp_path, A, 'animated.gif', save_all=True, append_images=[Image.fromarray(255 - A)])
    (tmp_path / 'text.png').write_text('a thing that is no picture')
    paths = [saved(tmp_path, bright, 'bright.png'), cut(tmp_path), tmp_path / 'none.png',
             tmp_path / 'animated.gif', tmp_path / 'text.png', saved(tmp_path, A, 'a.png')]
    code, out, err = script('predict.py', run_of(), *paths)
    folder, _ = beside()
    code_beside, out_beside, err_beside = ask(folder, *paths)
    assert err.splitlines() == err_beside.splitlines() and code == code_beside == 1
    form = [line.split(': ')[0] for line in out.splitlines()]  # the nets differ
    assert form == [line.split(': ')[0] for line in out_beside.splitlines()] == [
        str(paths[0]), str(paths[-1])]


def test_a_line_has_the_likeliest_classes_and_inverted_images_get_the_same(tmp_path, beside):
    folder, net = beside()
    path, inverted = saved(tmp_path, A), saved(tmp_path, 255 - A, 'b.png')
    want = top_classes(predict_images(net, [A])[0], linear_onnx.NAMES, top=2)
    line = '%s %.3f, %s %.3f\n' % (want[0] + want[1])
    assert ask(folder, path, '--top', '2') == (0, '%s: %s' % (path, line), '')
    assert ask(folder, inverted, '--invert', '--top', '2') == (0, '%s: %s' % (inverted, line), '')


def test_more_images_than_a_batch_are_all_answered(tmp_path, beside):
    folder, _ = beside()
    code, out, _ = ask(folder, '--json', *[saved(tmp_path, A)] * 300)
    answers = [json.loads(line)['classes'] for line in out.splitlines()]
    assert code == 0 and len(answers) == 300 and len(set(map(str, answers))) <= 2


def test_model_int8_is_used_if_there_is_no_other_and_unusable_files_are_reported(
        tmp_path, beside):
    folder, _ = beside(name='model-int8.onnx')
    path = saved(tmp_path, A)
    assert ask(folder, path) == ask(folder, path, '--model', folder / 'model-int8.onnx')
    assert ask(folder, path)[0] == 0
    whole = (folder / 'model-int8.onnx').read_bytes()
    (folder / 'cut.onnx').write_bytes(whole[:len(whole) // 2])
    _, weight, bias = linear_onnx.dense()
    (folder / 'bare.onnx').write_bytes(linear_onnx.model(weight, bias, preprocessing=None))
    (folder / 'colour.onnx').write_bytes(linear_onnx.model(weight, bias, input='[3, 28, 28]'))
    for name, said in [('none.onnx', 'no such file'), ('bare.onnx', 'expected metadata'),
                       ('cut.onnx', 'onnxruntime cannot load the file'),
                       ('colour.onnx', 'found one with 3 input channels')]:
        code, out, err = ask(folder, path, '--model', folder / name)
        assert (code, out) == (1, '') and said in err and err.count('\n') == 1


@pytest.mark.parametrize('arguments, said', [
    ((), 'error: the following arguments are required: IMAGE'),
    (('a.png', '--top', '0'), 'error: argument --top: must be a positive integer, got 0')])
def test_wrong_arguments_end_with_code_2(beside, arguments, said):
    folder, _ = beside()
    code, out, err = ask(folder, *arguments)
    assert (code, out) == (2, '') and err.startswith(said) and '--help' in err


def test_a_missing_package_is_reported_with_its_remedy(beside):
    folder, _ = beside()
    code, out, err = ask(folder, 'a.png', missing=('PIL',))
    assert (code, out) == (1, '')
    assert 'PIL' in err and 'pip install numpy pillow onnxruntime' in err


def test_a_full_disk_is_said_and_a_reader_who_is_gone_is_no_error(tmp_path, beside):
    folder, _ = beside()
    path = saved(tmp_path, A)
    command = '%s %s %s' % (sys.executable, folder / 'predict.py', path)
    full = subprocess.run(command + ' > /dev/full', shell=True, capture_output=True, text=True)
    assert (full.returncode, full.stderr) == (
        1, 'error: stdout could not be written: No space left on device\n')
    gone = subprocess.run(['bash', '-c', command + ' | exec true; exit ${PIPESTATUS[0]}'],
                          capture_output=True, text=True)
    assert (gone.returncode, gone.stderr) in ((141, ''), (0, ''))  # or it was quicker
