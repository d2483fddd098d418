/** Text where a picture, sound or video should be: what it is, as a server's error page is no rare thing to download. */

/**
 * @param bytes the file's first ones; some hundreds are enough
 * @param noun what the file should be, with its article if it has one: "a picture", "audio"
 * @returns a sentence, or undefined if this is no text that is known
 */
export function namedText(bytes: Uint8Array, noun: string): string | undefined {
  const text = firstText(bytes);
  if (/^<(!doctype|html|head|body|\?xml)/i.test(text))
    return `The file is a web page or XML, not ${noun}: is the address that of a download?`;
  if (/^[[{]\s*["{[}\]]/.test(text)) return `The file is JSON, not ${noun}.`;
  if (text.startsWith("version https://git-lfs"))
    return `The file is a Git LFS pointer, not ${noun}: download the file itself.`;
  return undefined;
}

/** The first kilobyte as Latin-1, without a byte order mark and white space before it. */
export function firstText(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes.subarray(0, 1024)).replace(/^ï»¿/, "").trimStart();
}
