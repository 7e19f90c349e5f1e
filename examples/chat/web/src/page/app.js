// The chat's page. One WebSocket to one room; what is unacknowledged is sent again after a reconnect.
// Whatever comes from people goes into the page as text, never as HTML.

const $ = (id) => document.getElementById(id);
const MESSAGES_MAX = 400;
const RETURN_MS = 6000;

const me = {
  room: "lobby",
  name: load("name") || guestName(),
  socket: null,
  attempt: 0,
  /** The newest message that this page has. */
  seen: 0,
  /** The messages that this page shows, by sender and id. */
  shown: new Set(),
  members: [],
  /** Messages that the room has not acknowledged, oldest first: {id, text, element}. */
  outbox: [],
  /** The room's last crash, until everyone is back: {at, expected, pid, list, box}. */
  crash: null,
};
const visitors = [];
let stats = null;
let known = [];

// Small things

function load(key) { try { return localStorage.getItem(`rusm-chat:${key}`); } catch { return null; } }
function save(key, value) { try { localStorage.setItem(`rusm-chat:${key}`, value); } catch { /* private window */ } }

function guestName() {
  const pick = (words) => words[Math.floor(Math.random() * words.length)];
  const name = `${pick(["Quiet", "Swift", "Amber", "Clever", "Gentle", "Bright", "Merry"])} ${pick(["Otter", "Heron", "Lynx", "Wren", "Badger", "Marten", "Finch"])}`;
  save("name", name);
  return name;
}

function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function hue(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

function clock(ms) { return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }); }
function plural(count, word) { return `${count} ${word}${count === 1 ? "" : "s"}`; }
function socketUrl(room, name, after) {
  const base = location.origin.replace(/^http/, "ws");
  return `${base}/ws/${room}?name=${encodeURIComponent(name)}&after=${after}`;
}

// The log of messages

let pinned = true;
$("scroll").addEventListener("scroll", () => {
  pinned = atEnd();
  if (pinned) $("newest").hidden = true;
});
$("newest").addEventListener("click", toEnd);
new ResizeObserver(() => pinned && toEnd()).observe($("scroll"));

function atEnd() { const box = $("scroll"); return box.scrollHeight - box.scrollTop - box.clientHeight < 60; }
function toEnd() { $("scroll").scrollTop = $("scroll").scrollHeight; pinned = true; $("newest").hidden = true; }

function added(quietly) {
  $("empty").hidden = Boolean($("stored").firstChild || $("pending").firstChild);
  while ($("stored").childElementCount > MESSAGES_MAX) $("stored").firstChild.remove();
  if (pinned) toEnd();
  else if (!quietly) $("newest").hidden = false;
}

function messageElement(sender, text) {
  const element = make("li", "message");
  element.dataset.sender = sender;
  element.style.setProperty("--hue", hue(sender));
  const face = make("span", "face", [...sender][0].toUpperCase());
  face.setAttribute("aria-hidden", "true");
  const body = make("div", "body");
  body.append(make("div", "who", sender), make("span", "bubble", text), make("span", "meta"));
  element.append(face, body);
  return element;
}

function showStored(posted) {
  if (posted.seq <= me.seen) return;
  me.seen = posted.seq;
  // A room that was lost with its node and has less now may be given the rest again, in another place.
  const key = `${posted.sender}/${posted.id}`;
  if (me.shown.has(key)) return;
  me.shown.add(key);
  const mine = posted.sender === me.name;
  const waiting = mine ? me.outbox.find((message) => message.id === posted.id) : undefined;
  const element = waiting?.element ?? messageElement(posted.sender, posted.text);
  element.classList.toggle("mine", mine);
  const before = $("stored").lastElementChild;
  element.classList.toggle("first", before?.dataset.sender !== posted.sender);
  const meta = element.querySelector(".meta");
  meta.textContent = clock(posted.at_ms);
  meta.title = `Message ${posted.seq} of this room, stored before anybody saw it`;
  element.classList.remove("waiting");
  $("stored").append(element);
  added(mine);
}

function showWaiting(message) {
  message.element = messageElement(me.name, message.text);
  message.element.classList.add("mine", "waiting", "first");
  message.element.querySelector(".meta").textContent = "storing";
  $("pending").append(message.element);
  pinned = true;
  added(true);
}

