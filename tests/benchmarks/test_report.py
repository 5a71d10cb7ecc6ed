"""What the benchmark makes of the times it took: ratios, targets, text."""
import pytest

from tools.benchmarks import several, stats
from tools.benchmarks.chart import draw
from tools.benchmarks.report import between, render, summarize, times
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
             'dnnl_verbose,exec,cpu,reorder,jit:uni,undef,src,,,256x1']  # the last one is cut short
    assert primitive_times(lines) == {'convolution forward_training': 0.75, 'reorder': 1.5}


def test_values_are_worded_with_their_spread():
    assert times(stats.Spread(1, 2, 3)) == '2.00× (1.00–3.00)' and times(None) == '–'
    assert times(stats.Spread(0.0151, 0.0259, 0.1)) == '0.026× (0.015–0.100)'
    assert between(stats.Spread(0.5, 1.23456, 20)) == '1.23 (0.50–20.00)'
    assert between(stats.Spread(1234, 1234.5, 2000)) == '1234 (1234–2000)'


def sample(step, core=0.0, evaluate=1.0):
    values = {'step': step, 'cpu': 2 * step, 'core': core, 'evaluate': evaluate, 'floor': step}
    return dict({key: [value] * 2 for key, value in values.items()}, primitives={'sum': step},
                peak_mib=100 * step)


def raw(training=(), **others):
    facts = {'num_train': 60, 'num_test': 10, 'threads': 2, 'versions': {'MXNet': '1.9.1'}}
    return dict({'training': dict(training), 'batch_size': 256, 'facts': facts, 'batch_norm': {},
                 'prediction': {}, 'startup': [], 'whole': [], 'notes': ['a note'], 'rounds': 2,
                 'machine': {'CPU': 'a good one'}}, **others)


def verdicts(found):
    return {row['what']: (row['reached'], row['verdict']) for row in found['targets']}


def test_the_fastest_pytorch_counts():
    found = summarize(raw({'densenet': {
        'torch eager': sample(4.0), 'torch compile': sample(3.0), 'notebook': sample(30.0),
        'ours': sample(2.0)}}))
    ours = found['training']['densenet']['variants']['ours']
    assert ours['torch_ratio'].median == 1.5 and ours['notebook_ratio'].median == 15
    assert (ours['ms'].median, ours['cpu_ms'].median) == (512e3, 1024e3)
    assert verdicts(found) == {
        "densenet step against PyTorch's fastest": ('1.50×', 'missed by 6.2 %'),
        "peak memory of a densenet step against PyTorch's smallest": ('0.67×', 'met')}


def test_an_epoch_is_all_training_and_test_images_and_the_rest_of_a_step_is_outside_the_net():
    found = summarize(raw({'lenet_bn': {'notebook': sample(12.0, evaluate=0.0),
                                        'ours': sample(2.0, core=1.0, evaluate=0.5)}}))
    ours = found['training']['lenet_bn']['variants']['ours']
    assert ours['epoch_seconds'].median == 60 * 2 + 10 * 0.5
    assert verdicts(found) == {  # 720 / 125
        "lenet_bn epoch against the notebook's code": ('5.76×', 'missed by 77.0 %'),
        'lenet_bn step spent outside the network': ('50.0 %', 'missed by 400.0 %')}


def test_the_slowest_shape_of_a_norm_counts_and_engines_are_compared_round_by_round():
    norms = {'ours': {(2, 3): [4.0], (2, 5): [1.0]}, 'notebook': {(2, 3): [16.0], (2, 5): [16.0]},
             'fused nn.BatchNorm': {(2, 3): [8.0], (2, 5): [1.25]}}
    engines = {'ours': [4e-3, 8e-3], 'ONNX Runtime': [1e-3, 2e-3], 'PyTorch': [8e-3, 16e-3]}
    found = summarize(raw(batch_norm=norms, prediction={('resnet', 256): engines}))
    assert sorted(verdicts(found).values()) == [
        ('0.25×', 'missed by 75.0 %'), ('0.80×', 'missed by 33.3 %'), ('8.00×', 'missed by 20.0 %')]
    (row,) = found['prediction']
    assert row['ms']['ours'].median == pytest.approx(256 * 6)
    assert {name: value.median for name, value in row['ratios'].items()} == {
        'ONNX Runtime': 0.25, 'PyTorch': 2}


def test_the_report_has_all_parts_in_order():
    measured = raw({'lenet_bn': {'ours': sample(2.0), 'onednn': sample(1.0)}}, startup=[2.0],
                   whole=[9.0])
    text = render(measured, summarize(measured))
    order = ['a good one', '## Training', '| lenet_bn | ours ', "oneDNN's primitives take 256000",
             '## Start', '- a note', '## Targets', 'command to first step of lenet_bn']
    assert sorted(order, key=text.index) == order
    assert '## Prediction' not in text


def test_the_chart_has_plain_numbers_and_a_unit(tmp_path):
    training = {model: {'torch eager': sample(0.4), 'notebook': sample(26.2890625),
                        'ours': sample(2.0)} for model in ('lenet_bn', 'resnet', 'densenet')}
    draw(summarize(raw(training)), str(tmp_path / 'chart.svg'), 256)
    content = (tmp_path / 'chart.svg').read_text()
    for text in ('Time of a training batch of 256 images, in milliseconds (less is better)',
                 'densenet', '>6,730,000<', '>102,400<'):
        assert text in content


def test_several_workers_are_compared_with_one_process():
    rows = [{'model': 'resnet', 'workers': n, 'gbit': gbit, 'step': step}
            for n, gbit, step in ((1, None, [0.4, 0.4]), (2, 10, [0.3, 0.5]))]
    text = several.render(raw(rows=rows))
    assert '| resnet | 2       | 10 Gbit/s | 400 (350–450) | 1.00×' in text
