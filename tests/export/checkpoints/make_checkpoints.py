"""Write the small checkpoints of files/, with random weights, as old programs left them.

    python make_checkpoints.py FOLDER [KIND ...]

It needs MXNet alone, and GluonCV for `gluoncv`. files/ was made with MXNet 1.7.0.post2, 1.8.0.post0
and 1.9.1 on Python 3.8, each into its own folder. The nets are built as the programs of their time
built them, with few channels. `KINDS` has a function for each; SHAPES are the inputs without batch.
"""
import gzip
import io
import json
import os
import sys
import tarfile

import mxnet as mx
import numpy as np

S = mx.sym
IMAGE = {'data': (3, 32, 32)}
KINDS, SHAPES = {}, {}


def kind(prefix='model', epoch=0, **shapes):
    """Register a function that returns a symbol: its files' prefix, epoch, and inputs' shapes."""
    def register(build):
        KINDS[build.__name__] = build, prefix, epoch
        SHAPES[build.__name__] = shapes or IMAGE
        return build
    return register


def conv(X, name, channels, kernel=3, stride=1, pad=1, act='relu', norm=True, **kwargs):
    """Convolution, BatchNorm with fix_gamma=True as it is by default, and an activation."""
    X = S.Convolution(X, name=name, num_filter=channels, kernel=(kernel, kernel), no_bias=norm,
                      stride=(stride, stride), pad=(pad, pad), **kwargs)
    X = S.BatchNorm(X, name=name + '_batchnorm', eps=2e-5, momentum=0.9) if norm else X
    if act == 'prelu':
        return S.LeakyReLU(X, act_type='prelu', name=name + '_relu')
    return S.Activation(X, act_type=act, name=name + '_relu') if act else X


def embedding(X):
    """ArcFace: 16 numbers for a face; MobileFaceNet's depthwise blocks and squeeze-excitation."""
    X = conv((X - 127.5) * 0.0078125, 'conv_1', 4, stride=2, act='prelu')
    Y = conv(conv(X, 'conv_2_dw', 4, num_group=4, act='prelu'), 'conv_2', 4, 1, pad=0, act=None)
    Z = S.Pooling(Y, global_pool=True, pool_type='avg', kernel=(7, 7), name='se_pool')
    Z = S.Convolution(Z, num_filter=4, kernel=(1, 1), name='se_conv')
    X = X + S.broadcast_mul(Y, S.Activation(Z, act_type='sigmoid', name='se_sigmoid'))
    X = S.Dropout(S.BatchNorm(X, fix_gamma=False, eps=2e-5, name='bn1'), p=0.4)
    X = S.FullyConnected(X, num_hidden=16, name='pre_fc1')
    return S.BatchNorm(X, fix_gamma=True, eps=2e-5, momentum=0.9, name='fc1')


@kind(data=(3, 8, 8))
def arcface():
    return embedding(S.var('data'))


@kind(epoch=12, data=(3, 8, 8))
def arcface_training():
    """The loss with a margin beside the embedding, both heads of a group."""
    X, label = embedding(S.var('data')), S.var('softmax_label')
    weight = S.L2Normalization(S.var('fc7_weight', shape=(6, 16), lr_mult=1.0), mode='instance')
    X7 = S.L2Normalization(X, mode='instance', name='fc1n') * 64
    fc7 = S.FullyConnected(X7, weight, no_bias=True, num_hidden=6, name='fc7')
    cosine = S.pick(fc7, label, axis=1) / 64
    moved = S.cos(S.arccos(cosine) + 0.5) * 64
    one_hot = S.one_hot(label, depth=6, on_value=1.0, off_value=0.0)
    fc7 = fc7 + S.broadcast_mul(one_hot, S.expand_dims(moved - cosine * 64, 1))
    return S.Group([S.BlockGrad(X, name='embedding'), S.SoftmaxOutput(
        fc7, label, name='softmax', normalization='valid')])


