/** Counts the answers that a client has asked for and not taken. One that asks and does not read fills memory. */

/** Those of thousands of frames: a client that opens a thousand streams at once is none. */
const maxBytes = 256 << 10;
/** What keeping an answer takes besides its bytes, about. */
const keepingBytes = 64;

export class UnreadAnswers {
  #bytes = 0;

  /** An answer of so many bytes goes out; what is returned is called once it is gone. */
  add(length: number): () => void {
    this.#bytes += length + keepingBytes;
    return () => {
      this.#bytes -= length + keepingBytes;
    };
  }

  get areTooMany(): boolean {
    return this.#bytes > maxBytes;
  }
}
