/** A growing buffer that encoders write into. */

/**
 * Bytes that are written one after the other. The encoder reserves room once for an event and then
 * stores without further checks, so its stores stay straight-line.
 */
export class ByteBuffer {
  /** The bytes; those before {@linkcode position} are written. */
  bytes: Uint8Array;
  /** A view of {@linkcode bytes}, for numbers. */
  view: DataView;
  /** Where the next byte goes. */
  position = 0;

  /** @param capacity Room to begin with, in bytes. */
  constructor(capacity: number = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for at least `size` more bytes. What was written stays. */
  reserve(size: number): void {
    const needed = this.position + size;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}
