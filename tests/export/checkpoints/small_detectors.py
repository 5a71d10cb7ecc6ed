"""Small detectors: MTCNN, RetinaFace, SSD, YOLOv3 and CenterNet."""
import mxnet as mx
import numpy as np
from small_nets import S, conv, kind


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
