/** A button that is only an icon; its label is read out and shown as a tooltip. */

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

export interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick?: (() => void) | undefined;
  class?: string;
  disabled?: boolean;
  type?: "button" | "submit";
  expanded?: boolean;
  pressed?: boolean;
  children?: ComponentChildren;
}

export function IconButton(props: IconButtonProps) {
  const { icon, label, onClick, disabled, type = "button", expanded, pressed, children } = props;
  return (
    <button
      type={type}
      class={`icon-button ${props.class ?? ""}`}
      aria-label={label}
      title={label}
      disabled={disabled}
      aria-expanded={expanded}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <Icon name={icon} />
      {children}
    </button>
  );
}
