// The phone: keys in, screens out, everything by /sim/v1. Texts reach the page through textContent only.
import { RTL, WORDS } from "./words.js";

const POLL_MS = 1000;
const SHOWN = 50; // exchanges kept on the page

const at = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search).get("lang");

let language = asked in WORDS ? asked : "en";
const serviceCodes = {};
let typed = "";
let dialled = "";
let shown = null; // what the network showed last: text, over, failed, size, dialogue, ms, used_s
let note = null; // a word of ours in place of a screen
let call = null; // the open call's name
let since = 0; // when it began, by our clock
let busy = false;
let turn = 0; // an answer to an older turn is no longer of interest
let read = 0; // the last message and exchange already on the page
let heard = 0;
let fresh = true; // nothing was polled yet for this number: what is in its inbox is from before

let happened = []; // what a recording is made of

const word = (name, ...values) => WORDS[language][name].replace(/\{(\d)\}/g, (_, place) => values[place]);

// --- the telecom side

async function ask(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body && JSON.stringify(body),
    });
    if (at("trouble").textContent === word("away")) trouble("");
    const said = response.status === 204 ? {} : await response.json();
    return response.ok ? said : { refused: said.error, faults: said.faults };
  } catch {
    trouble(word("away"));
    return { refused: word("away") };
  }
}

function trouble(text) {
  put(at("trouble"), text);
  at("trouble").hidden = !text;
}

function troubles() {
  return { slow: at("slow").checked, repeat: at("repeat").checked, late: at("late").checked };
}

function note_down(act, value, over = false) {
  happened.push({ act, value, over, at_s: Date.now() / 1000 });
  at("save").disabled = false;
}

async function say(path, body) {
  const mine = ++turn;
  note_down(body.code ? "dial" : "type", body.code ?? body.text);
  busy = true;
  note = "waiting";
  typed = "";
  draw();
  const said = await ask("POST", path, { ...body, ...troubles() });
  if (mine !== turn) {
    if (said.call && !said.over) ask("DELETE", `/sim/v1/calls/${said.call}`);
    return;
  }
  busy = false;
  note = null;
  shown = said.refused ? { text: "", over: true, failed: said.refused } : said;
  if (shown.failed) note = "refused";
  else note_down("screen", shown.text, shown.over);
  call = shown.over ? null : shown.call;
  draw();
  poll();
}

// --- keys

function press(key) {
  if (busy) return;
  if (!call && (shown || note)) [shown, note] = [null, null];
  typed += key;
  draw();
}

function clear() {
  typed = typed.slice(0, -1);
  draw();
}

function callKey() {
  if (busy) return;
  if (call) {
    if (typed) say(`/sim/v1/calls/${call}/replies`, { text: typed });
    return;
  }
  if (!typed) {
    // As on a phone: the call key alone brings back the last number.
    [shown, note] = [null, null];
    typed = dialled || serviceCodes[at("channel").value] || "";
    draw();
    return;
  }
  dialled = typed;
  since = Date.now();
  say("/sim/v1/calls", { channel: at("channel").value, msisdn: at("msisdn").value.trim(), code: typed });
}

function hangUp(why) {
  const open = call || busy;
  if (call && why === "ended") ask("POST", `/sim/v1/calls/${call}/end`);
  else if (call) ask("DELETE", `/sim/v1/calls/${call}`);
  turn++;
  [call, busy, typed, shown] = [null, false, "", null];
  note = open ? why : null;
  draw();
}

const ASCII = (key) => key.replace(/[۰-۹]/, (d) => d.codePointAt(0) - 0x6f0).replace(/[٠-٩]/, (d) => d.codePointAt(0) - 0x660);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const key = ASCII(event.key);
  if (/^[0-9*#]$/.test(key)) {
    press(key);
    flash(key);
  } else if (key === "Enter" && !event.target.closest("button, a, summary")) callKey();
  else if (key === "Escape") hangUp("ended");
  else if (key === "Backspace") clear();
  else return;
  event.preventDefault();
});

