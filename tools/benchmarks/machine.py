"""The machine of a run: its facts, how busy it was with other work, and limits on all engines."""
import datetime
import os
import platform
import statistics
import time

QUIET = 10  # percent of the processors' time that other processes may take
LOOKS = []  # what `look` noted
# All engines alike. Of ours, only scripts/train.py itself still runs operators compiled for all
# instructions. ONNX Runtime cannot be limited.
LIMITS = {'avx2': {'ONEDNN_MAX_CPU_ISA': 'AVX2', 'DNNL_MAX_CPU_ISA': 'AVX2',
                   'ATEN_CPU_CAPABILITY': 'avx2', 'MKL_ENABLE_INSTRUCTIONS': 'AVX2',
                   'OPENBLAS_CORETYPE': 'Haswell', 'GLUONBLOCKS_BENCHMARK_MARCH': 'haswell'}}


def machine():
    """{"CPU", "logical CPUs", "memory", "system", "date"} as text, and any limit."""
    with open('/proc/cpuinfo') as f:
        names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
    found = {'CPU': names[0] if names else platform.processor() or platform.machine(),
             'logical CPUs': str(len(os.sched_getaffinity(0))), 'memory': '%.0f GiB' % memory,
             'system': platform.platform(terse=True),
             'date': datetime.datetime.now().strftime('%Y-%m-%d %H:%M')}
    for isa, variables in LIMITS.items():
        if variables.items() <= os.environ.items():
            found['limited to %s' % isa] = ', '.join('%s=%s' % item for item in variables.items()
                                                     ) + '; ONNX Runtime and startup are not'
    return found


def look(looks=LOOKS, rest=0.1, seconds=0.2):
    """Note the fraction of the processors' time that is taken while our own processes wait.

    A thread of theirs may still spin, so they get a moment of `rest`.
    """
    time.sleep(rest)
    before = _idle()
    time.sleep(seconds)
    looks.append(max(0.0, 1 - (_idle() - before) / (seconds * len(os.sched_getaffinity(0)))))


def _idle():
    """Seconds that the processors of this process have been idle; the host's time is not idle."""
    cpus = ['cpu%d' % i for i in os.sched_getaffinity(0)]
    with open('/proc/stat') as f:
        rows = [row for row in map(str.split, f) if row[0] in cpus]
    return sum(int(row[4]) + int(row[5]) for row in rows) / os.sysconf('SC_CLK_TCK')


def others():
    """The percentage of the processors' time that others took, the mean of what `look` noted."""
    return 100 * statistics.fmean(LOOKS) if LOOKS else 0.0


def load_line(percent):
    """A line about the processors' other work, in `percent` of their time."""
    return 'the machine was %s: other processes took %.0f %% of the processors\' time%s' % (
        ('quiet', percent, '') if percent <= QUIET else
        ('BUSY', percent, '; measure again on a quiet machine'))