def mtcnn(X, *channels):
    """Convolutions and full pooling, whose windows may reach beyond the image."""
    for i, size in enumerate(channels, 1):
        X = S.Convolution(X, num_filter=size, kernel=(3, 3), name='conv%d' % i)
        X = S.LeakyReLU(X, act_type='prelu', name='prelu%d' % i)
        X = S.Pooling(X, pool_type='max', kernel=(3 - i // 2, 3 - i // 2), stride=(2, 2),
                      pooling_convention='full', name='pool%d' % i)
    return X


@kind('det1', 1, data=(3, 21, 29))
def mtcnn_p():
    X = mtcnn(S.var('data'), 4, 6)
    boxes = S.Convolution(X, num_filter=4, kernel=(1, 1), name='conv4_2')
    scores = S.Convolution(X, num_filter=2, kernel=(1, 1), name='conv4_1')
    return S.Group([boxes, S.SoftmaxActivation(scores, mode='channel', name='prob1')])


@kind('det3', 16, data=(3, 24, 24))
def mtcnn_o():
    X = S.FullyConnected(mtcnn(S.var('data'), 4, 6), num_hidden=8, name='conv5')
    X = S.LeakyReLU(S.Dropout(X, p=0.25), act_type='prelu', name='prelu5')
    heads = [S.FullyConnected(X, num_hidden=n, name='conv6_%d' % n) for n in (10, 4, 2)]
    return S.Group(heads[:2] + [S.SoftmaxActivation(heads[2], name='prob1')])


@kind('det4', 1, data=(15, 6, 6))
def mtcnn_l():
    """Five patches of 3 channels each in one input."""
    patches = S.SliceChannel(S.var('data'), num_outputs=5, name='slice')
    X = [S.FullyConnected(S.LeakyReLU(S.Convolution(
        patches[i], num_filter=2, kernel=(3, 3), name='conv1_%d' % i), act_type='prelu',
        name='prelu_%d' % i), num_hidden=3, name='fc4_%d' % i) for i in range(5)]
    X = S.Concat(*X, name='concat')
    return S.Group([S.FullyConnected(X, num_hidden=2, name='fc5_%d' % i) for i in range(5)])


@kind('R50', data=(3, 64, 96))
def retinaface():
    """Three strides with class scores, boxes and landmarks; the pyramid is cut to fit."""
    X, sides, heads = conv(S.var('data'), 'stem', 4, stride=4), [], []
    for stride in (8, 16, 32):
        X = conv(X, 'stride%d' % stride, 4, stride=2)
        sides.append(S.Convolution(X, num_filter=4, kernel=(1, 1), name='lat%d' % stride))
    for i in (1, 0):
        up = S.UpSampling(sides[i + 1], scale=2, sample_type='nearest', workspace=512, num_args=1)
        sides[i] = conv(sides[i] + S.Crop(up, sides[i]), 'aggr%d' % i, 4)
    for X, stride in zip(sides[::-1], (32, 16, 8)):
        name = 'face_rpn_%%s_stride%d' % stride
        X = S.Concat(conv(X, 'ssh%d' % stride, 4), X)
        scores, boxes, points = [S.Convolution(X, num_filter=n, kernel=(1, 1), name=name % what)
                                 for n, what in ((4, 'cls_score'), (8, 'bbox_pred'),
                                                 (20, 'landmark_pred'))]
        scores = S.Reshape(scores, shape=(0, 2, -1, 0), name=name % 'cls_score_reshape')
        scores = S.SoftmaxActivation(scores, mode='channel', name=name % 'cls_prob')
        heads += [S.Reshape(scores, shape=(0, 4, -1, 0), name=name % 'cls_prob_reshape'), boxes,
                  points]
    return S.Group(heads)


@kind('model_algo_1', data=(3, 32, 32))
def ssd():
    """SageMaker's object detection, which leaves the graph of training."""
    X, label = conv(S.var('data'), 'body', 4, stride=4), S.var('label')
    scores, boxes, anchors = [], [], []
    for i in (0, 1):
        X = conv(X, 'multi_feat_%d' % i, 4, stride=2)
        name = 'multi_feat_%d_%%s_pred_conv' % i
        for found, channels, what in ((scores, 9, 'cls'), (boxes, 12, 'loc')):
            Y = S.Convolution(X, num_filter=channels, kernel=(3, 3), pad=(1, 1), name=name % what)
            found.append(S.Flatten(S.transpose(Y, axes=(0, 2, 3, 1))))
        anchors.append(S.Flatten(S.contrib.MultiBoxPrior(
            X, sizes='(%g,%g)' % (0.2 + i / 4, 0.3 + i / 4), ratios='(1,2)', clip=False,
            steps='(-1.0,-1.0)')))
    scores = S.transpose(S.Reshape(S.Concat(*scores, dim=1), shape=(0, -1, 3)), axes=(0, 2, 1),
                         name='multibox_cls_pred')
    boxes = S.Concat(*boxes, dim=1, name='multibox_loc_pred')
    anchors = S.Reshape(S.Concat(*anchors, dim=1), shape=(0, -1, 4), name='multibox_anchors')
    target = S.contrib.MultiBoxTarget(anchors, label, scores, overlap_threshold=0.5,
                                      negative_mining_ratio=3, name='multibox_target')
    chances = S.SoftmaxOutput(scores, target[2], ignore_label=-1, use_ignore=True, grad_scale=1.0,
                              multi_output=True, normalization='valid', name='cls_prob')
    loss = S.MakeLoss(S.smooth_l1(target[1] * (boxes - target[0]), scalar=1.0), name='loc_loss')
    found = S.contrib.MultiBoxDetection(chances, boxes, anchors, name='detection',
                                        nms_threshold=0.45, nms_topk=400)
    return S.Group([chances, loss, S.MakeLoss(target[2], grad_scale=0, name='cls_label'),
                    S.MakeLoss(found, grad_scale=0, name='det_out')])


@kind('image-classification', 17, data=(3, 32, 32))
def sagemaker():
    """SageMaker's image classification: a residual net whose first norm is of the image."""
    X = S.BatchNorm(S.var('data'), fix_gamma=True, eps=2e-5, name='bn_data')
    X = S.Pooling(conv(X, 'conv0', 4, 7, 2, 3), kernel=(3, 3), stride=(2, 2), pad=(1, 1),
                  pool_type='max')
    Y = S.Activation(S.BatchNorm(X, fix_gamma=False, eps=2e-5, name='unit1_bn1'), act_type='relu')
    X = S.Convolution(Y, num_filter=4, kernel=(3, 3), pad=(1, 1), no_bias=True, name='unit1') + X
    X = S.Pooling(X, global_pool=True, kernel=(7, 7), pool_type='avg', name='pool1')
    return S.SoftmaxOutput(S.FullyConnected(S.Flatten(X), num_hidden=5, name='fc1'), name='softmax')


@kind('yolo3', data=(3, 32, 32))
def yolo():
    """GluonCV's YOLOv3: offsets cut from a larger grid, box_nms."""
    X = conv(S.var('data'), 'darknet', 4, stride=8, act=None)
    X = S.LeakyReLU(X, act_type='leaky', slope=0.1)
    X = S.Convolution(X, num_filter=14, kernel=(1, 1), name='yolooutput_conv0')
    X = S.Reshape(S.transpose(S.Reshape(X, shape=(0, 14, -1)), axes=(0, 2, 1)),
                  shape=(0, -1, 2, 7))
    grid = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1)[None, None]  # (1, 1, 8, 8, 2)
    grid = S.slice_like(S.var('offset_0', shape=grid.shape, init=mx.init.Constant(0)),
                        S.Reshape(X, shape=(0, 2, 4, 4, -1), name='as_grid') * 0, axes=(2, 3))
    centers = S.broadcast_add(S.sigmoid(S.slice_axis(X, axis=-1, begin=0, end=2)),
                              S.Reshape(grid, shape=(1, -1, 1, 2))) * 8
    sizes = S.exp(S.slice_axis(X, axis=-1, begin=2, end=4)) * 12
    scores = S.sigmoid(S.slice_axis(X, axis=-1, begin=4, end=5))
    classes = S.broadcast_mul(S.sigmoid(S.slice_axis(X, axis=-1, begin=5, end=None)), scores)
    boxes = S.Reshape(S.concat(centers - sizes / 2, centers + sizes / 2, dim=-1), shape=(0, -1, 4))
    rows = S.concat(*[S.concat(S.zeros_like(scores) + i, S.slice_axis(
        classes, axis=-1, begin=i, end=i + 1), dim=-1) for i in (0, 1)], dim=2)
    rows = S.concat(S.Reshape(rows, shape=(0, -1, 2)), S.tile(boxes, reps=(1, 2, 1)), dim=-1)
    found = S.contrib.box_nms(rows, overlap_thresh=0.45, valid_thresh=0.01, topk=20, id_index=0,
                              score_index=1, coord_start=2, force_suppress=False)
    found = S.slice_axis(found, axis=1, begin=0, end=10)
    return S.Group([S.slice_axis(found, axis=-1, begin=i, end=end, name=name)
                    for i, end, name in ((0, 1, 'ids'), (1, 2, 'scores'), (2, None, 'bboxes'))])


