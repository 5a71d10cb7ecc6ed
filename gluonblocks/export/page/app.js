// The three tabs, each of which provides an image: a drawing, a file or a test image.
'use strict';

const shown = {draw: showDrawing, picture: showPicture, gallery: showTestImage}; // by tab

function showTab() {
  for (const tab of document.querySelectorAll('.tabs input')) {
    find(tab.value).hidden = !tab.checked;
    if (tab.checked) shown[tab.value]();
  }
}

document.querySelector('.tabs').addEventListener('change', showTab);

// ---- drawing

const [size, grey] = [find('size'), find('grey')];
const drawing = makeDrawing({
  canvas: find('canvas'), ring: find('ring'), changed: showDrawing,
  brush: () => ({size: size.value * find('canvas').width / side, grey: grey.value}),
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

find('undo').addEventListener('click', drawing.undo);
find('clear').addEventListener('click', drawing.clear);
find('draw').addEventListener('input', showBrush);

// ---- an image file

let opened = null; // the file or blob that was opened last

function openPicture(files) {
  if (!files.length) return;
  [opened] = files;
  find('tab-picture').checked = true;
  showTab();
}

async function showPicture() {
  const blob = opened;
  if (!blob) return showNothing();
  const isInverted = find('invert').checked;
  try {
    const picture = await readPicture(blob, isInverted ? 255 : 0);
    if (isInverted) picture.pixels.forEach((v, i, all) => { all[i] = 255 - v; });
    const square = fitIntoSquare(picture, side);
    if (blob !== opened || find('picture').hidden) return; // the user chose another image meanwhile
    find('picture-error').textContent = '';
    find('looks-inverted').hidden = isInverted || !looksInverted(square, side);
    answer(square);
    URL.revokeObjectURL(find('preview').src);
    find('preview').src = URL.createObjectURL(blob);
    find('preview').hidden = false;
  } catch (error) {
    if (blob !== opened) return;
    showNothing();
    find('preview').hidden = find('looks-inverted').hidden = true;
    find('picture-error').textContent = error.message;
  }
}

find('invert').addEventListener('change', showPicture);
find('file').addEventListener('change', () => {
  openPicture(find('file').files);
  find('file').value = ''; // otherwise the same file could not be chosen again
});
document.addEventListener('paste', (event) => openPicture(event.clipboardData.files));
document.addEventListener('drop', (event) => openPicture(event.dataTransfer.files));
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(name, (event) => {
    event.preventDefault(); // otherwise the browser would open the file instead of the page
    find('drop').classList.toggle('over', name === 'dragenter' || name === 'dragover');
  });
}

// ---- the test images

async function showTestImage() {
  const chosen = document.querySelector('#images :checked');
  const image = chosen.nextElementSibling;
  await image.decode();
  const {pixels} = greyOf(await createImageBitmap(image), 0);
  if (chosen.checked && !find('gallery').hidden) answer(pixels, chosen.value);
}

if (find('images')) find('images').addEventListener('change', showTestImage);

// ---- the net

showBrush();
showTab();
loadNet(side).then((net) => {
  predict = net;
  find('status').hidden = true;
  answerNewest();
}, (error) => fail(`The net could not be loaded: ${error.message}`));
