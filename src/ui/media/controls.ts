/** The page's one camera and one microphone. */

import { useApp } from "../appContext.ts";
import { CameraControl } from "./cameraControl.ts";
import { MicrophoneControl } from "./microphoneControl.ts";
import { Preparation } from "./prepare.ts";

export interface MediaControls {
  camera: CameraControl;
  microphone: MicrophoneControl;
}

const controls = new WeakMap<object, MediaControls>();

export function useControls(): MediaControls {
  const app = useApp();
  let mine = controls.get(app.draft);
  if (!mine) {
    mine = { camera: new CameraControl(app), microphone: new MicrophoneControl(app) };
    new Preparation(app);
    controls.set(app.draft, mine);
  }
  return mine;
}
