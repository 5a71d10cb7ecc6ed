"""The format 'web' of an export."""
import numpy as np
import pytest
from mxnet.gluon import nn
from web_pages import Tags, page_data

import gluonblocks as gb
from gluonblocks.export.web import net_of_page


@pytest.fixture
def net():
    net = nn.HybridSequential()
    net.add(nn.Dense(3))
    net.initialize()
    return net


def gallery_of(folder):
    return page_data(Tags((folder / 'index.html').read_text()))['gallery']


def test_a_run_leaves_as_a_page_and_a_folder_with_two_images_of_each_class(
        make_run, fake_runtime):
    folder, _ = make_run()
    export = gb.export_run(str(folder), ['onnx', 'web'])
    out = folder / 'export'
    assert (out / 'index.html').exists() and (out / 'site' / 'index.html').exists()
    assert net_of_page(str(out / 'index.html')) == (out / 'model.onnx').read_bytes()
    assert (out / 'site' / 'model.onnx').read_bytes() == (out / 'model.onnx').read_bytes()
    names = [image['name'] for image in gallery_of(out)]
    assert names == 2 * ['class %d' % i for i in range(10)]
    verified = export.formats[1].verified
    assert verified.largest_difference < 1e-4 and verified.images == 512


def test_a_page_takes_pictures_itself_also_where_other_files_get_preprocessing(
        make_run, fake_runtime):
    folder, _ = make_run()
    gb.export_run(str(folder), ['onnx', 'web'], with_preprocessing=True)
    out = folder / 'export'
    inside = net_of_page(str(out / 'index.html'))
    assert inside != (out / 'model.onnx').read_bytes() and b'outside' in inside


def test_a_net_without_a_run_leaves_without_a_gallery(net, tmp_path, fake_runtime):
    gb.export_net(net, (1, 28, 28), path=str(tmp_path / 'out'), formats=['web'])
    assert gallery_of(tmp_path / 'out') == []


def test_pictures_that_nobody_has_labelled_are_shown_without_a_class(net, tmp_path, fake_runtime):
    pictures = np.random.RandomState(0).randint(0, 256, (9, 28, 28)).astype(np.uint8)
    gb.export_net(net, (1, 28, 28), path=str(tmp_path / 'out'), formats=['web'], data=pictures,
                  with_preprocessing=True)
    assert [image['name'] for image in gallery_of(tmp_path / 'out')] == [None] * 6


def test_a_net_of_colour_pictures_is_refused_and_nothing_is_left(net, tmp_path, fake_runtime):
    with pytest.raises(ValueError, match='3 channels'):
        gb.export_net(net, (3, 32, 32), path=str(tmp_path / 'out'), formats=['web'])
    assert list(tmp_path.iterdir()) == []
