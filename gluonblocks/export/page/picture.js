// A picture -> the square of grey bytes that the net was trained on, as gluonblocks' read_image.
'use strict';

const MAX_PIXELS = 2 ** 26; // 8192 x 8192; a small file may unfold to far more
const ROWS_AT_ONCE = 2 ** 20; // pixels of a strip: a phone has no canvas for a whole photograph

/** A file or blob as {pixels, width, height}, grey; `ground` shines through transparent parts. */
async function readPicture(blob, ground) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: 'from-image', colorSpaceConversion: 'none'});
  } catch (error) {
    throw new Error('This file cannot be read as a picture. Browsers read PNG, JPEG, WebP, GIF ' +
                    'and BMP; save it as one of these.');
  }
  try {
    return greyOf(bitmap, ground);
  } finally {
    bitmap.close();
  }
}

/** An ImageBitmap or canvas as {pixels, width, height}, grey. */
function greyOf(image, ground) {
  const {width, height} = image;
  if (width * height > MAX_PIXELS) {
    throw new Error(`The picture has ${width} × ${height} pixels, and at most ${MAX_PIXELS} are ` +
                    'taken; save it smaller.');
  }
  const pixels = new Uint8Array(width * height);
  const rows = Math.max(1, Math.min(height, Math.floor(ROWS_AT_ONCE / width)));
  const strip = Object.assign(document.createElement('canvas'), {width, height: rows});
  const context = strip.getContext('2d', {willReadFrequently: true, alpha: false});
  context.fillStyle = `rgb(${ground}, ${ground}, ${ground})`;
  for (let top = 0; top < height; top += rows) {
    context.fillRect(0, 0, width, rows);
    context.drawImage(image, 0, -top);
    const {data} = context.getImageData(0, 0, width, Math.min(rows, height - top));
    for (let i = 0; i < data.length; i += 4) { // as Pillow's convert('L')
      pixels[top * width + i / 4] =
        19595 * data[i] + 38470 * data[i + 1] + 7471 * data[i + 2] + 32768 >> 16;
    }
  }
  return {pixels, width, height};
}

/** Grey {pixels, width, height} in the middle of a square of side * side bytes, undistorted. */
function fitIntoSquare({pixels, width, height}, side) {
  const [w, h] = [width, height].map(
    (n) => Math.max(1, roundHalfEven(side * n / Math.max(width, height))));
  const square = new Uint8Array(side * side).fill(median(border(pixels, width, height)));
  const fitted = resizeAndTurn(resizeAndTurn(pixels, width, w), height, h);
  const [left, top] = [Math.floor((side - w) / 2), Math.floor((side - h) / 2)];
  for (let y = 0; y < h; y++) {
    square.set(fitted.subarray(y * w, (y + 1) * w), (top + y) * side + left);
  }
  return square;
}

function border(pixels, width, height) {
  const values = [...pixels.subarray(0, width), ...pixels.subarray(width * (height - 1))];
  for (let y = 0; y < height; y++) values.push(pixels[y * width], pixels[(y + 1) * width - 1]);
  return values;
}

function median(values) {
  const sorted = Uint8Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : sorted[middle - 1] + sorted[middle] >> 1;
}

/** Whether a square is much brighter at its border than at its centre. */
function looksInverted(square, side) {
  const quarter = Math.floor(side / 4);
  let sum = 0;
  for (let y = quarter; y < side - quarter; y++) {
    for (let x = quarter; x < side - quarter; x++) sum += square[y * side + x];
  }
  return median(border(square, side, side)) - sum / (side - 2 * quarter) ** 2 > 50;
}

/**
 * Rows of `size` bytes, scaled to `newSize` as by Pillow's BILINEAR, with a triangle as wide as a
 * new pixel. Rows come back as columns, so that a second call resizes the other axis.
 */
function resizeAndTurn(pixels, size, newSize) {
  const rows = pixels.length / size;
  const result = new Uint8Array(rows * newSize);
  const scale = size / newSize;
  const support = Math.max(scale, 1);
  for (let i = 0; i < newSize; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - support + 0.5), 0);
    const end = Math.min(Math.trunc(centre + support + 0.5), size);
    let weights = [];
    for (let x = first; x < end; x++) {
      weights.push(Math.max(0, 1 - Math.abs((x - centre + 0.5) * (1 / support))));
    }
    const total = weights.reduce((a, b) => a + b);
    weights = weights.map((w) => Math.trunc(0.5 + w / total * 2 ** 22)); // integers: 2**22 is 1
    for (let row = 0; row < rows; row++) {
      let sum = 2 ** 21; // a half, so that the shift rounds
      for (let k = 0, at = row * size + first; k < weights.length; k++) {
        sum += weights[k] * pixels[at + k];
      }
      result[i * rows + row] = Math.min(sum >> 22, 255);
    }
  }
  return result;
}

/** As Python's round: a half goes to the even neighbour. */
function roundHalfEven(x) {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + below % 2 : Math.round(x);
}
