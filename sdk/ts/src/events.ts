/** The server-sent event stream of the calling process. */
import * as host from "rusm:serve/event-stream@0.1.0";
import type { Request } from "rusm:serve/types@0.1.0";

export type { Request };

/** What an event-stream process exports beside its callbacks: `export const eventStreamHandler = { open() {} }`. */
export interface EventStreamHandler {
  /** Before the response's head is sent. Throwing a number, 400 to 599, refuses the listener with that status. */
  open(request: Request): void;
}

/** Sends an event. Waits while the other side is slow; throws when the listener is gone. */
export function sendEvent(name: string | null, data: string, id: string | null = null): void {
  host.send({ name, data, id, retryMs: null });
}

/** Ends the stream; the process ends with `normal`. */
export function closeStream(): void {
  host.close();
}