@kind('center_net', data=(3, 32, 32))
def center_net():
    """GluonCV's CenterNet: peaks of a map of heat, the best of them by topk."""
    X = conv(conv(S.var('data'), 'base', 4, stride=8), 'head', 4, 3, 1, 1)
    X = S.Deconvolution(X, num_filter=4, kernel=(4, 4), stride=(2, 2), pad=(1, 1), no_bias=True,
                        name='deconv')
    heat, size = [S.Convolution(X, num_filter=2, kernel=(1, 1), name=name) for name in
                  ('heatmap', 'wh')]
    heat = S.sigmoid(heat)
    peak = S.Pooling(heat, kernel=(3, 3), stride=(1, 1), pad=(1, 1), pool_type='max')
    heat = S.broadcast_mul(heat, S.broadcast_equal(heat, peak))
    scores, places = S.topk(S.Reshape(heat, shape=(0, -1)), k=5, ret_typ='both')
    places = S.cast(places, 'int64')
    ids = S.cast(S.broadcast_div(places, S.full(shape=(1, 1), val=64, dtype='int64')), 'float32')
    place = S.cast(S.broadcast_mod(places, S.full(shape=(1, 1), val=64, dtype='int64')), 'int64')
    size = S.Reshape(S.transpose(size, axes=(0, 2, 3, 1)), shape=(0, -1, 2))
    image = S.broadcast_add(S.zeros_like(place), S.Reshape(S.cast(S.contrib.arange_like(
        scores, axis=0), 'int64'), shape=(-1, 1)))
    size = S.gather_nd(size, S.stack(image, place, axis=0))
    return S.Group([S.identity(ids, name='ids'), S.identity(scores, name='scores'),
                    S.identity(size, name='sizes')])


