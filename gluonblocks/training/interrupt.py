"""Delay Ctrl-C and SIGTERM until training is between two batches."""
import signal
import threading


class Interrupted(KeyboardInterrupt):
    """Raised after signal `signum`. A step may be incomplete unless `between_batches` is set."""

    def __init__(self, signum, between_batches, message=None):
        if message is None:
            message = ('training stopped between two batches; nothing was saved' if between_batches
                       else 'training stopped, perhaps during a step; nothing was saved')
        super().__init__(message)
        self.signum, self.between_batches = signum, between_batches

    def __reduce__(self):  # otherwise, a process pool could not return the exception
        return type(self), (self.signum, self.between_batches, str(self))

    @property
    def exit_code(self):
        """The exit code of a command that was stopped: 130 after SIGINT, 143 after SIGTERM."""
        return 128 + self.signum


class DeferredInterrupt:
    """A context manager that delays Ctrl-C and SIGTERM until the current step is complete.

    After a signal, it raises Interrupted before the next batch of an iterator that `guard`
    returned, at the next `check`, or when the context exits, whichever comes first. A second signal
    raises Interrupted immediately.

    Without the delay, KeyboardInterrupt could be raised in the destructor of an NDArray, where
    Python prints and ignores it. Outside the main thread, the context manager has no effect.

        with DeferredInterrupt() as interrupt:
            for X, y in interrupt.guard(train_iter):
                ...                # a step
            interrupt.check()      # handles a signal during the last batch
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
            # None means that the earlier handler was not set from Python. Python cannot restore
            # such a handler, so set the default one.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self.pending and error is None:
            raise Interrupted(self.pending, between_batches=True,
                              message='stopped after training had finished')

    def _note(self, number, frame):
        if self.pending:
            raise Interrupted(number, between_batches=False)
        self.pending = number

    def guard(self, data_iter):
        """Return an iterable over `data_iter` that raises Interrupted once a signal has arrived."""
        return _Guarded(data_iter, self)

    def check(self):
        """Raise Interrupted if a signal has arrived. Call this between two steps."""
        if self.pending:
            raise Interrupted(self.pending, between_batches=True)


class _Guarded:
    def __init__(self, data_iter, interrupt):
        self._data_iter, self._interrupt = data_iter, interrupt

    def __iter__(self):
        for batch in self._data_iter:
            self._interrupt.check()
            yield batch
