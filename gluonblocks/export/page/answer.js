// The panel with the answer: what the net gets, and the bars of the classes.
'use strict';

const find = (id) => document.getElementById(id);
const side = find('seen').width;
const bars = [...find('bars').children];

let ask = null; // the net, once it is loaded
let newest = null; // {square, truth} of the picture to answer, or null
let isRunning = false;
let speaking = 0; // a timer

/** Has the net answer `square`; `truth` is the class of a test image. */
function answer(square, truth = '') {
  newest = {square, truth};
  showBytes(square);
  answerNewest();
}

async function answerNewest() {
  if (!ask || isRunning) return;
  isRunning = true;
  try {
    // While the net runs, several pictures may be drawn: only the last of them is answered.
    for (let asked = null; newest && newest !== asked;) {
      asked = newest;
      const {probabilities, milliseconds} = await ask(asked.square);
      if (newest) { // else the canvas was cleared meanwhile
        show(probabilities, asked.truth, `The net took ${milliseconds.toFixed(1)} ms.`);
      }
      await new Promise(requestAnimationFrame); // so that the browser shows it
    }
  } catch (error) {
    fail(`The net failed: ${error.message}`);
  }
  isRunning = false;
}

function showNothing() {
  newest = null;
  showBytes(new Uint8Array(side * side));
  show([], '', 'No picture yet.');
}

/** Shows the probabilities `p` of the classes; they are empty if there is no picture. */
function show(p, truth, time) {
  const top = p.indexOf(Math.max(...p));
  bars.forEach((bar, i) => {
    bar.style.setProperty('--p', p.length ? p[i] : '');
    bar.classList.toggle('top', i === top);
    bar.lastChild.textContent = p.length ? percent(p[i]) : '–';
  });
  const name = p.length ? bars[top].firstChild.textContent : '–';
  const sure = p.length ? percent(p[top]) : '';
  const verdict = !truth ? '' : // a file or a drawing has none
    truth === name ? '✓ Right' : `✗ Wrong: it is labelled ${truth}`;
  find('top').textContent = name;
  find('sure').textContent = sure && `${sure} sure`;
  find('truth').textContent = verdict;
  find('truth').className = truth === name ? 'right' : 'wrong';
  find('time').textContent = time;
  find('peek').textContent = sure && `${name} · ${sure}`;
  // Screen readers speak once the picture has been still for a moment, not at every stroke.
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    find('spoken').textContent = sure && `${name}, ${sure} sure, ${verdict}`;
  }, 700);
}

// On a small screen a line at its edge has the answer while the panel is out of sight.
new IntersectionObserver(([{isIntersecting}]) => {
  find('peek').hidden = isIntersecting;
}).observe(find('top'));

function percent(p) {
  // The spaces do not break.
  return p > 0 && p < 0.001 ? '<\u00a00.1\u00a0%' : `${(100 * p).toFixed(1)}\u00a0%`;
}

function showBytes(square) {
  const image = new ImageData(side, side);
  square.forEach((v, i) => image.data.set([v, v, v, 255], 4 * i));
  find('seen').getContext('2d').putImageData(image, 0, 0);
}

function fail(message) {
  find('status').hidden = false;
  find('status').textContent = message;
  find('status').classList.add('failed');
}
