// Converts an image to a square of grey bytes, exactly as read_image in gluonblocks does.
'use strict';

const MAX_PIXELS = 2 ** 26; // 8192 x 8192; a small file may decompress to far more
const STRIP_PIXELS = 2 ** 20; // photographs are read in strips, because phones limit canvas sizes
const STRIP_ROWS = 2 ** 12; // browsers also limit the height of a canvas

/** Reads a file or blob as grey {pixels, width, height}; `background` replaces transparency. */
async function readPicture(blob, background) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob, {
      imageOrientation: 'from-image', colorSpaceConversion: 'none'});
  } catch (error) {
    throw new Error('This file cannot be read as an image. Use a PNG, JPEG, WebP, GIF or BMP file.');
  }
  try {
    return greyOf(bitmap, background);
  } finally {
    bitmap.close();
  }
}

/** Returns the grey {pixels, width, height} of an ImageBitmap or canvas. */
function greyOf(image, background) {
  const {width, height} = image;
  if (width * height > MAX_PIXELS) {
    throw new Error(`The image has ${width} × ${height} pixels, but the limit is ${MAX_PIXELS}. ` +
                    'Save a smaller version of it.');
  }
  const pixels = new Uint8Array(width * height);
  const rows = Math.max(1, Math.min(height, STRIP_ROWS, Math.floor(STRIP_PIXELS / width)));
  const strip = Object.assign(document.createElement('canvas'), {width, height: rows});
  const context = strip.getContext('2d', {willReadFrequently: true, alpha: false});
  context.fillStyle = `rgb(${background}, ${background}, ${background})`;
  for (let top = 0; top < height; top += rows) {
    context.fillRect(0, 0, width, rows);
    context.drawImage(image, 0, -top);
    const {data} = context.getImageData(0, 0, width, Math.min(rows, height - top));
    if (!data[3]) { // a canvas that is too wide is empty and transparent
      throw new Error(`The image is too wide for this browser (${width} pixels). ` +
                      'Save a smaller version of it.');
    }
    for (let i = 0; i < data.length; i += 4) { // the formula of Pillow's convert('L')
      pixels[top * width + i / 4] =
        19595 * data[i] + 38470 * data[i + 1] + 7471 * data[i + 2] + 32768 >> 16;
    }
  }
  return {pixels, width, height};
}

/** Fits grey {pixels, width, height}, undistorted, into the centre of side * side bytes. */
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

/** Returns true if the border of a square is much brighter than its centre. */
function looksInverted(square, side) {
  const quarter = Math.floor(side / 4);
  let sum = 0;
  for (let y = quarter; y < side - quarter; y++) {
    for (let x = quarter; x < side - quarter; x++) sum += square[y * side + x];
  }
  return median(border(square, side, side)) - sum / (side - 2 * quarter) ** 2 > 50;
}

/**
 * Resizes rows of `size` bytes to `newSize` exactly like Pillow's BILINEAR filter. Returns rows as
 * columns, so that a second call resizes the other axis.
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
    weights = weights.map((w) => Math.trunc(0.5 + w / total * 2 ** 22)); // 2**22 stands for 1
    for (let row = 0; row < rows; row++) {
      let sum = 2 ** 21; // one half, so that the shift below rounds to the nearest integer
      for (let k = 0, at = row * size + first; k < weights.length; k++) {
        sum += weights[k] * pixels[at + k];
      }
      result[i * rows + row] = Math.min(sum >> 22, 255);
    }
  }
  return result;
}

/** Rounds like Python: a half is rounded to the even neighbour. */
function roundHalfEven(x) {
  const below = Math.floor(x);
  return x - below === 0.5 ? below + below % 2 : Math.round(x);
}
