"""The peculiarities of checkpoints that other people made."""
import json

import mxnet as mx
import numpy as np
import onnxruntime
import pytest
from PIL import Image

import gluonblocks as gb
from gluonblocks.commands import dispatch
from gluonblocks.export.checkpoints import read_net

S = mx.sym
IMAGE = (3, 6, 6)


def net(X=None, label=None):
    """A small classifier, and its loss if it gets a label."""
    X = S.Convolution(S.var('data') if X is None else X, num_filter=4, kernel=(3, 3), name='conv')
    X = S.Activation(S.BatchNorm(X, name='norm'), act_type='relu')
    X = S.FullyConnected(X, num_hidden=3, name='fc')
    return X if label is None else S.SoftmaxOutput(X, label, name='softmax')


def save(folder, symbol, change=None, params='net-0000.params', name='net-symbol.json',
         dtype='float32', **shapes):
    """Write a checkpoint with random weights; return MXNet's outputs and the inputs of them.

    `change` may alter the symbol as JSON, and `shapes` are those of the inputs for one image.
    """
    rng, shapes = np.random.RandomState(0), shapes or {'data': (1,) + IMAGE}
    arguments, _, states = symbol.infer_shape_partial(**shapes)
    arrays = {group + key: mx.nd.array(rng.uniform(0.1, 1, sides).round(2), dtype=dtype)
              for group, keys, found in (
                  ('arg:', symbol.list_arguments(), arguments),
                  ('aux:', symbol.list_auxiliary_states(), states))
              for key, sides in zip(keys, found) if key not in shapes and 'label' not in key}
    mx.nd.save(str(folder / params), arrays)
    graph = json.loads(symbol.tojson())
    graph = change(graph) or graph if change else graph
    (folder / name).write_text(json.dumps(graph))
    inputs = {key: rng.uniform(size=sides).astype('float32') for key, sides in shapes.items()}
    executor = symbol.simple_bind(mx.cpu(), grad_req='null', **shapes)
    everything = dict(executor.arg_dict, **executor.aux_dict)
    for key, array in arrays.items():
        everything[key[4:]][:] = array.astype('float32')
    outputs = executor.forward(**{key: mx.nd.array(X) for key, X in inputs.items()})
    return [output.asnumpy() for output in outputs], inputs


def export(folder, shape=IMAGE, **how):
    """Export a checkpoint to ONNX; return a session of ONNX Runtime with the file."""
    gb.export_files(how.pop('symbol', str(folder)), shape=shape, path=str(folder / 'out'), **how)
    return onnxruntime.InferenceSession(str(folder / 'out' / 'model.onnx'))


def assert_same(session, wanted, inputs):
    names = {each.name for each in session.get_inputs()}
    found = session.run(None, {key: X for key, X in inputs.items() if key in names})
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-4)


def each_node(change):
    return lambda graph: [change(node) for node in graph['nodes']] and None


@pytest.mark.parametrize('change', [
    each_node(lambda node: node['op'] == 'null' and node.update(attrs={'weight_lr_mult': '2'})),
    each_node(lambda node: node.get('attrs', {}).update(force_mirroring='True')),
    each_node(lambda node: node.update(attr={key: text.replace('3, 3', '3L, 3L') for key, text in (
        node.pop('attrs', {}).items())})),
    each_node(lambda node: node['op'] == 'BatchNorm' and node.update(op='CuDNNBatchNorm')),
    each_node(lambda node: node['op'] != 'null' and node.update(name=''))],
    ids=['on_parameters', 'on_layers', 'python_2', 'cudnn', 'no_names'])
def test_a_symbol_with_remains_of_its_training_is_read(change, tmp_path):
    wanted, inputs = save(tmp_path, net(), change)
    assert_same(export(tmp_path), wanted, inputs)


@pytest.mark.parametrize('names, symbol', [
    (('deploy_ssd-symbol.json', 'ssd-0003.params'), ''), (('net.json', 'net.params'), ''),
    (('net-symbol.json', 'net-0000.params'), '/net')], ids=['deploy', 'no_suffix', 'prefix'])
def test_files_are_found_by_the_names_that_people_give_them(names, symbol, tmp_path):
    wanted, inputs = save(tmp_path, net(), name=names[0], params=names[1])
    assert_same(export(tmp_path, symbol=str(tmp_path) + symbol), wanted, inputs)


def test_parameters_that_may_belong_to_another_net_are_listed(tmp_path):
    save(tmp_path, net(), params='a-0000.params')
    save(tmp_path, net(), params='b-0000.params')
    with pytest.raises(ValueError, match='found a-0000.params, b-0000.params; specify the paramet'):
        export(tmp_path)


@pytest.mark.parametrize('name, content', [
    ('hyperparams.json', {'image_shape': '6', 'num_classes': '2'}),
    ('hyperparams.json', {'image_shape': '3,6,6'}),
    ('model-shapes.json', [{'name': 'data', 'shape': [8, 3, 6, 6]}])])
