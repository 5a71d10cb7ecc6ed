"""Each source of the files in turn, and nothing half-written after a failure."""
import os
import socket
import threading
import time

import pytest

from gluonblocks.data import download, fashion_mnist

NAMES = list(fashion_mnist.FILES)


@pytest.fixture
def sources(tiny, tmp_path, monkeypatch):
    """The tiny files served by none of the sources, yet; returns the folders of two of them."""
    folders = [tmp_path / 'authors', tmp_path / 'gluon' / 'gluon' / 'dataset' / 'fashion-mnist']
    for folder in folders:
        folder.mkdir(parents=True)
    monkeypatch.setattr(download, '_AUTHORS', folders[0].as_uri() + '/')
    monkeypatch.setenv('MXNET_GLUON_REPO', (tmp_path / 'gluon').as_uri())
    (tmp_path / 'bin').mkdir()
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'))  # no apt-get
    return folders


def serve(tiny, folder, names=NAMES):
    for name in names:
        (folder / (name + '.gz')).write_bytes(tiny.path(name).read_bytes())


def fetch(target):
    download.fetch(NAMES, str(target), fashion_mnist.check)
    return sorted(os.listdir(str(target)))


ALL = sorted(name + '.gz' for name in NAMES)


def test_files_come_from_the_authors_or_else_from_gluons_host(tiny, sources, tmp_path, capsys):
    serve(tiny, sources[1])
    assert fetch(tmp_path / 'target') == ALL
    (sources[0] / (NAMES[2] + '.gz')).write_bytes(b'<html>404</html>')  # is passed over
    assert fetch(tmp_path / 'target') == ALL
    serve(tiny, sources[0])
    assert fetch(tmp_path / 'target') == ALL
    out, err = capsys.readouterr()
    begun = [line.split()[3:5] for line in err.splitlines() if line.startswith('downloading')]
    assert out == '' and begun == [['the', 'data'], ["Gluon's", 'host']] * 2 + [['the', 'data']]


@pytest.mark.parametrize('answer, reason', [
    (b'', 'Remote end closed connection without response'),
    (b'220 ftp ready\r\n\r\n', '220 ftp ready'),
    (b'HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n', '503'),
    (b'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: file:///etc/hosts\r\n\r\n', 'file:'),
    (None, 'timed out')])
def test_a_server_that_misbehaves_is_passed_over_with_the_reason(
        tiny, sources, tmp_path, monkeypatch, capsys, answer, reason):
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve_once():
            with server.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer) if answer is not None else time.sleep(1)
        threading.Thread(target=serve_once, daemon=True).start()
        monkeypatch.setattr(download, '_AUTHORS', 'http://127.0.0.1:%d/' % server.getsockname()[1])
        monkeypatch.setattr(download, '_TIMEOUT', 0.5)
        serve(tiny, sources[1])
        assert fetch(tmp_path / 'target') == ALL
    failed, = [line for line in capsys.readouterr().err.splitlines() if line.startswith('failed')]
    assert reason in failed and NAMES[0] + '.gz: ' in failed


def test_nothing_half_written_stays_when_all_fails_or_it_is_interrupted(tiny, sources, tmp_path):
    serve(tiny, sources[0], NAMES[:2])
    serve(tiny, sources[1])
    (sources[1] / (NAMES[3] + '.gz')).write_bytes(tiny.path(NAMES[3]).read_bytes()[:-9])
    with pytest.raises(OSError, match="data set's authors: .*\n.*Gluon's host: .*truncated"):
        fetch(tmp_path / 'target')
    assert os.listdir(str(tmp_path / 'target')) == []

    def interrupt(name, path):
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        download.fetch(NAMES, str(tmp_path / 'target'), interrupt)
    assert os.listdir(str(tmp_path / 'target')) == []


APT_GET = """#!/bin/sh
# Refuses to download until its lists are fetched, into a folder that the caller may write.
for argument; do case $argument in Dir::State::Lists=*) lists=${argument#*=};; esac; done
case $1 in
  update) /bin/touch "$lists/fetched" ;;
  download) [ -e "$lists/fetched" ] || { echo "E: Unable to locate" >&2; exit 100; }
            : > dataset.deb ;;
esac
"""
DPKG_DEB = """#!/bin/sh
/bin/mkdir -p "$3/usr/share/datasets"
/bin/cp -r "%s" "$3/usr/share/datasets/fashion-mnist"
"""


def test_files_come_through_apt_without_root_and_without_lists(tiny, sources, tmp_path):
    for name, script in [('apt-get', APT_GET), ('dpkg-deb', DPKG_DEB % tiny.folder)]:
        path = tmp_path / 'bin' / name
        path.write_text(script)
        path.chmod(0o755)
    assert fetch(tmp_path / 'target') == ALL
