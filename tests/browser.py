"""A headless Chromium that tests drive, by its own protocol over a pipe."""
import itertools
import json
import os
import select
import shutil
import subprocess
import time

PATIENCE = 60  # seconds for any answer
NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')


def find_browser():
    """The path of a Chromium, or None. $GLUONBLOCKS_TEST_BROWSER names one that has to be there."""
    named = os.environ.get('GLUONBLOCKS_TEST_BROWSER')
    found = [path for path in map(shutil.which, [named] if named else NAMES) if path]
    assert found or not named, '$GLUONBLOCKS_TEST_BROWSER: there is no %s' % named
    return found[0] if found else None


class Browser:
    """Started with a profile of its own in `folder`; no host but 127.0.0.1 has an address in it."""

    def __init__(self, path, folder):
        (read, theirs_out), (theirs_in, write) = os.pipe(), os.pipe()
        command = [path, '--headless=new', '--no-sandbox', '--remote-debugging-pipe', '--no-pings',
                   '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage',
                   '--disable-background-networking', '--disable-component-update',
                   '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
                   '--user-data-dir=%s' % folder, 'about:blank']
        # The pipe has to be of the numbers 3 and 4.
        shell = 'exec "$@" 3<&%d 4>&%d' % (theirs_in, theirs_out)
        self.process = subprocess.Popen(['bash', '-c', shell, 'sh'] + command,
                                        pass_fds=(theirs_in, theirs_out),
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs_in)
        os.close(theirs_out)
        self._read, self._write, self._buffer = read, write, b''
        self._ids = itertools.count(1)
        self.events = []

    def call(self, method, session=None, **params):
        number = next(self._ids)
        message = {'id': number, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        rest = json.dumps(message).encode() + b'\0'
        while rest:
            rest = rest[os.write(self._write, rest):]
        while True:
            answer = self._receive()
            if answer.get('id') == number:
                assert 'error' not in answer, '%s: %s' % (method, answer['error'])
                return answer['result']
            self.events.append(answer)

    def _receive(self):
        while b'\0' not in self._buffer:
            assert select.select([self._read], [], [], PATIENCE)[0], 'the browser says nothing'
            data = os.read(self._read, 1 << 20)
            assert data, 'the browser has ended'
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b'\0')
        return json.loads(message)

    def open(self, url, width=1280, height=900):
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        return Page(self, target, session, url, width, height)

    def close(self):
        self.call('Browser.close')
        self.process.wait(PATIENCE)
        os.close(self._read)
        os.close(self._write)


class Page:
    """An open page. What it asks for, logs and throws is collected from its first moment on."""

    def __init__(self, browser, target, session, url, width, height):
        self._browser, self._target, self._session = browser, target, session
        for domain in ('Network', 'Runtime', 'Log', 'Page', 'DOM'):
            self.call(domain + '.enable')
        self.resize(width, height)
        self.call('Page.navigate', url=url)

    def call(self, method, **params):
        return self._browser.call(method, self._session, **params)

    def events(self, method):
        self.run('0')  # those that are under way are read too
        return [event['params'] for event in self._browser.events
                if event.get('sessionId') == self._session and event.get('method') == method]

    def requests(self):
        """The addresses of all that the page asked for."""
        return [event['request']['url'] for event in self.events('Network.requestWillBeSent')]

    def complaints(self):
        """What the browser reports as errors: broken scripts, what the policy forbade."""
        return ([event['exceptionDetails'] for event in self.events('Runtime.exceptionThrown')] +
                [event['entry'] for event in self.events('Log.entryAdded')
                 if event['entry']['level'] == 'error'])

    def run(self, code):
        """The value of JavaScript; a promise is waited for."""
        done = self.call('Runtime.evaluate', expression=code, awaitPromise=True,
                         returnByValue=True)
        assert 'exceptionDetails' not in done, done['exceptionDetails']
        return done['result'].get('value')

    def wait(self, code):
        """Wait until JavaScript gives something true, and return that."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = self.run(code)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError('never true: %s' % code)

    def resize(self, width, height):
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, **features):
        """For example prefers_color_scheme='dark'."""
        self.call('Emulation.setEmulatedMedia', features=[
            {'name': name.replace('_', '-'), 'value': value} for name, value in features.items()])

    def choose_file(self, selector, path):
        node = self.call('DOM.querySelector', selector=selector,
                         nodeId=self.call('DOM.getDocument')['root']['nodeId'])['nodeId']
        self.call('DOM.setFileInputFiles', nodeId=node, files=[str(path)])

    def press(self, key, code=None, modifiers=0, hold=False):
        """Press a key by its name, as 'Tab' or 'ArrowLeft', and let it go unless `hold`."""
        numbers = {'Tab': 9, 'Enter': 13, ' ': 32, 'ArrowLeft': 37, 'ArrowUp': 38,
                   'ArrowRight': 39, 'ArrowDown': 40, 'z': 90}
        text = {'Enter': '\r', ' ': ' '}.get(key)
        how = {'key': key, 'code': code or key, 'windowsVirtualKeyCode': numbers[key],
               'modifiers': modifiers}
        self.call('Input.dispatchKeyEvent', type='keyDown', **(dict(how, text=text) if text
                                                                else how))
        if not hold:
            self.release(key)

    def release(self, key):
        self.call('Input.dispatchKeyEvent', type='keyUp', key=key, code=key)

    def drag(self, points):
        """Draw with the mouse from point to point, (x, y) in pixels of the window."""
        mouse = {'button': 'left', 'buttons': 1}
        (x, y), rest = points[0], points[1:]
        self.call('Input.dispatchMouseEvent', type='mousePressed', x=x, y=y, clickCount=1, **mouse)
        for x, y in rest:
            self.call('Input.dispatchMouseEvent', type='mouseMoved', x=x, y=y, **mouse)
        self.call('Input.dispatchMouseEvent', type='mouseReleased', x=x, y=y, clickCount=1,
                  button='left')

    def close(self):
        self._browser.call('Target.closeTarget', targetId=self._target)
