/** What the measured pages share: prompts, and completions as an app would stream them. */

const passage =
  "In the early morning a crow found a piece of cheese on the sill of a farmhouse window, and carried it to the top of " +
  "the tallest oak in the wood. A fox who had gone hungry for two days saw her there, sat down between the roots and " +
  "began to speak of the weather, of the harvest, and then of her feathers, which he said were blacker than any ink. ";

/**
 * Requests to a runtime from `createOmni`.
 *
 * @param {{ fetch: (path: string, init: RequestInit) => Promise<Response> }} omni
 */
export async function requestsTo(omni) {
  const post = async (path, body) => {
    const response = await omni.fetch(path, { method: "POST", body: JSON.stringify(body) });
    if (response.ok) return response;
    const { error } = await response.json();
    throw Object.assign(new Error(error.message), { status: response.status });
  };
  const { tokens: words } = await (
    await post("/tokenize", { prompt: passage, add_special_tokens: false })
  ).json();

  return {
    post,
    /** Another prompt for each seed, so that no cache of prefixes helps. */
    promptOf: (seed, length) => Array.from({ length }, (_, i) => words[(i + 7 * seed) % words.length]),
    /**
     * A streamed greedy completion of `count` tokens: its timings, its text, and when its events arrived here, in
     * milliseconds after it was sent.
     */
    complete: async (prompt, count, more = {}) => {
      const sentMs = performance.now();
      const request = { prompt, max_tokens: count, temperature: 0, ignore_eos: true, stream: true, ...more };
      const response = await post("/v1/completions", request);
      const decoder = new TextDecoder();
      const arrivedMs = [];
      let pending = "";
      let text = "";
      let timings;
      for await (const chunk of response.body) {
        pending += decoder.decode(chunk, { stream: true });
        const events = pending.split("\n\n");
        pending = events.pop();
        for (const event of events) {
          const data = event.replace(/^data: /, "");
          if (data === "[DONE]") continue;
          const body = JSON.parse(data);
          if (body.error) throw new Error(body.error.message);
          timings = body.timings ?? timings;
          text += body.choices[0]?.text ?? "";
          arrivedMs.push(performance.now() - sentMs);
        }
      }
      if (timings?.predicted_n !== count)
        throw new Error(`${timings?.predicted_n} tokens came, not ${count}`);
      return { timings, text, arrivedMs, elapsedMs: performance.now() - sentMs };
    },
  };
}
