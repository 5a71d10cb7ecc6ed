"""Ctrl-C and SIGTERM between two batches, where nothing is half done."""
import signal
import threading


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM: `signum`; `between_batches` is False where it may have cut a step."""

    def __init__(self, signum, between_batches, message=None):
        if message is None:
            message = ('training stopped between two batches, nothing was saved' if between_batches
                       else 'training stopped at once, perhaps within a step, nothing was saved')
        super().__init__(message)
        self.signum, self.between_batches = signum, between_batches

    @property
    def exit_code(self):
        """What a shell shows for a command that the signal ended: 130 or 143."""
        return 128 + self.signum


class DeferredInterrupt:
    """Within this context Ctrl-C and SIGTERM wait until nothing is half done, then raise
    Interrupted: at the next batch of an iterator that is `guard`ed, at the next `check`, or at the
    latest when the context ends. A second signal is raised at once.

    Raised at once, KeyboardInterrupt may fall into a destructor of an NDArray, where Python can
    only print and drop it. Only the main thread gets signals: in another one nothing changes.

        with DeferredInterrupt() as interrupt:
            for X, y in interrupt.guard(train_iter):
                ...                # a step
            interrupt.check()      # a signal during the last batch ends it here
            net.save_parameters(path)
    """

    def __init__(self):
        self.pending = None

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, kind, error, traceback):
        for number, handler in self._before.items():
            # None: a handler that is not Python's, which cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self.pending and error is None:
            raise Interrupted(self.pending, between_batches=True,
                              message='stopped when training had ended')

    def _note(self, number, frame):
        if self.pending:
            raise Interrupted(number, between_batches=False)
        self.pending = number

    def guard(self, data_iter):
        """Return an iterable of `data_iter`'s batches that raises Interrupted after a signal."""
        return _Guarded(data_iter, self)

    def check(self):
        """Raise Interrupted, as between two batches, if there was a signal."""
        if self.pending:
            raise Interrupted(self.pending, between_batches=True)


class _Guarded:
    def __init__(self, data_iter, interrupt):
        self._data_iter, self._interrupt = data_iter, interrupt

    def __iter__(self):
        for batch in self._data_iter:
            self._interrupt.check()
            yield batch
