// The counter once more, in TypeScript: `source = "counter.ts"` in rusm.toml, and `web` does not notice.
import { actor, readText, register, textTerm } from "rusm";

let count = 0;

export const callbacks = actor({
  init() {
    register("counter");
  },
  call(request) {
    if (readText(request) === "crash") throw new Error("somebody asked for it");
    count += 1;
    return textTerm(String(count));
  },
});
