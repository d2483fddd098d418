/** The languages of Whisper's vocabulary, in the order of their tokens. Source: `LANGUAGES` in openai/whisper's tokenizer.py. */
export const whisperLanguages: readonly (readonly [code: string, name: string])[] = Object.entries({
  ...{ en: "english", zh: "chinese", de: "german", es: "spanish", ru: "russian", ko: "korean", fr: "french" },
  ...{ ja: "japanese", pt: "portuguese", tr: "turkish", pl: "polish", ca: "catalan", nl: "dutch" },
  ...{ ar: "arabic", sv: "swedish", it: "italian", id: "indonesian", hi: "hindi", fi: "finnish" },
  ...{ vi: "vietnamese", he: "hebrew", uk: "ukrainian", el: "greek", ms: "malay", cs: "czech" },
  ...{ ro: "romanian", da: "danish", hu: "hungarian", ta: "tamil", no: "norwegian", th: "thai" },
  ...{ ur: "urdu", hr: "croatian", bg: "bulgarian", lt: "lithuanian", la: "latin", mi: "maori" },
  ...{ ml: "malayalam", cy: "welsh", sk: "slovak", te: "telugu", fa: "persian", lv: "latvian" },
  ...{ bn: "bengali", sr: "serbian", az: "azerbaijani", sl: "slovenian", kn: "kannada", et: "estonian" },
  ...{ mk: "macedonian", br: "breton", eu: "basque", is: "icelandic", hy: "armenian", ne: "nepali" },
  ...{ mn: "mongolian", bs: "bosnian", kk: "kazakh", sq: "albanian", sw: "swahili", gl: "galician" },
  ...{ mr: "marathi", pa: "punjabi", si: "sinhala", km: "khmer", sn: "shona", yo: "yoruba" },
  ...{ so: "somali", af: "afrikaans", oc: "occitan", ka: "georgian", be: "belarusian", tg: "tajik" },
  ...{ sd: "sindhi", gu: "gujarati", am: "amharic", yi: "yiddish", lo: "lao", uz: "uzbek" },
  ...{ fo: "faroese", ht: "haitian creole", ps: "pashto", tk: "turkmen", nn: "nynorsk", mt: "maltese" },
  ...{ sa: "sanskrit", lb: "luxembourgish", my: "myanmar", bo: "tibetan", tl: "tagalog", mg: "malagasy" },
  ...{ as: "assamese", tt: "tatar", haw: "hawaiian", ln: "lingala", ha: "hausa", ba: "bashkir" },
  ...{ jw: "javanese", su: "sundanese", yue: "cantonese" },
});

const names = new Map(whisperLanguages.map(([code, name]) => [code, name]));
const codes = new Map(whisperLanguages.map(([code, name]) => [name, code]));
/** Other names that people use. Source: `TO_LANGUAGE_CODE` there; ISO 639-1 has jv for Javanese and iw was Hebrew. */
const aliases: Record<string, string> = {
  ...{ burmese: "my", valencian: "ca", flemish: "nl", haitian: "ht", letzeburgesch: "lb", pushto: "ps" },
  ...{ panjabi: "pa", moldavian: "ro", moldovan: "ro", sinhalese: "si", castilian: "es", mandarin: "zh" },
  ...{ jv: "jw", iw: "he", nb: "no" },
};

/** The English name of a language, in lower case. */
export function languageName(code: string): string {
  return names.get(code) ?? code;
}

/** The code of a language given by code or English name, in any case; undefined for one that Whisper does not know. */
export function languageCode(language: string): string | undefined {
  const text = language.trim().toLowerCase();
  if (names.has(text)) return text;
  return codes.get(text) ?? (Object.hasOwn(aliases, text) ? aliases[text] : undefined);
}
