"""The evaluation of samples: ratios, targets and text."""
import pytest

from tools.benchmarks import measure, several, stats, timing
from tools.benchmarks.report import between, render, summarize, times
from tools.benchmarks.targets import slower, targets
from tools.benchmarks.worker import primitive_times


def test_quartiles_of_one_to_five_are_two_three_and_four():
    assert stats.spread([5, 1, 3, 2, 4]) == (2, 3, 4)
    assert stats.spread([7], scale=2) == (14, 14, 14)


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    # Rounds: 2, 2, 20 / 19. The medians of all rounds would give 20 / 19.
    found = stats.ratio([2, 200, 20], [1, 100, 19])
    assert found.median == 2 and found.low <= found.median <= found.high


def test_onednns_lines_are_summed_by_primitive():
    line = 'dnnl_verbose,exec,cpu,convolution,jit:avx512,forward_training,src,attr,alg,mb8_ic1,%s'
    lines = ['dnnl_verbose,info,oneDNN v2.4.0 (commit N/A)', line % 0.25, line % 0.5,
             line.replace(',exec,', ',create:cache_miss,') % 0.5, 'X.shape: (4, 3, 8, 8)',
             'dnnl_verbose,exec,cpu,reorder,jit:uni,undef,src,,,256x120,1.5',
             'dnnl_verbose,exec,cpu,reorder,jit:uni,undef,src,,,256x1']  # a truncated line
    assert primitive_times(lines) == {'convolution forward_training': 0.75, 'reorder': 1.5}


def test_values_are_printed_with_their_spread():
    assert times(stats.Spread(1, 2, 3)) == '2.00× (1.00–3.00)' and times(None) == '–'
    assert times(stats.Spread(0.0151, 0.0259, 0.1)) == '0.026× (0.015–0.100)'
    assert between(stats.Spread(0.5, 1.23456, 20)) == '1.23 (0.50–20.00)'
    assert between(stats.Spread(1234, 1234.5, 2000)) == '1234 (1234–2000)'


def sample(step, evaluate=1.0):
    values = {'step': step, 'cpu': 2 * step, 'evaluate': evaluate}
    return dict({key: [value] * 2 for key, value in values.items()}, peak_mib=100 * step)


def divided(**ms):
    """Return samples of a step of 10 s: 6 s in the net, with 3 s of primitives and 1 s of ours."""
    parts = dict({'batch': 1.0, 'net': 6.0, 'loss': 1.0, 'metrics': 1.0, 'optimizer': 1.0}, **ms)
    return dict(sample(10.0), parts={name: [value] * 2 for name, value in parts.items()},
                primitives={'convolution': [2.0] * 2, 'reorder': [1.0] * 2},
                operators={'_gluonblocks_stage': [1.0] * 2}, update={'SGD': [0.5] * 2})


def raw(training=(), **others):
    facts = {'num_train': 60, 'num_test': 10, 'threads': 2, 'versions': {'MXNet': '1.9.1'}}
    return dict({'training': dict(training), 'batch_size': 256, 'facts': facts, 'batch_norm': {},
                 'prediction': {}, 'startup': [], 'five_epochs': [], 'notes': ['a note'],
                 'rounds': 2, 'other_load': 3.0, 'machine': {'CPU': 'a good one'}}, **others)


def verdicts(found):
    return {row['what']: (row['reached'], row['verdict']) for row in found['targets']}


def test_targets_use_the_fastest_mode_of_pytorch():
    found = summarize(raw({'densenet': {
        'torch eager': sample(4.0), 'torch compile': sample(3.0), 'notebook': sample(30.0),
        'ours': sample(2.0)}}))
    ours = found['training']['densenet']['variants']['ours']
    assert ours['torch_ratio'].median == 1.5 and ours['notebook_ratio'].median == 15
    assert (ours['ms'].median, ours['cpu_ms'].median) == (512e3, 1024e3)
    assert verdicts(found) == {
        "densenet step against PyTorch's fastest": ('1.50×', 'missed by 11.8 %'),
        "peak memory of a densenet step against PyTorch's smallest": ('0.67×', 'met')}


def test_an_epoch_includes_all_training_and_test_images():
    found = summarize(raw({'lenet_bn': {'notebook': sample(12.0, evaluate=0.0),
                                        'ours': sample(2.0, evaluate=0.5)}}))
    ours = found['training']['lenet_bn']['variants']['ours']
    assert ours['epoch_seconds'].median == 60 * 2 + 10 * 0.5
    assert verdicts(found) == {  # 720 / 125
        "lenet_bn epoch against the notebook's code": ('5.76×', 'missed by 77.0 %')}


def test_every_moment_of_a_step_belongs_to_one_part(monkeypatch):
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0])
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: next(clock))
    parts = timing.Parts()
    for part in ('batch', 'net', 'loss', 'net'):
        parts.done(part)
    assert parts.seconds == {'batch': 1, 'net': 2 + 4, 'loss': 3, 'metrics': 0, 'optimizer': 0}


