"""What the operators compute, in float64 NumPy from the definitions, forward and backward."""
import numpy as np

EPS, MOMENTUM = 1e-5, 0.9
ACTIVATIONS = {  # the activation, and its slope from what it gave
    '': (lambda z: z, np.ones_like),
    'sigmoid': (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    'relu': (lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0)}


def norm(arrays, dY, activation=''):
    """{'out', 'x', 'g', 'b', 'm', 'v'}: output, gradients and moved averages of batch norm."""
    a = {name: array.astype('float64') for name, array in arrays.items()}
    X, axes = a['x'], (0,) + tuple(range(2, a['x'].ndim))
    out, rest = _normalize(X, a, axes)
    f, slope = ACTIVATIONS[activation]
    A = f(out)
    return dict(_gradients(dY * slope(A), rest, a, axes), out=A, **_averages(X, a, axes))


def stage(arrays, dY, pad, activation, window, stride):
    """The same of convolution, norm, activation and max-pooling; with 'w' and 'c', the bias."""
    a = {name: array.astype('float64') for name, array in arrays.items()}
    X, map_ = _convolve(a, pad)
    KH, KW = a['w'].shape[2:]
    H, W = map_.shape[2:]
    Z, rest = _normalize(map_, a, (0, 2, 3))
    f, slope = ACTIVATIONS[activation]
    top, where = _pool(Z, window, stride)
    A = f(top)
    dZ = _unpool(dY * slope(A), where, Z.shape, window, stride)
    grads = _gradients(dZ, rest, a, (0, 2, 3))
    dmap, dX, dw = grads['x'], np.zeros_like(X), np.zeros_like(a['w'])
    for i in range(KH):
        for j in range(KW):
            dX[:, :, i:i + H, j:j + W] += np.einsum('nohw,oc->nchw', dmap, a['w'][:, :, i, j])
            dw[:, :, i, j] = np.einsum('nohw,nchw->oc', dmap, X[:, :, i:i + H, j:j + W])
    dX = dX[:, :, pad[0]:dX.shape[2] - pad[0], pad[1]:dX.shape[3] - pad[1]]
    return dict(grads, x=dX, w=dw, out=A, **_averages(map_, a, (0, 2, 3)))


def predicted_norm(X, arrays, activation=''):
    """The output of batch norm by the averages, with an activation."""
    a = {name: _wide(arrays[name].astype('float64'), X.ndim) for name in 'gbmv'}
    return ACTIVATIONS[activation][0](
        a['g'] * (X - a['m']) / np.sqrt(a['v'] + EPS) + a['b'])


def predicted_stage(arrays, pad, activation, window, stride):
    """The output of a stage by the averages."""
    _, map_ = _convolve({name: array.astype('float64') for name, array in arrays.items()}, pad)
    return _pool(predicted_norm(map_, arrays, activation), window, stride)[0]


def _convolve(a, pad):
    """The padded input, and its convolution with a bias."""
    X = np.pad(a['x'], ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2))
    KH, KW = a['w'].shape[2:]
    H, W = X.shape[2] - KH + 1, X.shape[3] - KW + 1
    return X, sum(np.einsum('nchw,oc->nohw', X[:, :, i:i + H, j:j + W], a['w'][:, :, i, j])
                  for i in range(KH) for j in range(KW)) + a['c'].reshape(1, -1, 1, 1)


def _wide(z, ndim):
    return z.reshape((1, -1) + (1,) * (ndim - 2))


def _normalize(X, a, axes):
    inverse = 1 / np.sqrt(X.var(axes, keepdims=True) + EPS)
    hat = (X - X.mean(axes, keepdims=True)) * inverse
    return _wide(a['g'], X.ndim) * hat + _wide(a['b'], X.ndim), (hat, inverse)


def _gradients(dZ, rest, a, axes):
    hat, inverse = rest
    scaled = dZ * _wide(a['g'], dZ.ndim)
    dX = inverse * (scaled - scaled.mean(axes, keepdims=True)
                    - hat * (scaled * hat).mean(axes, keepdims=True))
    return {'x': dX, 'g': (dZ * hat).sum(axes), 'b': dZ.sum(axes)}


def _averages(X, a, axes):
    return {'m': MOMENTUM * a['m'] + (1 - MOMENTUM) * X.mean(axes),
            'v': MOMENTUM * a['v'] + (1 - MOMENTUM) * X.var(axes)}


def _windows(Z, window, stride):
    H, W = [(n - k) // s + 1 for n, k, s in zip(Z.shape[2:], window, stride)]
    for k in range(window[0] * window[1]):
        i, j = divmod(k, window[1])
        yield Z[:, :, i:i + stride[0] * (H - 1) + 1:stride[0],
                j:j + stride[1] * (W - 1) + 1:stride[1]]


def _pool(Z, window, stride):
    """The maxima, and in which place of its window each is: the first of equal ones."""
    places = np.stack(list(_windows(Z, window, stride)))
    return places.max(0), places.argmax(0)


def _unpool(dY, where, shape, window, stride):
    dZ = np.zeros(shape)
    for k, place in enumerate(_windows(dZ, window, stride)):
        place += dY * (where == k)
    return dZ


