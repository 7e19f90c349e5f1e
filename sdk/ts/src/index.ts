/**
 * What a component in TypeScript imports: processes, terms, supervisors, the log.
 *
 * ```ts
 * import { actor, jsonTerm, register } from "rusm";
 *
 * let count = 0;
 *
 * export const callbacks = actor({
 *   init() { register("counter"); },
 *   call() { count += 1; return jsonTerm(count); },
 * });
 * ```
 */
import * as host from "rusm:actor/process@0.1.0";
import * as cluster from "rusm:actor/cluster@0.1.0";
import * as groups from "rusm:actor/groups@0.1.0";
import * as unique from "rusm:actor/unique@0.1.0";
import * as supervisor from "rusm:actor/supervisor@0.1.0";
import type {
  Caller,
  Destination,
  Event,
  ExitReason,
  Monitored,
  NodeEvent,
  NodeInfo,
  NodeStatus,
  Pid,
  Reference,
  RemoteName,
  Term,
} from "rusm:actor/types@0.1.0";
import type { LogLevel, Relations, Spawned } from "rusm:actor/process@0.1.0";
import type { WatchedNodes } from "rusm:actor/cluster@0.1.0";
import type { Watched } from "rusm:actor/groups@0.1.0";
import type { Holder } from "rusm:actor/unique@0.1.0";
import type { Child } from "rusm:actor/supervisor@0.1.0";
import { utf8Decode, utf8Encode } from "./utf8.ts";

export { utf8Decode, utf8Encode };
export type {
  Caller,
  Child,
  Event,
  ExitReason,
  Holder,
  NodeEvent,
  NodeInfo,
  Pid,
  Reference,
  Relations,
  Spawned,
  Term,
  Watched,
  WatchedNodes,
};

/**
 * Whom a message goes to: a pid, a registered name, one of another node by `nameAt`, one of the whole cluster by `clusterName`, or
 * an alias wrapped as `{ tag: "alias", val }`.
 */
export type To = Pid | string | Destination;

/**
 * The callbacks of an actor; what is left out has a default. State lives in the module's own variables. What a callback
 * throws ends the process with the reason `error`.
 */
export interface Actor {
  /** Runs first; whoever starts the process waits for it. What it throws ends the start. */
  init?(args: Term): void;
  /** A message that somebody sent. Default: dropped with a warning. */
  message?(message: Term): void;
  /** A request: what is returned is the answer; `undefined` leaves it to a later `reply`. Default: this process ends. */
  call?(request: Term, caller: Caller): Term | undefined;
  /** The end of a monitored process, a trapped exit signal, or a change of a monitored group or of the monitored nodes. */
  info?(event: Event): void;
  /** The process is about to end because its supervisor stops it, while it traps exits. */
  terminate?(reason: ExitReason): void;
}

/** Makes the interface that the component exports: `export const callbacks = actor({ ... })`. */
export function actor(callbacks: Actor) {
  return {
    init(args: Term): void {
      installConsole();
      try {
        callbacks.init?.(args);
      } catch (error) {
        throw describe(error);
      }
    },
    message(message: Term, caller: Caller | null | undefined): void {
      guarded(() => {
        if (caller) {
          if (!callbacks.call) return exit("undef", "this actor answers no calls");
          const answer = callbacks.call(message, caller);
          if (answer !== undefined) host.reply(caller, answer);
        } else if (callbacks.message) {
          callbacks.message(message);
        } else {
          log("warn", "dropped a message: this actor takes none");
        }
      });
    },
    info(event: Event): void {
      guarded(() => callbacks.info?.(event));
    },
    terminate(reason: ExitReason): void {
      guarded(() => callbacks.terminate?.(reason));
    },
  };
}

/** Runs a callback; what it throws ends this process with the reason `error`, its message and its stack. */
export function guarded<R>(callback: () => R): R {
  try {
    return callback();
  } catch (error) {
    const stack = error instanceof Error ? `\n${error.stack ?? ""}` : "";
    return exit("error", `${describe(error)}${stack}`.trimEnd());
  }
}

/** The pid of the calling process. */
export function self(): Pid {
  return host.self();
}

/** Whether two pids name the same process. */
export function samePid(a: Pid, b: Pid): boolean {
  return a.index === b.index && a.serial === b.serial && a.random === b.random && a.node === b.node &&
    a.incarnation === b.incarnation;
}

/** As OTP writes it: `<index.serial>`. */
export function showPid(pid: Pid): string {
  return `<${pid.index}.${pid.serial}>`;
}

/** UTF-8 text as a term. */
export function textTerm(text: string): Term {
  return { encoding: "text", bytes: utf8Encode(text) };
}

/** A value as a JSON term. */
export function jsonTerm(value: unknown): Term {
  return { encoding: "json", bytes: utf8Encode(JSON.stringify(value)) };
}

/** The text of a text term. Throws when it is another one. */
export function readText(term: Term): string {
  expect(term, "text");
  return utf8Decode(term.bytes);
}

