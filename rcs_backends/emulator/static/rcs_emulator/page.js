// The handset page: asks the emulator twice a second what has changed and keeps one Phone per handset level with it.

import { api, attempt, handsetPath } from "./api.js";
import { button, el, put } from "./dom.js";
import { Panel } from "./panel.js";
import { Phone } from "./phone.js";
import { showForm } from "./sheet.js";

const EVERY = 500; // milliseconds
const WIRES_EVERY = 10; // polls; providers and agents change seldom
const SENTENCES = 5; // kept for screen readers

const $ = (id) => document.getElementById(id);
const phones = new Map();
const tabs = new Map();
let wires = [];
let chosen = null; // the number of the phone that a narrow screen shows; a wide one shows them all
let polls = 0;
let timer;
let busy = false;
let again = false;

const page = {
  sample: document.body.dataset.sample,
  wires: () => wires,
  peers: () => wires.flatMap(({ provider, agents }) => agents.map((to) => ({ via: provider, to }))),
  channelOf: (via) => wires.find(({ provider }) => provider === via)?.channel ?? (via === "sms" ? "sms" : "rcs"),
  changed: () => poll(),
  announce,
};

// Spoken by screen readers; earlier sentences stay a while, as several phones may be told something at once.
function announce(sentence) {
  const announcer = $("announcer");
  announcer.append(el("span", {}, sentence));
  while (announcer.children.length > SENTENCES) announcer.firstChild.remove();
}

// Never two at a time; a request during one is answered by a second straight after it.
async function poll() {
  again = busy;
  if (busy) return;
  busy = true;
  clearTimeout(timer);
  await lookAndShow();
  busy = false;
  if (again) poll();
  else timer = setTimeout(poll, EVERY);
}

async function lookAndShow() {
  if (document.hidden) return;
  try {
    await refresh();
    put($("outage"), { hidden: true });
  } catch (error) {
    console.warn(error);
    put($("outage"), { hidden: false });
  }
}

async function refresh() {
  if (polls++ % WIRES_EVERY === 0) wires = (await api.get("wires/")).wires;
  const writes = api.writes;
  const { handsets } = await api.get("handsets/");
  if (writes === api.writes) showHandsets(handsets);
  await Promise.all([...phones.values()].filter(onScreen).map(refreshMessages));
}

async function refreshMessages(phone) {
  const writes = api.writes;
  const { messages } = await api.get(handsetPath(phone.number, "messages/"));
  if (writes === api.writes) phone.showMessages(messages);
}

function onScreen(phone) {
  return phone.node.offsetParent !== null;
}

function showHandsets(handsets) {
  const numbers = new Set(handsets.map((handset) => handset.number));
  for (const number of phones.keys()) if (!numbers.has(number)) drop(number);
  for (const handset of handsets) {
    if (phones.has(handset.number)) phones.get(handset.number).update(handset);
    else add(handset);
    showTab(handset);
  }
  showChosen();
  put($("nothing"), { hidden: handsets.length > 0 });
}

function add(handset) {
  const phone = new Phone(handset, page);
  const tab = button({ onclick: () => choose(handset.number) }, el("span"), el("b", { class: "unread", hidden: true }));
  phones.set(handset.number, phone);
  tabs.set(handset.number, tab);
  $("phones").append(phone.node);
  $("tabs").append(tab);
}

function drop(number) {
  phones.get(number).node.remove();
  tabs.get(number).remove();
  phones.delete(number);
  tabs.delete(number);
}

function showTab(handset) {
  const [name, unread] = tabs.get(handset.number).children;
  put(name, { text: handset.name || handset.number });
  put(unread, { text: String(handset.unread), "aria-label": `${handset.unread} unread`, hidden: !handset.unread });
}

function choose(number) {
  chosen = number;
  showChosen();
  poll();
}

function showChosen() {
  const number = phones.has(chosen) ? chosen : phones.keys().next().value;
  for (const [each, phone] of phones) {
    phone.node.classList.toggle("chosen", each === number);
    put(tabs.get(each), { "aria-current": each === number });
  }
}

function askForPhone() {
  const fields = [
    { label: "Number", name: "number", type: "tel", placeholder: "+37255501234", pattern: "\\+[0-9]{7,15}", required: true },
    { label: "Name", name: "name", placeholder: "Mari" },
    { label: "RCS is on", name: "rcs", type: "checkbox", checked: true },
  ];
  fields[0].title = "A plus sign, the country code and the number, digits only";
  showForm("Add a phone", fields, "Add phone", addPhone);
}

async function addPhone({ number, name, rcs }) {
  const body = { number, rcs: rcs === "on", ...(name && { name }) };
  const added = await attempt(() => api.post("handsets/", body));
  if (added) choose(added.number);
  return Boolean(added);
}

$("add").addEventListener("click", askForPhone);
document.addEventListener("visibilitychange", () => poll());
new Panel($("panel"), $("panel-toggle"), page);
poll();
