"""The model of the network, in numbers that a reader can check."""
import pytest

from benchmarks.wire import bytes_of, main, num_parameters_of, seconds_of


def test_two_workers_send_four_bytes_a_parameter_and_more_workers_eight():
    assert [bytes_of(1000, n) for n in (2, 3, 1000)] == [4000, 8000, 8000]


def test_parameters_are_the_models():
    assert num_parameters_of('resnet') == 17451018


def test_a_step_is_its_share_of_the_computing_and_what_the_busiest_link_takes():
    # One server beside a worker: 4 MB come from the other, in 0.04 s.
    assert seconds_of(1.0, 1000000, 2, 1, 1e8, 0.001) == pytest.approx(0.5 + 0.04 + 0.002)
    # Each machine: a half of its own 4 MB to the other, and a half of the other's from it.
    assert seconds_of(1.0, 1000000, 2, 2, 1e8, 0.0) == pytest.approx(0.5 + 0.04)
    # Nine workers send 8 MB each to the tenth's machine.
    assert seconds_of(1.0, 1000000, 10, 1, 1e8, 0.0) == pytest.approx(0.1 + 0.72)
    assert seconds_of(1.0, 1000000, 10, 10, 1e8, 0.0) == pytest.approx(0.1 + 0.144)
    assert seconds_of(1.0, 1000000, 1, 1, 1e8, 0.1) == 1.0


def test_the_table_has_a_row_for_each_number_of_workers(capsys):
    main(['--models', 'lenet_bn', '--compute', '0.02'])
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0] == 'lenet_bn: 44,878 parameters, a step of 0.02 s in one process'
    assert [line.split()[0] for line in lines[2:]] == ['2', '4', '8', '16', '64', '256', '1000']