def test_the_shape_is_read_from_the_files_of_sagemaker(name, content, tmp_path):
    wanted, inputs = save(tmp_path, net())
    (tmp_path / name).write_text(json.dumps(content))
    assert_same(export(tmp_path, None), wanted, inputs)


@pytest.mark.parametrize('given', [IMAGE, {'image': IMAGE}])
def test_a_label_of_any_name_is_no_input(given, tmp_path):
    symbol = net(S.var('image'), S.var('truth'))
    wanted, inputs = save(tmp_path, symbol, image=(1,) + IMAGE, truth=(1,))
    session = export(tmp_path, given)
    assert [each.name for each in session.get_inputs()] == ['image']
    assert_same(session, wanted, inputs)


@pytest.mark.parametrize('hidden', [S.BlockGrad, S.MakeLoss])
def test_an_input_that_only_a_loss_needs_is_left_out_with_it(hidden, tmp_path):
    X = net(S.var('image'))
    loss = S.MakeLoss(S.square(X - S.var('wanted')), name='loss')
    wanted, inputs = save(tmp_path, S.Group([hidden(X), loss]), image=(1,) + IMAGE,
                          wanted=(1, 3))
    assert_same(export(tmp_path), wanted, inputs)
    note, = read_net(str(tmp_path), shape=IMAGE).notes
    assert note == ('omitted the output loss_output: it needs wanted, which is not available at '
                    'inference')


@pytest.mark.parametrize('batch, size', [(1, -1), (5, -1), (5, 64)])
def test_a_reshape_for_one_size_of_batch_becomes_one_for_any(batch, size, tmp_path):
    X = S.Reshape(S.Convolution(S.var('data'), num_filter=4, kernel=(3, 3)), shape=(batch, size))
    wanted, inputs = save(tmp_path, S.FullyConnected(X, num_hidden=3), data=(batch,) + IMAGE)
    assert_same(export(tmp_path), wanted, inputs)
    assert read_net(str(tmp_path), shape=IMAGE).twice == {'data': (2,) + IMAGE}


def test_a_reshape_to_another_number_of_elements_is_refused(tmp_path):
    X = S.Reshape(S.var('data'), shape=(-1, 36), name='rows')
    save(tmp_path, S.FullyConnected(X, num_hidden=3))
    with pytest.raises(ValueError, match=r'rows cannot reshape \(1, 3, 5, 5\) to \(2, 36\),'):
        export(tmp_path, (3, 5, 5))


@pytest.mark.parametrize('target, keep', [((5, 64), False), ((0, 64), False), ((9, 0), True)])
def test_a_reshape_by_the_attributes_of_old_files_is_one_for_any_batch(target, keep, tmp_path):
    X = S.Convolution(S.var('data'), num_filter=4, kernel=(3, 3))
    X = S.Reshape(X, target_shape=target, keep_highest=keep)
    wanted, inputs = save(tmp_path, S.FullyConnected(X, num_hidden=3), data=(5,) + IMAGE)
    assert_same(export(tmp_path), wanted, inputs)


def test_states_have_the_size_of_the_weights_that_take_them(tmp_path):
    h = S.FullyConnected(S.var('init_h'), num_hidden=5) + S.FullyConnected(
        S.var('data'), num_hidden=5)
    wanted, inputs = save(tmp_path, h, init_h=(1, 5), data=(1, 7))
    assert_same(export(tmp_path, (7,)), wanted, inputs)
    assert_same(export(tmp_path, None), wanted, inputs)


def test_inputs_of_one_number_for_each_example_have_an_empty_shape(tmp_path):
    user, item = [S.Embedding(S.var(name), input_dim=5, output_dim=3) for name in ('user', 'item')]
    wanted, inputs = save(tmp_path, S.Flatten(S.sum(user * item, axis=1)), user=(4,), item=(4,))
    assert dispatch.main(['export', str(tmp_path), '--shape', 'user=', '--shape', 'item=']) == 0
    session = onnxruntime.InferenceSession(str(tmp_path / 'export' / 'model.onnx'))
    assert_same(session, wanted, inputs)


def test_a_net_that_takes_one_image_at_a_time_is_written_and_compared_for_one(tmp_path):
    for name in ('net', 'pictures'):
        (tmp_path / name).mkdir()
    for i in range(3):
        Image.new('RGB', (9, 9), (i, 9, 99)).save(str(tmp_path / 'pictures' / ('%d.png' % i)))
    X = S.elemwise_add(S.FullyConnected(S.var('data'), num_hidden=5), S.var('state', shape=(1, 5)))
    wanted, inputs = save(tmp_path / 'net', X, data=(1,) + IMAGE)
    session = export(tmp_path / 'net', images=str(tmp_path / 'pictures'))
    assert session.get_inputs()[0].shape == [1, *IMAGE]
    assert_same(session, wanted, inputs)


def test_a_net_of_float16_computes_in_float32(tmp_path):
    wanted, inputs = save(tmp_path, net(), lambda graph: {**graph, 'nodes': [dict(
        node, attrs={'__dtype__': '2'}) if node['op'] == 'null' else node
        for node in graph['nodes']]}, dtype='float16')
    session = export(tmp_path)
    found, = session.run(None, inputs)
    np.testing.assert_allclose(found, wanted[0], rtol=1e-2)
    assert session.get_inputs()[0].type == 'tensor(float)'


