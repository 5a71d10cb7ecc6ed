// Bilinear resizing of grey bytes as Pillow and OpenCV do it, bit by bit: a browser's own resizing
// of a canvas moves the net's probabilities by up to 0.4.
'use strict';

/**
 * As Pillow's resize((newWidth, newHeight), BILINEAR): a triangle as wide as a new pixel.
 * `pixels` is a Uint8Array of height * width, row by row; so is what comes back.
 */
function resizeLikePillow(pixels, width, height, newWidth, newHeight) {
  if (newWidth !== width) {
    pixels = alongOneAxis(pixels, height,
      {size: width, step: 1, line: width}, {size: newWidth, step: 1, line: newWidth});
  }
  if (newHeight !== height) {
    pixels = alongOneAxis(pixels, newWidth,
      {size: height, step: newWidth, line: 1}, {size: newHeight, step: newWidth, line: 1});
  }
  return pixels;
}

/** `from` and `to` tell an axis: its length, and how far apart its pixels and its lines lie. */
function alongOneAxis(pixels, numLines, from, to) {
  const result = new Uint8Array(numLines * to.size);
  for (let i = 0; i < to.size; i++) {
    const {first, weights} = triangle(i, from.size, to.size);
    for (let line = 0; line < numLines; line++) {
      let at = line * from.line + first * from.step;
      let sum = 2 ** 21; // a half, so that the shift rounds
      for (let k = 0; k < weights.length; k++, at += from.step) sum += weights[k] * pixels[at];
      result[line * to.line + i * to.step] = Math.min(sum >> 22, 255);
    }
  }
  return result;
}

/** The weights of old pixels, from `first` on, in the new pixel `i`: whole numbers, 1 is 2**22. */
function triangle(i, size, newSize) {
  const scale = size / newSize;
  const support = Math.max(scale, 1);
  const centre = (i + 0.5) * scale;
  const first = Math.max(Math.trunc(centre - support + 0.5), 0);
  const end = Math.min(Math.trunc(centre + support + 0.5), size);
  const weights = [];
  for (let x = first; x < end; x++) {
    weights.push(Math.max(0, 1 - Math.abs((x - centre + 0.5) * (1 / support))));
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return {first, weights: weights.map((w) => Math.trunc(0.5 + w / sum * 2 ** 22))};
}

/**
 * A square of side * side bytes as a square of newSide * newSide, as OpenCV, and so MXNet's
 * image.resize, does it: the two nearest pixels along each axis count, also in making it smaller.
 */
function resizeLikeOpenCV(pixels, side, newSide) {
  if (newSide === side) return pixels;
  const columns = nearestTwo(side, newSide);
  for (const column of columns) { // at the border one pixel has the whole weight
    if (column.at < 0) Object.assign(column, {at: 0, weights: [2048, 0]});
    if (column.at >= side - 1) Object.assign(column, {at: side - 1, weights: [2048, 0]});
  }
  const row = (y) => Math.min(Math.max(y, 0), side - 1) * side;
  const between = (y, {at, weights}) => weights[0] * pixels[row(y) + at] +
    weights[1] * pixels[row(y) + Math.min(at + 1, side - 1)];
  const result = new Uint8Array(newSide * newSide);
  nearestTwo(side, newSide).forEach(({at, weights}, y) => columns.forEach((column, x) => {
    const above = weights[0] * (between(at, column) >> 4) >> 16;
    const below = weights[1] * (between(at + 1, column) >> 4) >> 16;
    result[y * newSide + x] = above + below + 2 >> 2;
  }));
  return result;
}

/** For each new pixel the one before it and the weights of that and the next; 1 is 2048. */
function nearestTwo(side, newSide) {
  return Array.from({length: newSide}, (_, i) => {
    const centre = Math.fround((i + 0.5) * (side / newSide) - 0.5);
    const at = Math.floor(centre);
    const part = Math.fround(centre - at);
    return {at, weights: [roundHalfEven(Math.fround(1 - part) * 2048), roundHalfEven(part * 2048)]};
  });
}

/** As Python's round: a half goes to the even neighbour. */
function roundHalfEven(x) {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + below % 2 : Math.round(x);
}
