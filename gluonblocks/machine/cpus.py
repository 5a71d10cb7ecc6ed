"""Determine which processors this process may use, and how busy they are."""
import glob
import math
import os
import time


def read_text(path):
    """Return the text of a file without surrounding whitespace, or '' if it cannot be read."""
    try:
        with open(path, errors='replace') as f:  # a path in the file may have any encoding
            return f.read().strip()
    except OSError:
        return ''


def available_cpus():
    """Return the logical CPUs on which this process may run, as a sorted list of CPU numbers."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def container_limit(proc='/proc', root='/sys/fs/cgroup'):
    """Return the number of CPUs that the control groups (v1 or v2) allow; infinity if unlimited."""
    limits = [math.inf]
    for line in read_text(os.path.join(proc, 'self/cgroup')).splitlines():
        _, controllers, path = line.split(':', 2)
        names = controllers.split(',')
        if controllers and 'cpu' not in names:
            continue
        top = os.path.join(root, 'cpu') if controllers else root
        # Read the limits of the control group and all its ancestors, because all of them apply.
        # In a container, the path may exist only on the host; the root group then has the limit.
        parts = [p for p in path.split('/') if p and p != '..']
        for depth in range(len(parts) + 1):
            folder = os.path.join(top, *parts[:depth])
            fields = (read_text(os.path.join(folder, 'cpu.max')).split() or
                      [read_text(os.path.join(folder, 'cpu.cfs_quota_us')),
                       read_text(os.path.join(folder, 'cpu.cfs_period_us'))])
            if len(fields) == 2 and all(f.isdigit() for f in fields) and int(fields[1]):
                limits.append(int(fields[0]) / int(fields[1]))
    return min(limits)


def physical_cores(sys_cpu='/sys/devices/system/cpu', cpus=None, limit=None):
    """Return the number of physical cores that this process may use, at least 1.

    Hyper-threads of the same core count as one. The result respects the CPU affinity and the
    container's CPU limit, which is rounded up. The arguments are for tests.
    """
    cpus = available_cpus() if cpus is None else cpus
    limit = container_limit() if limit is None else limit
    siblings = {read_text('%s/cpu%d/topology/thread_siblings_list' % (sys_cpu, n)) or str(n)
                for n in cpus}
    return max(1, min(len(siblings), math.ceil(limit) if limit < math.inf else len(siblings)))


def too_few_cpus(threads, path='/proc/loadavg', samples=5):
    """Return True if the machine has too few CPUs to run `threads` more threads at once.

    The fourth field of /proc/loadavg is RUNNING/ALL, where RUNNING counts the threads that run or
    wait for a CPU. Those of this process do not count, because OpenBLAS's threads still spin after
    the import of NumPy. The median of `samples` readings filters out short bursts.
    """
    running = []
    for _ in range(samples):
        fields = read_text(path).split()
        if len(fields) < 4:
            return False
        running.append(int(fields[3].split('/')[0]) - _own_running_threads())
        time.sleep(0.01)
    return sorted(running)[samples // 2] + threads > (os.cpu_count() or 1)


def _own_running_threads():
    states = [read_text(path).rpartition(') ')[2][:1]
              for path in glob.glob('/proc/self/task/*/stat')]
    return max(1, states.count('R'))
