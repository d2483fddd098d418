/** Makes a text area as high as its text; CSS sets the most. */
export function autoGrow(area: HTMLTextAreaElement | null): void {
  if (!area) return;
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight}px`;
}
