/** Finds the texts of given tokens in a text: leftmost first, the longest of those that start there. */

interface Node {
  next: Map<number, Node>;
  token: number | undefined;
}

export class TokenTexts {
  readonly #root: Node = { next: new Map(), token: undefined };

  constructor(texts: Iterable<readonly [string, number]>) {
    for (const [text, token] of texts) {
      let node = this.#root;
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        let child = node.next.get(unit);
        if (child === undefined) {
          child = { next: new Map(), token: undefined };
          node.next.set(unit, child);
        }
        node = child;
      }
      if (text !== "") node.token ??= token;
    }
  }

  /** The text in order: tokens, and the non-empty pieces between them. */
  split(text: string): (string | number)[] {
    const parts: (string | number)[] = [];
    let plainStart = 0;
    for (let at = 0; at < text.length; ) {
      let token: number | undefined;
      let tokenEnd = at;
      let node = this.#root.next.get(text.charCodeAt(at));
      for (let i = at + 1; node !== undefined; node = node.next.get(text.charCodeAt(i++))) {
        if (node.token !== undefined) {
          token = node.token;
          tokenEnd = i;
        }
      }
      if (token === undefined) {
        at++;
        continue;
      }
      if (at > plainStart) parts.push(text.slice(plainStart, at));
      parts.push(token);
      at = plainStart = tokenEnd;
    }
    if (plainStart < text.length) parts.push(text.slice(plainStart));
    return parts;
  }
}
