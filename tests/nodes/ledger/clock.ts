// A singleton in TypeScript, which also has a unique name of its own and looks both up.
import { actor, heldUnique, jsonTerm, ownNode, registerUnique, samePid, self, unregisterUnique, whereisUnique } from "rusm";

const TIMEOUT_MS = 20_000;
let token: number | null = null;

export const callbacks = actor({
  init() {
    token = heldUnique("clock");
    if (token === null) throw "a singleton has its name from its beginning";
  },
  call() {
    const mark = registerUnique("mark:ts", TIMEOUT_MS);
    const found = whereisUnique("mark:ts", TIMEOUT_MS);
    const isOwn = found !== null && found.token === mark && samePid(found.pid, self());
    const heldFirst = heldUnique("mark:ts");
    unregisterUnique("mark:ts", TIMEOUT_MS);
    let taken = "";
    try {
      registerUnique("clock", TIMEOUT_MS);
    } catch (error) {
      taken = JSON.stringify(error, (_, value) => typeof value === "bigint" ? Number(value) : value);
    }
    return jsonTerm({
      node: ownNode(), token, held: heldUnique("clock"), mark, isOwn, heldFirst, heldLast: heldUnique("mark:ts"),
      nobody: whereisUnique("mark:ts", TIMEOUT_MS), taken,
    });
  },
});
