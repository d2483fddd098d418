/** Why a camera or microphone gives nothing. */

export type CaptureProblem =
  /** The page or the user's answer forbids it. */
  | "denied"
  | "noDevice"
  /** Another program has it, or the system does not give it. */
  | "inUse"
  /** It was there and is gone. */
  | "unplugged"
  /** This browser or address offers none. */
  | "unavailable"
  | "failed";

/** Reads what `getUserMedia` throws. Names: W3C, Media Capture and Streams, 10.2. */
export function captureProblem(error: unknown): CaptureProblem {
  switch ((error as { name?: unknown } | null)?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "noDevice";
    case "NotReadableError":
    case "AbortError":
      return "inUse";
    case "NotSupportedError":
      return "unavailable";
    default:
      return "failed";
  }
}

/** @throws what `getUserMedia` throws; `NotSupportedError` where there is none */
export function openDevice(constraints: MediaStreamConstraints): Promise<MediaStream> {
  // Missing over http:// and in old browsers, whatever the types say.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (!devices?.getUserMedia)
    return Promise.reject(new DOMException("No media devices.", "NotSupportedError"));
  return devices.getUserMedia(constraints);
}
