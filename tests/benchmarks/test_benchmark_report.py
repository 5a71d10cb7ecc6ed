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


def test_a_ratio_is_of_medians_and_its_spread_is_of_the_rounds():
    theirs, ours = [10, 20, None, 60], [1, 4, 5, 6]  # rounds: 10, 5, none, 10; medians 20 and 4.5
    assert stats.ratio(theirs, ours) == (7.5, pytest.approx(20 / 4.5), 10)
    assert stats.ratio([None], [1]) is None


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
    assert between(stats.Spread(0.5, 1.23456, 20)) == '1.23 (0.50–20.00)'
    assert between(stats.Spread(1234, 1234.5, 2000)) == '1234 (1234–2000)'


def sample(step, core=0.0, evaluate=1.0):
    return {'step': [step] * 2, 'core': [core] * 2, 'evaluate': [evaluate] * 2, 'floor': [None] * 2,
            'primitives': {}, 'peak_mib': 100 * step}


def raw(training):
    facts = {'num_train': 60, 'num_test': 10}
    return {'training': training, 'batch_size': 256, 'facts': facts, 'batch_norm': {},
            'prediction': {}, 'growth': [], 'startup': []}


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
        "densenet step against PyTorch's fastest": ('1.50×', 'met'),
        "peak memory of a densenet step against PyTorch's smallest": ('0.67×', 'met')}


def test_a_missed_target_says_by_how_much():
    found = summarize(raw({'lenet_bn': {'notebook': sample(12.0, evaluate=0.0),
                                        'ours': sample(2.0, core=1.0, evaluate=0.0)}}))
    assert [(row['reached'], row['verdict']) for row in found['targets']] == [
        ('6.00×', 'missed by 50.0 %'), ('50.0 %', 'missed by 400.0 %')]


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