function settle(id, stored) {
  const element = me.outbox.find((message) => message.id === id)?.element;
  // Stored so long ago that it is no longer in what the room tells: then nothing else moves it.
  if (stored && element?.parentNode === $("pending")) {
    element.classList.remove("waiting");
    $("stored").append(element);
  }
  me.outbox = me.outbox.filter((message) => message.id !== id);
  save(`outbox:${me.room}`, JSON.stringify(me.outbox.map(({ id, text }) => ({ id, text }))));
}

function refused({ id, reason }) {
  const message = me.outbox.find((waiting) => waiting.id === id);
  settle(id);
  if (!message?.element) return;
  const meta = message.element.querySelector(".meta");
  const again = make("button", "", "send again");
  again.addEventListener("click", () => { message.element.remove(); say(message.text); });
  meta.replaceChildren(`not stored: ${reason} `, again);
  message.element.classList.replace("waiting", "refused");
}

// Saying something

function say(text) {
  const message = { id: newId(), text };
  me.outbox.push(message);
  showWaiting(message);
  save(`outbox:${me.room}`, JSON.stringify(me.outbox.map(({ id, text }) => ({ id, text }))));
  send({ type: "post", ...{ id: message.id, text } });
}

function send(frame) {
  if (me.socket?.readyState === WebSocket.OPEN) me.socket.send(JSON.stringify(frame));
}

function submit(event) {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  say(text);
  $("text").focus();
}
$("composer").addEventListener("submit", submit);
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
});

// The connection

function link(state, text) {
  $("link").dataset.state = state;
  $("link-text").textContent = text;
}

function connect() {
  const socket = new WebSocket(socketUrl(me.room, me.name, me.seen));
  me.socket = socket;
  link("connecting", me.attempt ? "Reconnecting" : "Connecting");
  socket.addEventListener("message", (event) => {
    if (me.socket === socket) take(JSON.parse(event.data));
  });
  socket.addEventListener("close", () => {
    if (me.socket !== socket) return;
    me.socket = null;
    finishCrash();
    process("starting", "Not connected");
    $("crash").disabled = true;
    showMembers([]);
    const wait = Math.min(4000, 250 * 2 ** me.attempt) * (0.7 + Math.random() * 0.6);
    me.attempt += 1;
    link("connecting", "Reconnecting");
    me.timer = setTimeout(connect, wait);
  });
}

function reconnect() {
  clearTimeout(me.timer);
  const old = me.socket;
  me.socket = null;
  old?.close();
  me.attempt = 0;
  connect();
}
addEventListener("online", () => { if (!me.socket) reconnect(); });

function take(frame) {
  switch (frame.type) {
    case "joined": return joined(frame);
    case "message": return showStored(frame);
    case "ack": return settle(frame.id, true);
    case "refused": return refused(frame);
    case "members": return showMembers(frame.members);
    case "down": return down(frame);
    case "up": return up(frame);
    case "error": return process($("process").dataset.state, frame.text);
  }
}

function joined({ pid, members, messages, last, node }) {
  me.attempt = 0;
  me.seen = Math.min(me.seen, last);
  link("open", "Connected");
  running(`${pid}@${node}`);
  for (const posted of messages) showStored(posted);
  added(true);
  showMembers(members);
  for (const { id, text } of me.outbox) send({ type: "post", id, text });
}

// The room's process: it runs, goes down, comes back, and everyone with it

function process(state, text) {
  $("process").dataset.state = state;
  $("process-text").textContent = text;
}

function running(pid, text) {
  $("pid").textContent = pid;
  $("crash").disabled = false;
  process("running", text ?? "Running");
}

function down({ pid, word, detail }) {
  finishCrash();
  const list = make("ol");
  const box = make("li", "event");
  box.append(list);
  me.crash = { at: performance.now(), expected: [...me.members], pid, list, box };
  $("stored").append(box);
  const [headline, ...more] = (detail ?? "").split("\n");
  const step = addStep("down", `${pid} is down: ${word}${headline ? `, ${headline}` : ""}`, "0 ms");
  if (more.join("").trim()) {
    const details = make("details");
    details.append(make("summary", "", step.textContent), make("pre", "", more.join("\n").trim()));
    step.replaceChildren(details);
  }
  $("crash").disabled = true;
  process("down", `${pid} is down: ${word}`);
  me.members = [];
  paintMembers();
  added();
}

