/** Over the composer: the camera and the microphone, while they are in use or say why not. */

import { useEffect } from "preact/hooks";
import { useApp } from "../../appContext.ts";
import { useControls } from "../../media/controls.ts";
import { useStore } from "../../state/store.ts";
import { seesCamera } from "./attachButtons.tsx";
import { CameraPanel } from "./cameraPanel.tsx";
import { MicrophonePanel } from "./microphonePanel.tsx";

export function MediaPanels() {
  const { session } = useApp();
  const { camera, microphone } = useControls();
  const inputs = useStore(session.store, (state) => state.current?.inputs) ?? [];
  const sees = seesCamera(inputs);
  const hears = inputs.includes("audio");
  // No device stays open for a model that has no use for it.
  useEffect(() => {
    if (!sees) return;
    return () => camera.stop();
  }, [sees]);
  useEffect(() => {
    if (!hears) return;
    return () => microphone.stop();
  }, [hears]);
  return (
    <>
      {sees && <CameraPanel />}
      {hears && <MicrophonePanel />}
    </>
  );
}