@kind('fcn')
def fcn():
    """Segmentation as in Caffe's day: a bilinear Deconvolution cut to the image."""
    data = S.var('data')
    X = S.Convolution(conv(data, 'conv1', 4, stride=4), num_filter=3, kernel=(1, 1), name='score')
    X = S.Deconvolution(X, num_filter=3, kernel=(8, 8), stride=(4, 4), num_group=3, no_bias=True,
                        name='bigscore')
    X = S.Crop(X, data, offset=(2, 2), name='crop')
    return S.SoftmaxOutput(X, multi_output=True, use_ignore=True, ignore_label=255, name='softmax')


@kind('psp')
def pspnet():
    """GluonCV's PSPNet and DeepLab: pyramids of averages, dilation, BilinearResize2D."""
    X = conv(conv(S.var('data'), 'base', 4, stride=4), 'dilated', 4, pad=2, dilate=(2, 2))
    parts = [X] + [S.contrib.BilinearResize2D(conv(S.contrib.AdaptiveAvgPooling2D(
        X, output_size=n), 'psp%d' % n, 2, 1, pad=0), height=8, width=8) for n in (1, 2, 3)]
    X = S.Convolution(S.concat(*parts, dim=1), num_filter=3, kernel=(1, 1), name='classes')
    return S.contrib.BilinearResize2D(X, height=32, width=32, name='out')