function addStep(kind, text, time) {
  const item = make("li", kind);
  const words = make("span", "", text);
  item.append(make("b", "", time ?? since()), words);
  me.crash.list.append(item);
  return words;
}

function since() { return `+${Math.round(performance.now() - me.crash.at)} ms`; }

function up({ pid: number, members, messages, last, node }) {
  const before = me.seen;
  const pid = `${number}@${node}`;
  me.seen = Math.min(me.seen, last);
  running(pid);
  if (me.crash) {
    const kept = before ? `, with its history up to message ${before}` : "";
    addStep("up", `${pid} was started in its place${kept}`);
    process("returning", `Restarted as ${pid}`);
    me.crash.timer = setTimeout(finishCrash, RETURN_MS);
  }
  for (const posted of messages) showStored(posted);
  showMembers(members);
  added(true);
}

/** Says that everyone is back, once they are. */
function checkReturn() {
  const { expected } = me.crash;
  const missing = [...expected];
  for (const name of me.members) {
    const at = missing.indexOf(name);
    if (at >= 0) missing.splice(at, 1);
  }
  const back = expected.length - missing.length;
  if (missing.length === 0) {
    const text = expected.length > 1 ? `everyone is back, ${back} of ${expected.length}` : "you are back";
    addStep("back", `${text}; no connection was closed`);
    process("running", `Restarted as ${$("pid").textContent} and ${text}, ${since().slice(1)} after the crash`);
    clearCrash();
  } else {
    process("returning", `Restarted as ${$("pid").textContent}; ${back} of ${expected.length} are back`);
  }
}

/** Not everybody came back in time: some have left meanwhile. */
function finishCrash() {
  if (!me.crash) return;
  if (me.members.length) running($("pid").textContent, `Running; ${me.members.length} of ${me.crash.expected.length} came back`);
  clearCrash();
}

function clearCrash() {
  clearTimeout(me.crash.timer);
  me.crash = null;
  paintMembers();
  added(true);
}

$("crash").addEventListener("click", () => {
  $("crash").disabled = true;
  process("returning", "Telling the room to trap");
  send({ type: "crash" });
  setTimeout(() => { if (!me.crash && me.socket) $("crash").disabled = false; }, 1500);
});
$("crash-socket").addEventListener("click", () => send({ type: "crash-socket" }));

// Members

function showMembers(members) {
  me.members = members;
  paintMembers();
  if (me.crash && members.length) checkReturn();
}

function paintMembers() {
  const away = me.crash ? [...me.crash.expected] : [];
  for (const name of me.members) {
    const at = away.indexOf(name);
    if (at >= 0) away.splice(at, 1);
  }
  const all = [...me.members.map((name) => [name, true]), ...away.map((name) => [name, false])];
  all.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const counted = new Map();
  for (const [name, here] of all) {
    const line = counted.get(name) ?? { here: 0, total: 0 };
    counted.set(name, { here: line.here + here, total: line.total + 1 });
  }
  $("count").textContent = me.members.length;
  $("members").replaceChildren(...Array.from(counted, ([name, { here, total }]) => {
    const item = make("li", here ? "" : "away");
    const notes = [name === me.name ? "you" : "", total > 1 ? `×${total}` : "", here ? "" : "coming back"];
    item.append(make("i", "dot"), make("span", "", name), make("small", "", notes.filter(Boolean).join(", ")));
    return item;
  }));
}

// Visitors: three more sockets of this page, so that a crash has more than one to bring back

$("visitors").addEventListener("click", () => {
  if (visitors.length) {
    for (const visitor of visitors.splice(0)) visitor.leave();
  } else {
    for (const name of ["Ada", "Grace", "Joe"]) visitors.push(visit(name));
  }
  $("visitors").textContent = visitors.length ? "Send the visitors home" : "Invite three visitors";
});

function visit(name) {
  let socket = null;
  let gone = false;
  let attempt = 0;
  const open = () => {
    socket = new WebSocket(socketUrl(me.room, name, me.seen));
    socket.addEventListener("message", () => { attempt = 0; });
    socket.addEventListener("close", () => {
      if (!gone) setTimeout(() => gone || open(), Math.min(4000, 300 * 2 ** attempt++));
    });
  };
  open();
  return { leave() { gone = true; socket.close(); } };
}

