/**
 * Who of the mutating webhooks, or of the mutating policies, is asked a second time: those that want it and were asked
 * before others changed the object (apiserver, admission/reinvocation.go).
 */
import { equalJson, type JsonObject } from '../json.ts';

export class Reinvocation {
  readonly #again = new Set<string>();
  /** Those that want it, and were asked since the last change. */
  #asked = new Set<string>();
  #round = 0;
  #left: JsonObject | null | undefined;
  /** Whether anything makes a second round of all necessary. */
  wanted = false;

  begin(object: JsonObject | null): void {
    this.#round++;
    if (this.#round > 1 && !equalJson(object, this.#left)) this.requireAgain();
  }

  end(object: JsonObject | null): void {
    this.#left = object;
  }

  isMeant(key: string): boolean {
    return this.#round === 1 || this.#again.has(key);
  }

  note(key: string, { changed, again }: { changed: boolean; again: boolean }): void {
    if (changed) this.changed();
    if (again) this.#asked.add(key);
  }

  changed(): void {
    this.requireAgain();
    this.wanted = true;
  }

  requireAgain(): void {
    for (const before of this.#asked) this.#again.add(before);
    this.#asked.clear();
  }
}
