"""The chapter's batch normalization as a graph of plain operators, for GLUONBLOCKS_WAY=formula.

It is `formula` of blocks/norm.py line by line. Symbols do not broadcast by themselves, so each
operator says that it does; and the mode is asked within the graph, for which see `mode`.
"""
from .mode import follow, marked, predicting


def formula_graph(F, X, gamma, beta, moving_mean, moving_var, shape, eps, momentum, frozen):
    """The symbol of Y for the symbol X, (N, C) or (N, C, H, W); running it moves the averages.

    `shape` is that of the four parameters, (1, C) or (1, C, 1, 1); `frozen` has the averages used
    in both modes, unmoved.
    """
    with marked():
        mean, var = moving_mean, moving_var
        if not frozen:
            axes = (0,) + tuple(range(2, len(shape)))
            predicts = predicting(F, shape)
            mean = F.mean(X, axis=axes, keepdims=True)
            var = F.mean(F.square(F.broadcast_sub(X, mean)), axis=axes, keepdims=True)
            mean = follow(F, predicts, moving_mean, mean, momentum)
            var = follow(F, predicts, moving_var, var, momentum)
        X_hat = F.broadcast_div(F.broadcast_sub(X, mean), F.sqrt(var + eps))
        return F.broadcast_add(F.broadcast_mul(gamma, X_hat), beta)
