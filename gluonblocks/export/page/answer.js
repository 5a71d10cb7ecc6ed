// The result panel: the input of the net, and a bar with the probability of each class.
'use strict';

const find = (id) => document.getElementById(id);
const side = find('seen').width;
const bars = [...find('bars').children];

let predict = null; // runs the net, once it is loaded
let newest = null; // {square, truth} of the image to classify, or null
let isRunning = false;
let speaking = 0; // a timer

/** Classifies `square`, grey bytes; `truth` is the class of a test image, or ''. */
function answer(square, truth = '') {
  newest = {square, truth};
  showBytes(square);
  answerNewest();
}

async function answerNewest() {
  if (!predict || isRunning) return;
  isRunning = true;
  try {
    // The image may change several times while the net runs; then only the newest is classified.
    for (let current = null; newest && newest !== current;) {
      current = newest;
      const {probabilities, milliseconds} = await predict(current.square);
      if (newest) { // otherwise the canvas was cleared in the meantime
        show(probabilities, current.truth, `The net took ${milliseconds.toFixed(1)} ms.`);
      }
      await new Promise(requestAnimationFrame); // let the browser display the result
    }
  } catch (error) {
    fail(`The net failed: ${error.message}`);
  }
  isRunning = false;
}

function showNothing() {
  newest = null;
  showBytes(new Uint8Array(side * side));
  show([], '', 'No image yet.');
}

/** Shows the class probabilities `p`, which are empty if there is no image. */
function show(p, truth, time) {
  const top = p.indexOf(Math.max(...p));
  bars.forEach((bar, i) => {
    bar.style.setProperty('--p', p.length ? p[i] : '');
    bar.classList.toggle('top', i === top);
    bar.lastChild.textContent = p.length ? percent(p[i]) : '–';
  });
  const name = p.length ? bars[top].firstChild.textContent : '–';
  const sure = p.length ? percent(p[top]) : '';
  const verdict = !truth ? '' : // files and drawings have no label
    truth === name ? '✓ Correct' : `✗ Wrong: the label is ${truth}`;
  find('top').textContent = name;
  find('sure').textContent = sure && `${sure} sure`;
  find('truth').textContent = verdict;
  find('truth').className = truth === name ? 'right' : 'wrong';
  find('time').textContent = time;
  find('peek').textContent = sure && `${name} · ${sure}`;
  // Screen readers announce the result only when the image has not changed for a moment.
  clearTimeout(speaking);
  speaking = setTimeout(() => {
    find('spoken').textContent = sure && `${name}, ${sure} sure, ${verdict}`;
  }, 700);
}

// On small screens, a bar at the bottom shows the result while the panel is scrolled out of view.
new IntersectionObserver(([{isIntersecting}]) => {
  find('peek').hidden = isIntersecting;
}).observe(find('top'));

function percent(p) {
  // \u00a0 is a space without a line break.
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
