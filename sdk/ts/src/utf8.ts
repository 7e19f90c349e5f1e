/** UTF-8, which QuickJS leaves to its host. */

/** The bytes of a text; half a surrogate pair becomes U+FFFD. */
export function utf8Encode(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of text) {
    let code = character.codePointAt(0) as number;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) {
      bytes.push(code);
    } else if (code < 0x800) {
      bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    } else if (code < 0x10000) {
      bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    } else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return new Uint8Array(bytes);
}

/** The text that the bytes stand for. Throws when they are not UTF-8. */
export function utf8Decode(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at];
    const more = lead < 0x80 ? 0 : lead >> 5 === 6 ? 1 : lead >> 4 === 14 ? 2 : lead >> 3 === 30 ? 3 : -1;
    if (more < 0 || at + more >= bytes.length) throw new Error("not UTF-8");
    let code = more === 0 ? lead : lead & (63 >> more);
    for (let next = 1; next <= more; next += 1) {
      const byte = bytes[at + next];
      if (byte >> 6 !== 2) throw new Error("not UTF-8");
      code = (code << 6) | (byte & 63);
    }
    const least = [0, 0x80, 0x800, 0x10000][more];
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw new Error("not UTF-8");
    parts.push(String.fromCodePoint(code));
    at += more + 1;
  }
  return parts.join("");
}