/** The value of a JSON term. Throws when it is another one, or broken. */
export function readJson<T = unknown>(term: Term): T {
  expect(term, "json");
  return JSON.parse(utf8Decode(term.bytes)) as T;
}

/** Starts a component of the manifest and waits for its `init`. Grant: `spawn`. */
export function spawn(component: string, args: Term, relations: Relations = {}): Spawned {
  return host.spawn(component, args, { link: false, monitor: false, ...relations });
}

/**
 * Starts a component of the manifest on the node of that name and waits for its `init`. That node runs exactly this code: when it does
 * not have it, it takes it from this one, if its operator accepts that. Grant: `spawn = ["NAME@NODE"]`.
 */
export function spawnOn(node: string, component: string, args: Term, relations: Relations = {}): Spawned {
  return host.spawnOn({ tag: "node", val: node }, component, args, { link: false, monitor: false, ...relations });
}

/** The same on the node that rendezvous hashing chooses for a key, among this one and those that there is a connection with. */
export function spawnByKey(key: string, component: string, args: Term, relations: Relations = {}): Spawned {
  return host.spawnOn({ tag: "key", val: key }, component, args, { link: false, monitor: false, ...relations });
}

/** Sends a message. Sending to the dead is no error; a name that nobody has throws. Grant for a name: `reach`. */
export function send(to: To, message: Term): void {
  host.send(destination(to), message);
}

/** Sends a request and waits for its reply. Throws when it times out or the process ends first. */
export function call(to: To, request: Term, timeoutMs: number): Term {
  return host.call(destination(to), request, timeoutMs);
}

/** Answers a call. */
export function reply(to: Caller, response: Term): void {
  host.reply(to, response);
}

/** Sends a message later. */
export function sendAfter(delayMs: number, to: To, message: Term): Reference {
  return host.sendAfter(Math.ceil(delayMs), destination(to), message);
}

/** Cancels a timer: the milliseconds that were left, `null` when it has fired. */
export function cancelTimer(timer: Reference): number | null {
  return host.cancelTimer(timer);
}

/** Watches a process: `info` gets one `down` event when it ends. */
export function monitor(object: Pid | string | Monitored): Reference {
  if (typeof object === "string") return host.monitor({ tag: "name", val: object });
  return host.monitor("tag" in object ? object : { tag: "pid", val: object });
}

/** A registered name on another node of the cluster, to send to or to monitor. Grant: `reach = ["NAME@NODE"]`. */
export function nameAt(name: string, node: string): { tag: "name-at"; val: RemoteName } {
  return { tag: "name-at", val: { name, node } };
}

/** A name of the whole cluster, to send to, to call or to monitor. Grant: `reach-cluster`. */
export function clusterName(name: string): { tag: "cluster-name"; val: string } {
  return { tag: "cluster-name", val: name };
}

/**
 * Gives the calling process a name that is known in the whole cluster. Throws when another one has it, as far as this node
 * knows. Of two that got it on nodes that did not reach each other the one that registered first keeps it; the other gets the
 * exit signal `global_name_conflict`. Grant: `register-cluster`.
 */
export function registerInCluster(name: string): void {
  cluster.register(name);
}

/** Takes a cluster name of this process away. Grant: `register-cluster`. */
export function unregisterInCluster(name: string): void {
  cluster.unregister(name);
}

/** The process that has this name in the cluster, as this node knows it, or `null`. Grant: `reach-cluster`. */
export function whereisInCluster(name: string): Pid | null {
  return cluster.whereis(name) ?? null;
}

/** The names that are registered in the cluster and that this component may reach, sorted. */
export function namesInCluster(): string[] {
  return cluster.names();
}

/**
 * Makes the calling process a member of a group that is known in the whole cluster: once for each time that it joins, until it
 * leaves or ends. Grant: `join-groups`.
 */
export function joinGroup(group: string): void {
  groups.join(group);
}

/** Takes one membership of this process away. Throws when it has none. Grant: `join-groups`. */
export function leaveGroup(group: string): void {
  groups.leave(group);
}

/** The members of a group, as this node knows them, each as often as it joined. Grant: `reach-groups`. */
export function groupMembers(group: string): Pid[] {
  return groups.members(group);
}

/** Those of the members that live on this node. Grant: `reach-groups`. */
export function localGroupMembers(group: string): Pid[] {
  return groups.localMembers(group);
}

/** The groups that have members and that this component may reach, sorted. */
export function whichGroups(): string[] {
  return groups.whichGroups();
}

/**
 * Watches a group: `info` gets a `group` event for whoever joins or leaves it from now on. The members are those just before.
 * Grant: `reach-groups`.
 */
export function monitorGroup(group: string): Watched {
  return groups.monitor(group);
}

/** Ends a monitor of a group. */
export function demonitorGroup(monitor: Reference): void {
  groups.demonitor(monitor);
}

/**
 * Gives the calling process a name that one process of the whole cluster has at a time, and says by which token: it grows with each
 * lease, and whoever keeps what this process changes refuses a lesser one than it has seen. Throws when another one has it, or when no
 * majority of the voters answers in time. When it is lost the process gets the exit signal `unique_name_lost`.
 * Grant: `register-unique`.
 */
