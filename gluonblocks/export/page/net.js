// Runs the net in this page, with the WebAssembly build of ONNX Runtime.
'use strict';

/** Returns the bytes of a file that is embedded in the page. */
async function loadBytes(name) {
  const element = document.querySelector(`script[data-file="${name}"]`);
  const text = atob(element.textContent);
  element.textContent = ''; // free the memory
  const compressed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) compressed[i] = text.charCodeAt(i);
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns a function that maps a square of grey bytes to {probabilities, milliseconds}. */
async function loadNet(side) {
  if (typeof WebAssembly === 'undefined' || typeof DecompressionStream === 'undefined') {
    throw new Error('This browser is too old. Use Chrome or Edge 97, Firefox 113, Safari 16.4, ' +
                    'or a later version.');
  }
  ort.env.wasm.numThreads = 1; // more threads require HTTP headers, which a local file lacks
  ort.env.wasm.proxy = false;
  ort.env.wasm.wasmBinary = await loadBytes('runtime.wasm');
  ort.env.wasm.wasmPaths = {mjs: URL.createObjectURL(
    new Blob([await loadBytes('runtime.mjs')], {type: 'text/javascript'}))};
  const session = await ort.InferenceSession.create(
    await loadBytes('model.onnx'), {executionProviders: ['wasm']});

  async function run(square) {
    const X = new ort.Tensor('uint8', square, [1, side, side]); // the graph scales and resizes it
    const start = performance.now();
    const {[session.outputNames[0]]: logits} = await session.run({[session.inputNames[0]]: X});
    return {milliseconds: performance.now() - start, probabilities: softmax([...logits.data])};
  }

  await run(new Uint8Array(side * side)); // warm up, because the first run is slow
  return run;
}

function softmax(logits) {
  const highest = Math.max(...logits); // subtracted so that exp does not overflow
  const powers = logits.map((v) => Math.exp(v - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}