function flash(key) {
  const button = document.querySelector(`[data-key="${key}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 150);
}

at("handset").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.key) press(button.dataset.key);
  else if (button.id === "call") callKey();
  else if (button.id === "clear") clear();
  else hangUp("ended");
  // After a mouse, Enter is the call key again and not the key that was clicked last.
  if (event.detail > 0) at("handset").focus({ preventScroll: true });
});

at("drop").addEventListener("click", () => hangUp("dropped"));

// --- what is to be seen

function draw() {
  const screen = at("screen");
  screen.className = note ? "note" : "";
  const text = note ? word(note) + (shown?.failed ? `\n${shown.failed}` : "") : (shown?.text ?? "");
  const idle = !note && !shown && !typed;
  put(screen, idle ? `${word("dial")}\n\u200e${serviceCodes[at("channel").value] ?? ""}\u200e` : inDigits(text));
  if (idle) screen.className = "note";
  at("typed").textContent = typed;
  at("glass").classList.toggle("busy", busy);
  at("left").textContent = busy ? "" : word(call ? "soft-send" : shown?.over ? "soft-ok" : "soft-call");
  at("right").textContent = word("soft-end");
  measure();
  time();
}

// A screen reader speaks what changes; the same text put again would be spoken again.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function inDigits(text) {
  const digits = [...at("digits").value];
  return digits.length ? text.replace(/[0-9]/g, (digit) => digits[digit]) : text;
}

function measure() {
  const size = shown?.size;
  const dialogue = shown?.dialogue;
  at("meter").max = size?.of ?? 100;
  at("meter").value = size?.used ?? 0;
  at("unit").textContent = word(size?.unit ?? "units");
  const rows = {
    alphabet: size?.alphabet,
    used: size && word("of", size.used, size.of),
    octets: size && word("of", size.octets, size.of_octets),
    page: dialogue && word(dialogue.more ? "goes-on" : "last-page", dialogue.page),
    name: dialogue?.screen,
    menu: dialogue?.menu,
    turns: dialogue?.turns,
    answered: shown?.ms === undefined ? undefined : word("ms", shown.ms),
  };
  for (const [id, value] of Object.entries(rows)) at(id).textContent = value ?? "–";
}

function time() {
  if (!shown?.session_s) {
    at("session").textContent = "–";
    return;
  }
  const used = call ? (Date.now() - since) / 1000 : shown.used_s;
  at("session").textContent = word("seconds", Math.floor(used), shown.session_s);
  if (call && used > shown.session_s) hangUp("outOfTime");
}

function row(list, kind, about, parts, { first = false } = {}) {
  const item = document.createElement("li");
  item.className = kind;
  const line = document.createElement("div");
  line.className = "about";
  line.textContent = about;
  item.append(line);
  for (const [tag, name, text] of parts) {
    const part = document.createElement(tag);
    part.className = name;
    part.textContent = text;
    item.append(part);
  }
  if (first) list.prepend(item);
  else list.append(item);
  return item;
}

const clockOf = (iso) => new Date(iso).toLocaleTimeString("en-GB");

function message(kind, who, when, text, size) {
  const unit = word(`in-${size.unit}`, size.used);
  const about = `${word(kind === "sent" ? "sent" : "from", `\u2068${who}\u2069`)} · ${clockOf(when)} · ${unit} · ${word("parts", size.parts)}`;
  row(at("inbox"), kind, about, [["div", "text", text]]).scrollIntoView({ block: "nearest" });
  at("empty").hidden = true;
}

// --- messages and the wire

async function poll() {
  const msisdn = at("msisdn").value.trim();
  const query = (after) => new URLSearchParams({ msisdn, after });
  const [inbox, wire] = await Promise.all([
    ask("GET", `/sim/v1/inbox?${query(read)}`),
    ask("GET", `/sim/v1/wire?${query(heard)}`),
  ]);
  if (msisdn !== at("msisdn").value.trim()) return;
  for (const each of inbox.messages ?? []) {
    if (each.id <= read) continue;
    read = each.id;
    message("received", each.sender, each.at, each.text, each.size);
    if (!fresh) note_down("sms", each.text);
  }
  fresh = false;
  for (const each of wire.exchanges ?? []) {
    if (each.id <= heard) continue;
    heard = each.id;
    const way = word(each.by === "network" ? "toGateway" : "fromGateway");
    const about = `${clockOf(each.at)} · ${way} · ${each.channel} · ${each.status ?? word("noReply")} · ${each.ms} ms`;
    row(at("wire"), each.status && each.status < 400 ? "" : "bad", about,
      [["pre", "request", each.request], ["pre", "reply", each.reply]], { first: true });
    at("wire").children[SHOWN]?.remove();
  }
}

at("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [to, text] = [at("to").value.trim(), at("body").value];
  const sent = await ask("POST", "/sim/v1/messages", { from: at("msisdn").value.trim(), to, text });
  trouble(sent.refused ?? "");
  if (sent.refused) return;
  note_down("text", text);
  message("sent", to, new Date().toISOString(), text, sent.size);
  at("body").value = "";
  poll();
});

at("msisdn").addEventListener("change", () => {
  [read, heard, happened, fresh] = [0, 0, [], true];
  at("save").disabled = true;
  drafted("", []);
  at("inbox").replaceChildren();
  at("wire").replaceChildren();
  at("empty").hidden = false;
  hangUp("ended");
  poll();
});

// --- a menu of one's own, and a dialogue to be played again

function drafted(said, faults) {
  at("draft-said").textContent = said;
  at("faults").replaceChildren(...faults.map((fault) => Object.assign(document.createElement("li"), { textContent: fault, dir: "ltr" })));
}

const draftPath = () => `/sim/v1/phones/${encodeURIComponent(at("msisdn").value.trim())}/draft`;

at("choose").addEventListener("click", () => at("draft").click());

at("draft").addEventListener("change", async () => {
  const chosen = [...at("draft").files].filter((file) => /\.yaml$/.test(file.name) && file.webkitRelativePath.split("/").length <= 2);
  if (!chosen.length) return drafted(word("no-files"), []);
  drafted(word("waiting"), []);
  const files = Object.fromEntries(await Promise.all(chosen.map(async (file) => [file.name, await file.text()])));
  at("draft").value = ""; // so that the same folder may be chosen again after an edit
  const said = await ask("PUT", draftPath(), { files });
  const name = chosen[0].webkitRelativePath.split("/")[0];
  if (said.menu) drafted(word("drafted", `\u2068${name}\u2069`, clockOf(said.until).slice(0, 5)), said.notes);
  else drafted(said.faults ? word("faulty") : said.refused, said.faults ?? []);
});

at("undraft").addEventListener("click", async () => {
  await ask("DELETE", draftPath());
  drafted(word("undrafted"), []);
});

at("save").addEventListener("click", async () => {
  const response = await fetch("/sim/v1/recordings", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ happened }),
  });
  if (!response.ok) return trouble((await response.json()).error);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = "conversation.yaml";
  link.click();
  URL.revokeObjectURL(link.href);
  at("saved").textContent = word("saved", link.download);
});

// --- offices and their faults

async function offices() {
  const found = await ask("GET", "/sim/v1/offices");
  for (const office of found.offices ?? []) {
    const label = document.createElement("label");
    const name = document.createElement("span");
    name.textContent = office.name;
    const select = document.createElement("select");
    for (const mode of found.modes) {
      const option = document.createElement("option");
      option.value = mode;
      option.textContent = mode;
      select.append(option);
    }
    select.value = office.mode;
    select.addEventListener("change", () => ask("POST", `/sim/v1/offices/${office.name}/fault`, { mode: select.value }));
    label.append(name, select);
    at("offices").append(label);
  }
}

// --- start

function translate() {
  document.documentElement.lang = language;
  document.documentElement.dir = RTL.includes(language) ? "rtl" : "ltr";
  at("language").value = language;
  document.title = word("title");
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  for (const each of document.querySelectorAll("[data-label]")) each.setAttribute("aria-label", word(each.dataset.label));
}

at("language").addEventListener("change", () => {
  language = at("language").value;
  translate();
  draw();
});
at("digits").addEventListener("change", draw);
at("channel").addEventListener("change", () => hangUp("ended"));

translate();
for (const { name, service_code: code } of ((await ask("GET", "/sim/v1/channels")).channels ?? []).filter((each) => each.carries === "ussd")) {
  serviceCodes[name] = code;
  at("channel").append(new Option(name, name));
}
draw();
await offices();
await poll();
setInterval(() => document.hidden || poll(), POLL_MS);
setInterval(() => {
  at("clock").textContent = new Date().toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  time();
}, POLL_MS);
document.documentElement.dataset.ready = "yes";
