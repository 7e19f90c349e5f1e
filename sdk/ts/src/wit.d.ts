// The WIT interfaces as a component in TypeScript sees them. A WIT `result` returns its value or throws its error;
// an `option` is `null` when there is nothing; a `variant` is `{ tag, val }`; a `list<u8>` is a `Uint8Array`.

declare module "rusm:actor/types@0.1.0" {
  /** Names one process, for as long as it lives and never another one after it. Compare with `samePid`. */
  export interface Pid {
    node: number;
    incarnation: number;
    index: number;
    serial: number;
    random: number;
  }

  /** Unique value: names a monitor, a timer, an alias or one call. */
  export interface Reference {
    node: number;
    incarnation: number;
    index: number;
    serial: number;
    random: number;
  }

  /** How to read the bytes of a term. */
  export type Encoding = "raw" | "text" | "cbor" | "json";

  /** A message's content, or a start argument. */
  export interface Term {
    encoding: Encoding;
    bytes: Uint8Array;
  }

  /** Why a process ended: a word (`normal`, `shutdown`, `killed`, `noproc`, `trap`, ...) and what happened, for people. */
  export interface ExitReason {
    word: string;
    detail: string | null;
  }

  /** A registered name on another node. */
  export interface RemoteName {
    name: string;
    node: string;
  }

  /** Whom a message goes to. */
  export type Destination =
    | { tag: "pid"; val: Pid }
    | { tag: "name"; val: string }
    | { tag: "alias"; val: Reference }
    | { tag: "name-at"; val: RemoteName }
    | { tag: "cluster-name"; val: string };

  /** Who waits for a reply, and to which call. */
  export interface Caller {
    pid: Pid;
    reference: Reference;
  }

  /** What a monitor watches. */
  export type Monitored =
    | { tag: "pid"; val: Pid }
    | { tag: "name"; val: string }
    | { tag: "name-at"; val: RemoteName }
    | { tag: "cluster-name"; val: string };

  /** A trapped exit signal. */
  export interface ExitEvent {
    from: Pid;
    reason: ExitReason;
  }

  /** A monitored process ended. */
  export interface DownEvent {
    monitor: Reference;
    object: Monitored;
    reason: ExitReason;
  }

  /** What the runtime itself tells a process. Nobody else can send these. */
  export type Event =
    | { tag: "exit"; val: ExitEvent }
    | { tag: "down"; val: DownEvent }
    | { tag: "group"; val: GroupEvent }
    | { tag: "node"; val: NodeEvent };

  /** Somebody joined or left a monitored group. */
  export interface GroupEvent {
    monitor: Reference;
    group: string;
    change: "join" | "leave";
    /** Who, each as often as it happened. */
    members: Pid[];
  }

  /**
   * How another node is seen from this one. With those that are `up` or `suspect` (silent) there is a connection; of those that are
   * `unreachable` nobody has said that they are gone; those that are `down` have left, or the members have given them up.
   */
  export type NodeStatus = "up" | "suspect" | "unreachable" | "down";

  /** What the members of the cluster tell each other of a node. */
  export type MemberStatus = "up" | "suspect" | "down";

  /** What this node knows of another one. */
  export interface NodeInfo {
    /** The `node` of its processes' pids. */
    id: number;
    name: string;
    /** Its latest life that is known here. */
    incarnation: number;
    status: NodeStatus;
    /** Why it is seen so, in one word: `heard`, `silent`, `net_tick_timeout`, `connection_closed`, `shutdown`, ... */
    reason: string;
    /** `null` when no member has said anything of it. */
    member: MemberStatus | null;
  }

  /** Something about another node has changed. */
  export interface NodeEvent {
    monitor: Reference;
    /** How it was seen before; `null` when nobody here knew of it. */
    before: NodeStatus | null;
    node: NodeInfo;
  }

  /** An operation that was not carried out: not granted, or not possible. Nothing has changed. */
  export type Refusal = { tag: "denied"; val: string } | { tag: "badarg"; val: string };
}

declare module "rusm:actor/process@0.1.0" {
  import type {
    Caller,
    Destination,
    ExitReason,
    Monitored,
    Pid,
    Reference,
    Term,
  } from "rusm:actor/types@0.1.0";

  export interface Relations {
    link?: boolean;
    monitor?: boolean;
  }

  export interface Spawned {
    pid: Pid;
    monitor: Reference | null;
  }

  /** Where a process is to be started. */
  export type Place = { tag: "node"; val: string } | { tag: "key"; val: string };

  export type LogLevel = "debug" | "info" | "warn" | "error";

