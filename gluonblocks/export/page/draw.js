// Drawing with a grey brush, using a mouse, pen, finger or keyboard.
'use strict';

/**
 * Makes `canvas` a drawing area. `brush()` returns {size, grey}: the width in canvas pixels, and the
 * brightness from 0 to 255. `ring` is the element that marks the position of the brush. `changed()`
 * is called after every change. Returns the functions {undo, clear, isEmpty, canUndo}.
 */
function makeDrawing({canvas, ring, brush, changed}) {
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const side = canvas.width;
  const history = []; // for undo: the strokes before each change
  let strokes = []; // each {size, grey, points}
  let isDrawing = false;
  let cursor = null; // position of the brush that the keyboard moves, or null
  let isDown = false; // true if the keyboard's brush paints when it moves

  function paint() {
    context.fillStyle = 'black';
    context.fillRect(0, 0, side, side);
    context.lineCap = context.lineJoin = 'round'; // so that a line of length 0 is a dot
    for (const {size, grey, points} of strokes) {
      context.strokeStyle = `rgb(${grey}, ${grey}, ${grey})`;
      context.lineWidth = size;
      context.beginPath();
      for (const {x, y} of points) context.lineTo(x, y);
      context.stroke();
    }
  }

  function setStrokes(next) {
    strokes = next;
    paint();
    changed();
  }

  function begin(point) {
    history.push(strokes);
    isDrawing = true;
    setStrokes([...strokes, {...brush(), points: [point, point]}]);
  }

  function extend(point) {
    strokes[strokes.length - 1].points.push(point);
    setStrokes(strokes);
  }

  function undo() {
    isDrawing = false;
    if (history.length) setStrokes(history.pop());
  }

  function clear() {
    isDrawing = false;
    history.push(strokes);
    setStrokes([]);
  }

  function position(event) {
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
    canvas.setPointerCapture(event.pointerId); // a stroke may leave the canvas and return
    begin(position(event));
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch') showRing(position(event));
    if (!isDrawing || isDown || !event.buttons) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : []; // Safari lacks it
    (events.length ? events : [event]).map(position).forEach(extend);
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, () => { isDrawing = false; });
  }
  canvas.addEventListener('pointerleave', () => showRing(cursor));

  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  canvas.addEventListener('focus', () => {
    if (!canvas.matches(':focus-visible')) return;
    cursor = {x: side / 2, y: side / 2};
    showRing(cursor);
  });
  canvas.addEventListener('blur', () => {
    cursor = null;
    isDown = isDrawing = false;
    showRing(null);
  });
  canvas.addEventListener('keydown', (event) => {
    const {key} = event;
    const withCtrl = event.ctrlKey || event.metaKey;
    const isUndo = withCtrl && key.toLowerCase() === 'z';
    const draws = !withCtrl && !event.altKey && (key in steps || key === ' ' || key === 'Enter');
    if (!isUndo && !draws) return;
    event.preventDefault(); // otherwise the page would scroll
    if (isUndo) return undo();
    cursor = cursor || {x: side / 2, y: side / 2};
    if (key in steps) {
      const [x, y] = steps[key].map((step) => step * side / 28 * (event.shiftKey ? 4 : 1));
      cursor = {x: Math.min(Math.max(cursor.x + x, 0), side),
                y: Math.min(Math.max(cursor.y + y, 0), side)};
      if (isDrawing) extend(cursor);
    } else if (!event.repeat) {
      if (key === 'Enter') isDown = !isDown;
      if (key === ' ' || isDown) begin(cursor);
      else isDrawing = false;
    }
    showRing(cursor);
  });
  canvas.addEventListener('keyup', (event) => {
    if (event.key === ' ' && !isDown) isDrawing = false;
  });

  paint();
  return {undo, clear, isEmpty: () => !strokes.length, canUndo: () => history.length > 0};
}
