"""Code of others by 'module:name': found, named, and refused in words."""
import functools
import hashlib
import importlib
import sys

import pytest

from gluonblocks.registry import import_folder, is_spec, load_object, source_of, spec_of


@pytest.mark.parametrize('text, good', [
    ('a.b_2:C.d', True), ('\u7f51:\u7edc', True), ('a', False), ('a:', False), ('a:b:c', False),
    ('a/b:c', False), ('a:b()', False), ('..a:b', False)])
def test_a_module_and_a_name_are_what_python_calls_so(text, good):
    assert is_spec(text) == good


def test_what_a_module_defines_is_found_and_named_with_its_file(write_module):
    text = 'class A:\n    def make(): return 5\ndef f(): return 6\n'
    path = write_module('pack_of_ours.nets', text)
    assert load_object('pack_of_ours.nets:A.make', 'it')() == 5
    function = load_object('pack_of_ours.nets:f', 'it')
    assert spec_of(function, 'it') == 'pack_of_ours.nets:f'
    source = source_of('pack_of_ours.nets:f')
    assert source == {'module': 'pack_of_ours.nets', 'name': 'f', 'file': str(path),
                      'sha256': hashlib.sha256(text.encode()).hexdigest()}
    assert import_folder(source) == str(path.parent.parent)


@pytest.mark.parametrize('text, said', [
    ('import nothing_of_this_name', 'its module needs nothing_of_this_name, which is not install'),
    ('def f(:', r'SyntaxError: .*ours_broken.py, line 1\)'),
    ('import sys; sys.exit("bye")', r'SystemExit: bye'),
    ('def g(): pass', "imported from .*ours_broken.py, has no 'f'; it has g$"),
])
def test_what_keeps_a_module_from_being_imported_is_said(write_module, text, said):
    write_module('ours_broken', text)
    with pytest.raises(ValueError, match='the thing ours_broken:f cannot be imported: .*' + said):
        load_object('ours_broken:f', 'the thing')


def test_a_module_that_is_nowhere_is_refused_with_what_to_do():
    with pytest.raises(ValueError, match="Python found no module 'nowhere_at_all' among .* Run "
                                         'from the folder that contains it, or add that folder '):
        load_object('nowhere_at_all.nets:f', 'the thing')


@pytest.mark.parametrize('function', [
    lambda: 1, functools.partial(print), pytest.raises(ValueError).__exit__])
def test_what_no_other_process_can_import_has_no_name(function):
    with pytest.raises(ValueError, match='not a lambda, a partial|cannot be imported'):
        spec_of(function, 'it')


def test_an_edit_counts_from_the_import_that_runs_it(write_module):
    path = write_module('edited_later', 'def f(): return 6\n')
    module = sys.modules[load_object('edited_later:f', 'it').__module__]
    imported = source_of('edited_later:f')
    path.write_text('def f(): return 60\n')
    assert load_object('edited_later:f', 'it')() == 6 and source_of('edited_later:f') == imported
    importlib.reload(module)
    assert module.f() == 60 and source_of('edited_later:f')['sha256'] == hashlib.sha256(
        path.read_bytes()).hexdigest() != imported['sha256']
