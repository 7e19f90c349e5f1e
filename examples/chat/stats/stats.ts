/**
 * One process per listener of `/events`: each second, who is in which room of the cluster, and messages a second; and how often
 * rooms of this node were started again.
 */
import { actor, call, exit, jsonTerm, namesInCluster, readJson, samePid, self, sendAfter, showPid } from "rusm";
import { whereisInCluster, whichChildren } from "rusm";
import type { Pid, Term } from "rusm";
import { sendEvent } from "rusm/events";
import type { EventStreamHandler } from "rusm/events";

const EVERY_MS = 1000;
/** A room that does not answer within this is shown as busy. */
const DESCRIBE_TIMEOUT_MS = 200;

interface Description {
  room: string;
  members: string[];
  messages: number;
  node: string;
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
  const names = namesInCluster();
  for (const name of names) {
    const pid = whereisInCluster(name);
    const description = pid && describeRoom(pid);
    if (!description) continue;
    const child = children.find((child) => child.pid && samePid(child.pid, pid));
    rooms.push({ ...description, pid: showPid(pid), restarts: child?.restarts ?? 0 });
  }
  const restarts = children.reduce((sum, child) => sum + child.restarts, 0);
  return { rooms, busy: names.length - rooms.length, restarts };
}

/** Nothing while the room is busy, or has just ended. */
function describeRoom(pid: Pid): Description | undefined {
  try {
    return readJson<Description>(call(pid, jsonTerm({ kind: "describe" }), DESCRIBE_TIMEOUT_MS));
  } catch {
    return undefined;
  }
}