// Rooms

function paintRooms() {
  const rooms = new Map(known.map((name) => [name, null]));
  rooms.set(me.room, rooms.get(me.room) ?? null);
  for (const line of stats?.rooms ?? []) rooms.set(line.room, line);
  const names = [...rooms.keys()].sort();
  const focused = document.activeElement?.closest?.("#rooms a")?.hash;
  $("rooms").replaceChildren(...names.map((name) => {
    const line = rooms.get(name);
    const item = make("li");
    const anchor = make("a");
    anchor.href = `#${name}`;
    if (name === me.room) anchor.setAttribute("aria-current", "page");
    const restarts = line?.restarts ? `, ${plural(line.restarts, "restart")}` : "";
    anchor.append(make("b", "", name), make("span", "", line ? `${line.members.length}` : ""));
    anchor.append(make("small", "", line ? `${plural(line.messages, "message")}${restarts}` : stats ? "asleep" : " "));
    anchor.querySelector("span").title = line ? plural(line.members.length, "person").replace("persons", "people") : "";
    item.append(anchor);
    return item;
  }));
  if (focused) document.querySelector(`#rooms a[href="${focused}"]`)?.focus();
}

async function loadRooms() {
  try {
    const answer = await fetch("/api/rooms");
    known = (await answer.json()).rooms.map((room) => room.name);
    paintRooms();
  } catch { /* the statistics bring those that run */ }
}

$("open").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = $("new-room").value;
  $("new-room").value = "";
});

function enterRoom() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  me.room = /^[a-z0-9-]{1,32}$/.test(wanted) ? wanted : "lobby";
  document.title = `${me.room} · RUSM chat`;
  $("room").textContent = me.room;
  $("pid").textContent = "<…>";
  process("starting", "Starting");
  if (me.crash) clearTimeout(me.crash.timer);
  Object.assign(me, { seen: 0, shown: new Set(), members: [], crash: null, outbox: [] });
  $("stored").replaceChildren();
  $("pending").replaceChildren();
  paintMembers();
  try { me.outbox = JSON.parse(load(`outbox:${me.room}`) ?? "[]"); } catch { me.outbox = []; }
  me.outbox.forEach(showWaiting);
  for (const visitor of visitors.splice(0)) visitor.leave();
  $("visitors").textContent = "Invite three visitors";
  view("talk");
  paintRooms();
  reconnect();
}
addEventListener("hashchange", enterRoom);

// Live statistics, over server-sent events

const rates = Array(60).fill(0);

function listen() {
  const source = new EventSource("/events");
  source.addEventListener("stats", (event) => {
    stats = JSON.parse(event.data);
    for (const { room } of stats.rooms) if (!known.includes(room)) known.push(room);
    $("s-people").textContent = stats.rooms.reduce((sum, room) => sum + room.members.length, 0);
    $("s-rooms").textContent = stats.rooms.length + stats.busy;
    $("s-restarts").textContent = stats.restarts;
    $("s-rate").textContent = stats.per_second;
    rates.push(stats.per_second);
    rates.shift();
    const top = Math.max(4, ...rates);
    $("spark").setAttribute("points", rates.map((rate, at) => `${at},${(19 - (18 * rate) / top).toFixed(1)}`).join(" "));
    paintRooms();
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

// Who and where

$("name").value = me.name;
$("me").addEventListener("submit", (event) => { event.preventDefault(); $("name").blur(); });
$("name").addEventListener("change", () => {
  const name = $("name").value.trim();
  // What is on its way was said under the old name.
  if (name && name !== me.name && !me.outbox.length) {
    me.name = name;
    save("name", name);
    reconnect();
  }
  $("name").value = me.name;
});

function view(name) {
  document.body.dataset.view = name;
  for (const tab of document.querySelectorAll("[data-show]")) {
    if (tab.dataset.show === name) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  if (name === "talk" && pinned) toEnd();
}
for (const tab of document.querySelectorAll("[data-show]")) tab.addEventListener("click", () => view(tab.dataset.show));

enterRoom();
loadRooms();
listen();
