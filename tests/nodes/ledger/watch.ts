// Watches the other nodes, in TypeScript.
import { actor, demonitorNodes, isNodedown, isNodeup, jsonTerm, knownNodes, monitorNodes } from "rusm";
import type { NodeEvent } from "rusm";

const ups: NodeEvent["node"][] = [];
const downs: NodeEvent["node"][] = [];
let statuses: Record<string, string> = {};
/** Events that do not begin where the last one of their node has ended. */
const wrong: NodeEvent[] = [];

export const callbacks = actor({
  init() {
    const ended = monitorNodes();
    const watched = monitorNodes();
    demonitorNodes(ended.monitor);
    for (const node of watched.nodes) statuses[node.name] = node.status;
  },
  info(event) {
    if (event.tag !== "node") return;
    const { before, node } = event.val;
    if ((statuses[node.name] ?? null) !== (before ?? null)) wrong.push(event.val);
    statuses[node.name] = node.status;
    if (isNodeup(event.val)) ups.push(node);
    if (isNodedown(event.val)) downs.push(node);
  },
  call() {
    return jsonTerm({ known: knownNodes(), ups, downs, wrong });
  },
});
