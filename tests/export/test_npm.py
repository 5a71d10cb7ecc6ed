"""Files of npm packages: where they come from, and that nothing is believed unchecked."""
import base64
import hashlib
import http.server
import io
import os
import tarfile
import threading

import pytest

from gluonblocks.export.npm import NpmPackage, PackageError, read_package

FILES = {'dist/a.js': b'"a";', 'dist/b.wasm': b'\0asm' * 100}


def archive_of(files):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode='w:gz') as tar:
        for path, data in files.items():
            member = tarfile.TarInfo('package/' + path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return content.getvalue()


ARCHIVE = archive_of(dict(FILES, **{'package.json': b'{}'}))
PACKAGE = NpmPackage(
    'some-package', '1.2.3', len(ARCHIVE),
    'sha512-' + base64.b64encode(hashlib.sha512(ARCHIVE).digest()).decode(),
    {path: hashlib.sha256(data).hexdigest() for path, data in FILES.items()})


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch, tmp_path):
    """No cache, no npm, and a registry where nobody answers."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'))
    monkeypatch.setenv('npm_config_registry', 'http://127.0.0.1:9/')


@pytest.fixture
def registry(monkeypatch):
    """A registry that answers with `.content` and keeps what was asked in `.asked`."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(server.content)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.content, server.asked = ARCHIVE, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv('npm_config_registry',
                       'http://127.0.0.1:%d/a/registry' % server.server_address[1])
    yield server
    server.shutdown()
    server.server_close()


def fake_npm(tmp_path, monkeypatch, script):
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'bin' / 'npm').write_text('#!/bin/sh\n' + script)
    (tmp_path / 'bin' / 'npm').chmod(0o755)
    monkeypatch.setenv('PATH', '%s:/usr/bin:/bin' % (tmp_path / 'bin'))


def test_it_is_fetched_once_from_the_registry_that_npm_is_set_to(registry, capsys):
    assert read_package(PACKAGE) == FILES
    assert registry.asked == ['/a/registry/some-package/-/some-package-1.2.3.tgz']
    assert 'fetching some-package 1.2.3' in capsys.readouterr().err
    assert read_package(PACKAGE) == FILES
    assert len(registry.asked) == 1
    assert capsys.readouterr().err == ''


def test_a_damaged_file_in_the_cache_is_fetched_again(registry, tmp_path):
    read_package(PACKAGE)
    (tmp_path / 'cache/gluonblocks/some-package-1.2.3/dist/a.js').write_bytes(b'"b";')
    assert read_package(PACKAGE) == FILES
    assert len(registry.asked) == 2


def test_the_registry_in_npms_own_settings_is_asked(registry, tmp_path, monkeypatch):
    address = os.environ['npm_config_registry']
    monkeypatch.delenv('npm_config_registry')
    fake_npm(tmp_path, monkeypatch, 'echo %s' % address)
    assert read_package(PACKAGE) == FILES
    assert len(registry.asked) == 1


def test_npm_itself_is_tried_where_the_registry_fails(tmp_path, monkeypatch):
    (tmp_path / 'kept.tgz').write_bytes(ARCHIVE)
    fake_npm(tmp_path, monkeypatch, 'test "$1 $2" = "pack some-package@1.2.3" && '
             'cp %s some-package-1.2.3.tgz' % (tmp_path / 'kept.tgz'))
    assert read_package(PACKAGE) == FILES


@pytest.mark.parametrize('content, words', [
    (archive_of(dict(FILES, **{'dist/a.js': b'evil'})), 'wrong content'),
    (ARCHIVE[:-10], 'wrong content'),
    (ARCHIVE + b'more', 'more than the %d bytes' % len(ARCHIVE)),
    (b'', 'wrong content')])
def test_another_content_is_not_believed_and_not_kept(registry, tmp_path, content, words):
    registry.content = content
    with pytest.raises(PackageError, match=words):
        read_package(PACKAGE)
    assert not (tmp_path / 'cache').exists()


def test_without_a_network_the_error_tells_what_to_do(registry):
    registry.shutdown()
    registry.server_close()
    with pytest.raises(PackageError) as error:
        read_package(PACKAGE)
    for words in ('some-package 1.2.3 is not here', os.environ['npm_config_registry'],
                  'npm pack some-package@1.2.3', 'some-package-1.2.3.tgz'):
        assert words in str(error.value)


def test_a_registry_that_is_no_address_of_the_web_is_not_opened(monkeypatch, tmp_path):
    monkeypatch.setenv('npm_config_registry', 'file://%s' % tmp_path)
    with pytest.raises(PackageError, match="'file://.*no address of the web"):
        read_package(PACKAGE)


@pytest.mark.parametrize('place', ['archive', 'its folder', 'package', 'side by side'])
def test_files_that_are_here_already_are_taken_from_where_they_are_said_to_be(tmp_path, place):
    folder = tmp_path / 'here'
    (folder / 'dist').mkdir(parents=True)
    if place in ('archive', 'its folder'):
        (folder / PACKAGE.archive).write_bytes(ARCHIVE)
    for path, data in FILES.items():
        if place == 'package':
            (folder / path).write_bytes(data)
        elif place == 'side by side':
            (folder / os.path.basename(path)).write_bytes(data)
    assert read_package(PACKAGE, folder / PACKAGE.archive if place == 'archive'
                        else folder) == FILES


@pytest.mark.parametrize('change, words', [
    (lambda folder: (folder / 'a.js').unlink(), 'a.js is not there'),
    (lambda folder: (folder / 'a.js').write_bytes(b'evil'), 'a.js: wrong content'),
    (lambda folder: (folder / PACKAGE.archive).write_bytes(b'evil'), 'tgz: wrong content')])
def test_a_folder_with_other_files_is_refused_with_the_way_to_the_right_ones(
        tmp_path, change, words):
    for path, data in FILES.items():
        (tmp_path / os.path.basename(path)).write_bytes(data)
    change(tmp_path)
    with pytest.raises(PackageError, match=words) as error:
        read_package(PACKAGE, tmp_path)
    assert 'npm pack some-package@1.2.3' in str(error.value)


def test_a_cache_that_cannot_be_written_is_told_and_the_files_are_there(registry, tmp_path, capsys):
    (tmp_path / 'cache').write_text('in the way')
    assert read_package(PACKAGE) == FILES
    assert 'not kept for the next time' in capsys.readouterr().err
