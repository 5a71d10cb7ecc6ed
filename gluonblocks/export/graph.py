"""A net as what every format is written from: a graph for prediction, in float32."""
import json

from mxnet import cpu

from ..graphs.prediction import prediction_graph

# Operators by which the graph of a net that trains tells its mode and sets its averages.
_TRAINING = ('sgd_mom_update',)


def prediction_symbol(net):
    """(symbol, params) of any Gluon net: (N, C, H, W), an input named 'data', -> (N, classes).

    The graph is that of `graphs.prediction.prediction_graph`: MXNet's own operators, no Dropout, no
    training. `params` are float32 NDArrays on the CPU, by name, also of a net that was cast to
    float16. The net stays as it is, and goes on training if it did.

    Raises RuntimeError for a net without numbers, ValueError with the reason for one that cannot be
    made into such a graph.
    """
    try:
        symbol, params = prediction_graph(net)
    except RuntimeError:  # MXNet's own errors are RuntimeErrors too
        raise
    except Exception as error:  # whatever a block raises that takes no symbols
        raise ValueError('%s cannot be made into a graph, which needs hybrid blocks that take one '
                         'input and give one output: %s' % (net.name, error)) from error
    for node in json.loads(symbol.tojson())['nodes']:
        if node['op'] in _TRAINING:
            raise ValueError('%s is a graph that was written for training on (it has %s): write '
                             'it anew, for prediction, from the net that it came from'
                             % (net.name, node['op']))
        if node['op'] == 'Dropout':
            raise ValueError("%s draws random numbers also when it predicts: %s is a Dropout with "
                             "mode='always'" % (net.name, node['name']))
    return symbol, {name: array.as_in_context(cpu()).astype('float32', copy=False)
                    for name, array in params.items()}