export function registerUnique(name: string, timeoutMs: number): number {
  return unique.register(name, timeoutMs);
}

/** Gives a unique name of this process back. Grant: `register-unique`. */
export function unregisterUnique(name: string, timeoutMs: number): void {
  unique.unregister(name, timeoutMs);
}

/** Who has that unique name now and by which token, or `null`. Grant: `reach-unique`. */
export function whereisUnique(name: string, timeoutMs: number): Holder | null {
  return unique.whereis(name, timeoutMs) ?? null;
}

/** By which token this process has that unique name at this moment, or `null`: also the process of a singleton. Asks nobody. */
export function heldUnique(name: string): number | null {
  return unique.held(name) ?? null;
}

/** The name of this process's node. */
export function ownNode(): string {
  return cluster.node();
}

/** The names of the other nodes that there is a connection with, sorted. */
export function otherNodes(): string[] {
  return cluster.nodes();
}

/** All other nodes that this one has heard of, by name. */
export function knownNodes(): NodeInfo[] {
  return cluster.knownNodes();
}

/**
 * Watches the other nodes: `info` gets a `node` event for whatever changes of one of them from now on, also for suspicions. What is
 * returned was known just before. Each monitor has events of its own. Throws when this process has 16 already.
 */
export function monitorNodes(): WatchedNodes {
  return cluster.monitorNodes();
}

/** Ends a monitor of nodes. */
export function demonitorNodes(monitor: Reference): void {
  cluster.demonitorNodes(monitor);
}

/** Whether a connection with the node has begun: OTP's `nodeup`. */
export function isNodeup(event: NodeEvent): boolean {
  return isConnected(event.node.status) && !isConnected(event.before);
}

/** Whether the connection with the node has ended: OTP's `nodedown`. */
export function isNodedown(event: NodeEvent): boolean {
  return isConnected(event.before) && !isConnected(event.node.status);
}

/** Ends a monitor. */
export function demonitor(monitor: Reference): void {
  host.demonitor(monitor);
}

/** Links the two processes: when one ends, the other gets an exit signal. */
export function link(to: Pid): void {
  host.link(to);
}

/** Takes a link away. */
export function unlink(from: Pid): void {
  host.unlink(from);
}

/** Ends the calling process at once. */
export function exit(word = "normal", detail: string | null = null): never {
  host.exit({ word, detail });
  throw new Error("a process does not outlive its exit");
}

/** Sends an exit signal. */
export function exitSignal(to: Pid, word: string, detail: string | null = null): void {
  host.exitSignal(to, { word, detail });
}

/** Whether a process lives. Of one on another node also false when that cannot be reached: a monitor tells which. */
export function isAlive(pid: Pid): boolean {
  return host.isAlive(pid);
}

/** Turns exit signals into `info` events (true) or lets them end this process (false, the default). */
export function trapExit(on: boolean): void {
  host.trapExit(on);
}

/** Gives the calling process a name on this node. Grant: `register`. */
export function register(name: string): void {
  host.register(name);
}

/** Takes a name of this process away. Grant: `register`. */
export function unregister(name: string): void {
  host.unregister(name);
}

/** The process that has this name, or `null`. Grant: `reach`. */
export function whereis(name: string): Pid | null {
  return host.whereis(name) ?? null;
}

/** Starts one more child of a dynamic supervisor and waits for its `init`. Grant: `supervise`. */
export function startChild(name: string, args: Term): Pid {
  return supervisor.startChild(name, args);
}

/** The children of a supervisor, in start order. Grant: `supervise`. */
export function whichChildren(name: string): Child[] {
  return supervisor.whichChildren(name);
}

/** Writes a line into the node's log, with this process's pid and component. */
export function log(level: LogLevel, message: string): void {
  host.log(level, message);
}

/** What was thrown, for people. A refused call throws the WIT's own error value. */
export function describe(error: unknown): string {
  if (error instanceof Error) return error.message;
  return typeof error === "string" ? error : JSON.stringify(error);
}

function isConnected(status: NodeStatus | null | undefined): boolean {
  return status === "up" || status === "suspect";
}

function destination(to: To): Destination {
  if (typeof to === "string") return { tag: "name", val: to };
  return "tag" in to ? to : { tag: "pid", val: to };
}

function expect(term: Term, encoding: Term["encoding"]): void {
  if (term.encoding !== encoding) throw new Error(`expected a ${encoding} term, found a ${term.encoding} one`);
}

/** QuickJS has no console: its lines go to the node's log. */
function installConsole(): void {
  const line = (level: LogLevel) => (...parts: unknown[]) =>
    log(level, parts.map((part) => (typeof part === "string" ? part : describe(part))).join(" "));
  const console = { debug: line("debug"), log: line("info"), info: line("info"), warn: line("warn"), error: line("error") };
  (globalThis as { console?: unknown }).console = console;
}
