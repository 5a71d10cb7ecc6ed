"""What the figures depend on: the machine, and when."""
import datetime
import os
import platform


def machine():
    """{"CPU", "cores", "memory", "system", "date"} as text."""
    try:
        with open('/proc/cpuinfo') as f:
            names = [line.split(':', 1)[1].strip() for line in f if line.startswith('model name')]
    except OSError:
        names = []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2 ** 30
    return {'CPU': names[0] if names else platform.processor() or platform.machine(),
            'logical CPUs': str(cores), 'memory': '%.0f GiB' % memory,
            'system': platform.platform(terse=True),
            'date': datetime.datetime.now().strftime('%Y-%m-%d %H:%M')}
