/** The dialogs, loaded when the first of them is opened. */

import "../styles/dialogs.css";

export { ModelDialog } from "./modelDialog.tsx";
export { SettingsDialog } from "./settingsDialog.tsx";
