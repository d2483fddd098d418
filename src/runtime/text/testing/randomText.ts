/** Seeded random texts of everything that makes tokenizers stumble. */

const pieces = [
  ..."abcXYZ019 .,!?'\"<>[]|/\\_-+=(){}#@$%^&*~`;:\n\r\t",
  ..."éßÄжЖ你好世界한글สวัनेैΩ½²٣Ⅷªǅʰ",
  ..."\u00a0\u3000\u2003\u200b\u0301\u0308\ufe0f\u200d\ufffd\u0000\u007f",
  ..."🦙🚀😀👩🇩",
  ...[
    "the",
    " and",
    "ing",
    "'re",
    "'LL",
    "\n\n",
    "\r\n",
    "    ",
    "123456",
    "e\u0301",
    "HTMLParser",
    "<|im_end|>",
  ],
];

/** Numbers in [0, n), the same for the same seed (xorshift). */
export function randomNumbers(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

export function randomTexts(seed: number, count: number, maxPieces = 40): string[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: 1 + random(maxPieces) }, () => pieces[random(pieces.length)]!).join(""),
  );
}
