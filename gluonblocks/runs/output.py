"""Whether a net makes what the loss and the accuracy take."""
from mxnet import nd


def check_output(net, name, num_classes):
    """Have the first output of `net`, the model `name`, checked: (N, num_classes).

    It is looked at where it comes, within the first step, so that nothing is computed for it. The
    net then raises ValueError, with what it makes, for another shape and for several outputs.
    Returns Gluon's handle of the hook that does it, to detach.
    """
    waiting = [True]

    def check(block, inputs, output):
        if not waiting or not isinstance(output, (nd.NDArray, list, tuple)):
            return  # seen already, or a symbol: the net is only being traced
        waiting.clear()
        made = 'an output of shape %s' % (output.shape,) if isinstance(output, nd.NDArray) else (
            '%d outputs' % len(output))
        wanted = inputs[0].shape[0], num_classes
        if not isinstance(output, nd.NDArray) or output.shape != wanted:
            raise ValueError('the model %s makes %s, but must make (N, %d), a number for each '
                             'class: its last layer takes num_classes' % (name, made, num_classes))
    return net.register_forward_hook(check)
