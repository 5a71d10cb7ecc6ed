// The net, run by ONNX Runtime's WebAssembly in this page.
'use strict';

/** The bytes of a file that the page carries. */
async function loadBytes(name) {
  const inside = document.querySelector(`script[data-file="${name}"]`);
  const text = atob(inside.textContent);
  inside.textContent = ''; // the memory is free again
  const packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A function that takes a square of bytes to {probabilities, milliseconds}. */
async function loadNet(side) {
  if (typeof WebAssembly === 'undefined' || typeof DecompressionStream === 'undefined') {
    throw new Error('This browser is too old. Chrome and Edge from 80, Firefox from 113 and ' +
                    'Safari from 16.4 can run the net.');
  }
  ort.env.wasm.numThreads = 1; // more need headers that only a server can send
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = await loadBytes('runtime.wasm');
  ort.env.wasm.wasmPaths = {mjs: URL.createObjectURL(
    new Blob([await loadBytes('runtime.mjs')], {type: 'text/javascript'}))};
  const session = await ort.InferenceSession.create(
    await loadBytes('model.onnx'), {executionProviders: ['wasm']});

  async function ask(square) {
    const X = new ort.Tensor('uint8', square, [1, side, side]); // the graph scales and resizes
    const begun = performance.now();
    const {[session.outputNames[0]]: logits} = await session.run({[session.inputNames[0]]: X});
    return {milliseconds: performance.now() - begun, probabilities: softmax([...logits.data])};
  }

  await ask(new Uint8Array(side * side)); // the first run is slow: it must not be the user's
  return ask;
}

function softmax(logits) {
  const highest = Math.max(...logits); // else exp overflows
  const powers = logits.map((v) => Math.exp(v - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}
