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
  const history = []; // what undo brings back: the strokes before each change
  let strokes = []; // each {size, grey, points}
  let isDrawing = false;
  let byKey = null; // where the brush is that the keyboard moves
  let isDown = false; // whether the keyboard's brush stays on the canvas

  function paint() {
    context.fillStyle = 'black';
    context.fillRect(0, 0, side, side);
    context.lineCap = context.lineJoin = 'round'; // a line without length is a dot
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

  function goOn(point) {
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
    if (!isDrawing || isDown || !event.buttons) return;
    const between = event.getCoalescedEvents ? event.getCoalescedEvents() : []; // not in Safari
    (between.length ? between : [event]).map(place).forEach(goOn);
  });
  for (const name of ['pointerup', 'pointercancel']) {
    canvas.addEventListener(name, () => { isDrawing = false; });
  }
  canvas.addEventListener('pointerleave', () => showRing(byKey));

  const steps = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
  canvas.addEventListener('focus', () => {
    if (!canvas.matches(':focus-visible')) return;
    byKey = {x: side / 2, y: side / 2};
    showRing(byKey);
  });
  canvas.addEventListener('blur', () => {
    byKey = null;
    isDown = isDrawing = false;
    showRing(null);
  });
  canvas.addEventListener('keydown', (event) => {
    const {key} = event;
    const withCtrl = event.ctrlKey || event.metaKey;
    const isUndo = withCtrl && key.toLowerCase() === 'z';
    const isOurs = !withCtrl && !event.altKey && (key in steps || key === ' ' || key === 'Enter');
    if (!isUndo && !isOurs) return;
    event.preventDefault(); // else the page scrolls
    if (isUndo) return undo();
    byKey = byKey || {x: side / 2, y: side / 2};
    if (key in steps) {
      const [x, y] = steps[key].map((step) => step * side / 28 * (event.shiftKey ? 4 : 1));
      byKey = {x: Math.min(Math.max(byKey.x + x, 0), side),
               y: Math.min(Math.max(byKey.y + y, 0), side)};
      if (isDrawing) goOn(byKey);
    } else if (!event.repeat) {
      if (key === 'Enter') isDown = !isDown;
      if (key === ' ' || isDown) begin(byKey);
      else isDrawing = false;
    }
    showRing(byKey);
  });
  canvas.addEventListener('keyup', (event) => {
    if (event.key === ' ' && !isDown) isDrawing = false;
  });

  paint();
  return {undo, clear, isEmpty: () => !strokes.length, canUndo: () => history.length > 0};
}