def test_parameters_without_arg_are_read_and_an_input_among_them_stays_an_input(tmp_path):
    wanted, inputs = save(tmp_path, net())
    path = str(tmp_path / 'net-0000.params')
    mx.nd.save(path, dict({name[4:]: array for name, array in mx.nd.load(path).items()},
                          data=mx.nd.zeros((1,) + IMAGE)))
    assert_same(export(tmp_path), wanted, inputs)


def test_a_shape_with_the_batch_is_refused(tmp_path):
    save(tmp_path, net())
    with pytest.raises(ValueError, match=r'the batch: expected \(3, 6, 6\), got \(1, 3, 6, 6\)'):
        export(tmp_path, (1,) + IMAGE)


def test_a_custom_operator_takes_its_heads_with_it(tmp_path):
    def add_custom(graph):
        last = len(graph['nodes'])
        graph['nodes'].append({'op': 'Custom', 'name': 'mine', 'attrs': {'op_type': 'target'},
                               'inputs': [[last - 1, 0, 0]]})
        graph['heads'].append([last, 0, 0])
    wanted, inputs = save(tmp_path, net(), add_custom)
    assert_same(export(tmp_path), wanted, inputs)


def test_parameters_of_save_parameters_are_told_apart(tmp_path):
    save(tmp_path, net())
    mx.nd.save(str(tmp_path / 'net-0000.params'), {'0.weight': mx.nd.zeros(3)})
    with pytest.raises(ValueError, match="'0.weight' show that net.save_parameters wrote the file"):
        export(tmp_path)


def test_a_layer_of_lstms_is_exported_with_its_states_as_inputs(tmp_path):
    shapes = {'data0': (1, 3, 4), 'data1': (2, 1, 5), 'data2': (2, 1, 5)}
    net = mx.gluon.rnn.LSTM(5, num_layers=2, layout='NTC')
    net.initialize(mx.init.Normal())
    net.hybridize()
    net(mx.nd.ones((2, 3, 4)))
    net.export(str(tmp_path / 'net'))
    session = export(tmp_path, {'data0': (3, 4)}, input_range=(-1, 1))
    symbol, weights, _ = mx.model.load_checkpoint(str(tmp_path / 'net'), 0)
    rng = np.random.RandomState(0)
    for n in (1, 3):
        inputs = {name: rng.randn(*[n if side == 1 else side for side in sides]).astype('float32')
                  for name, sides in shapes.items()}
        arrays = dict(weights, **{name: mx.nd.array(X) for name, X in inputs.items()})
        wanted = symbol.bind(mx.cpu(), arrays).forward()
        assert_same(session, [each.asnumpy() for each in wanted], inputs)


def test_an_operator_without_a_gradient_is_compared_too(tmp_path):
    wanted, inputs = save(tmp_path, S.argmax_channel(net(), name='label'))
    assert_same(export(tmp_path), wanted, inputs)


def test_a_quantized_net_is_refused_with_what_to_do(tmp_path):
    symbol = S.contrib.quantize_v2(S.var('data'), name='quantize')[0]
    save(tmp_path, S.cast(symbol, dtype='float32'))
    with pytest.raises(ValueError, match=(
            r'found the node quantize \(_contrib_quantize_v2\), which MXNet '
            r'inserts .*: export the original checkpoint instead')):
        read_net(str(tmp_path), shape=IMAGE)


def test_an_input_without_a_shape_is_named_if_the_others_do_not_fit(tmp_path):
    save(tmp_path, net(S.concat(S.var('data'), S.var('mask'), dim=1)),
         data=(1,) + IMAGE, mask=(1, 1, 6, 6))
    with pytest.raises(ValueError, match=r'for the input data \(3, 6, 6\), mask \(shape not '
                                         r'specified\), found'):
        read_net(str(tmp_path), shape=IMAGE)


@pytest.mark.parametrize('how', [{'images': '.'}, {'calibrate': '.', 'formats': ['onnx-int8']}])
def test_folders_of_images_for_several_inputs_are_refused(how, tmp_path):
    save(tmp_path, S.var('data') + S.var('mask'), data=(1,) + IMAGE, mask=(1,) + IMAGE)
    with pytest.raises(ValueError, match='a net with one input, found the inputs data, mask'):
        export(tmp_path, {'data': IMAGE, 'mask': IMAGE}, **how)


def test_of_two_parameters_with_the_same_name_mxnets_is_used(tmp_path):
    wanted, inputs = save(tmp_path, net())
    path = str(tmp_path / 'net-0000.params')
    arrays = mx.nd.load(path)
    others = {'arg:norm_moving_mean': mx.nd.ones(4) * 9, 'aux:fc_bias': mx.nd.ones(3) * 9}
    for both in (dict(others, **arrays), dict(arrays, **others)):
        mx.nd.save(path, both)
        assert_same(export(tmp_path), wanted, inputs)
