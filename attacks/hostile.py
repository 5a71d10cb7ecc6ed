"""Command lines drawn at random over the real flags, and what no user would type."""

NUMBERS = (
    '0', '-1', '1', '2', '3', 'nan', 'inf', '-inf', '1e300', '1e-300', '1e38', '3.5e38', '1e-46',
    '0x10', ' 1', '1.5', '\u0663', '', 'abc', '1e5', '-0', '+1', '1,2', 'True', '1_0', '0.5',
    '99999999999999999999', '9' * 5000, '4294967296', '-9223372036854775809')
WORDS = (
    '', ' ', 'x', '\udcff', '\u202egnp', '\U0001f4a5', 'a' * 5000, "'; rm -r x", '%s%n', '%(x)s',
    '\n', 'two\nlines', '\t', '--', '-', '-h', '{}', '$(x)', '\\', '../..', '.', '/', '~', 'None',
    '\x1b[31mred', '*', 'a/b', 'a' * 200, '\r')
FILES = (
    'run', 'halted', 'notes', 'notes.txt', 'mine.json', 'mine.png', 'null', 'full', 'pipe',
    'socket', 'loop', 'dangling', 'link', 'folder', 'empty', 'new', 'new/deep/er',
    'run/config.json', 'no-such', 'empty/new', '.', '', 'picture.pgm', './run/', 'run/../run')
MODELS = ('lenet_bn', 'lenet_bn_gluon', 'resnet', 'LeNet', '', 'gluoncv', 'lenet_bn ', '../x')
DEVICES = ('cpu', 'cpu:0', 'cpu:1', 'cpu:0,1', 'cpu:0,1,2,3', 'cpu:0,0', 'cpu:-1', 'cpu:100000000',
           'cpu:4294967296', 'cpu:18446744073709551616', 'gpu', 'gpu:0', 'gpu:99', 'tpu', 'cpu(0)',
           'cpu:', 'cpu:,', 'cpu:0,', 'CPU', 'cpu_pinned', 'cpu:\u0663', 'cpu:0\n', '')
# What would only take long: anybody may ask for many epochs.
EPOCHS = tuple(text for text in NUMBERS if text not in (
    '99999999999999999999', '4294967296', '9' * 5000, '1_0'))
# Not what starts several processes, for whom a case's seconds are too few.
ALONE = tuple(text for text in NUMBERS if text not in ('2', '3', '\u0663'))

_TRAIN = {
    '--model': MODELS, '--dataset': ('synthetic', 'fashion-mnist', 'mnist', ''), '--epochs': EPOCHS,
    '--batch-size': NUMBERS, '--lr': NUMBERS, '--ctx': DEVICES, '--seed': NUMBERS,
    '--data-root': FILES, '--out': FILES, '--resume': FILES, '--checkpoint-every': NUMBERS,
    '--optimizer': ('sgd', 'adam', 'rmsprop', 'lars', 'sgld', 'signum', 'nag', 'ftml', 'SGD', ''),
    '--momentum': NUMBERS, '--weight-decay': NUMBERS,
    '--lr-schedule': ('constant', 'cosine', 'step', 'poly', 'linear', ''),
    '--lr-decay-epochs': NUMBERS + ('1,1', '1,2,3', ',', '1,'), '--lr-decay': NUMBERS,
    '--warmup-epochs': NUMBERS, '--label-smoothing': NUMBERS, '--early-stop': NUMBERS,
    '--dtype': ('float32', 'float16', 'float64', ''), '--resize': NUMBERS,
    '--test-share': NUMBERS, '--augment': ('none', 'flip', 'crop-flip', 'flips', ''),
    '--norm-stats-every': NUMBERS, '--workers': ALONE,
    '--merge-norms': ('mean', 'first', 'last', ''),
    '--servers': NUMBERS, '--start-timeout': NUMBERS, '--stall-timeout': NUMBERS,
    '--nodes': NUMBERS, '--node-rank': NUMBERS, '--interface': ('', 'lo', '127.0.0.1', '256.0.0.1'),
    '--master': ('', 'x', ':', 'x:y', '127.0.0.1', '127.0.0.1:0', '127.0.0.1:99999', '[::1]:')}
_SWITCHES = {'train': ('--tensorboard', '--stop-non-finite', '--summary', '--help', '-x',
                       '--norm-stats', '--no-report', '--change-workers'),
             'evaluate': ('--help', '--no-such'), 'predict': ('--invert', '--json', '--help', '-j'),
             'report': ('--help', 'halted', 'run'),
             'export': ('--help', '--with-preprocessing', '--reduce-range')}
_ASK = {'--weights': ('best', 'last', 'final', 'first', ''), '--ctx': DEVICES}
_FLAGS = {'train': _TRAIN,
          'evaluate': dict(_ASK, **{'--data-root': FILES, '--png': FILES, '--json': FILES}),
          'predict': dict(_ASK, **{'--top': NUMBERS}),
          'report': dict(_ASK, **{'--data-root': FILES, '--out': FILES}),
          'export': dict(_ASK, **{'--data-root': FILES, '--out': FILES, '--atol': NUMBERS,
                                  '--max-drop': NUMBERS,
                                  '--format': ('onnx', 'onnx-int8', 'torch', 'web', 'tflite', '')})}
# What changes a process that has MXNet already: others are fixed cases, in processes of their own.
_ENVIRONMENTS = ({'MXNET_HOME': ''}, {'HOME': '/no/such'}, {'TMPDIR': '/no/such'}, {'COLUMNS': '0'},
                 {'COLUMNS': 'x'}, {'MXNET_GLUON_REPO': 'no url'}, {'HOME': None}, {'PATH': None},
                 {'GLUONBLOCKS_OPERATORS': 'no-such'}, {'MPLBACKEND': 'no-such'}, {'LC_ALL': 'x'})


def line(rng, command, train):
    """(argv, changes of the environment) of a hostile command line of `command`."""
    env = dict(rng.choice(_ENVIRONMENTS)) if rng.random() < 0.15 else {}
    if command not in _FLAGS:
        words = [command] if command else []
        return words + [rng.choice(WORDS + FILES) for _ in range(rng.choice((0, 1, 2)))], env
    argv = [command]
    if command == 'train':
        base = list(train)
        if rng.random() < 0.15:
            base = ['--resume', rng.choice(('run', 'halted', 'halted'))]
        argv += base
    else:
        argv += ['run' if rng.random() < 0.8 else rng.choice(FILES + WORDS), '--ctx', 'cpu']
    if command == 'predict':
        argv += [rng.choice(('picture.pgm',) * 3 + FILES + WORDS)
                 for _ in range(rng.choice((0, 1, 1, 1, 3)))]
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        argv += _hostile(rng, command)
    if rng.random() < 0.05:
        rng.shuffle(argv)
        argv = [command] + argv
    return argv, env


def _hostile(rng, command):
    kind = rng.random()
    if kind < 0.15:
        return [rng.choice(_SWITCHES[command])]
    if kind < 0.2:
        return [rng.choice(WORDS)]
    flag = rng.choice(sorted(_FLAGS[command]))
    if kind < 0.23:
        return [flag]
    values = _FLAGS[command][flag] if kind < 0.85 or flag == '--epochs' else WORDS
    value = rng.choice(values)
    short = flag[:rng.randint(4, len(flag))] if rng.random() < 0.1 else flag
    return [short + '=' + value] if rng.random() < 0.3 else [short, value]
