/** Thirty conversations on which the embedded model must answer, token for token, as in llama.cpp. */

import type { TemplateMessage } from "../../text/types.ts";

/** Longest answer that is compared. */
export const mostTokens = 64;

const single = [
  "Hello!",
  "Who are you?",
  "What can you do?",
  "Where do you run?",
  "What is 12 + 7?",
  "What is 81 - 46?",
  "What is 6 times 7?",
  "What is 56 divided by 8?",
  "Which is larger, 37 or 73?",
  "Count from 3 to 9.",
  "What does 🐶 mean?",
  "Which emoji stands for pizza?",
  "What is the opposite of hot?",
  "What is the plural of mouse?",
  "How do you spell banana?",
  "How many letters are in the word tree?",
  "What is the capital of France?",
  "Tell me the fable of the fox and the grapes.",
  "Tell me a short story about a lion.",
  "What is the moral of the hare and the tortoise?",
  "List three animals.",
  "Say hello in one word.",
  "What day comes after Monday?",
  "What sound does a cow make?",
  "Who is the president?",
  "naïve café – 你好, мир! 👩‍👩‍👧",
].map((content): TemplateMessage[] => [{ role: "user", content }]);

const longer: TemplateMessage[][] = [
  [
    { role: "system", content: "Answer briefly." },
    { role: "user", content: "What is the sun?" },
  ],
  [
    { role: "user", content: "My name is Anna." },
    { role: "assistant", content: "Nice to meet you, Anna!" },
    { role: "user", content: "What is my name?" },
  ],
  [
    { role: "user", content: "What is 5 + 5?" },
    { role: "assistant", content: "10" },
    { role: "user", content: "And 10 + 5?" },
  ],
  [
    {
      role: "user",
      content: `Repeat this: ${"one two three four five six seven eight nine ten ".repeat(12)}`,
    },
  ],
];

export const embeddedPrompts: readonly TemplateMessage[][] = [...single, ...longer];
