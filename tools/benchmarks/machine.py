"""Describe the machine, measure other processes' load, and define the limits for --isa."""
import datetime
import os
import platform
import statistics
import time

QUIET = 10  # percent of processor time that other processes may use on a quiet machine
LOADS = []  # samples of `sample_load`
# {instruction set: environment variables that limit all engines except ONNX Runtime to it}.
# Start-up times are measured with scripts/train.py, which ignores GLUONBLOCKS_BENCHMARK_MARCH, so
# the C++ operators may use all instructions in these measurements.
LIMITS = {'avx2': {'ONEDNN_MAX_CPU_ISA': 'AVX2', 'DNNL_MAX_CPU_ISA': 'AVX2',
                   'ATEN_CPU_CAPABILITY': 'avx2', 'MKL_ENABLE_INSTRUCTIONS': 'AVX2',
                   'OPENBLAS_CORETYPE': 'Haswell', 'GLUONBLOCKS_BENCHMARK_MARCH': 'haswell'}}


def machine():
    """Return a dict of strings that describe the machine, including the --isa limit if set."""
    with open('/proc/cpuinfo') as f:
        names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
    found = {'CPU': names[0] if names else platform.processor() or platform.machine(),
             'logical CPUs': str(len(os.sched_getaffinity(0))), 'memory': '%.0f GiB' % memory,
             'system': platform.platform(terse=True),
             'date': datetime.datetime.now().strftime('%Y-%m-%d %H:%M')}
    for isa, variables in LIMITS.items():
        if variables.items() <= os.environ.items():
            found['limited to %s' % isa] = '%s; except ONNX Runtime and the start-up time' % (
                ', '.join('%s=%s' % item for item in variables.items()))
    return found


def sample_load(loads=LOADS, rest=0.1, seconds=0.2):
    """Append to `loads` the fraction of processor time that other processes use.

    Call this while all workers are idle. A worker's threads may spin briefly after a request, so
    this function waits for `rest` seconds before it measures for `seconds`.
    """
    time.sleep(rest)
    before = _idle()
    time.sleep(seconds)
    loads.append(max(0.0, 1 - (_idle() - before) / (seconds * len(os.sched_getaffinity(0)))))


def _idle():
    """Return the total idle time since boot, in seconds, of the CPUs that this process may use."""
    cpus = ['cpu%d' % i for i in os.sched_getaffinity(0)]
    with open('/proc/stat') as f:
        rows = [row for row in map(str.split, f) if row[0] in cpus]
    return sum(int(row[4]) + int(row[5]) for row in rows) / os.sysconf('SC_CLK_TCK')


def other_load():
    """Return the mean CPU load of other processes, in percent, over the samples in `LOADS`."""
    return 100 * statistics.fmean(LOADS) if LOADS else 0.0


def describe_load(percent):
    """Return a line of text that describes `percent`, the CPU load of other processes."""
    line = 'the machine was %s: other processes used %.0f %% of the processor time'
    if percent <= QUIET:
        return line % ('quiet', percent)
    return line % ('BUSY', percent) + '; measure again on a quiet machine'
