/** Server-sent events as a service streams them: `data:` lines up to an empty one. [WHATWG SSE] */

/** A longer event is left out, and what follows is read on. @unit characters */
const maxEvent = 1024 * 1024;

export class SseReader {
  readonly #decoder = new TextDecoder();
  readonly #event: (data: string) => void;
  #line = "";
  #data: string[] = [];
  #length = 0;
  #afterReturn = false;

  constructor(event: (data: string) => void) {
    this.#event = event;
  }

  /** Events left out because they were too long. */
  dropped = 0;

  accept(bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true });
    // A line may end in CR, LF or both; both may come in two pieces.
    if (this.#afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (text !== "") this.#afterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? "";
    for (const line of lines) this.#take(line, true);
    this.#take(rest, false);
  }

  #take(text: string, ended: boolean): void {
    this.#length += text.length;
    if (this.#length <= maxEvent) this.#line += text;
    if (!ended) return;
    const line = this.#line;
    this.#line = "";
    if (line === "" && text === "") return this.#end();
    if (line.startsWith("data:") && this.#length <= maxEvent) {
      this.#data.push(line.slice(5).replace(/^ /, ""));
    }
  }

  #end(): void {
    const data = this.#data.join("\n");
    const whole = this.#length <= maxEvent;
    this.#data = [];
    this.#length = 0;
    if (!whole) this.dropped += 1;
    else if (data !== "") this.#event(data);
  }
}
