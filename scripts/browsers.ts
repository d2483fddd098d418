export * from "./browsers.mjs";
