"""Small nets of the kinds that people have checkpoints of, built as the programs of their time did.

`KINDS` has for each (a function that returns its symbol, its files' prefix, their epoch), and
`SHAPES` its inputs without the batch. The detectors are in small_detectors.py.
"""
import mxnet as mx

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
