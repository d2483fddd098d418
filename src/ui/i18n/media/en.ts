/** What the page says about pictures, sound and video, in English; loaded with them. */

export const en = {
  // Attachments
  attachments: "Attachments",
  remove: (name: string) => `Remove ${name}`,
  reading: "Reading the file…",
  play: (name: string) => `Play ${name}`,
  pause: (name: string) => `Pause ${name}`,
  gone: (name: string) => `${name} is no longer stored in this browser.`,
  frame: (number: string) => `Frame ${number}`,
  heard: (text: string) => `Heard: ${text}`,
  unseen:
    "This model was not given everything that is attached to this conversation: it cannot take all of it.",
  kinds: { image: "pictures", audio: "sound", video: "video", frames: "video" },
  snapshotName: (time: string) => `Picture ${time}.jpg`,
  recordingName: (time: string) => `Recording ${time}.wav`,
  watchedName: (time: string) => `Camera ${time}`,
  problems: {
    empty: (name: string) => `“${name}” is empty (0 bytes).`,
    tooMany: (name: string, max: string) => `“${name}” was left out: a message carries at most ${max} files.`,
    tooLarge: (name: string, max: string) => `“${name}” is larger than ${max}.`,
    tooLong: (name: string, time: string, max: string) =>
      `“${name}” lasts ${time}; at most ${max} can be attached.`,
    notMedia: (name: string) => `“${name}” is no picture, sound or video.`,
    notTaken: (name: string, model: string, kind: string) =>
      `“${name}” was left out: ${model} does not take ${kind}.`,
    undecodable: (name: string) =>
      `“${name}” cannot be read: it is damaged, or of a kind that this browser lacks.`,
    detail: (name: string, message: string) => `“${name}”: ${message}`,
    noModel: (name: string) => `“${name}” was left out: no model is loaded yet.`,
  },
  // Both devices
  localNote: "Stays in this tab: only the model here gets it.",
  asking: "Allow it in your browser’s prompt…",
  tryAgain: "Try again",
  // Camera
  camera: "Camera",
  preview: "What the camera sees",
  snapshot: "Take a picture",
  turnAround: "Other camera",
  watch: "Keep watching",
  watching: (frames: string, seconds: string) =>
    `Your next question comes with the last ${frames} frames (${seconds} s).`,
  onChange: "Ask by itself when something changes:",
  watchFor: "Question to ask",
  watchForDefault: "What has changed?",
  cameraProblems: {
    denied:
      "This page may not use the camera. Allow it in your browser’s settings for this page, then try again.",
    noDevice: "No camera was found. Connect one, then try again.",
    inUse: "The camera does not start. Another program may be using it: close that, then try again.",
    unplugged: "The camera was disconnected.",
    unavailable: "This browser gives no camera here: it needs an address with https://.",
    failed: "The camera could not be started.",
  },
  // Microphone
  microphone: "Microphone",
  recording: "Listening. Click again or let go to send.",
  handsFree: "Hands-free",
  handsFreeOn: "Speak whenever you like: a pause sends what you said.",
  hearing: "Hearing you…",
  level: "Level",
  sendNow: "Send",
  keepAsFile: "Add to message",
  discard: "Discard",
  silent: "Nothing can be heard: is the microphone muted, or another one meant?",
  nothingHeard: "Nothing was heard, so nothing was sent.",
  full: (time: string) => `A recording lasts at most ${time}: it was added to your message.`,
  microphoneProblems: {
    denied:
      "This page may not use the microphone. Allow it in your browser’s settings for this page, then try again.",
    noDevice: "No microphone was found. Connect one, then try again.",
    inUse: "The microphone does not start. Another program may be using it: close that, then try again.",
    unplugged: "The microphone was disconnected.",
    unavailable: "This browser gives no microphone here: it needs an address with https://.",
    failed: "The microphone could not be started.",
  },
};

export type MediaMessages = typeof en;
