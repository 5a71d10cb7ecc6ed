// What the page does: three ways to a picture.
'use strict';

// ---- the three tabs

const tabs = [...document.querySelectorAll('[role=tab]')];
const shown = {}; // what each tab has to show: a function

function choose(name) {
  for (const tab of tabs) {
    const isChosen = tab.id === `tab-${name}`;
    tab.setAttribute('aria-selected', isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    find(tab.getAttribute('aria-controls')).hidden = !isChosen;
  }
  (shown[name] || showNothing)();
}

tabs.forEach((tab, i) => {
  tab.addEventListener('click', () => choose(tab.getAttribute('aria-controls')));
  tab.addEventListener('keydown', (event) => {
    const to = {ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = tabs[(to + tabs.length) % tabs.length];
    next.focus();
    next.click();
  });
});

// ---- drawing

const [size, grey] = [find('size'), find('grey')];
const drawing = makeDrawing({
  canvas: find('canvas'), ring: find('ring'), changed: showDrawing,
  brush: () => ({size: Number(size.value) * find('canvas').width / side, grey: Number(grey.value)}),
});

function showDrawing() {
  find('hint').hidden = !drawing.isEmpty();
  find('clear').disabled = drawing.isEmpty();
  find('undo').disabled = !drawing.canUndo();
  if (drawing.isEmpty()) showNothing();
  else answer(fitIntoSquare(greyOf(find('canvas'), 0), side));
}

function showBrush() {
  find('size-value').textContent = `${size.value} px`;
  find('grey-value').textContent = grey.value;
  find('grey-value').style.setProperty('--grey', grey.value);
}

shown.draw = showDrawing;
find('undo').addEventListener('click', drawing.undo);
find('clear').addEventListener('click', drawing.clear);
for (const slider of [size, grey]) slider.addEventListener('input', showBrush);

// ---- a picture file

let opened = null; // the blob

async function openPicture(blob) {
  opened = blob;
  if (tabs[1].getAttribute('aria-selected') !== 'true') choose('picture');
  else await showPicture();
}

async function showPicture() {
  const blob = opened;
  if (!blob) return showNothing();
  setBusy();
  const isInverted = find('invert').checked;
  const complaint = find('picture-error');
  try {
    const picture = await readPicture(blob, isInverted ? 255 : 0);
    if (isInverted) picture.pixels.forEach((v, i, all) => { all[i] = 255 - v; });
    const square = fitIntoSquare(picture, side);
    if (blob !== opened || find('picture').hidden) return; // another one was quicker
    complaint.hidden = true;
    find('looks-inverted').hidden = isInverted || !looksInverted(square, side);
    answer(square);
    URL.revokeObjectURL(find('preview').src);
    find('preview').src = URL.createObjectURL(blob);
    find('preview').hidden = false;
  } catch (error) {
    if (blob !== opened) return;
    showNothing();
    find('preview').hidden = find('looks-inverted').hidden = true;
    complaint.textContent = error.message;
    complaint.hidden = false;
  }
}

shown.picture = showPicture;
find('invert').addEventListener('change', showPicture);
find('file').addEventListener('change', () => {
  const [file] = find('file').files;
  if (file) openPicture(file);
  find('file').value = ''; // so that the same file can be chosen again
});
document.addEventListener('paste', (event) => openFirst(event, event.clipboardData));
document.addEventListener('drop', (event) => openFirst(event, event.dataTransfer));
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault(); // else the browser leaves the page for the file
    find('drop').classList.toggle('over', name === 'dragenter' || name === 'dragover');
  });
}

function openFirst(event, transfer) {
  const [file] = transfer ? transfer.files : [];
  if (!file) return;
  event.preventDefault();
  openPicture(file);
}

// ---- the test images

const buttons = page.gallery.map(({name, pixels}, i) => {
  const [item, button, canvas] = ['li', 'button', 'canvas'].map((t) => document.createElement(t));
  const square = Uint8Array.from(atob(pixels), (c) => c.charCodeAt(0));
  Object.assign(canvas, {width: side, height: side});
  showBytes(canvas, square);
  button.type = 'button';
  button.title = name || '';
  button.setAttribute('aria-label', `Test image ${i + 1}${name ? `: ${name}` : ''}`);
  button.setAttribute('aria-pressed', 'false');
  button.append(canvas);
  button.addEventListener('click', () => {
    buttons.forEach((each) => each.setAttribute('aria-pressed', each === button));
    shown.gallery = () => answer(square, name);
    shown.gallery();
  });
  item.append(button);
  find('images').append(item);
  return button;
});
tabs[2].hidden = !buttons.length;

// ---- the net

showBrush();
showDrawing();
loadNet(side).then((net) => {
  ask = net;
  document.documentElement.dataset.state = 'ready';
  find('status').hidden = true;
  answerNewest();
}, (error) => fail(`The net could not be loaded: ${error.message}`));