@kind('style', data=(3, 16, 24))
def style():
    """Fast style transfer: InstanceNorm, reflecting Pad, a residual block, an image as output."""
    def layer(X, name, channels, k, stride=1):
        X = S.Pad(X, mode='reflect', pad_width=(0, 0, 0, 0) + (k // 2,) * 4)
        X = S.Convolution(X, num_filter=channels, kernel=(k, k), stride=(stride,) * 2, name=name)
        return S.InstanceNorm(X, eps=1e-5, name=name + '_in')
    X = S.Activation(layer(layer(S.var('data'), 'conv1', 4, 9), 'conv2', 4, 3, 2), act_type='relu')
    X = X + layer(X, 'res', 4, 3)
    X = layer(S.UpSampling(X, scale=2, sample_type='nearest'), 'conv3', 3, 3)
    return (S.Activation(X, act_type='tanh') + 1) * 127.5


@kind('mlp', 10, features=(6,))
def mlp():
    X = S.Activation(S.FullyConnected(S.var('features'), num_hidden=8, name='fc1'), act_type='tanh')
    return S.LinearRegressionOutput(S.FullyConnected(X, num_hidden=1, name='fc2'), name='lro')


@kind('lstm', 5, data=(4,), l0_init_c=(3,), l0_init_h=(3,))
def lstm():
    """An LSTM that is unrolled over 4 words, with its first state as inputs."""
    X = S.Embedding(S.var('data'), input_dim=7, output_dim=3, name='embed')
    c, h, made = S.var('l0_init_c'), S.var('l0_init_h'), []
    weights = [S.var('l0_%s_%s' % (side, what)) for side in ('i2h', 'h2h')
               for what in ('weight', 'bias')]
    for t, word in enumerate(S.SliceChannel(X, num_outputs=4, squeeze_axis=True)):
        gates = S.FullyConnected(word, *weights[:2], num_hidden=12, name='t%d_l0_i2h' % t) + \
            S.FullyConnected(h, *weights[2:], num_hidden=12, name='t%d_l0_h2h' % t)
        i, g, f, o = S.SliceChannel(gates, num_outputs=4, name='t%d_l0_slice' % t)
        c = S.sigmoid(f) * c + S.sigmoid(i) * S.Activation(g, act_type='tanh')
        h = S.sigmoid(o) * S.Activation(c, act_type='tanh')
        made.append(h)
    X = S.FullyConnected(S.Concat(*made, dim=0), num_hidden=7, name='pred')
    label = S.Reshape(S.transpose(S.var('softmax_label')), shape=(-1,))
    return S.SoftmaxOutput(X, label, name='softmax')


def rnn_cells(X):
    """The fused operator over a sequence (N, T, C), both ways."""
    cell = mx.rnn.FusedRNNCell(3, num_layers=2, mode='lstm', bidirectional=True, prefix='lstm_')
    X, _ = cell.unroll(4, X, merge_outputs=True, layout='NTC')
    return S.Reshape(X, shape=(-1, 6))


@kind('fused', 1, data=(4, 5))
def fused_rnn():
    X = S.FullyConnected(rnn_cells(S.var('data')), num_hidden=4, name='pred')
    return S.SoftmaxOutput(X, S.Reshape(S.var('softmax_label'), shape=(-1,)), name='softmax')


@kind('crnn', 7, data=(1, 8, 16))
def warpctc():
    """A reader of text, whose head `WarpCTC` is put in by hand: no wheel has it."""
    X = S.Reshape(conv(S.var('data'), 'conv', 4, stride=4), shape=(0, -3, 0))  # (N, C H, T)
    X = rnn_cells(S.transpose(X, axes=(0, 2, 1)))
    label = S.cast(S.Reshape(S.var('label'), shape=(-1,)), 'int32')
    return S.SoftmaxOutput(S.FullyConnected(X, num_hidden=4, name='pred'), label, name='warpctc0')


def gluon(folder):
    """HybridBlock.export: a classifier of Gluon's own layers."""
    nn = mx.gluon.nn
    net = nn.HybridSequential(prefix='net_')
    with net.name_scope():
        net.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.PReLU(), nn.MaxPool2D(), nn.Swish(),
                nn.GlobalAvgPool2D(), nn.Flatten(), nn.LayerNorm(), nn.Dropout(0.5), nn.Dense(3))
    export_block(net, folder, 'model')


def gluoncv(folder):
    """A net of GluonCV's zoo, with its preprocessing inside: (N, H, W, C) from 0 to 255."""
    from gluoncv.model_zoo import cifarresnet
    from gluoncv.utils import export_block as exported
    net = cifarresnet.CIFARResNetV1(cifarresnet.CIFARBasicBlockV1, [1, 1], [4, 4, 8], classes=3)
    net.initialize(mx.init.Uniform(0.5))
    exported(os.path.join(folder, 'cifar'), net, data_shape=(16, 16, 3))


def export_block(net, folder, prefix):
    net.initialize(mx.init.Uniform(0.5))
    net.hybridize()
    net(mx.nd.ones((1,) + IMAGE['data']))
    net.export(os.path.join(folder, prefix), epoch=3)


GLUON = {'gluon': gluon, 'gluoncv': gluoncv}
SHAPES.update(gluon=IMAGE, gluoncv={'data': (16, 16, 3)})
LABELS = {'ssd': {'label': (1, 2, 5)}}  # that do not follow from the images


def random_params(symbol, shapes, labels, seed):
    """Parameters as Module saves them: 'arg:' and 'aux:' before the names."""
    rng, given = np.random.RandomState(seed), {name: (1,) + each for name, each in shapes.items()}
    arguments, _, states = symbol.infer_shape_partial(**dict(given, **labels))
    params = {}
    for group, names, sides in (('arg:', symbol.list_arguments(), arguments),
                                ('aux:', symbol.list_auxiliary_states(), states)):
        for name, shape in zip(names, sides):
            if name in shapes or 'label' in name:
                continue
            if name.endswith(('_var', 'gamma')):  # also where fix_gamma makes 1 of it
                values = rng.uniform(0.5, 2, shape)
            elif name.startswith('offset_'):  # the grid of YOLOv3
                values = np.stack(np.meshgrid(np.arange(8), np.arange(8)), axis=-1)[None, None]
            else:
                values = rng.normal(0, max(2 / np.prod(shape[1:]), 0.05) ** 0.5, shape)
            params[group + name] = mx.nd.array(np.round(values * 64) / 64)  # which packs well
    return params


def as_before_0_9(text):
    """A symbol's JSON as MXNet before 0.9 wrote it.

    Attributes of the operator stand in `param`, those of the user in `attr`; inputs and heads are
    pairs; the states of a norm are no nodes. There is no version.
    """
    graph = json.loads(text)
    nodes = graph['nodes']
    states = {source for node in nodes if node['op'] == 'BatchNorm'
              for source, _, _ in node['inputs'][3:]}
    number = {i: k for k, i in enumerate(i for i in range(len(nodes)) if i not in states)}
    made = []
    for i in number:
        op, attrs = nodes[i]['op'], nodes[i].get('attrs', {})
        inputs = nodes[i]['inputs'][:3 if op == 'BatchNorm' else None]
        own = {key.strip('_'): value for key, value in attrs.items() if key.startswith('__')}
        node = {'op': op, 'param': {key: value for key, value in attrs.items()
                                    if not key.startswith('__')}, 'name': nodes[i]['name'],
                'inputs': [[number[source], k] for source, k, _ in inputs],
                'backward_source_id': -1}
        made.append(dict(node, attr=own) if own else node)
    return json.dumps({'nodes': made, 'arg_nodes': [k for k, node in enumerate(made)
                                                    if node['op'] == 'null'],
                       'heads': [[number[source], k] for source, k, _ in graph['heads']]}, indent=2)


def as_0_9(text):
    """A symbol's JSON as MXNet 0.9 to 0.12 wrote it: all attributes in `attr`, and a parameter has
    those of its layer too."""
    graph = json.loads(text)
    nodes = graph['nodes']
    for node in nodes:
        for source, _, _ in node['inputs']:
            if nodes[source]['op'] == 'null' and 'attrs' in node:
                nodes[source].setdefault('attrs', {}).update(node['attrs'])
    for node in nodes:
        if 'attrs' in node:
            node['attr'] = node.pop('attrs')
    return json.dumps(dict(graph, attrs={'mxnet_version': ['int', 905]}), indent=2)


AGES = {'0.8': ('mtcnn_p', 'sagemaker', 'lstm', 'fcn'), '0.9': ('arcface', 'ssd', 'sagemaker')}


def write_kind(name, folder):
    """Write a checkpoint of one kind into the new `folder`."""
    os.makedirs(folder)
    mx.random.seed(1)
    np.random.seed(1)
    if name in GLUON:
        return GLUON[name](folder)
    build, prefix, epoch = KINDS[name]
    with mx.name.NameManager():
        symbol = build()
    path = os.path.join(folder, prefix)
    mx.nd.save('%s-%04d.params' % (path, epoch), random_params(
        symbol, SHAPES[name], LABELS.get(name, {}), len(name)))
    text = symbol.tojson()
    if name == 'warpctc':
        graph = json.loads(text)
        graph['nodes'][-1].update(op='WarpCTC', attrs={'input_length': '4', 'label_length': '2'})
        text = json.dumps(graph, indent=2)
    with open(path + '-symbol.json', 'w') as f:
        f.write(text)
    if name in ('sagemaker', 'ssd'):
        with open(os.path.join(folder, 'model-shapes.json'), 'w') as f:
            json.dump([{'name': each, 'shape': (1,) + sides}
                       for each, sides in SHAPES[name].items()], f)
    return None


def pack(folder):
    """Replace a folder by its .tar.gz, the same each time, as SageMaker leaves a model."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w') as archive:
        for where, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                path = os.path.join(where, name)
                archive.add(path, os.path.relpath(path, folder), filter=lambda info: (
                    setattr(info, 'mtime', 0) or info))
                os.remove(path)
    with open(folder + '.tar.gz', 'wb') as f, gzip.GzipFile('', 'wb', 9, f, 0) as packed:
        packed.write(content.getvalue())
    os.rmdir(folder)


def main(folder, *kinds):
    for name in kinds or list(KINDS) + list(GLUON):
        write_kind(name, os.path.join(folder, name))
        pack(os.path.join(folder, name))


if __name__ == '__main__':
    main(*sys.argv[1:])