  export function self(): Pid;
  export function spawn(component: string, args: Term, relations: Relations): Spawned;
  export function spawnOn(place: Place, component: string, args: Term, relations: Relations): Spawned;
  export function send(to: Destination, message: Term): void;
  export function call(to: Destination, request: Term, timeoutMs: number): Term;
  export function reply(to: Caller, response: Term): void;
  export function link(to: Pid): void;
  export function unlink(from: Pid): void;
  export function monitor(object: Monitored): Reference;
  export function demonitor(monitor: Reference): void;
  export function exit(reason: ExitReason): void;
  export function exitSignal(to: Pid, reason: ExitReason): void;
  export function isAlive(pid: Pid): boolean;
  export function trapExit(on: boolean): void;
  export function register(name: string): void;
  export function unregister(name: string): void;
  export function whereis(name: string): Pid | null;
  export function sendAfter(delayMs: number, to: Destination, message: Term): Reference;
  export function cancelTimer(timer: Reference): number | null;
  export function log(level: LogLevel, message: string): void;
}

declare module "rusm:actor/cluster@0.1.0" {
  import type { NodeInfo, Pid, Reference } from "rusm:actor/types@0.1.0";

  export interface WatchedNodes {
    monitor: Reference;
    /** What was known just before the first event. */
    nodes: NodeInfo[];
  }

  export function register(name: string): void;
  export function unregister(name: string): void;
  export function whereis(name: string): Pid | null;
  export function names(): string[];
  export function node(): string;
  export function nodes(): string[];
  export function knownNodes(): NodeInfo[];
  export function monitorNodes(): WatchedNodes;
  export function demonitorNodes(monitor: Reference): void;
}

declare module "rusm:actor/groups@0.1.0" {
  import type { Pid, Reference } from "rusm:actor/types@0.1.0";

  export interface Watched {
    monitor: Reference;
    /** Those just before the first event, each as often as it joined. */
    members: Pid[];
  }

  export function join(group: string): void;
  export function leave(group: string): void;
  export function members(group: string): Pid[];
  export function localMembers(group: string): Pid[];
  export function whichGroups(): string[];
  export function monitor(group: string): Watched;
  export function demonitor(monitor: Reference): void;
}

declare module "rusm:actor/unique@0.1.0" {
  import type { Pid } from "rusm:actor/types@0.1.0";

  /** Who has a unique name, and by which lease of all: it grows with each. */
  export interface Holder {
    pid: Pid;
    token: number;
  }

  export function register(name: string, timeoutMs: number): number;
  export function unregister(name: string, timeoutMs: number): void;
  export function whereis(name: string, timeoutMs: number): Holder | null;
  export function held(name: string): number | null;
}

declare module "rusm:actor/supervisor@0.1.0" {
  import type { Pid, Term } from "rusm:actor/types@0.1.0";

  export interface Child {
    /** The manifest's name of the child; for a dynamic supervisor the component's. */
    id: string;
    /** `null` while it is being restarted. */
    pid: Pid | null;
    /** How often its supervisor has started it again. */
    restarts: number;
  }

  export function startChild(supervisor: string, args: Term): Pid;
  export function whichChildren(supervisor: string): Child[];
}

declare module "rusm:serve/types@0.1.0" {
  /** The HTTP request that opened the connection. */
  export interface Request {
    /** The path, without the query, percent-encoding kept. */
    path: string;
    /** What follows `?`, without it; empty when there is none. */
    query: string;
    /** What the route's `{placeholders}` matched, percent-decoded. */
    parameters: [string, string][];
    /** Names in lower case. */
    headers: [string, string][];
    /** Address of the other side. */
    peer: string;
  }

  export type Frame = { tag: "text"; val: string } | { tag: "binary"; val: Uint8Array };

  /** A WebSocket's close code and reason. */
  export interface Close {
    code: number;
    reason: string;
  }
}

declare module "rusm:serve/websocket@0.1.0" {
  import type { Frame } from "rusm:serve/types@0.1.0";
  export function send(frame: Frame): void;
  export function close(code: number, reason: string): void;
}

declare module "rusm:serve/event-stream@0.1.0" {
  export interface ServerEvent {
    name: string | null;
    data: string;
    id: string | null;
    retryMs: number | null;
  }

  export function send(event: ServerEvent): void;
  export function close(): void;
}

declare module "wasi:keyvalue/store@0.2.0-draft2" {
  export interface KeyResponse {
    keys: string[];
    cursor: string | null;
  }

  export interface Bucket {
    get(key: string): Uint8Array | null;
    set(key: string, value: Uint8Array): void;
    delete(key: string): void;
    exists(key: string): boolean;
    listKeys(cursor: string | null): KeyResponse;
  }

  export function open(identifier: string): Bucket;
}
