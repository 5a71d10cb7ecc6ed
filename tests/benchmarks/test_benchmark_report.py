"""What scripts/benchmark.py makes of the times it took: ratios, targets, text."""
import pytest

from benchmarks import stats
from benchmarks.chart import draw
from benchmarks.onednn import primitive_times
from benchmarks.report import between, summarize, table, times
from benchmarks.stats import epoch_seconds, fastest_torch, outside_share
from benchmarks.targets import targets


def test_quartiles_of_one_to_five_are_two_three_and_four():
    assert stats.spread([5, 1, 3, 2, 4]) == (2, 3, 4)
    assert stats.spread([7]) == (7, 7, 7)


def test_a_ratio_is_the_median_of_the_rounds_ratios():
    theirs, ours = [10, 20, None, 60], [1, 4, 5, 6]  # rounds: 10, 5, none, 10
    assert stats.ratio(theirs, ours) == (7.5, 10, 10)
    assert stats.ratio([None], [1]) is None


def test_a_ratio_lies_within_its_spread_also_where_rounds_were_slow_for_both():
    theirs, ours = [2, 200, 20], [1, 100, 19]
    found = stats.ratio(theirs, ours)  # medians of all rounds would give 20 / 19
    assert found.low <= found.median <= found.high and found.median == 2


def test_predictions_of_engines_are_compared_with_ours_round_by_round():
    samples = {'ours': [4e-3, 8e-3], 'ONNX Runtime': [1e-3, 2e-3], 'PyTorch': [8e-3, 16e-3]}
    (row,) = summarize(dict(raw({}), prediction={('resnet', 256): samples}))['prediction']
    assert row['ms']['ours'].median == pytest.approx(256 * 6)
    assert {name: value.median for name, value in row['ratios'].items()} == {
        'ONNX Runtime': 0.25, 'PyTorch': 2}


def test_the_geometric_mean_of_2_and_8_is_4():
    assert stats.geometric_mean([2, 8]) == pytest.approx(4)


def test_oednns_lines_are_summed_by_primitive():
    lines = [
        'dnnl_verbose,info,oneDNN v2.4.0 (commit N/A)',
        'dnnl_verbose,create:cache_miss,cpu,convolution,jit,forward_training,a,,b,c,0.5',
        'dnnl_verbose,exec,cpu,convolution,jit:avx512,forward_training,src,attr,alg,mb8_ic1,0.25',
        'dnnl_verbose,exec,cpu,convolution,jit:avx512,forward_training,src,attr,alg,mb8_ic1,0.5',
        'dnnl_verbose,exec,cpu,reorder,jit:uni,undef,src,,,256x120,1.5',
        'X.shape: (4, 3, 8, 8)', 'dnnl_verbose,exec,cpu,reorder,jit:uni,undef,src,,,256x1']
    assert primitive_times(lines) == {'convolution forward_training': 0.75, 'reorder': 1.5}


def test_a_tables_columns_line_up():
    assert table(['a', 'long'], [[1, 2], ['xyz', '–']]).splitlines() == [
        '| a   | long |', '|-----|------|', '| 1   | 2    |', '| xyz | –    |']


def test_numbers_are_worded_with_their_spread():
    assert times(stats.Spread(1, 2, 3)) == '2.00× (1.00–3.00)' and times(None) == '–'
    assert times(stats.Spread(0.0151, 0.0259, 0.1)) == '0.026× (0.015–0.100)'
    assert between(stats.Spread(0.5, 1.23456, 20)) == '1.23 (0.50–20.00)'
    assert between(stats.Spread(1234, 1234.5, 2000)) == '1234 (1234–2000)'


def sample(step, core=0.0, evaluate=1.0):
    rounds = {'step': step, 'cpu': 2 * step, 'core': core, 'evaluate': evaluate, 'floor': None}
    return dict({key: [value] * 2 for key, value in rounds.items()}, primitives={},
                peak_mib=100 * step)


