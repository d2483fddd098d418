/** The page's one camera and one microphone. */

import type { AppServices } from "../appContext.ts";
import { CameraControl } from "./cameraControl.ts";
import { MicrophoneControl } from "./microphoneControl.ts";
import { Preparation } from "./prepare.ts";

export interface MediaControls {
  camera: CameraControl;
  microphone: MicrophoneControl;
}

const controls = new WeakMap<AppServices["devices"], MediaControls>();

/** Made with their first use; the composer's buttons follow them from then on. */
export function controlsOf(app: AppServices): MediaControls {
  const { devices } = app;
  const known = controls.get(devices);
  if (known) return known;
  const camera = new CameraControl(app);
  const microphone = new MicrophoneControl(app);
  new Preparation(app);
  const follow = () => {
    const { phase, mode } = microphone.store.state;
    const next = {
      used: true,
      camera: camera.store.state.phase !== "off",
      microphone: phase === "off" ? ("off" as const) : mode,
    };
    const now = devices.state;
    // Levels change 25 times a second, this does not.
    if (now.camera !== next.camera || now.microphone !== next.microphone || !now.used) devices.update(next);
  };
  camera.store.subscribe(follow);
  microphone.store.subscribe(follow);
  follow();
  controls.set(devices, { camera, microphone });
  return { camera, microphone };
}
