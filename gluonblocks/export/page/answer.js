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

function show({probabilities, milliseconds}, truth) {
  const top = probabilities.indexOf(Math.max(...probabilities));
  probabilities.forEach((p, i) => {
    bars[i].dataset.probability = p;
    bars[i].style.setProperty('--p', p);
    bars[i].classList.toggle('top', i === top);
    bars[i].lastChild.textContent = percent(p);
  });
  find('top').textContent = classes[top];
  find('sure').textContent = `${percent(probabilities[top])} sure`;
  const verdict = find('truth');
  verdict.hidden = !truth; // a file or a drawing has none
  verdict.className = truth === classes[top] ? 'right' : 'wrong';
  verdict.textContent = truth === classes[top] ? '✓ Right' : `✗ Wrong: it is labelled ${truth}`;
  find('time').textContent = `The net took ${milliseconds.toFixed(1)} ms.`;
  find('seen').setAttribute('aria-label', `What the net gets, ${side} × ${side} pixels`);
  const words = [classes[top], find('sure').textContent];
  if (!verdict.hidden) words.push(verdict.textContent);
  say(words.join(', '));
  showPeek(`${classes[top]} · ${percent(probabilities[top])}`);
  setState(wanted ? 'busy' : 'done');
}

function showNothing() {
  wanted = null;
  showBytes(find('seen'), new Uint8Array(side * side).fill(page.ground));
  for (const bar of bars) {
    delete bar.dataset.probability;
    bar.style.setProperty('--p', 0);
    bar.classList.remove('top');
    bar.lastChild.textContent = '–';
  }
  find('top').textContent = '–';
  find('sure').textContent = '';
  find('truth').hidden = true;
  find('time').textContent = 'No picture yet.';
  showPeek('');
  find('seen').setAttribute('aria-label', 'What the net gets: nothing yet');
  setState('empty');
}

/** A picture is on its way to its answer. */
function setBusy() {
  find('answer').dataset.state = 'busy';
}

function setState(state) {
  const {dataset} = find('answer');
  dataset.state = state;
  dataset.run = Number(dataset.run || 0) + 1;
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
