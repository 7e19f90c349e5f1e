/**
 * One process per listener of `/events`: each second, who is in which room, restarts, and messages a second.
 */
import { actor, call, exit, jsonTerm, readJson, self, sendAfter, showPid, whichChildren } from "rusm";
import type { Child, Term } from "rusm";
import { sendEvent } from "rusm/events";
import type { EventStreamHandler } from "rusm/events";

const EVERY_MS = 1000;
/** A room that does not answer within this is shown as busy. */
const DESCRIBE_TIMEOUT_MS = 200;

interface Description {
  room: string;
  members: string[];
  messages: number;
}

interface RoomLine extends Description {
  pid: string;
  restarts: number;
}

/** The messages of each room a second ago. */
let before = new Map<string, number>();

export const callbacks = actor({
  message(_tick: Term): void {
    const { rooms, busy, restarts } = look();
    const now = new Map(rooms.map((line) => [line.room, line.messages]));
    let perSecond = 0;
    for (const [room, messages] of now) perSecond += Math.max(0, messages - (before.get(room) ?? messages));
    before = now;
    try {
      sendEvent("stats", JSON.stringify({ rooms, busy, restarts, per_second: perSecond }));
    } catch {
      exit("normal", "the listener is gone");
    }
    tick(EVERY_MS);
  },
});

export const eventStreamHandler: EventStreamHandler = {
  open(): void {
    tick(0);
  },
};

function tick(delayMs: number): void {
  sendAfter(delayMs, self(), jsonTerm("tick"));
}

function look(): { rooms: RoomLine[]; busy: number; restarts: number } {
  const rooms: RoomLine[] = [];
  const children = whichChildren("rooms");
  for (const child of children) {
    const description = describeRoom(child);
    if (description && child.pid) rooms.push({ ...description, pid: showPid(child.pid), restarts: child.restarts });
  }
  rooms.sort((a, b) => (a.room < b.room ? -1 : 1));
  const restarts = children.reduce((sum, child) => sum + child.restarts, 0);
  return { rooms, busy: children.length - rooms.length, restarts };
}

/** Nothing while the room is being restarted, or busy. */
function describeRoom(child: Child): Description | undefined {
  if (!child.pid) return undefined;
  try {
    return readJson<Description>(call(child.pid, jsonTerm({ kind: "describe" }), DESCRIBE_TIMEOUT_MS));
  } catch {
    return undefined;
  }
}
