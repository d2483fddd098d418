/** The page for a browser without WebGPU: what is missing, and what to do about it. */

import { useApp, useMessages } from "../appContext.ts";
import { useStore } from "../state/store.ts";
import { type BrowserName, guessBrowser, type SupportProblem } from "../support.ts";
import { Mark } from "./icon.tsx";

const browsers: readonly [BrowserName, string][] = [
  ["chrome", "Chrome"],
  ["edge", "Edge"],
  ["firefox", "Firefox"],
  ["safari", "Safari"],
];

export function Unsupported({ problem }: { problem: SupportProblem }) {
  const messages = useMessages();
  const { session, settings } = useApp();
  const detail = useStore(session.store, (state) => state.problemDetail);
  const own = guessBrowser(navigator.userAgent);
  const ownName = browsers.find(([id]) => id === own)?.[1];
  return (
    <main class="unsupported">
      <div class="column">
        <div class="unsupported-head">
          <Mark />
          <button
            type="button"
            class="button"
            lang={messages.code === "en" ? "zh-Hans" : "en"}
            onClick={() => settings.update({ language: messages.code === "en" ? "zh" : "en" })}
          >
            {messages.code === "en" ? "简体中文" : "English"}
          </button>
        </div>
        <h1>{messages.unsupportedTitle}</h1>
        <p class="lead">{messages.problems[problem]}</p>
        <p>{messages.unsupportedLead}</p>
        {detail && <p class="aside">{detail}</p>}
        <h2>{messages.whatToDo}</h2>
        {problem === "insecure" ? (
          <Advice steps={messages.adviceInsecure} />
        ) : (
          <>
            <section class="card">
              <h3>
                {messages.yourBrowser}
                {ownName ? `: ${ownName}` : ""}
              </h3>
              <Advice steps={messages.advice[own]} />
            </section>
            <h2>{messages.otherBrowsers}</h2>
            {browsers
              .filter(([id]) => id !== own)
              .map(([id, name]) => (
                <details key={id} class="card">
                  <summary>{name}</summary>
                  <Advice steps={messages.advice[id]} />
                </details>
              ))}
          </>
        )}
        <button type="button" class="button primary" onClick={() => location.reload()}>
          {messages.checkAgain}
        </button>
      </div>
    </main>
  );
}

function Advice({ steps }: { steps: readonly string[] }) {
  return (
    <ul class="advice">
      {steps.map((step) => (
        <li key={step}>{step}</li>
      ))}
    </ul>
  );
}
