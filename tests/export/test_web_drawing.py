"""Drawing on the web page, by mouse, finger and keyboard."""

import numpy as np
from web_pages import (
    answered,
    box,
    click,
    draw,
    expected,
    seen,
    shown,
)

SHIFT, CTRL = 8, 2


def test_a_drawing_gets_the_answer_for_what_is_shown_of_it(page):
    p = answered(page, lambda: draw(page, [(.2, .3), (.5, .35), (.8, .3)]))
    drawn = seen(page)
    assert drawn[8:10, 7:22].min() > 150 and drawn[20:].max() == 0
    np.testing.assert_allclose(p, expected(drawn), atol=1e-5)


def test_a_finger_draws_and_does_not_scroll(page):
    page.resize(360, 500)
    page.call('Emulation.setTouchEmulationEnabled', enabled=True)
    left, top, width, height = box(page, '#canvas')
    points = [{'x': left + width / 2, 'y': top + height * part} for part in (.7, .6, .5, .3)]
    for i, point in enumerate(points):
        page.call('Input.dispatchTouchEvent', touchPoints=[point],
                  type='touchMove' if i else 'touchStart')
    page.call('Input.dispatchTouchEvent', type='touchEnd', touchPoints=[])
    page.wait('document.getElementById("answer").dataset.state == "done"')
    assert seen(page)[9:19, 13:15].min() > 150 and page.run('scrollY') == 0


def test_a_slow_answer_does_not_come_back_after_clear(page):
    page.run('''const quick = ask;
        ask = async (square) => {
            await new Promise((done) => setTimeout(done, 300));
            return quick(square);
        }; 0''')
    draw(page, [(.2, .3), (.8, .3)])
    click(page, '#clear')
    page.run('new Promise((done) => setTimeout(done, 900))')
    assert shown(page) is None


def test_large_logits_do_not_overflow(shared_page):
    assert shared_page.run('softmax([1000, 1000, -1000])') == [.5, .5, 0]


def test_undo_takes_the_last_stroke_back_and_clear_can_be_undone(page):
    answered(page, lambda: draw(page, [(.2, .3), (.8, .3)]))
    first = seen(page)
    draw(page, [(.2, .7), (.8, .7)])
    assert (seen(page) != first).any()
    click(page, '#undo')
    assert (seen(page) == first).all()
    click(page, '#clear')
    assert seen(page).max() == 0 and shown(page) is None
    click(page, '#undo')
    assert (seen(page) == first).all()


def test_the_keyboard_alone_reaches_draws_and_takes_back(page):
    for _ in range(3):  # the link to the answer, the tabs, the drawing area
        page.press('Tab')
    assert page.run('document.activeElement.id') == 'canvas'
    for _ in range(2):
        page.press('ArrowUp', modifiers=SHIFT)
    assert seen(page).max() == 0, 'the brush has painted before it was told to'
    page.press(' ', hold=True)
    for _ in range(4):
        page.press('ArrowLeft')
    page.release(' ')
    page.press('ArrowDown', modifiers=SHIFT)
    page.wait('document.getElementById("answer").dataset.state == "done"')
    drawn = seen(page)
    assert drawn[5:7, 10:14].min() > 150 and drawn[10:].max() == 0
    page.press('z', modifiers=CTRL)
    assert seen(page).max() == 0
    page.press('Enter')
    page.press('ArrowRight', modifiers=SHIFT)
    page.press('Enter')
    page.press('ArrowDown', modifiers=SHIFT)
    assert seen(page)[9:11, 10:14].min() > 150 and seen(page)[14:].max() == 0


def test_the_keyboard_goes_through_the_tabs_and_the_gallery(page):
    page.press('Tab')
    page.press('Tab')
    page.press('ArrowRight')
    assert page.run('document.activeElement.id') == 'tab-picture'
    page.press('ArrowRight')
    page.press('Tab')
    p = answered(page, lambda: page.press('Enter'))
    assert p is not None
    assert page.run('document.activeElement.getAttribute("aria-pressed")') == 'true'
    heard = page.wait('document.getElementById("spoken").textContent')
    assert '% sure' in heard.replace('\xa0', ' ')
