"""A page in a headless Chromium, driven over its own protocol: no library, no network."""
import base64
import json
import os
import shutil
import subprocess
import tempfile

PROGRAM = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))),
               None)


class Browser:
    """A context in which one page is open: it is gone to, asked, and pictured.

    `requests` are the addresses that were asked for, `complaints` what the browser said of it.
    """

    def __init__(self, width=1280, height=900, dark=False):
        self.requests, self.complaints = [], []
        self._size, self._dark, self._number = (width, height), dark, 0

    def __enter__(self):
        self._profile = tempfile.mkdtemp()
        # The browser reads its orders from descriptor 3 and writes to descriptor 4.
        orders, self._to = os.pipe()
        self._from, answers = os.pipe()
        line = 'exec "$0" "$@" 3<&%d 4>&%d' % (orders, answers)
        self._process = subprocess.Popen(
            ['bash', '-c', line, PROGRAM, '--headless=new', '--no-sandbox', '--disable-gpu',
             '--hide-scrollbars', '--disable-dev-shm-usage', '--no-first-run',
             '--user-data-dir=' + self._profile, '--remote-debugging-pipe', 'about:blank'],
            pass_fds=(orders, answers), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(orders)
        os.close(answers)
        self._rest = b''
        self._session = None
        page = next(target for target in self.call('Target.getTargets')['targetInfos']
                    if target['type'] == 'page')
        self._session = self.call('Target.attachToTarget', targetId=page['targetId'],
                                  flatten=True)['sessionId']
        for domain in ('Page', 'Network', 'Log', 'Runtime'):
            self.call(domain + '.enable')
        self.look(*self._size, dark=self._dark)
        return self

    def __exit__(self, *exception):
        self._process.terminate()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def look(self, width, height=900, dark=False):
        """Be a window of this size, in a light or a dark theme."""
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call('Emulation.setEmulatedMedia', features=[
            {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}])

    def go(self, path):
        """Open the file at `path` and wait until it is loaded."""
        self.call('Page.navigate', url='file://' + os.path.abspath(str(path)))
        while True:
            if self._read().get('method') == 'Page.loadEventFired':
                return

    def ask(self, expression):
        """The value of a JavaScript expression, waited for."""
        result = self.call('Runtime.evaluate', expression=expression, awaitPromise=True,
                           returnByValue=True)
        assert 'exceptionDetails' not in result, result['exceptionDetails']
        return result['result'].get('value')

    def picture(self, path, whole=True):
        """A PNG of the page, the whole of it or what is in the window, into `path`."""
        shot = self.call('Page.captureScreenshot', captureBeyondViewport=whole, **(
            {'clip': dict(self.call('Page.getLayoutMetrics')['cssContentSize'], scale=1)}
            if whole else {}))
        with open(path, 'wb') as f:
            f.write(base64.b64decode(shot['data']))

    def call(self, method, **params):
        """A command of the DevTools protocol; its result."""
        self._number += 1
        order = {'id': self._number, 'method': method, 'params': params}
        if self._session:
            order['sessionId'] = self._session
        content = json.dumps(order).encode() + b'\0'
        while content:
            content = content[os.write(self._to, content):]
        while True:
            answer = self._read()
            if answer.get('id') == self._number:
                assert 'error' not in answer, answer['error']
                return answer['result']

    def _read(self):
        while b'\0' not in self._rest:
            part = os.read(self._from, 1 << 20)
            assert part, 'the browser has ended'
            self._rest += part
        line, self._rest = self._rest.split(b'\0', 1)
        message = json.loads(line)
        method, params = message.get('method'), message.get('params')
        if method == 'Network.requestWillBeSent':
            self.requests.append(params['request']['url'])
        elif method == 'Log.entryAdded':
            self.complaints.append(params['entry']['text'])
        elif method == 'Runtime.exceptionThrown':
            self.complaints.append(str(params['exceptionDetails']))
        return message
