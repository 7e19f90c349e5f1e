/** The WebSocket of the calling process. */
import * as host from "rusm:serve/websocket@0.1.0";
import type { Close, Frame, Request } from "rusm:serve/types@0.1.0";

export type { Close, Frame, Request };

/** What a WebSocket process exports beside its callbacks: `export const websocketHandler = { ... }`. */
export interface WebsocketHandler {
  /** Before the upgrade is answered. Throwing a number, 400 to 599, refuses the connection with that status. */
  open(request: Request): void;
  /** A whole message from the other side. */
  received(frame: Frame): void;
  /** The connection has ended; `null` when it was cut. */
  closed(close: Close | null): void;
}

/** Sends a text message. Waits while the other side is slow; throws when the connection is gone. */
export function sendText(text: string): void {
  host.send({ tag: "text", val: text });
}

/** Sends a binary message. */
export function sendBinary(bytes: Uint8Array): void {
  host.send({ tag: "binary", val: bytes });
}

/** Starts the closing handshake; `closed` follows. */
export function closeSocket(code = 1000, reason = ""): void {
  host.close(code, reason);
}
