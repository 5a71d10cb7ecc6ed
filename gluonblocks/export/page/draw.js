// Drawing with a grey brush: by mouse, pen, finger or keyboard.
'use strict';

/**
 * Makes `canvas` a drawing area. `brush()` tells {size, grey}: the width in pixels of the canvas
 * and 0 to 255; `ring` is the element that shows where the brush is; `changed()` is called after
 * every change. Gives {undo, clear, isEmpty, canUndo}.
 */
function makeDrawing({canvas, ring, brush, changed}) {
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const side = canvas.width;
  const history = []; // what undo brings back: {image, isEmpty} before each stroke
  let isEmpty = true;
  let stroke = null; // {size, grey, at}
  let byKey = null; // where the brush is that the keyboard moves
  let isDown = false; // whether the keyboard's brush stays on the canvas

  function remember() {
    history.push({image: context.getImageData(0, 0, side, side), isEmpty});
    if (history.length > 100) history.shift();
  }

  function begin(point) {
    remember();
    stroke = {...brush(), at: point};
    goOn(point);
  }

  function goOn(point) {
    context.strokeStyle = `rgb(${stroke.grey}, ${stroke.grey}, ${stroke.grey})`;
    context.lineWidth = stroke.size;
    context.lineCap = 'round'; // which makes a dot of a line without length
    context.beginPath();
    context.moveTo(stroke.at.x, stroke.at.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    stroke.at = point;
    isEmpty = false;
    changed();
  }

  function fill() {
    context.fillStyle = 'black';
    context.fillRect(0, 0, side, side);
    isEmpty = true;
  }

  function undo() {
    stroke = null;
    const before = history.pop();
    if (!before) return;
    context.putImageData(before.image, 0, 0);
    isEmpty = before.isEmpty;
    changed();
  }

  function clear() {
    stroke = null;
    if (isEmpty) return;
    remember();
    fill();
    changed();
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) * side / box.width,
            y: (event.clientY - box.top) * side / box.height};
  }

  function showRing(point) {
    ring.hidden = !point;
    if (!point) return;
    ring.style.setProperty('--x', point.x / side);
    ring.style.setProperty('--y', point.y / side);
    ring.style.setProperty('--size', brush().size / side);
    ring.classList.toggle('down', isDown);
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId); // a stroke may leave the canvas and come back
    begin(place(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') showRing(place(event));
    if (!stroke || byKey && isDown || !event.buttons) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    (between.length ? between : [event]).forEach((each) => goOn(place(each)));
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, () => { stroke = null; });
  }
  canvas.addEventListener('pointerleave', () => showRing(byKey));

  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  canvas.addEventListener('focus', () => {
    if (!canvas.matches(':focus-visible')) return;
    byKey = byKey || {x: side / 2, y: side / 2};
    showRing(byKey);
  });
  canvas.addEventListener('blur', () => {
    byKey = isDown = stroke = null;
    showRing(null);
  });
  canvas.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'z') {
      event.preventDefault();
      undo();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = steps[event.key];
    if (!step && event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault(); // else the page scrolls
    byKey = byKey || {x: side / 2, y: side / 2};
    if (step) {
      const far = side / 28 * (event.shiftKey ? 4 : 1);
      byKey = {x: Math.min(Math.max(byKey.x + step[0] * far, 0), side),
               y: Math.min(Math.max(byKey.y + step[1] * far, 0), side)};
      if (stroke) goOn(byKey);
    } else if (!event.repeat) {
      if (event.key === 'Enter') isDown = !isDown;
      if (event.key === ' ' || isDown) begin(byKey);
      else stroke = null;
    }
    showRing(byKey);
  });
  canvas.addEventListener('keyup', (event) => {
    if (event.key === ' ' && !isDown) stroke = null;
  });

  fill();
  return {undo, clear, isEmpty: () => isEmpty, canUndo: () => history.length > 0};
}
