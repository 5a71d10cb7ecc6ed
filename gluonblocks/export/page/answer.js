// The panel with the answer: what the net gets, and the bars of the classes.
'use strict';

const page = JSON.parse(document.getElementById('page-data').textContent);
const {side, classes} = page;
const find = (id) => document.getElementById(id);

let ask = null; // the net, once it is loaded
let wanted = null; // {square, truth}: the newest picture, if it is not answered yet
let isRunning = false;
let speaking = 0;

const bars = classes.map((name) => {
  const bar = document.createElement('li');
  const [label, track, percent] = ['span', 'i', 'b'].map((tag) => document.createElement(tag));
  label.textContent = name;
  percent.textContent = '–';
  bar.append(label, track, percent);
  find('bars').append(bar);
  return bar;
});

/** Has the net answer `square`; `truth` is the class of a test image. */
function answer(square, truth) {
  showBytes(find('seen'), square);
  setBusy();
  wanted = {square, truth};
  answerNewest();
}

async function answerNewest() {
  if (!ask || isRunning) return;
  isRunning = true;
  while (wanted) { // while it ran, the next may have been drawn: those between are left out
    const {square, truth} = wanted;
    wanted = null;
    try {
      const given = await ask(square);
      // Meanwhile there may be no picture any more: the canvas was cleared.
      if (find('answer').dataset.state === 'busy') show(given, truth);
    } catch (error) {
      fail(`The net failed: ${error.message}`);
      break;
    }
    await new Promise(requestAnimationFrame); // the page has to show it
  }
  isRunning = false;
}

/** Shows the net's answer; without one, that there is none. */
function show(given, truth) {
  const p = given && given.probabilities;
  const top = p ? p.indexOf(Math.max(...p)) : -1;
  bars.forEach((bar, i) => {
    bar.style.setProperty('--p', p ? p[i] : '');
    bar.classList.toggle('top', i === top);
    bar.lastChild.textContent = p ? percent(p[i]) : '–';
  });
  const [name, sure] = p ? [classes[top], percent(p[top])] : ['–', ''];
  find('top').textContent = name;
  find('sure').textContent = sure && `${sure} sure`;
  const verdict = find('truth');
  verdict.hidden = !truth; // a file or a drawing has none
  verdict.className = truth === name ? 'right' : 'wrong';
  verdict.textContent = truth === name ? '✓ Right' : `✗ Wrong: it is labelled ${truth}`;
  find('time').textContent =
    p ? `The net took ${given.milliseconds.toFixed(1)} ms.` : 'No picture yet.';
  find('seen').setAttribute(
    'aria-label', `What the net gets${p ? `, ${side} × ${side} pixels` : ': nothing yet'}`);
  if (p) say([name, `${sure} sure`, ...(truth ? [verdict.textContent] : [])].join(', '));
  showPeek(sure && `${name} · ${sure}`);
  const {dataset} = find('answer');
  dataset.state = !p ? 'empty' : wanted ? 'busy' : 'done';
  dataset.run = Number(dataset.run || 0) + 1;
}

function showNothing() {
  wanted = null;
  showBytes(find('seen'), new Uint8Array(side * side));
  show(null);
}

/** A picture is on its way to its answer. */
function setBusy() {
  find('answer').dataset.state = 'busy';
}

/** For those who listen: when the picture has been still for a moment, not at every stroke. */
function say(words) {
  clearTimeout(speaking);
  speaking = setTimeout(() => { find('spoken').textContent = words; }, 700);
}

/** A line at the edge of a small screen, while the answer itself is out of sight. */
function showPeek(words) {
  if (words !== undefined) find('peek').textContent = words;
  find('peek').hidden = !find('peek').textContent || isInSight;
}

let isInSight = false;
new IntersectionObserver(([entry]) => {
  isInSight = entry.isIntersecting;
  showPeek();
}).observe(find('top'));

function percent(p) {
  // The spaces do not break.
  return p > 0 && p < 0.001 ? '<\u00a00.1\u00a0%' : `${(100 * p).toFixed(1)}\u00a0%`;
}

function showBytes(canvas, square) {
  const context = canvas.getContext('2d');
  const image = context.createImageData(side, side);
  square.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  context.putImageData(image, 0, 0);
}

function fail(message) {
  find('status').hidden = false;
  find('status').textContent = message;
  find('status').classList.add('failed');
  document.documentElement.dataset.state = 'failed';
}
