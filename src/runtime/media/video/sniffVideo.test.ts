/** What needs no decoder: files that are no video that is taken. */

import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Output, WebMOutputFormat } from "mediabunny";
import { expect, test } from "vitest";
import { tone, waveFile } from "../audio/testing/waveFile.ts";
import { decodeVideo, openVideo } from "./decodeVideo.ts";
import { videoLimits } from "./videoLimits.ts";

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const transportStream = new Uint8Array(376);
transportStream[0] = transportStream[188] = 0x47;

test.each([
  { name: "nothing", file: "", message: /empty \(0 bytes\)/ },
  {
    name: "a web page named .mp4",
    file: "<!doctype html><title>404</title>",
    message: /web page.*not a video/,
  },
  { name: "JSON", file: '{"error": 1}', message: /JSON/ },
  { name: "a Git LFS pointer", file: "version https://git-lfs.github.com/spec/v1", message: /LFS/ },
  { name: "AVI", file: "RIFF\0\0\0\0AVI LIST", message: /an AVI video.*MP4, QuickTime, WebM and Matroska/ },
  { name: "Flash", file: "FLV\x01\x05", message: /a Flash video/ },
  { name: "Windows Media", file: bytesOf("\x30\x26\xb2\x75\x8e\x66"), message: /a Windows Media video/ },
  { name: "Ogg", file: "OggS\0\x02", message: /Ogg/ },
  { name: "a transport stream", file: transportStream, message: /an MPEG transport stream/ },
  { name: "a program stream", file: bytesOf("\0\0\x01\xbaD"), message: /an MPEG program stream/ },
  { name: "GIF", file: "GIF89a", message: /a GIF: please send it as a picture/ },
  { name: "JPEG", file: bytesOf("\xff\xd8\xff\xe0"), message: /a JPEG picture/ },
  { name: "PNG", file: bytesOf("\x89PNG\r\n"), message: /a PNG picture/ },
  { name: "HEIF", file: "\0\0\0\x18ftypheic", message: /a HEIF picture/ },
  { name: "AVIF", file: "\0\0\0\x18ftypavif", message: /an AVIF picture/ },
  {
    name: "WAV",
    file: waveFile({ sampleRate: 8000, channels: [tone(440, 8000, 0.1)] }),
    message: /audio \(WAV\)/,
  },
  { name: "a text", file: "This is no video. ".repeat(99), message: /no video that is known/ },
  { name: "zeros", file: new Uint8Array(5000), message: /no video that is known/ },
  {
    name: "an MP4's first box",
    file: "\0\0\0\x18ftypisom\0\0\0\0isommp42",
    message: /cut short: it names no tracks/,
  },
  { name: "four bytes of WebM", file: bytesOf("\x1a\x45\xdf\xa3"), message: /cut short or broken/ },
])("$name is refused by name", async ({ file, message }) => {
  const options = { framesPerSecond: 1, mostFrames: 4, maxSide: 100 };
  const error = await decodeVideo(new Blob([file]), options).catch((thrown) => thrown);
  expect(error).toMatchObject({
    ...{ code: "invalid_request", param: "video_url", detail: "invalid_video", status: 400 },
  });
  expect(error.message).toMatch(message);
});

/** A container with frames that nobody can decode. */
async function undecoded(width: number, height: number, seconds: number): Promise<Blob> {
  const output = new Output({ format: new WebMOutputFormat(), target: new BufferTarget() });
  const source = new EncodedVideoPacketSource("vp8");
  output.addVideoTrack(source);
  await output.start();
  const meta = { decoderConfig: { codec: "vp8", codedWidth: width, codedHeight: height } };
  for (const at of [0, seconds - 1])
    await source.add(new EncodedPacket(new Uint8Array([1, 2, 3]), "key", at, 1), meta);
  await output.finalize();
  return new Blob([(output.target as BufferTarget).buffer!]);
}

test("limits hold, and a codec that cannot be decoded is named", async () => {
  const large = await undecoded(16_000, 9000, 2);
  await expect(openVideo(large)).rejects.toThrow(/16000 × 9000 pixels; at most 8192/);
  await expect(openVideo(large, { ...videoLimits, maxBytes: 100 })).rejects.toThrow(/at most 100 are taken/);
  // Node has no decoders.
  await expect(openVideo(await undecoded(160, 90, 2))).rejects.toThrow(/cannot decode.*\(VP8\)/);
});
