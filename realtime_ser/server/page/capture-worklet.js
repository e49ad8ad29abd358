// Cuts sound into blocks of 50 ms and hands them to the page. Runs in the browser's audio thread.

class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.channels = processorOptions.channels;
    this.frames = Math.round(sampleRate * 0.05);
    this.block = new Float32Array(this.frames * this.channels);
    this.filled = 0;
    this.open = true;
    this.port.onmessage = () => {
      // The page asks for what is left, which is the last that it gets.
      this.open = false;
      this.send(this.block.slice(0, this.filled * this.channels));
      this.port.postMessage(null);
    };
  }

  process([input]) {
    if (this.open && input.length > 0) {
      for (let i = 0; i < input[0].length; i++) {
        for (let c = 0; c < this.channels; c++) {
          this.block[this.filled * this.channels + c] = input[Math.min(c, input.length - 1)][i];
        }
        if (++this.filled === this.frames) {
          this.send(this.block);
          this.block = new Float32Array(this.frames * this.channels);
          this.filled = 0;
        }
      }
    }
    return this.open;
  }

  send(block) {
    if (block.length > 0) this.port.postMessage(block, [block.buffer]);
  }
}

registerProcessor("capture", Capture);
