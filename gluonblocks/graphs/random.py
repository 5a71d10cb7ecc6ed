"""Whether a net's graph draws random numbers."""
import json
import re

import mxnet as mx

from .mode import MARK


def draws_numbers(net):
    """Whether the training pass of `net` draws random numbers, as dropout does.

    Seeding costs over a millisecond a step, so a net that draws none is spared it. A net that
    cannot be traced to a graph is taken to draw.
    """
    try:
        nodes = json.loads(net(mx.sym.var('data')).tojson())['nodes']
    except Exception:  # whatever a block raises that takes no symbols
        return True
    # Our BatchNorm asks Dropout whether it trains, which comes out the same whatever is drawn.
    return any(re.search('dropout|random|sample|shuffle|rrelu|RNN', node['op'] + str(
        node.get('attrs', {}).get('act_type', '')), re.I) for node in nodes
        if MARK not in node.get('attrs', {}))
