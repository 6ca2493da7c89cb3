/** Who is told how it goes. */
export interface Teller {
  /** What goes on now. */
  step(text: string): void;
  /** What stays to be read. */
  note(text: string): void;
}
