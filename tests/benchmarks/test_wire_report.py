"""What is told of several workers: the model beside what was measured, and what it foretells."""
import pytest

from benchmarks.wire.report import render, summarize

GBIT = 10 ** 9


def raw(**other):
    """Two workers whose step is 100 ms, and 16 ms of which the model says that they are 2 * 8 MB
    over the link; 100 images and 25 in one process take 100 and 40 ms."""
    links = [{'rate': None, 'link': None, 'step': [0.1, 0.12], 'bytes': [[4e6, 4.2e6], [4e6, 4e6]]},
             {'rate': GBIT, 'link': [1e9, 0.001], 'step': [0.1, 0.1],
              'bytes': [[4e6, 4.1e6], [5e6, 4e6]]}]
    cluster = {'model': 'resnet', 'workers': 2, 'servers': 1, 'apart': True, 'compute': [0.09],
               'handling': [0.002], 'links': links}
    return dict({'machine': {'CPU': 'a good one'}, 'versions': {'MXNet': '1.9.1'}, 'notes': [],
                 'batch_size': 100, 'rounds': 2, 'cpus': 2, 'rates': [GBIT], 'round_trip': 0.0,
                 'alone': {'resnet': {'buckets': [10 ** 6], 'images': [100, 25],
                                      'compute': [[0.1], [0.04]],
                                      'arithmetic': {4: [0.001], 8: [0.003]}}},
                 'clusters': [cluster]}, **other)


def test_each_link_has_its_prediction_from_terms_that_the_step_does_not_decide():
    free, limited = summarize(raw())['measured']
    assert free['predicted'] == pytest.approx(0.092) and free['step'].median == 0.11
    assert free['error'] == pytest.approx(0.092 / 0.11 - 1)
    assert limited['predicted'] == pytest.approx(0.09 + 0.008 + 0.002)
    assert limited['error'] == pytest.approx(0)


def test_bytes_are_those_of_the_busiest_link_in_its_busier_direction():
    assert [(row['bytes'], row['expected_bytes']) for row in summarize(raw())['measured']] == [
        (4.2e6, 4e6), (5e6, 4e6)]


def test_over_loopback_bytes_are_those_of_all_workers_both_ways():
    found = raw()
    found['clusters'][0]['apart'] = False
    assert summarize(found)['measured'][0]['expected_bytes'] == 16e6


def test_double_precision_costs_twice_the_bytes_and_a_key_for_each_worker_as_many_sums():
    single, double, each = summarize(raw())['sums']
    assert [(row['bytes'], row['back'][4]) for row in (single, double, each)] == [
        (4e6, 4e6), (8e6, 8e6), (4e6, 16e6)]
    assert single['seconds'].median == 0.001 and double['seconds'].median == 0.003


def planned(key, workers, servers, found=None):
    row = next(row for row in summarize(found or raw())['planned']['resnet']
               if row['workers'] == workers)
    return row[key] and next(cell for cell in row[key] if cell['servers'] == servers)


def test_the_plan_shares_the_images_or_gives_each_as_many():
    # 50 images: 60 ms; 8 MB at 125 MB/s: 64 ms; two round trips of 0.2 ms.
    cell = planned('shared', 2, 1)
    assert cell['seconds'] == pytest.approx(0.06 + 0.064 + 0.0004)
    assert cell['times'] == pytest.approx(0.1 / cell['seconds'])
    cell = planned('each', 2, 1)
    assert cell['seconds'] == pytest.approx(0.1 + 0.0644)
    assert cell['times'] == pytest.approx(0.2 / cell['seconds'])


def test_more_workers_than_images_cannot_share_them():
    assert planned('shared', 256, 1) is None and planned('each', 256, 1)['times'] > 0


def test_the_round_trip_that_was_asked_for_is_that_of_the_plan():
    slow = planned('each', 2, 1, raw(round_trip=0.1))
    assert slow['seconds'] == pytest.approx(0.1 + 0.064 + 0.2)


def test_the_text_has_the_model_first_then_errors_what_limits_and_what_helps():
    found = raw(notes=['this kernel has no netem: links have what they have'])
    text = render(found, summarize(found))
    order = ['a good one', 'seconds a step = compute + max(handling', '| resnet | 2 ',
             'Error of the model: median 8 %, largest 16 %', 'whole multiples in double precision',
             '1 Gbit/s, N servers', '| 1000 ', 'Limited by: 1 Gbit/s, 1 server: ', '(--servers)',
             'this kernel has no netem']
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert 'more workers are no faster here' in text


def test_only_one_process_makes_the_plan_alone():
    found = raw(clusters=[])
    text = render(found, summarize(found))
    assert '## resnet by the model' in text and 'Error of the model' not in text
