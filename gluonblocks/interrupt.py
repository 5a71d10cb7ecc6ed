"""Ctrl-C between two batches, where nothing is half done."""
import signal
import threading


class DeferredInterrupt:
    """Within this context Ctrl-C waits for the next batch that a `guard`ed iterator is asked for.

    Raised at once, KeyboardInterrupt may fall into a destructor of an NDArray, where Python can
    only print and drop it. A second Ctrl-C is raised at once. In a thread that is not the main
    one, which gets no signals, nothing changes.
    """

    def __init__(self):
        self.pending = False

    def __enter__(self):
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *exception):
        if self._main:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number, frame):
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True

    def guard(self, data_iter):
        """`data_iter`, which raises KeyboardInterrupt at the first batch after Ctrl-C."""
        return _Guarded(data_iter, self)


class _Guarded:
    def __init__(self, data_iter, interrupt):
        self._data_iter, self._interrupt = data_iter, interrupt

    def __len__(self):
        return len(self._data_iter)

    def __iter__(self):
        for batch in self._data_iter:
            if self._interrupt.pending:
                raise KeyboardInterrupt
            yield batch