def test_answers_are_converted_to_seconds_per_image():
    answer = {'train': [8.0, 4], 'cpu': [12.0, 4], 'evaluate': [3.0, 3], 'peak_mib': 7,
              'parts': [{'net': 6.0}, 4], 'primitives': {'reorder': 2000.0}, 'operators': {},
              'update': {'SGD': 1000.0}}
    assert measure.samples([answer]) == {
        'step': [2.0], 'cpu': [3.0], 'evaluate': [1.0], 'peak_mib': 7, 'parts': {'net': [1.5]},
        'primitives': {'reorder': [0.5]}, 'operators': {}, 'update': {'SGD': [0.25]}}


def test_the_bound_of_a_step_is_what_its_net_executed_plus_sgds_memory_traffic():
    found = summarize(raw({'resnet': {'torch eager': sample(18.0), 'ours': sample(9.0),
                                      'parts': divided()}}))
    rows = {row['what']: row for row in found['targets']}
    step = rows["resnet step against PyTorch's fastest"]
    assert (step['reached'], step['bound']) == ('2.00×', '4.00×')  # 18 / (3 + 1 + 0.5)
    outside = rows['resnet step spent outside the network']
    assert (outside['reached'], outside['bound']) == ('40.0 %', '7.7 %')  # 0.5 / 6.5
    assert outside['missed'] and outside['verdict'] == 'missed by 700.0 %'


@pytest.mark.parametrize('seconds, verdict, missed', [
    ((1.7, 1.8, 1.9), 'missed by 20.0 %', True), ((1.5, 1.5, 1.9), 'met', False),
    ((1.4, 1.8, 1.9), 'missed by 20.0 %, within the spread', False)])
def test_a_target_is_missed_if_even_its_spread_misses_it(seconds, verdict, missed):
    (row,) = targets({'training': {}, 'batch_norm': {}, 'prediction': [],
                      'startup': stats.Spread(*seconds)})
    assert row['goal'] == '≤ 1.5 s'
    assert (row['verdict'], row['missed']) == (verdict, missed)


def test_the_report_warns_about_a_busy_machine():
    assert 'the machine was quiet: other' in render(raw(), summarize(raw()))
    busy = raw(other_load=40.0)
    assert 'the machine was BUSY: other processes used 40 %' in render(busy, summarize(busy))


def test_targets_that_became_three_percent_worse_are_listed():
    def rows(ratio, seconds):
        return targets({'training': {}, 'batch_norm': {}, 'startup': seconds, 'prediction': [
            {'model': 'resnet', 'batch': 256, 'ms': {}, 'ratios': {'PyTorch': ratio}}]})
    old = rows(1.0, 1.0)
    assert slower(old, rows(0.98, 1.02)) == [] == slower(old, rows(2.0, 0.5))
    assert slower(old, rows(0.8, 1.04)) == [
        'resnet prediction, batch 256, against PyTorch: 25.0 % worse, now 0.80×',
        'command to first step of lenet_bn: 4.0 % worse, now 1.04 s']


def test_the_slowest_norm_counts_and_engines_are_compared_within_rounds():
    norms = {'ours': {'stages': [4.0], 'rows': [1.0]},
             "MXNet's operators": {'stages': [8.0], 'rows': [1.25]}}
    engines = {'ours': [4e-3, 8e-3], 'ONNX Runtime': [1e-3, 2e-3], 'PyTorch': [8e-3, 16e-3],
               'empty graph': [2e-3, 2e-3]}
    found = summarize(raw(batch_norm=norms, prediction={('resnet', 256): engines}))
    assert sorted(verdicts(found).values()) == [
        ('0.25×', 'missed by 73.7 %'), ('0.80×', 'missed by 33.3 %'), ('2.00×', 'met')]
    (row,) = found['prediction']
    assert row['ms']['ours'].median == pytest.approx(256 * 6)
    assert (row['ratios']['ONNX Runtime'].median, row['ratios']['PyTorch'].median) == (0.25, 2)
    bounds = {row['what'].split()[-1]: row['bound'] for row in found['targets']}
    assert bounds['PyTorch'] == '6.00×'  # 12 / 2


def test_the_report_has_all_parts_in_order():
    measured = raw({'lenet_bn': {'ours': sample(2.0), 'parts': divided()}}, startup=[2.0],
                   five_epochs=[9.0])
    text = render(measured, summarize(measured))
    order = ['a good one', '## Training', '| lenet_bn | ours ', '### Parts of a step',
             '## Start', '- a note', '## Targets', 'command to first step of lenet_bn']
    assert sorted(order, key=text.index) == order
    assert '## Prediction' not in text


def test_several_workers_are_compared_with_one_process():
    rows = [{'model': 'resnet', 'workers': n, 'gbit': gbit, 'step': step}
            for n, gbit, step in ((1, None, [0.4, 0.4]), (2, 10, [0.3, 0.5]))]
    text = several.render(raw(rows=rows))
    assert '| resnet | 2       | 10 Gbit/s | 400 (350–450) | 1.00×' in text