def raw(training):
    facts = {'num_train': 60, 'num_test': 10}
    return {'training': training, 'batch_size': 256, 'facts': facts, 'batch_norm': {},
            'prediction': {}, 'growth': [], 'startup': [], 'whole': []}


def test_an_epoch_is_all_training_and_test_images():
    facts = {'num_train': 60, 'num_test': 10}
    assert epoch_seconds(sample(2.0, evaluate=0.5), facts) == [125, 125]


def test_what_is_not_the_network_is_outside():
    assert outside_share(sample(2.0, core=1.5)) == [0.25, 0.25]


def test_the_fastest_pytorch_counts():
    training = {'densenet': {'torch eager': sample(4.0), 'torch compile': sample(3.0),
                             'notebook': sample(30.0), 'ours': sample(2.0)}}
    assert fastest_torch(training['densenet']) == 'torch compile'
    found = summarize(raw(training))
    ours = found['training']['densenet']['variants']['ours']
    assert ours['torch_ratio'].median == 1.5 and ours['notebook_ratio'].median == 15
    verdicts = {row['what']: (row['reached'], row['verdict']) for row in found['targets']}
    assert verdicts == {
        "densenet step against PyTorch's fastest": ('1.50×', 'missed by 6.2 %'),
        "peak memory of a densenet step against PyTorch's smallest": ('0.67×', 'met')}


def test_a_missed_target_says_by_how_much():
    found = summarize(raw({'lenet_bn': {'notebook': sample(12.0, evaluate=0.0),
                                        'ours': sample(2.0, core=1.0, evaluate=0.0)}}))
    assert [(row['reached'], row['verdict']) for row in found['targets']] == [
        ('6.00×', 'missed by 76.0 %'), ('50.0 %', 'missed by 400.0 %')]


def test_the_processors_time_of_a_step_is_told_beside_the_clocks():
    found = summarize(raw({'lenet_bn': {'ours': sample(2.0)}}))
    row = found['training']['lenet_bn']['variants']['ours']
    assert (row['ms'].median, row['cpu_ms'].median) == (512e3, 1024e3)


def test_of_the_shapes_of_a_norm_the_slowest_against_the_fused_one_counts():
    names = ('ours', 'ours, eager function', 'notebook', 'notebook, hybridized')
    norms = {name: {(2, 3): [16.0], (2, 5): [16.0]} for name in names}
    norms['ours'] = {(2, 3): [4.0], (2, 5): [1.0]}
    norms['fused nn.BatchNorm'] = {(2, 3): [8.0], (2, 5): [1.25]}
    found = summarize(dict(raw({}), batch_norm=norms))
    assert {shape: value.median for shape, value in found['batch_norm']['of_fused'].items()} == {
        '(2, 3)': 0.5, '(2, 5)': 0.8}
    assert [(row['reached'], row['verdict']) for row in found['targets']][1] == (
        '0.80×', 'missed by 33.3 %')


def test_what_was_not_measured_has_no_target():
    assert targets({'training': {}, 'batch_norm': {}, 'prediction': []}) == []


@pytest.mark.parametrize('kind', ['png', 'svg'])
def test_the_chart_has_plain_numbers_a_unit_and_the_same_bytes(tmp_path, kind):
    training = {model: {'torch eager': sample(0.4), 'notebook': sample(26.2890625),
                        'ours': sample(2.0)} for model in ('lenet_bn', 'resnet', 'densenet')}
    for name in ('one.', 'two.'):
        draw(summarize(raw(training)), str(tmp_path / (name + kind)), 256)
    content = (tmp_path / ('one.' + kind)).read_bytes()
    assert content == (tmp_path / ('two.' + kind)).read_bytes()
    if kind == 'svg':
        for text in (b'Time of a training batch of 256 images, in milliseconds (less is better)',
                     b'densenet', b'>6,730,000<', b'>102,400<'):
            assert text in content
