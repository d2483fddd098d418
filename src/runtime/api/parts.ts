/** Parts of a message's content, as OpenAI and vLLM name them. */

import type { Detail, MediaKind } from "../engine/media/mediaEncoder.ts";
import { invalidRequest } from "../errors.ts";
import { type Json, object, oneOf, optional, type Read, required, string, unsupported } from "./fields.ts";

/** Something to see or hear, before it is fetched. */
export interface MediaSource {
  kind: MediaKind;
  /** `data:`, `blob:` or `http(s):`. */
  url: string;
  /** Of pictures. */
  detail: Detail;
  /** The field that the URL is in, for errors. */
  param: string;
}

export type ContentPart = { type: "text"; text: string } | { type: "media"; source: MediaSource };

const audioFormats = ["wav", "mp3", "ogg", "webm", "m4a", "mp4", "flac", "aac"] as const;
const detail = oneOf("auto", "low", "high");

/** A URL in an object, or as vLLM also takes it, by itself. */
function urlOf(part: Json, name: string, path: string): { url: string; fields: Json; param: string } {
  const value = part[name];
  if (typeof value === "string") return { url: value, fields: {}, param: `${path}.${name}` };
  const fields = required(part, name, object, path);
  const param = `${path}.${name}.url`;
  return { url: required(fields, "url", string, `${path}.${name}`), fields, param };
}

const readers: Record<string, (part: Json, path: string) => ContentPart> = {
  text: (part, path) => ({ type: "text", text: required(part, "text", string, path) }),
  refusal: (part, path) => ({ type: "text", text: required(part, "refusal", string, path) }),
  image_url(part, path) {
    const { url, fields, param } = urlOf(part, "image_url", path);
    const wanted = optional(fields, "detail", detail, `${path}.image_url`) ?? "auto";
    return media({ kind: "image", url, detail: wanted, param });
  },
  input_audio(part, path) {
    const where = `${path}.input_audio`;
    const fields = required(part, "input_audio", object, path);
    // What the data is shows in the data; the format is checked as OpenAI requires it.
    const format = required(fields, "format", oneOf(...audioFormats), where);
    const url = `data:audio/${format};base64,${required(fields, "data", string, where)}`;
    return media({ kind: "audio", url, detail: "auto", param: `${where}.data` });
  },
  audio_url(part, path) {
    const { url, param } = urlOf(part, "audio_url", path);
    return media({ kind: "audio", url, detail: "auto", param });
  },
  video_url(part, path) {
    const { url, param } = urlOf(part, "video_url", path);
    return media({ kind: "video", url, detail: "auto", param });
  },
  file(part, path) {
    const where = `${path}.file`;
    const fields = required(part, "file", object, path);
    if (fields.file_id !== undefined && fields.file_id !== null)
      throw unsupported(
        `${where}.file_id`,
        `'${where}.file_id': no files are stored here; send the file itself as 'file_data'.`,
      );
    const name = optional(fields, "filename", string, where);
    return filePart(required(fields, "file_data", string, where), name, `${where}.file_data`);
  },
};

const media = (source: MediaSource): ContentPart => ({ type: "media", source });

export const contentPart: Read<ContentPart> = (value, path) => {
  const part = object(value, path);
  const type = required(part, "type", string, path);
  const read = Object.hasOwn(readers, type) ? readers[type] : undefined;
  if (read) return read(part, path);
  throw unsupported(
    `${path}.type`,
    `Invalid '${path}.type': expected one of ${Object.keys(readers).join(", ")}, but got '${type.slice(0, 40)}'.`,
  );
};

/** A file by its media type: text goes into the message, the others are pictures, sounds or videos. */
function filePart(url: string, name: string | undefined, param: string): ContentPart {
  const [, type = "", base64] = /^data:([^,;]*)[^,]{0,200}?(;\s*base64)?,/i.exec(url.slice(0, 400)) ?? [];
  const [kind] = type.toLowerCase().split("/");
  if (kind === "image" || kind === "audio" || kind === "video")
    return media({ kind, url, detail: "auto", param });
  const isText = kind === "text" || /^application\/(json|xml|x-yaml|yaml|toml|javascript)$/i.test(type);
  if (!isText)
    throw unsupported(
      param,
      `'${param}' is ${type === "" ? "no data: URL with a media type" : JSON.stringify(type.slice(0, 60))}; pictures, audio, video and text are taken.`,
    );
  const data = url.slice(url.indexOf(",") + 1);
  try {
    const bytes = base64
      ? Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))
      : new TextEncoder().encode(decodeURIComponent(data));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { type: "text", text: name === undefined ? text : `${name}:\n${text}` };
  } catch {
    throw invalidRequest(`'${param}' is not valid ${base64 ? "base64 of UTF-8" : "UTF-8"} text.`, param);
  }
}
