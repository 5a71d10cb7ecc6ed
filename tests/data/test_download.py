"""Each source of the files in turn, and nothing half-written after a failure."""
import os

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


@pytest.mark.parametrize('source', [0, 1])
def test_files_come_from_the_authors_or_else_from_gluons_host(tiny, sources, tmp_path, source,
                                                              capsys):
    serve(tiny, sources[source])
    assert fetch(tmp_path / 'target') == ALL
    out, err = capsys.readouterr()
    assert out == '' and len(err.splitlines()) == source + 1


def test_a_source_that_gives_a_bad_file_is_passed_over(tiny, sources, tmp_path):
    serve(tiny, sources[0])
    (sources[0] / (NAMES[2] + '.gz')).write_bytes(b'<html>404</html>')
    serve(tiny, sources[1])
    assert fetch(tmp_path / 'target') == ALL


def test_nothing_half_written_stays_when_every_source_fails(tiny, sources, tmp_path):
    serve(tiny, sources[0], NAMES[:2])
    serve(tiny, sources[1])
    (sources[1] / (NAMES[3] + '.gz')).write_bytes(tiny.path(NAMES[3]).read_bytes()[:-9])
    with pytest.raises(OSError, match="data set's authors: .*\n.*Gluon's host: .*truncated"):
        fetch(tmp_path / 'target')
    assert os.listdir(str(tmp_path / 'target')) == []


def test_an_interrupted_download_leaves_nothing(tiny, sources, tmp_path, monkeypatch):
    serve(tiny, sources[0])

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


def test_what_apt_said_is_passed_on(tiny, sources, tmp_path):
    for name in ('apt-get', 'dpkg-deb'):
        path = tmp_path / 'bin' / name
        path.write_text('#!/bin/sh\necho "E: no network" >&2\nexit 100\n')
        path.chmod(0o755)
    with pytest.raises(OSError, match='apt-get download: E: no network; .*: apt-get update: E: no'):
        fetch(tmp_path / 'target')
